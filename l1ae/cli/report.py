"""`l1ae report`."""

from pathlib import Path

import click

from l1ae.cli.options import RUN


@click.command("report", short_help="Evaluate and write report.json and report.html.")
@RUN
def command(run: Path) -> None:
    """Evaluate the physics of a verified RUN and write report.json and report.html.

    \b
    Example: l1ae report runs/dense_ae
    """
    from l1ae import pipeline
    from l1ae.runs import RunFolder
    from l1ae.terminal import Terminal

    with Terminal() as ui:
        pipeline.report(RunFolder.open(run), ui)
