"""What a simulation of Verilog found, as a record."""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from pydantic import NonNegativeInt, PositiveInt

from l1ae.errors import VerificationError
from l1ae.hardware.figures import HardwareFigure
from l1ae.records import Record

if TYPE_CHECKING:
    from l1ae.hardware.rtl import RtlProject

#: Time between two bunch crossings of the LHC.
CROSSING_NS = 25.0

Fault = Literal["wrong words", "wrong trigger", "no output", "output without an event", "trigger without an output"]


class RtlMismatch(Record):
    """The first place where a pattern goes wrong: event of its origin, clock of the output, element, both words.

    `origin`, `event`: None where there is no event. `element`: of all outputs side by side, where words differ;
    `expected`, `found`: words, or trigger bits with the score's `threshold`. `detail`: what the difference looks like.
    """

    pattern: str
    fault: Fault
    clock: int
    origin: str | None = None
    event: NonNegativeInt | None = None
    element: NonNegativeInt | None = None
    expected: int | None = None
    found: int | None = None
    threshold: int | None = None
    detail: str = ""

    def __str__(self) -> str:
        event = "" if self.event is None else f"event {self.event} ({self.origin}), "
        words = "" if self.element is None else f", element {self.element}"
        values = "" if self.expected is None else f": {self.found} where {self.expected} is right"
        limit = "" if self.threshold is None else f" at threshold {self.threshold}"
        more = f"; {self.detail}" if self.detail else ""
        return f"{event}clock {self.clock}: {self.fault}{words}{values}{limit}{more}"


class PatternResult(Record):
    """One way to offer events: `events` that had to come out, of which so many came `wrong` or not at all (`lost`).

    `wrong`: words or trigger. `spurious`: outputs without an event, and triggers without an output. `cleared`: events
    that a reset had to remove.
    """

    name: str
    events: NonNegativeInt
    wrong: NonNegativeInt
    lost: NonNegativeInt
    spurious: NonNegativeInt
    cleared: NonNegativeInt = 0

    @property
    def mismatches(self) -> int:
        """Everything that is not as it has to be."""
        return self.wrong + self.lost + self.spurious

    def __str__(self) -> str:
        faults = [f"{self.wrong} of {self.events} events differ"]
        if self.lost:
            faults.append(f"{self.lost} do not come out")
        if self.spurious:
            faults.append(f"{self.spurious} outputs or triggers without an event")
        if self.cleared:
            faults.append(f"{self.cleared} more removed by resets, as they should be")
        return f"{self.name}: {', '.join(faults)}"


class RtlVerdict(Record):
    """Verilog against the integer reference, bit for bit: `events` by origin (`stimuli`) in several `patterns`.

    `mismatches` counts those of all patterns. `latency_clocks`: measured from valid to valid, the same for every event
    unless some are lost; None when nothing came out. `promised_clocks`: what the project says. `initiation_interval`:
    clocks between two outputs when events are offered in every clock; None when fewer than two came out.
    """

    name: str
    events: PositiveInt
    stimuli: dict[str, PositiveInt]
    mismatches: NonNegativeInt
    first: RtlMismatch | None
    latency_clocks: NonNegativeInt | None
    promised_clocks: NonNegativeInt
    initiation_interval: PositiveInt | None
    patterns: tuple[PatternResult, ...]
    tool: str
    version: str

    @property
    def exact(self) -> bool:
        """Every word, trigger and clock is as the reference and the project say."""
        return self.mismatches == 0 and self.latency_clocks == self.promised_clocks and self.initiation_interval == 1

    def check(self) -> None:
        """Raise `VerificationError` when something differs."""
        if not self.exact:
            raise VerificationError(self.sentence)

    def lines(self) -> Iterator[str]:
        """What there is to say, line by line."""
        yield from map(str, self.patterns)
        if self.first is not None:
            yield f"  first, {self.first.pattern}: {self.first}"
        yield self._timing

    @property
    def sentence(self) -> str:
        """One line: how much differs, where first, and what is wrong with the timing."""
        if self.exact:
            return f"{self.events} events, 0 mismatches, {self._timing}"
        first = "" if self.first is None else f", first in {self.first.pattern}, {self.first}"
        return f"{self.name}: {self.mismatches} mismatches{first}; {self._timing}"

    @property
    def _timing(self) -> str:
        if self.latency_clocks is None:
            return f"nothing comes out, though the project promises a latency of {self.promised_clocks} clocks"
        promised = "" if self.latency_clocks == self.promised_clocks else f" where {self.promised_clocks} are promised"
        interval = "unknown" if self.initiation_interval is None else str(self.initiation_interval)
        return f"latency {self.latency_clocks} clocks{promised}, initiation interval {interval}"

    def figures(self, project: "RtlProject") -> tuple[HardwareFigure, ...]:
        """Latency and initiation interval as measured; without values when the design is not exact."""
        latency = self.latency_clocks if self.exact else None
        # In this order, so that 12 clocks of 240 MHz are 50 ns and not a little more.
        time = None if latency is None else latency * 1000 / project.clock_mhz
        crossings = None if time is None else time / CROSSING_NS
        whole = (
            "" if crossings is None else f"{math.ceil(round(crossings, 9))} when rounded up, of {CROSSING_NS:g} ns each"
        )
        wrong = "" if self.exact else "the simulation differs from the reference"
        rows: tuple[tuple[str, float | None, str, str], ...] = (
            ("latency", latency, "clocks", "from valid to valid"),
            ("latency", time, "ns", ""),
            ("latency", crossings, "bunch crossings", whole),
            ("initiation interval", self.initiation_interval if self.exact else None, "clocks", ""),
        )
        return tuple(
            HardwareFigure(
                stage="RTL simulation",
                tool=self.tool,
                version=self.version,
                quantity=quantity,
                value=value,
                unit=unit,
                note=wrong or note,
                clock_ns=1000 / project.clock_mhz,
            )
            for quantity, value, unit, note in rows
        )
