"""Latency and resources of many runs in one table, a column for each stage and tool, from their reports alone."""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from l1ae.errors import BudgetError, VerificationError
from l1ae.evaluation.performance import FiniteRecord
from l1ae.hardware.figures import HardwareFigure, Stage
from l1ae.report.comparison_cells import NOTHING
from l1ae.report.comparison_grids import Grid
from l1ae.report.comparison_rows import Run
from l1ae.report.hardware_grid import STAGES, Column, figure_table
from l1ae.report.numbers import count, figure
from l1ae.report.record import RunReport

#: What the table shows of each stage, in this order.
QUANTITIES = (
    *(("latency", "clocks"), ("latency", "ns"), ("latency", "bunch crossings"), ("initiation interval", "clocks")),
    *((name, name) for name in ("LUT", "FF", "DSP", "BRAM36")),
)


class CostColumn(FiniteRecord):
    """Where the figures of a column come from; those of another stage, tool, version, part or clock have their own."""

    stage: Stage
    tool: str
    version: str
    part: str | None
    clock_ns: float | None
    quantity: str
    unit: str

    @property
    def what(self) -> str:
        """Quantity, and its unit where that says more."""
        return self.quantity if self.unit == self.quantity else f"{self.quantity} [{self.unit}]"

    @property
    def source(self) -> str:
        """Tool, part and clock."""
        column = Column(self.stage, self.tool, self.version, self.part, self.clock_ns)
        return ", ".join(filter(None, (column.source, column.condition)))

    @property
    def heading(self) -> str:
        """All of it."""
        return f"{self.what}, {self.stage}, {self.source}"


class HardwareRow(FiniteRecord):
    """A run: events that differ of those compared, by what was compared, its budget, and a value for each column."""

    run: str
    name: str
    exact: bool | None
    mismatches: dict[str, tuple[int, int]]
    budget: str | None
    exceeded: tuple[str, ...]
    values: tuple[float | None, ...]


class HardwareRuns(FiniteRecord):
    """Many runs in one table; the content of `l1ae report RUN... --format json`."""

    schema_version: Literal[1] = 1
    columns: tuple[CostColumn, ...]
    rows: Annotated[tuple[HardwareRow, ...], Field(min_length=1)]

    def check(self) -> None:
        """Raise `VerificationError` when a run differs, `BudgetError` when one exceeds its budget, naming the first."""
        for row in self.rows:
            if row.exact is False:
                raise VerificationError(f"{row.run} is not exact: {_mismatches(row)} differ")
        for row in self.rows:
            if row.exceeded:
                raise BudgetError(f"{row.run}: the budget is exceeded: {'; '.join(row.exceeded)}")


def hardware_runs(runs: Sequence[Run]) -> HardwareRuns:
    """One table over runs in their order."""
    everything = [item for run in runs for item in _figures(run.report)]
    tables = [figure_table(_figures(run.report), everything) for run in runs]
    sources = tables[0].columns if tables else ()
    cells = [
        {
            (source, line.quantity, line.unit): line.values[place]
            for line in table.lines
            for place, source in enumerate(sources)
        }
        for table in tables
    ]
    keys = [
        (source, *which)
        for source in sources
        for which in QUANTITIES
        if any(found.get((source, *which)) is not None for found in cells)
    ]
    return HardwareRuns(
        columns=tuple(CostColumn(**key[0]._asdict(), quantity=key[1], unit=key[2]) for key in keys),
        rows=tuple(_row(run, [found.get(key) for key in keys]) for run, found in zip(runs, cells, strict=True)),
    )


def _figures(report: RunReport) -> tuple[HardwareFigure, ...]:
    return () if report.firmware is None else report.firmware.figures


def _row(run: Run, values: Sequence[float | None]) -> HardwareRow:
    report = run.report
    compared = {} if report.exactness is None else {"C simulation": report.exactness}
    checks = {} if report.firmware is None else report.firmware.checks
    return HardwareRow(
        run=run.path,
        name=report.name,
        exact=report.exact,
        mismatches={name: (one.mismatches, one.events) for name, one in (compared | checks).items()},
        budget=None if report.budget is None else report.budget.verdict,
        exceeded=() if report.budget is None else tuple(row.text for row in report.budget.exceeded),
        values=tuple(values),
    )


def hardware_grids(found: HardwareRuns, *, by_stage: bool = False) -> list[Grid]:
    """The verdicts, and the costs: in one table, or a table for each stage, for narrow places."""
    numbered = [(str(number), row) for number, row in enumerate(found.rows, start=1)]
    verdicts = Grid(
        "Exactness and budget",
        ("#", "run", "budget", "mismatches"),
        tuple((number, row.name, _budget(row), _mismatches(row)) for number, row in numbered),
        notes=(
            "Mismatches: events that differ, of those compared word by word.",
            "A budget is held against simulation, netlist, place and route; estimates decide nothing.",
        ),
        left=4,
    )
    sources = {stage: _sources(found, stage) for stage in STAGES}
    blocks: list[tuple[str, list[int]]] = [
        (stage, [place for place, column in enumerate(found.columns) if column.stage == stage]) for stage in STAGES
    ]
    if not by_stage:
        blocks = [("latency and resources", [place for _, places in blocks for place in places])]

    def heading(column: CostColumn) -> str:
        stage = () if by_stage else (column.stage,)
        source = () if len(sources[column.stage]) == 1 else (column.source,)
        return ", ".join((column.what, *stage, *source))

    told = tuple(f"{stage}: {names[0]}." for stage, names in sources.items() if len(names) == 1)
    return [
        verdicts,
        *(
            Grid(
                title[0].upper() + title[1:],
                ("#", "run", *(heading(found.columns[place]) for place in places)),
                tuple((number, row.name, *(figure(row.values[place]) for place in places)) for number, row in numbered),
                notes=("Figures of different stages never share a column, and are not to be compared.", *told),
            )
            for title, places in blocks
            if places
        ),
    ]


def _sources(found: HardwareRuns, stage: Stage) -> list[str]:
    return list(dict.fromkeys(column.source for column in found.columns if column.stage == stage))


def _budget(row: HardwareRow) -> str:
    if row.exceeded:
        return f"exceeded: {'; '.join(row.exceeded)}"
    return row.budget or NOTHING


def _mismatches(row: HardwareRow) -> str:
    each = [f"{name} {count(wrong)} of {count(events)}" for name, (wrong, events) in row.mismatches.items()]
    return ", ".join(each) or "not verified"
