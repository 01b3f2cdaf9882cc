"""What the firmware costs against what it may cost: one row per limit, each with the stage that counted it."""

from collections.abc import Callable, Sequence
from typing import Literal

from pydantic import ConfigDict

from l1ae.config import BudgetConfig
from l1ae.errors import BudgetError
from l1ae.hardware.figures import MEASURED, HardwareFigure, Stage
from l1ae.hardware.parts import find_part
from l1ae.records import Record

#: Stages from the strongest to the weakest, which is asked last: for what the logic needs, and for how long it takes.
RESOURCES: tuple[Stage, ...] = ("place and route", "netlist", "C synthesis", "estimate")
LATENCY: tuple[Stage, ...] = ("co-simulation", "RTL simulation", "C synthesis", "estimate")
#: The clock that logic reaches is known once it is routed; before that it is modelled.
CLOCK: tuple[Stage, ...] = ("place and route", "netlist", "C synthesis", "estimate")
#: Relative difference of two figures that is rounding of a period in ns, such as 1000 / 240, and no excess.
_ROUNDING = 1e-9

Verdict = Literal["within", "exceeded", "estimated only", "unknown"]


class BudgetRow(Record):
    """One limit: `allowed` and `spent` in `unit`, from which `stage` and tool; for "clock" the least that is allowed.

    `share`: of the part, in percent. `verdict`: "exceeded" only by a measured figure; "estimated only" whatever the
    estimate says; "unknown" where no tool gave a figure.
    """

    model_config = ConfigDict(allow_inf_nan=False)

    quantity: str
    allowed: float
    spent: float | None
    unit: str
    verdict: Verdict
    stage: Stage | None = None
    tool: str | None = None
    version: str | None = None
    share: float | None = None
    note: str = ""

    @property
    def text(self) -> str:
        """What is spent of what is allowed, and who says so, such as "LUT 36,380 of 30,000 (netlist, Yosys 0.70)"."""
        unit = "" if self.unit == self.quantity else f" {self.unit}"
        word = "reached, at least" if self.quantity == "clock" else "of"
        spent = "unknown" if self.spent is None else f"{self.spent:,.6g}"
        source = "" if self.stage is None else f" ({self.stage}, {self.tool} {self.version})"
        return f"{self.quantity} {spent} {word} {self.allowed:,.6g}{unit}{source}"


class Budget(Record):
    """Every limit of a configuration with what is spent of it; `part`: whose shares are stated."""

    part: str
    rows: tuple[BudgetRow, ...]

    @property
    def exceeded(self) -> tuple[BudgetRow, ...]:
        """Limits that a measured figure exceeds."""
        return tuple(row for row in self.rows if row.verdict == "exceeded")

    @property
    def verdict(self) -> Verdict:
        """The worst of all rows; "within" when every limit is kept by a measured figure."""
        order: tuple[Verdict, ...] = ("exceeded", "unknown", "estimated only", "within")
        return min((row.verdict for row in self.rows), key=order.index, default="within")

    def check(self) -> None:
        """Raise `BudgetError` that names what is exceeded, by how much, and who counted it."""
        if self.exceeded:
            raise BudgetError(f"the budget is exceeded: {'; '.join(row.text for row in self.exceeded)}")


def hold(
    limits: BudgetConfig, figures: Sequence[HardwareFigure], *, part: str, clock_ns: float | None = None
) -> Budget | None:
    """The budget of a design with these figures; None when there is no limit.

    `part`: of the firmware. `clock_ns`: period of the clocks that an estimate counts without saying how long they are.
    """
    whole = [figure for figure in figures if not figure.module and figure.value is not None]
    part = limits.part or part
    rows = []
    if limits.latency_ns is not None:
        times = [
            (figure, in_ns(figure, clock_ns if figure.stage == "estimate" else None))
            for figure in whole
            if figure.quantity == "latency"
        ]
        rows.append(_row("latency", limits.latency_ns, "ns", _strongest(times, LATENCY, max)))
    if limits.clock_mhz is not None:
        rows.append(_clock(limits.clock_mhz, [(figure, in_mhz(figure)) for figure in whole]))
    for quantity, allowed in (("LUT", limits.lut), ("FF", limits.ff), ("DSP", limits.dsp), ("BRAM36", limits.bram)):
        if allowed is not None:
            counts = [(figure, figure.value) for figure in _blocks(whole) if figure.quantity == quantity]
            rows.append(_row(quantity, allowed, quantity, _strongest(counts, RESOURCES, max), part))
    return Budget(part=part, rows=tuple(rows)) if rows else None


def in_ns(figure: HardwareFigure, clock_ns: float | None = None) -> float | None:
    """A latency in ns, of its own clock or of one of `clock_ns`; None when neither is known."""
    period = figure.clock_ns or clock_ns
    if figure.value is None or figure.unit == "ns":
        return figure.value
    return figure.value * period if figure.unit == "clocks" and period is not None else None


def in_mhz(figure: HardwareFigure) -> float | None:
    """A clock that logic reaches in MHz, whether its period or its frequency is given; None for anything else."""
    if not figure.quantity.startswith(("clock period", "clock frequency")) or "target" in figure.quantity:
        return None
    if not figure.value:
        return None
    return {"ns": 1000 / figure.value, "MHz": figure.value}.get(figure.unit)


_Counted = tuple[HardwareFigure, float]


def _strongest(
    found: Sequence[tuple[HardwareFigure, float | None]],
    stages: Sequence[Stage],
    worst: Callable[..., _Counted],
) -> _Counted | None:
    """Of the figures of the strongest stage that has any, the worst."""
    for stage in stages:
        known = [(figure, value) for figure, value in found if figure.stage == stage and value is not None]
        if known:
            return worst(known, key=lambda one: one[1])
    return None


def _row(quantity: str, allowed: float, unit: str, found: _Counted | None, part: str | None = None) -> BudgetRow:
    if found is None:
        return BudgetRow(quantity=quantity, allowed=float(allowed), spent=None, unit=unit, verdict="unknown")
    figure, spent = found
    kept: Verdict = "within" if spent <= allowed * (1 + _ROUNDING) else "exceeded"
    known = None if part is None else find_part(part)
    return BudgetRow(
        quantity=quantity,
        allowed=float(allowed),
        spent=spent,
        unit=unit,
        verdict=kept if figure.stage in MEASURED else "estimated only",
        stage=figure.stage,
        tool=figure.tool,
        version=figure.version,
        share=None if known is None else known.share(quantity, spent),
        note=figure.note,
    )


def _clock(allowed: float, found: Sequence[tuple[HardwareFigure, float | None]]) -> BudgetRow:
    best = _strongest(found, CLOCK, min)
    if best is None:
        return BudgetRow(quantity="clock", allowed=allowed, spent=None, unit="MHz", verdict="unknown")
    figure, reached = best
    verdict: Verdict = "within" if reached >= allowed * (1 - _ROUNDING) else "exceeded"
    note = figure.note
    if figure.stage != "place and route":
        same = [value for other, value in found if value is not None and other.stage == figure.stage]
        verdict, note = "estimated only", f"modelled, not measured: {min(same):.4g} to {max(same):.4g} MHz"
    return BudgetRow(
        quantity="clock",
        allowed=allowed,
        spent=reached,
        unit="MHz",
        verdict=verdict,
        stage=figure.stage,
        tool=figure.tool,
        version=figure.version,
        note=note,
    )


def _blocks(figures: Sequence[HardwareFigure]) -> list[HardwareFigure]:
    """The figures, with memory blocks of 18 kbit counted as halves of those of 36 kbit, per tool and stage."""
    halves = [figure for figure in figures if figure.quantity == "BRAM18"]
    found = [figure for figure in figures if figure.quantity != "BRAM18"]
    for half in halves:
        key = (half.stage, half.tool, half.version)
        number = next(
            (n for n, one in enumerate(found) if (one.stage, one.tool, one.version, one.quantity) == (*key, "BRAM36")),
            None,
        )
        value = (half.value or 0) / 2 + (0 if number is None else found[number].value or 0)
        whole = half.model_copy(update={"quantity": "BRAM36", "unit": "BRAM36", "value": value})
        if number is None:
            found.append(whole)
        else:
            found[number] = whole
    return found
