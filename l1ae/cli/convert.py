"""`l1ae convert`."""

from pathlib import Path

import click

from l1ae.cli.options import FIRMWARE, RUN


@click.command("convert", short_help="Turn a trained run into an HLS project.")
@RUN
@FIRMWARE
def command(run: Path, firmware: Path) -> None:
    """Write the HLS project of a trained RUN folder.

    \b
    Example: l1ae convert runs/dense_ae
    """
    from l1ae import pipeline
    from l1ae.runs import RunFolder
    from l1ae.terminal import Terminal

    with Terminal() as ui:
        pipeline.convert(RunFolder.open(run), ui, firmware)
