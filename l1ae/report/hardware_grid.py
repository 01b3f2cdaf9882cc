"""Figures about firmware as a table: quantities down, stages across, so that no two stages share a column."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, get_args

from l1ae.hardware.budget import in_ns
from l1ae.hardware.figures import HardwareFigure, Stage
from l1ae.hardware.parts import find_part
from l1ae.report.anchors import Anchor, anchor
from l1ae.report.numbers import figure as shown

#: Time between two bunch crossings of the LHC in ns.
CROSSING_NS = 25.0
#: What an FPGA has a number of.
RESOURCES = ("LUT", "FF", "CARRY", "DSP", "BRAM36", "BRAM18", "URAM")
#: Quantities in the order in which they are asked for; others follow as the tools give them.
ORDER = ("latency", "initiation interval", *RESOURCES, "logic levels", "clock period", "clock frequency")
#: How to get the figures of a stage.
HOW: dict[Stage, str] = {
    "estimate": "l1ae report RUN",
    "C synthesis": "l1ae build RUN, with Vitis HLS or Vivado HLS",
    "co-simulation": "l1ae build RUN, with Vitis HLS or Vivado HLS",
    "RTL simulation": "l1ae rtl RUN",
    "netlist": "l1ae rtl RUN",
    "place and route": "l1ae build RUN, with Vivado",
}
STAGES: tuple[Stage, ...] = get_args(Stage)


class Column(NamedTuple):
    """Where the figures of a column come from and what they hold for."""

    stage: Stage
    tool: str
    version: str
    part: str | None
    clock_ns: float | None

    @property
    def source(self) -> str:
        """Tool and version."""
        return f"{self.tool} {self.version}"

    @property
    def condition(self) -> str:
        """Part and clock, as far as they matter."""
        clock = "" if self.clock_ns is None else f"{1000 / self.clock_ns:.4g} MHz"
        return ", ".join(filter(None, (self.part or "", clock)))


class Cell(NamedTuple):
    """A number as text, and small print below it, such as the share of the part."""

    text: str
    small: str = ""


class Line(NamedTuple):
    """A quantity with its unit, and a cell for each column; None where a stage says nothing about it."""

    quantity: str
    unit: str
    values: tuple[float | None, ...]
    cells: tuple[Cell | None, ...]

    @property
    def heading(self) -> str:
        """The quantity, and its unit where that says more."""
        return self.quantity if self.unit in ("", self.quantity) else f"{self.quantity} [{self.unit}]"


@dataclass(frozen=True)
class FigureTable:
    """Lines of quantities under columns of stages; `notes`: what the tools say about their figures.

    `missing`: stages without any figure, each with the command that gives them.
    """

    columns: tuple[Column, ...]
    lines: tuple[Line, ...]
    notes: tuple[str, ...]
    missing: tuple[str, ...]


def figure_table(figures: Sequence[HardwareFigure], beside: Sequence[HardwareFigure] = ()) -> FigureTable:
    """The table of all figures about a whole design; with columns for those of another design `beside` it as well."""
    known = _whole(figures)
    places = _columns([*known, *_whole(beside)])
    columns = tuple(dict.fromkeys(places.values()))
    values: dict[tuple[str, str], dict[Column, float]] = {}
    for item in sorted(known, key=lambda item: _rank(item.quantity)):
        column = places[_key(item)]
        for quantity, unit, value in _readings(item, column):
            values.setdefault((quantity, unit), {}).setdefault(column, value)
    lines = [
        Line(
            quantity,
            unit,
            tuple(found.get(column) for column in columns),
            tuple(_cell(quantity, found.get(column), column) for column in columns),
        )
        for (quantity, unit), found in sorted(values.items(), key=_place)
    ]
    seen = {item.stage for item in known}
    missing = tuple(f"{stage} ({HOW[stage]})" for stage in STAGES if stage not in seen)
    return FigureTable(columns, tuple(lines), _notes(known), missing)


def _whole(figures: Iterable[HardwareFigure]) -> list[HardwareFigure]:
    """Figures of the whole design; a share of the part stands below its number and needs no line."""
    known = (item for item in figures if item.value is not None and not item.module)
    return [item for item in known if not item.quantity.endswith(" share")]


def modules_table(figures: Sequence[HardwareFigure]) -> tuple[tuple[str, ...], dict[str, dict[str, float]]]:
    """Figures of the netlist by module: the quantities, and of each module its values."""
    modules = [item for item in figures if item.module and item.stage == "netlist" and item.value is not None]
    known = [item for item in modules if not item.quantity.endswith(" share")]
    quantities = dict.fromkeys(item.quantity for item in sorted(known, key=lambda item: _rank(item.quantity)))
    found: dict[str, dict[str, float]] = {}
    for item in known:
        if item.value is not None:
            found.setdefault(item.module, {})[item.quantity] = item.value
    return tuple(quantities), found


@dataclass(frozen=True)
class HardwareView:
    """What the page shows of the hardware: the table of stages, modules of the netlist, an anchor to compare with."""

    table: FigureTable
    timing: str | None
    module_quantities: tuple[str, ...]
    modules: dict[str, dict[str, float]]
    anchor: Anchor | None
    anchor_table: FigureTable | None


def hardware_view(figures: Sequence[HardwareFigure]) -> HardwareView:
    """What the page shows of these figures."""
    known = anchor() if figures else None
    others = () if known is None else known.figures
    return HardwareView(
        figure_table(figures, others),
        timing(figures),
        *modules_table(figures),
        known,
        None if known is None else figure_table(others, figures),
    )


def timing(figures: Sequence[HardwareFigure]) -> str | None:
    """The latency in words, from the strongest stage that simulated it; None when none did."""
    table = figure_table(figures)
    for stage in ("RTL simulation", "co-simulation"):
        for number, column in enumerate(table.columns):
            clocks = _value(table, "latency", "clocks", number)
            if column.stage != stage or clocks is None:
                continue
            ns, crossings = _value(table, "latency", "ns", number), _value(table, "latency", "bunch crossings", number)
            interval = _value(table, "initiation interval", "clocks", number)
            time = "" if ns is None else f", which are {ns:.4g} ns at {clocks * 1000 / ns:.4g} MHz"
            lasts = "" if crossings is None else f" or {crossings:.3g} bunch crossings of {CROSSING_NS:g} ns"
            each = (
                ""
                if interval is None
                else f"; a new event every {'clock' if interval == 1 else f'{interval:g} clocks'}"
            )
            return f"Latency: {clocks:g} clocks{time}{lasts}{each} ({stage}, {column.source})."
    return None


def _clocks(interval: float) -> str:
    return "clock" if interval == 1 else f"{interval:g} clocks"


def _value(table: FigureTable, quantity: str, unit: str, number: int) -> float | None:
    return next((one.values[number] for one in table.lines if (one.quantity, one.unit) == (quantity, unit)), None)


_Key = tuple[Stage, str, str, str | None, float | None]


def _key(item: HardwareFigure) -> _Key:
    return item.stage, item.tool, item.version, item.part, item.clock_ns


def _columns(figures: Iterable[HardwareFigure]) -> dict[_Key, Column]:
    """The column of each figure: one per stage, tool and version, unless its figures are of several parts or clocks."""
    keys = dict.fromkeys(map(_key, figures))
    found = {}
    for key in keys:
        alike = [other for other in keys if other[:3] == key[:3]]
        parts, clocks = {other[3] for other in alike} - {None}, {other[4] for other in alike} - {None}
        # What holds for every part stands with the figures of the only one there is.
        part = next(iter(parts)) if len(parts) == 1 else key[3]
        clock = next(iter(clocks)) if len(clocks) == 1 else key[4]
        found[key] = Column(*key[:3], part, clock)
    return dict(sorted(found.items(), key=lambda one: _order(one[1])))


def _order(column: Column) -> tuple[int, str, str, str, float]:
    return STAGES.index(column.stage), column.tool, column.version, column.part or "", column.clock_ns or 0.0


def _place(line: tuple[tuple[str, str], object]) -> tuple[int, int]:
    """Where a line stands: a latency in clocks comes before its time."""
    quantity, unit = line[0]
    return _rank(quantity), ("clocks", "ns").index(unit) if unit in ("clocks", "ns") else 2


def _rank(quantity: str) -> int:
    return ORDER.index(quantity) if quantity in ORDER else len(ORDER)


def _readings(item: HardwareFigure, column: Column) -> list[tuple[str, str, float]]:
    """A figure in its units; a latency in clocks, ns and bunch crossings, as far as the clock is known."""
    if item.value is None:
        return []
    if item.quantity in RESOURCES:  # tools have names of their own for what they count
        return [(item.quantity, item.quantity, item.value)]
    if item.quantity != "latency" or item.unit not in ("clocks", "ns"):
        return [(item.quantity, item.unit, item.value)]
    found = [("latency", item.unit, item.value)]
    ns = in_ns(item, column.clock_ns)
    if ns is not None:
        found += [("latency", "ns", ns), ("latency", "bunch crossings", ns / CROSSING_NS)]
    return list(dict.fromkeys(found))


def _cell(quantity: str, value: float | None, column: Column) -> Cell | None:
    if value is None:
        return None
    part = None if column.part is None else find_part(column.part)
    share = None if part is None else part.share(quantity, value)
    return Cell(shown(value), "" if share is None else percentage(share))


def percentage(share: float) -> str:
    """A share of a part in percent, with two digits."""
    return "0 %" if share == 0 else f"{share:.2g} %" if share < 10 else f"{share:.0f} %"


def _notes(figures: Sequence[HardwareFigure]) -> tuple[str, ...]:
    """What the tools say, each sentence once, with the quantities that it is about."""
    told: dict[tuple[str, str, str], list[str]] = {}
    for item in figures:
        if item.note:
            told.setdefault((item.stage, item.tool, item.note), []).append(item.quantity)
    return tuple(
        f"{', '.join(dict.fromkeys(quantities))} ({stage}, {tool}): {note}."
        for (stage, tool, note), quantities in told.items()
    )
