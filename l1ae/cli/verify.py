"""`l1ae verify`."""

from pathlib import Path

import click

from l1ae.cli.options import RUN


@click.command("verify", short_help="Compare firmware and Python model bit for bit.")
@RUN
@click.option("--json", "json_file", type=click.Path(path_type=Path), default=None, help="Also write the verdict here.")
def command(run: Path, json_file: Path | None) -> None:
    """Compile the firmware of RUN and compare it with the Python model and the integer reference, as integers.

    Exits with 1 when one output differs, and says which event, layer and unit differ first and by how many LSB.

    \b
    Example: l1ae verify runs/dense_ae
    """
    from l1ae import pipeline
    from l1ae.runs import RunFolder
    from l1ae.terminal import Terminal

    with Terminal() as ui:
        pipeline.verify(RunFolder.open(run), ui, json_file)
