"""Arguments that several commands share."""

from pathlib import Path

import click

RUN = click.argument("run", type=click.Path(path_type=Path))
CONFIG = click.argument("config", type=click.Path(path_type=Path))
OUT = click.option(
    "--out", type=click.Path(path_type=Path), default=None, help="Run folder; default runs/NAME of the configuration."
)
FRESH = click.option("--fresh", is_flag=True, help="Delete a former run in that folder and start over.")
FIRMWARE = click.option(
    "--firmware",
    type=click.Path(path_type=Path),
    default=Path("firmware"),
    show_default=True,
    help="Folder under which the project NAME is written.",
)
