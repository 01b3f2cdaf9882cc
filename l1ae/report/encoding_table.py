"""What an encoding saves and what it loses, as text for the terminal."""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from l1ae.evaluation.compression import Deviation, Encoding, Loss


def summarise_encoding(found: Encoding) -> RenderableType:
    """Bits before and after, errors in physical units, presence, and the processes side by side, for a rich console."""
    main = found.background or found.processes[0]
    name = "background" if found.background is not None else main.processes[0]
    title = f"{name}: {main.events:,} events"
    before, after = main.fields_entropy_bits, sum(main.entropy_bits)
    ideal = (
        f"{before:.1f} -> {after:.1f}: {before / after:.1f} times fewer" if after else "every event has the same code"
    )
    parts: list[RenderableType] = [
        Text(
            f"  bits per event: {found.bits.fields} ({found.bits.port} at the port) -> {found.bits.code} "
            f"({found.latent} x {found.code_format}): {found.ratio:.1f} times fewer"
        ),
        Text(f"  entropy, field by field, of {title}: {ideal}"),
    ]
    if main.features:
        parts += [_features(title, main), _presence(title, main)]
    elif main.seen is not None:
        parts.append(Text(f"  {title}: reconstructed minus true {found.target}: {_sentence(main.seen)}"))
    if len(found.processes) > 1:
        parts.append(_processes(found))
    parts += [Text(f"  note: {note}") for note in found.notes]
    return Group(*parts)


def _sentence(seen: Deviation) -> str:
    return f"RMS {_figure(seen.rms)}, mean absolute {_figure(seen.mean_absolute)}, bias {_figure(seen.bias)}"


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"


def _features(title: str, loss: Loss) -> Table:
    table = Table(title=Text(f"{title}, objects that are there: reconstructed minus true"))
    for heading in (
        "feature",
        "unit",
        "objects",
        "RMS",
        "mean absolute",
        "bias",
        "spread of the true",
        "RMS of the inputs alone",
    ):
        table.add_column(heading, justify="left" if heading in ("feature", "unit") else "right")
    for feature in loss.features:
        network = feature.network
        figures = (network.rms, network.mean_absolute, network.bias, feature.spread, feature.inputs.rms)
        name = f"{feature.kind} {feature.quantity}"
        if feature.unseen:
            name += " (the network does not see it)" if not network.entries else f" ({feature.unseen} unseen)"
        table.add_row(Text(name), Text(feature.unit), f"{network.entries:,}", *map(_figure, figures))
    return table


def _presence(title: str, loss: Loss) -> Table:
    table = Table(title=Text(f"{title}: objects that are there, or not, and come back the other way"))
    for heading in ("objects", "there", "come back absent", "absent", "come back as there"):
        table.add_column(heading, justify="left" if heading == "objects" else "right")
    for found in loss.presence:
        lost, invented = _part(found.lost, found.present), _part(found.invented, found.absent)
        table.add_row(Text(found.kind), f"{found.present:,}", lost, f"{found.absent:,}", invented)
    return table


def _part(some: int, of: int) -> str:
    return f"{some:,} ({100 * some / of:.1f} %)" if of else "-"


def _processes(found: Encoding) -> Table:
    """One line per process: anomalies are what comes back worse."""
    table = Table(title="Processes: entropy of the code, RMS of what is reconstructed")
    kinds = [feature.kind for feature in found.processes[0].features if feature.feature == "pt"]
    for heading in ("process", "events", "bits", f"RMS {found.target}", *(f"{kind} pt" for kind in kinds)):
        table.add_column(Text(heading), justify="left" if heading == "process" else "right")
    for loss in found.processes:
        momenta = [_figure(feature.network.rms) for feature in loss.features if feature.feature == "pt"]
        seen = _figure(None if loss.seen is None else loss.seen.rms)
        table.add_row(
            Text(loss.processes[0]), f"{loss.events:,}", f"{sum(loss.entropy_bits):.1f}", seen, *momenta
        )  # fmt: skip
    return table
