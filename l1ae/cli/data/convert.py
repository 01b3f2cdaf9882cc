"""`l1ae data convert`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from l1ae.cli.options import names
from l1ae.errors import ConfigError

if TYPE_CHECKING:
    from l1ae.events.convert import Conversions
    from l1ae.terminal import Terminal

_FORMATS = ("l1ae", "parquet", "public", "cms", "root", "numpy")


def _counts(_: click.Context, __: click.Parameter, value: str | None) -> dict[str, int] | None:
    """jet=6,muon=2 as a mapping."""
    if value is None:
        return None
    counts: dict[str, int] = {}
    for part in value.split(","):
        name, _equal, number = part.rpartition("=")
        if not name.strip() or not number.strip().isdecimal() or name.strip() in counts:
            raise click.BadParameter(f"{value} is no list such as jet=6,muon=2")
        counts[name.strip()] = int(number)
    return counts


def _processes(inputs: tuple[Path, ...], given: tuple[str, ...]) -> dict[Path, str]:
    """The process of each input for which one is named."""
    found: dict[Path, str] = {}
    for text in given:
        file, equal, name = text.partition("=")
        if not equal:
            if len(given) > 1:
                raise ConfigError(f"--process {text} names all inputs; with several, write --process FILE=NAME")
            return dict.fromkeys(inputs, text)
        matching = [path for path in inputs if path == Path(file)] or [path for path in inputs if path.name == file]
        if len(matching) != 1:
            raise ConfigError(f"--process {text}: {len(matching)} inputs are called {file}")
        if matching[0] in found:
            raise ConfigError(f"--process names {file} twice")
        found[matching[0]] = name
    return found


@click.command("convert", short_help="Convert event files into one of l1ae.")
@click.argument("inputs", metavar="IN...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option(
    "--process", multiple=True, metavar="NAME|FILE=NAME", help="Process of the events; default the file's name."
)
@click.option("--from", "form", type=click.Choice(_FORMATS), default=None, help="Format of the inputs; default: look.")
@click.option("--mapping", type=click.Path(path_type=Path), default=None, help="YAML: columns of CMS parquet or ROOT.")
@click.option("--layout", default=None, metavar="NAME|FILE", help="lepton, global-trigger, or a YAML file.")
@click.option("--objects", callback=_counts, default=None, metavar="KIND=N,...", help="Objects to keep: jet=6,muon=2.")
@click.option("--features", callback=names, default=None, metavar="NAME,...", help="Features to keep: pt,eta.")
@click.option("--skip-bad", is_flag=True, help="Leave bad events out, and say how many and why.")
@click.option("--sort", is_flag=True, help="Order objects by pT instead of refusing those that are not.")
@click.option("--background", callback=names, default=None, metavar="NAME,...", help="Background processes, noted.")
@click.option("--signal", callback=names, default=None, metavar="NAME,...", help="Signal processes, noted.")
@click.option("--events", type=click.IntRange(min=1), default=None, help="Only the first so many of each input.")
@click.option("--force", is_flag=True, help="Overwrite OUT.")
def command(
    inputs: tuple[Path, ...],
    out: Path,
    process: tuple[str, ...],
    form: str | None,
    mapping: Path | None,
    layout: str | None,
    objects: dict[str, int] | None,
    features: tuple[str, ...],
    skip_bad: bool,
    sort: bool,
    background: tuple[str, ...],
    signal: tuple[str, ...],
    events: int | None,
    force: bool,
) -> None:
    """Turn event files IN into one event file OUT of l1ae: HDF5 (.h5) or parquet (.parquet).

    Read are the HDF5 files of arXiv:2107.02157, CMS Level-1 parquet, ROOT trees, numpy, and l1ae's own files; `sample`
    is the one that l1ae ships. Formats, options and quirks: docs/formats.md.

    \b
    Example: l1ae data convert background.h5 events.h5 --process QCD --skip-bad
    """
    from l1ae.events.convert import Conversion, Conversions
    from l1ae.events.readers.formats import Choice
    from l1ae.events.readers.layouts import load_layout
    from l1ae.events.source import sample_path
    from l1ae.terminal import Terminal

    inputs = tuple(sample_path() if str(path) == "sample" else path for path in inputs)
    choice = Choice(form, load_layout(layout) if layout else None, mapping, objects, features or None)
    named = _processes(inputs, process)
    asked = Conversion(choice, named, skip_bad, sort, background, signal, events, force)
    conversions = Conversions(inputs, out, asked)
    with Terminal() as ui:
        with ui.progress("events", conversions.total) as advance:
            conversions.write(advance)
        _report(ui, conversions)


def _report(ui: "Terminal", done: "Conversions") -> None:
    """What was read, left out and saturated."""
    from rich.table import Table
    from rich.text import Text

    table = Table("file", "format", "processes", "read", "kept")
    for screen in done.screens:
        reader = screen.reader
        names = ", ".join(reader.process_names)
        table.add_row(Text(reader.path.name), reader.form, Text(names), str(screen.read), str(screen.kept))
    ui.console.print(table)
    skipped = Table("file", "left out because", "events", "first event", title="bad events")
    for screen in done.screens:
        for reason, found in screen.skipped.items():
            skipped.add_row(Text(screen.reader.path.name), Text(reason), str(found.events), str(found.first))
    if skipped.row_count:
        ui.console.print(skipped)
    for screen in done.screens:
        if screen.saturated:
            listed = ", ".join(f"{name} {count}" for name, count in screen.saturated.items())
            ui.say(
                f"{screen.reader.path.name}: words at the end of their range, where the hardware saturates: {listed}"
            )
    if done.forgotten:
        ui.say(f"{', '.join(done.forgotten)}: pile-up counts left out, because not every input has them")
    ui.say(f"wrote {done.out}: {done.kept} events; look at it with: l1ae data info {done.out}")
