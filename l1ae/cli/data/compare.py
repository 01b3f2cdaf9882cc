"""`l1ae data compare`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from l1ae.errors import ConfigError

if TYPE_CHECKING:
    from l1ae.events.summary import Summary
    from l1ae.terminal import Terminal

_NAMED: Any = {"multiple": True, "metavar": "NAME"}


@click.command("compare", short_help="A two-sample test and a picture per feature of two event files.")
@click.argument("first", metavar="A", type=click.Path(path_type=Path))
@click.argument("second", metavar="B", type=click.Path(path_type=Path))
@click.option("--process", "both", **_NAMED, help="Only this process of A and of B; may be repeated.")
@click.option("--process-a", "only_a", **_NAMED, help="Only this process of A; may be repeated.")
@click.option("--process-b", "only_b", **_NAMED, help="Only this process of B; may be repeated.")
@click.option(
    "--sort", "by", type=click.Choice(("p", "ks")), default="p", show_default=True, help="Order of the table."
)
@click.option("--top", type=click.IntRange(min=1), default=20, show_default=True, help="Rows of the table.")
@click.option("--all", "everything", is_flag=True, help="Every row, and the tests that could not be made.")
@click.option("--json", "record", type=click.Path(path_type=Path), default=None, help="Write all results as JSON.")
@click.option("--plot", type=click.Path(path_type=Path), default=None, help="Picture; default A-vs-B.png beside A.")
@click.option(
    "--max-ks",
    type=click.FloatRange(0, 1),
    default=None,
    help="Exit with 1 if a KS distance is larger, and no accident.",
)
@click.option("--min-p", type=click.FloatRange(0, 1), default=None, help="Exit with 1 if a corrected p is smaller.")
def command(
    first: Path,
    second: Path,
    both: tuple[str, ...],
    only_a: tuple[str, ...],
    only_b: tuple[str, ...],
    by: Literal["p", "ks"],
    top: int,
    everything: bool,
    record: Path | None,
    plot: Path | None,
    max_ks: float | None,
    min_p: float | None,
) -> None:
    """Compare the events of A with those of B, feature by feature; `sample` is the file that l1ae ships.

    Each slot and feature gets a chi-squared test of homogeneity on the counts of its words, and a Kolmogorov-Smirnov
    distance, which says how large a difference is. With many events the smallest difference is significant.
    (For finished runs: l1ae compare.)

    \b
    Example: l1ae data compare sample sample --process-a W --process-b Z
    """
    from l1ae.events.compare import compare, table
    from l1ae.files import write_text
    from l1ae.report import plot_comparison
    from l1ae.terminal import Terminal

    if both and (only_a or only_b):
        raise ConfigError("--process chooses for A and B: leave it out where --process-a or --process-b is given")
    processes = (only_a or both or None, only_b or both or None)
    names = _name(first, processes[0]), _name(second, processes[1])
    with Terminal() as ui:
        a = _read(ui, first)
        b = a if str(first) == str(second) else _read(ui, second)
        comparison = compare(a, b, processes, names)
        ui.console.print(table(comparison, by, None if everything else top))
        for warning in comparison.warnings():
            ui.say(f"note: {warning}")
        if record is not None:
            write_text(record, comparison.model_dump_json(indent=2) + "\n")
            ui.say(f"results written to {record}")
        target = plot or _beside(first, second)
        plot_comparison(a, b, target, processes, names)
        ui.say(f"distributions drawn in {target}")
    comparison.check(max_ks, min_p)


def _read(ui: "Terminal", file: Path) -> "Summary":
    from l1ae.events.inspection import Inspection

    found = Inspection(str(file))
    with ui.progress(file.name, len(found)) as advance:
        summary = found.summary(advance)
    if left := sum(skipped.events for skipped in found.skipped.values()):
        ui.say(f"note: {left} of {len(found)} events of {file} are bad and left out, see l1ae data info {file}")
    return summary


def _name(file: Path, processes: tuple[str, ...] | None) -> str:
    return file.name if processes is None else f"{file.name}: {', '.join(processes)}"


def _beside(first: Path, second: Path) -> Path:
    from l1ae.events.inspection import picture_of

    one, other = picture_of(first), picture_of(second)
    return (Path() if str(first) == "sample" else one.parent) / f"{one.stem}-vs-{other.stem}.png"
