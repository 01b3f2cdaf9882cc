"""What the vendor's reports say, as records: integers, floats or None, with the unit in the name of the field."""

from typing import Literal

from l1ae.hardware.figures import Stage
from l1ae.records import Record

HlsTool = Literal["Vivado HLS", "Vitis HLS"]
Verdict = Literal["pass", "fail"]


class ModuleRow(Record):
    """A module inside of a design; what the report does not say of it is None.

    `bram18`, `bram36`: block RAMs of 18 and of 36 kbit, never one counted as the other.
    """

    name: str
    instance: str = ""
    latency_min_clocks: int | None = None
    latency_max_clocks: int | None = None
    interval_min_clocks: int | None = None
    interval_max_clocks: int | None = None
    clock_estimated_ns: float | None = None
    lut: int | None = None
    ff: int | None = None
    dsp: int | None = None
    bram18: int | None = None
    bram36: int | None = None
    uram: int | None = None


class CSynthesis(Record):
    """A report of C synthesis: estimates by the HLS compiler, before any logic synthesis.

    `bram18`: block RAMs of 18 kbit, as these reports count them. `*_available`: what the part has.
    """

    tool: HlsTool | None = None
    version: str | None = None
    part: str | None = None
    top: str | None = None
    clock_target_ns: float | None = None
    clock_estimated_ns: float | None = None
    clock_uncertainty_ns: float | None = None
    pipeline: str | None = None
    latency_min_clocks: int | None = None
    latency_average_clocks: int | None = None
    latency_max_clocks: int | None = None
    interval_min_clocks: int | None = None
    interval_max_clocks: int | None = None
    lut: int | None = None
    ff: int | None = None
    dsp: int | None = None
    bram18: int | None = None
    uram: int | None = None
    lut_available: int | None = None
    ff_available: int | None = None
    dsp_available: int | None = None
    bram18_available: int | None = None
    uram_available: int | None = None
    modules: tuple[ModuleRow, ...] = ()
    notes: tuple[str, ...] = ()


class CoSimulation(Record):
    """A report of co-simulation: the RTL of C synthesis simulated with the C test bench.

    `verdict`: None when it was not run, or when the report (`lat.rpt`) has none. `language`: that of the RTL.
    """

    tool: HlsTool | None = None
    version: str | None = None
    simulator: str | None = None
    language: str | None = None
    verdict: Verdict | None = None
    latency_min_clocks: int | None = None
    latency_average_clocks: int | None = None
    latency_max_clocks: int | None = None
    interval_min_clocks: int | None = None
    interval_average_clocks: int | None = None
    interval_max_clocks: int | None = None
    total_clocks: int | None = None
    notes: tuple[str, ...] = ()


class Utilisation(Record):
    """A report_utilization of Vivado.

    `state`: of the design, in Vivado's words; `stage`: what it means here, None when the words are not known.
    `bram36`, `bram18`: primitives; `bram_tiles`: tiles of 36 kbit, in which two of 18 kbit share one (hence halves).
    """

    tool: str = "Vivado"
    version: str | None = None
    part: str | None = None
    design: str | None = None
    state: str | None = None
    stage: Stage | None = None
    lut: int | None = None
    lut_logic: int | None = None
    lut_memory: int | None = None
    ff: int | None = None
    carry: int | None = None
    dsp: int | None = None
    bram36: int | None = None
    bram18: int | None = None
    bram_tiles: float | None = None
    uram: int | None = None
    lut_available: int | None = None
    ff_available: int | None = None
    dsp_available: int | None = None
    bram_tiles_available: int | None = None
    uram_available: int | None = None
    modules: tuple[ModuleRow, ...] = ()
    notes: tuple[str, ...] = ()


class Clock(Record):
    """A clock of a design, and the worst slack of the paths inside of it."""

    name: str
    period_ns: float
    wns_ns: float | None = None


class Timing(Record):
    """A report_timing_summary of Vivado: setup (WNS, TNS) and hold (WHS, THS) slack, and how many endpoints fail.

    `met`: None when there are no constraints. `clock_requested_ns`: period of the clock whose slack is the worst.
    """

    tool: str = "Vivado"
    version: str | None = None
    part: str | None = None
    design: str | None = None
    state: str | None = None
    stage: Stage | None = None
    met: bool | None = None
    wns_ns: float | None = None
    tns_ns: float | None = None
    setup_failing_endpoints: int | None = None
    setup_endpoints: int | None = None
    whs_ns: float | None = None
    ths_ns: float | None = None
    hold_failing_endpoints: int | None = None
    hold_endpoints: int | None = None
    wpws_ns: float | None = None
    tpws_ns: float | None = None
    pulse_failing_endpoints: int | None = None
    pulse_endpoints: int | None = None
    clocks: tuple[Clock, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def clock_requested_ns(self) -> float | None:
        """Period of the only clock, or of the one whose worst slack is that of the design."""
        if len(self.clocks) == 1:
            return self.clocks[0].period_ns
        worst = [clock.period_ns for clock in self.clocks if clock.wns_ns is not None and clock.wns_ns == self.wns_ns]
        return worst[0] if len(worst) == 1 else None

    @property
    def clock_achieved_ns(self) -> float | None:
        """Requested period minus the worst slack: the shortest period that this result would meet."""
        if self.clock_requested_ns is None or self.wns_ns is None:
            return None
        return round(self.clock_requested_ns - self.wns_ns, 6)


class Export(Record):
    """A report of export_design with a Vivado flow (`export_syn`, `export_impl`).

    `bram18`: block RAMs counted in units of 18 kbit, one of 36 kbit as two, which is how this report counts.
    """

    tool: str = "Vivado"
    version: str | None = None
    part: str | None = None
    stage: Stage
    lut: int | None = None
    ff: int | None = None
    dsp: int | None = None
    bram18: int | None = None
    uram: int | None = None
    srl: int | None = None
    slices: int | None = None
    clock_target_ns: float | None = None
    clock_after_synthesis_ns: float | None = None
    clock_achieved_ns: float | None = None
    timing_met: bool | None = None
    notes: tuple[str, ...] = ()


Report = CSynthesis | CoSimulation | Utilisation | Timing | Export


class VendorReports(Record):
    """The reports that a folder holds; what is not there is None. `notes` name what was left out and why."""

    c_synthesis: CSynthesis | None = None
    co_simulation: CoSimulation | None = None
    synthesised: Utilisation | None = None
    placed: Utilisation | None = None
    timing_synthesised: Timing | None = None
    timing_routed: Timing | None = None
    export_synthesised: Export | None = None
    export_routed: Export | None = None
    notes: tuple[str, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether no report was found."""
        return not any(value is not None for name, value in self if name != "notes")

    @property
    def timing_met(self) -> bool | None:
        """Whether the routed design meets its timing; None when nothing says."""
        if self.timing_routed is not None:
            return self.timing_routed.met
        return None if self.export_routed is None else self.export_routed.timing_met
