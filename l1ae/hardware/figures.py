"""Figures about firmware, each with its source: stage and tool that gave it, part and clock that it is for."""

from typing import Annotated, Literal

from pydantic import Field

from l1ae.records import Record

#: Where a figure comes from; only figures of one stage may be compared.
Stage = Literal["estimate", "C synthesis", "co-simulation", "RTL simulation", "netlist", "place and route"]

#: Stages whose figures are counted on the result, not modelled: a budget is held against these.
MEASURED: tuple[Stage, ...] = ("co-simulation", "RTL simulation", "netlist", "place and route")


class HardwareFigure(Record):
    """One figure with its source; `value` is None when the tool gave none.

    `quantity`: "LUT", "FF", "CARRY", "DSP", "BRAM36", "logic levels", "latency", "initiation interval", "clock period",
    ... `part`, `clock_ns` (period in ns): what it holds for, None where it depends on neither. `module`: the part of
    the design that it is about, "" for the whole.
    """

    stage: Stage
    tool: str
    version: str
    quantity: str
    value: Annotated[float, Field(allow_inf_nan=False)] | None
    unit: str
    note: str = ""
    part: str | None = None
    clock_ns: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    module: str = ""

    @property
    def measured(self) -> bool:
        """Whether the figure was counted on the result of its stage."""
        return self.value is not None and self.stage in MEASURED
