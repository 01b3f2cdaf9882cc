"""`l1ae verify`."""

from pathlib import Path
from typing import Any

import click

from l1ae.cli.options import adaptations


@click.command("verify", short_help="Compare firmware and Python model bit for bit.")
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--json", "json_file", type=click.Path(path_type=Path), default=None, help="Write all verdicts here.")
@click.option("--junit", type=click.Path(path_type=Path), default=None, help="Write JUnit XML here, for CI.")
@click.option(
    "--events",
    type=click.IntRange(min=1),
    default=None,
    help="Events of the data, and random ones; default what the run says, 10000 random ones without a run.",
)
@click.option(
    "--ap-types",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    default=None,
    help="Compile with the ap_fixed headers of this folder.",
)
@adaptations
def command(
    paths: tuple[Path, ...],
    json_file: Path | None,
    junit: Path | None,
    events: int | None,
    ap_types: Path | None,
    **conversion: Any,
) -> None:
    """Compile firmware and compare it with the Python model and the integer reference, as integers.

    A PATH is a run folder, a folder that l1ae convert has written, or a model file, which is converted for this; the
    last three options are for model files. Exits with 1 when one output differs, and says which event, layer and unit
    differ first, by how many LSB and why; with 2 when a PATH cannot be verified, after all others, or a file cannot be
    written.

    \b
    Example: l1ae verify runs/dense_ae
    Example: l1ae verify models/*.keras --junit verify.xml
    """
    from l1ae.errors import L1aeError, VerificationError
    from l1ae.many import Options, verify_path
    from l1ae.outcomes import table, write_json, write_junit
    from l1ae.terminal import Terminal

    options = Options(events, ap_types, conversion)
    several = len(set(paths)) > 1
    with Terminal() as ui:
        outcomes = []
        for path in dict.fromkeys(paths):
            outcomes.append(verify_path(path, options, ui))
            if several and outcomes[-1].status == "refused":
                ui.say(f"  {path} cannot be verified: {outcomes[-1].message}")
        if several:
            ui.console.print(table(outcomes))
    unwritten = []
    for write, file in ((write_json, json_file), (write_junit, junit)):
        try:
            if file is not None:
                write(file, outcomes)
        except L1aeError as error:  # neither the other file nor the exit code gets lost
            unwritten.append(str(error))
    differing = [one for one in outcomes if one.status == "differs"]
    refused = [one for one in outcomes if one.status == "refused"]
    said = [] if several or outcomes[0].status == "exact" else [outcomes[0].message]
    if several:
        parts = [(differing, "differ from their model"), (refused, "cannot be verified")]
        said = [f"{len(found)} of {len(outcomes)} {what} ({_names(found)})" for found, what in parts if found]
    if said or unwritten:
        message = "; ".join([*said, *unwritten])
        raise VerificationError(message) if differing else L1aeError(message)


def _names(outcomes: Any) -> str:
    return ", ".join(one.path for one in outcomes)
