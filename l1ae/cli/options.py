"""Arguments that several commands share."""

from pathlib import Path

import click


def names(_: click.Context, __: click.Parameter, value: str | None) -> tuple[str, ...]:
    """A,B,C as a tuple; empty when the option is not given."""
    if value is None:
        return ()
    found = tuple(name.strip() for name in value.split(","))
    if not all(found) or len(set(found)) < len(found):
        raise click.BadParameter(f"{value} is no list of different names such as A,B,C")
    return found


RUN = click.argument("run", type=click.Path(path_type=Path))
CONFIG = click.argument("config", type=click.Path(path_type=Path))
OUT = click.option(
    "--out", type=click.Path(path_type=Path), default=None, help="Run folder; default runs/NAME of the configuration."
)
FRESH = click.option("--fresh", is_flag=True, help="Delete a former run in that folder and start over.")
SET = click.option(
    "--set",
    "changes",
    multiple=True,
    metavar="KEY=VALUE",
    help="Change the configuration, such as training.seed=2 or name=second; may be given several times.",
)
FIRMWARE = click.option(
    "--firmware",
    type=click.Path(path_type=Path),
    default=Path("firmware"),
    show_default=True,
    help="Folder under which the project NAME is written.",
)
FORCE = click.option("--force", is_flag=True, help="Overwrite the file that --out names.")
