"""A run on other files, as text for the terminal."""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from l1ae.report.elsewhere import FileEvaluation, InForce
from l1ae.report.findings import rate_basis
from l1ae.report.table import pile_up_lines, rates_table


def summarise_files(found: FileEvaluation) -> RenderableType:
    """What was used, AUC and TPR, the thresholds in force and those for the rates, pile-up, for a rich console."""
    lines = [f"{file.file}: {file.why}." for file in found.files]
    lines += [
        f"{file.file}: left out {events:,} events because {reason}."
        for file in found.files
        for reason, events in file.left_out.items()
    ]
    lines.append(f"Background: {_counts(found, found.background)}. Signals: {_counts(found, found.signals)}.")
    parts: list[RenderableType] = [Text(line) for line in lines]
    if found.physics:
        parts.append(_physics(found))
    parts += [_in_force(found.in_force), rates_table(found.rates), Text(rate_basis(found.rates))]
    parts += pile_up_lines(found.pile_up)
    return Group(*parts)


def _counts(found: FileEvaluation, names: tuple[str, ...]) -> str:
    return ", ".join(f"{found.events[name]:,} {name}" for name in names) or "none"


def _physics(found: FileEvaluation) -> Table:
    first = next(iter(found.physics.values()))
    table = Table(
        title=f"{found.run}: TPR in %, 68.27 % interval; thresholds from these {first.background_events:,} background "
        "events"
    )
    table.add_column("signal")
    table.add_column("AUC", justify="right")
    for label in first.tpr:
        table.add_column(f"FPR {label}", justify="right")
    for name, performance in found.physics.items():
        cells = [
            "-" if point.value is None or point.low is None or point.high is None
            else f"{100 * point.value:.2f} ({100 * point.low:.2f}-{100 * point.high:.2f})"
            for point in performance.tpr.values()
        ]  # fmt: skip
        area = "collapsed" if performance.collapsed else f"{performance.auc:.4f} ± {performance.auc_error:.4f}"
        table.add_row(Text(name), area, *cells)
    cuts = ["not reachable" if point.threshold is None else str(point.threshold) for point in first.tpr.values()]
    table.add_row("threshold word", "", *cuts)
    return table


def _in_force(points: tuple[InForce, ...]) -> Table:
    signals = list(points[0].signals) if points else []
    table = Table(title="What fires with the thresholds of the run's report; TPR in %")
    for heading in ("target", "threshold word", "FPR", "68.27 % interval", "kHz", *signals):
        table.add_column(Text(heading), justify="right", no_wrap=heading == "68.27 % interval")
    for point in points:
        table.add_row(
            point.target,
            str(point.threshold),
            f"{point.background.value:.3g}",
            f"{point.background.low:.2g}-{point.background.high:.2g}",
            f"{point.rate.value:.4g}",
            *(f"{100 * share.value:.2f}" for share in point.signals.values()),
        )
    return table
