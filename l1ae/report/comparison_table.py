"""A `Comparison` as text: for the terminal, and as Markdown."""

import re
from pathlib import Path

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from l1ae.files import write_text
from l1ae.report.comparison_grids import Grid, grids, made_with, tested
from l1ae.report.comparison_record import Comparison

#: Columns that a table on the screen may take, and those for names, which are folded when longer.
_WIDTH, _NAME_WIDTH = 120, 32
_GAP = 2  # columns between two cells


def summarise_comparison(comparison: Comparison) -> RenderableType:
    """The tables of a comparison for a rich console of 120 columns or more."""
    parts: list[RenderableType] = [Text(line) for line in tested(comparison)]
    told: set[str] = set()
    for grid in _fitting(comparison):
        parts.append(grid_table(grid))
        parts += [Text(note, style="dim") for note in grid.notes if note not in told]
        told.update(grid.notes)
    return Group(*parts)


def _fitting(comparison: Comparison) -> list[Grid]:
    """The tables with as many signals side by side as fit."""
    found: list[Grid] = []
    for most in range(max(1, len(comparison.signals)), 0, -1):
        found = grids(comparison, brief=True, most=most)
        if all(_width(grid) <= _WIDTH for grid in found if set(comparison.signals) & set(grid.headings)):
            break
    return found


def _width(grid: Grid) -> int:
    columns = zip(grid.headings, *grid.rows, *grid.below, strict=True)
    return sum(max(map(len, cells)) + _GAP for cells in columns) + _GAP


def grid_table(grid: Grid) -> Table:
    """A table for a rich console."""
    table = Table(title=grid.title, title_justify="left", title_style="bold", box=box.HORIZONTALS, padding=(0, 1, 0, 0))
    for number, heading in enumerate(grid.headings):
        text = Text(heading.replace(", ", ",\n").replace(": ", ":\n").replace(" [", "\n["))
        if number == 1:
            longest = max((len(row[1]) for row in (*grid.rows, *grid.below)), default=0)
            table.add_column(text, overflow="fold", width=min(max(longest, len(heading)), _NAME_WIDTH))
        elif number and number < grid.left:
            table.add_column(text, overflow="fold")
        else:
            table.add_column(text, overflow="fold", justify="right", no_wrap=True)
    for row in grid.rows:
        table.add_row(*map(Text, row), end_section=bool(grid.below) and row == grid.rows[-1])
    for row in grid.below:
        table.add_row(*map(Text, row))
    return table


def write_markdown(path: Path, comparison: Comparison) -> None:
    """Write the comparison as a Markdown document, whole or not at all."""
    write_text(path, markdown(comparison))


def markdown(comparison: Comparison) -> str:
    """The tables of a comparison as GitHub's Markdown, with the command that made them, samples and versions."""
    lines = [
        "# Runs compared",
        "",
        f"Made on {comparison.created} by",
        "",
        f"    {comparison.command}",
        "",
        *(f"{_escaped(line)}\n" for line in tested(comparison)),
    ]
    for grid in grids(comparison):
        lines += [f"## {grid.title}", "", *grid_lines(grid), "", *(f"{_escaped(note)}\n" for note in grid.notes)]
    if comparison.baselines:
        told = dict.fromkeys((row.baseline, row.description) for row in comparison.baselines)
        lines += ["## Baselines", "", *(f"- {_escaped(f'{name}: {text}')}" for name, text in told), ""]
    lines += ["## Versions", "", f"{_escaped(made_with(comparison))}."]
    return "\n".join(lines) + "\n"


def grid_lines(grid: Grid) -> list[str]:
    """A table in lines of GitHub's Markdown."""
    sides = [":--" if number < grid.left else "--:" for number in range(len(grid.headings))]
    # GitHub's tables have no rule inside: a row of its own stands for it.
    rule = [("", "*Baselines*", *("" for _ in grid.headings[2:]))] if grid.below else []
    rows = [grid.headings, sides, *grid.rows, *rule, *grid.below]
    return [
        f"| {' | '.join(cell if row is sides or cell == '*Baselines*' else _escaped(cell) for cell in row)} |"
        for row in rows
    ]


def _escaped(text: str) -> str:
    """Text that Markdown shows as it is."""
    # An underscore means emphasis at the edge of a word only, and names are full of others.
    return re.sub(r"[\\`*<>\[|]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])", r"\\\g<0>", text)
