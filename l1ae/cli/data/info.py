"""`l1ae data info`."""

from pathlib import Path

import click


@click.command("info", short_help="Counts, ranges and a picture of an event file.")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--plot", type=click.Path(path_type=Path), default=None, help="Picture; default FILE with ending .png.")
@click.option("--mapping", type=click.Path(path_type=Path), default=None, help="YAML: columns of CMS parquet or ROOT.")
def command(file: Path, plot: Path | None, mapping: Path | None) -> None:
    """Print what an event FILE holds and draw the distributions; `sample` is the file that l1ae ships.

    FILE may have any format that `l1ae data convert` reads; bad events of foreign files are counted and left out.

    \b
    Example: l1ae data info sample --plot sample.png
    """
    from l1ae.events.info import left_out, tables
    from l1ae.events.inspection import Inspection, picture_of
    from l1ae.events.readers.formats import Choice
    from l1ae.report import plot_events
    from l1ae.terminal import Terminal

    found = Inspection(str(file), Choice(mapping=mapping))
    with Terminal() as ui:
        with ui.progress("events", len(found)) as advance:
            summary = found.summary(advance)
        for table in tables(summary):
            ui.console.print(table)
        if found.foreign:
            ui.console.print(left_out(found.skipped, len(found)))
        target = plot or (Path("sample.png") if str(file) == "sample" else picture_of(found.path))
        plot_events(summary, target)
        ui.say(f"distributions drawn in {target}")
