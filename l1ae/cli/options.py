"""Arguments that several commands share."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from l1ae.report.comparison_rows import Run


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


def formats(_: click.Context, __: click.Parameter, value: tuple[str, ...]) -> Any:
    """FMT or NAME=FMT, each perhaps several times, as `l1ae.convert` takes them; None when there is none."""
    named = dict(one.split("=", 1) for one in value if "=" in one)
    if named and len(named) < len(value):
        raise click.BadParameter("give every format as NAME=FMT, or one without a name for all inputs")
    if not named and len(value) > 1:
        raise click.BadParameter("several formats need the names of their inputs: NAME=FMT")
    return named or (value[0] if value else None)


def adaptations(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say how a model file is read: `input_format`, `snap_scales`, `fold_batchnorm`."""
    for option in (
        click.option("--fold-batchnorm", is_flag=True, help="Fold batch normalisation into the layer in front of it."),
        click.option("--snap-scales", is_flag=True, help="Replace float scales by the nearest powers of two."),
        click.option(
            "--input-format",
            multiple=True,
            callback=formats,
            metavar="[NAME=]FMT",
            help="Format of an input without a quantizer, such as 'ap_fixed<16,6,RND_CONV,SAT>', which is what "
            "'ap_fixed<16,6>' stands for; may be given several times.",
        ),
    ):
        command = option(command)
    return command


def read_run(path: str) -> "Run":
    """The report of a run; raises `RunFolderError` that names the command which writes it."""
    from l1ae.errors import RunFolderError
    from l1ae.report.comparison_rows import Run
    from l1ae.report.record import read_report
    from l1ae.runs import RunFolder

    place = Path(path)
    file = place if place.is_file() else place / "report.json"
    if not file.is_file():
        RunFolder.open(place).need(file, "report")
    try:
        return Run(path, read_report(file))
    except RunFolderError as error:
        raise RunFolderError(f"{error}: write it again with l1ae report {file.parent}") from error
