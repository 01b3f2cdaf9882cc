"""`HardwareRuns` as text, JSON, CSV, Markdown and HTML."""

import csv
import io
from collections.abc import Callable

from rich.console import Console, Group, RenderableType
from rich.text import Text

from l1ae.report.comparison_grids import Grid
from l1ae.report.comparison_table import grid_lines, grid_table
from l1ae.report.hardware_runs import HardwareRuns, hardware_grids
from l1ae.report.pages import page_environment

_WIDTH = 120  # columns of a table on the screen


def summarise_hardware(found: HardwareRuns) -> RenderableType:
    """The tables for a rich console of 120 columns: all stages side by side, or one below the other."""
    grids = hardware_grids(found)
    if any(_width(grid) > _WIDTH for grid in grids[1:]):
        grids = hardware_grids(found, by_stage=True)
    notes = dict.fromkeys(note for grid in grids for note in grid.notes)
    return Group(*map(grid_table, grids), *(Text(note, style="dim") for note in notes))


def _width(grid: Grid) -> int:
    """Columns of the screen, with headings that are broken at commas and units."""
    headings = [heading.replace(", ", " [").split(" [") for heading in grid.headings]
    cells = zip(*grid.rows, strict=True)
    return sum(max(map(len, (*heading, *column))) + 2 for heading, column in zip(headings, cells, strict=True))


def as_text(found: HardwareRuns) -> str:
    """The tables as plain text of 120 columns."""
    buffer = io.StringIO()
    Console(file=buffer, width=_WIDTH, highlight=False).print(summarise_hardware(found))
    return buffer.getvalue()


def as_json(found: HardwareRuns) -> str:
    """All numbers, for programs."""
    return found.model_dump_json(indent=2) + "\n"


def as_csv(found: HardwareRuns) -> str:
    """One row per run; a figure that is not known is empty."""
    compared = tuple(dict.fromkeys(name for row in found.rows for name in row.mismatches))
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    mismatches = [f"{name}, {what}" for name in compared for what in ("mismatches", "events")]
    writer.writerow(["run", "name", *mismatches, "budget", *(column.heading for column in found.columns)])
    for row in found.rows:
        pairs = [row.mismatches.get(name, ("", "")) for name in compared]
        values = ["" if value is None else f"{value:.12g}" for value in row.values]
        writer.writerow([row.run, row.name, *(one for pair in pairs for one in pair), row.budget or "", *values])
    return buffer.getvalue()


def as_markdown(found: HardwareRuns) -> str:
    """The tables as GitHub's Markdown."""
    lines = ["# Latency and resources", ""]
    for grid in hardware_grids(found):
        lines += [f"## {grid.title}", "", *grid_lines(grid), "", *(f"{note}\n" for note in grid.notes)]
    return "\n".join(lines)


def as_html(found: HardwareRuns) -> str:
    """The tables as one page that loads nothing."""
    template = page_environment().get_template("hardware_table.html.j2")
    return template.render(runs=len(found.rows), grids=hardware_grids(found))


#: How to write a table, by the name of the format.
FORMATS: dict[str, Callable[[HardwareRuns], str]] = {
    "text": as_text,
    "json": as_json,
    "csv": as_csv,
    "markdown": as_markdown,
    "html": as_html,
}
