"""The figures of the vendor's reports, each with stage, tool, version, part and clock."""

from collections.abc import Iterator
from typing import Any

from l1ae.hardware.figures import HardwareFigure
from l1ae.hardware.vendor.records import CSynthesis, ModuleRow, Timing, Utilisation, VendorReports

_WIRES = "after synthesis: the delays of the wires are estimated"


def figures(reports: VendorReports, note: str = "") -> tuple[HardwareFigure, ...]:
    """All figures of some reports; `note` is put in front of the note of each, such as which design it is of.

    C synthesis and co-simulation count as their own stages, the utilisation of a synthesised design as netlist, that of
    a placed one and the timing of a routed one as place and route. The timing of a design that is not routed is an
    estimate. What a report does not say gives no figure; a co-simulation that failed gives none at all.
    """
    found = [*_c_synthesis(reports), *_co_simulation(reports), *_netlist(reports), *_routed(reports)]
    if not note:
        return tuple(found)
    return tuple(one.model_copy(update={"note": f"{note}; {one.note}" if one.note else note}) for one in found)


def _make(
    source: dict[str, Any], quantity: str, value: float | None, unit: str, note: str = ""
) -> list[HardwareFigure]:
    """A figure, or none without a value."""
    if value is None:
        return []
    return [HardwareFigure(**source, quantity=quantity, value=float(value), unit=unit, note=note)]


def _source(report: Any, stage: str, part: str | None, clock_ns: float | None) -> dict[str, Any]:
    return {
        "stage": stage,
        "tool": report.tool or "Vitis HLS or Vivado HLS",
        "version": report.version or "unknown",
        "part": part,
        "clock_ns": clock_ns or None,
    }


def _range(least: float | None, most: float | None) -> str:
    return f"{least} at best" if least is not None and most is not None and least != most else ""


def _c_synthesis(reports: VendorReports) -> Iterator[HardwareFigure]:
    report = reports.c_synthesis
    if report is None:
        return
    source = _source(report, "C synthesis", report.part, report.clock_target_ns)
    note = "" if report.clock_uncertainty_ns is None else f"uncertainty {report.clock_uncertainty_ns} ns set aside"
    yield from _make(source, "clock period", report.clock_estimated_ns, "ns", note)
    yield from _clocks(source, report)
    yield from _counts(source, report)
    for row in report.modules:
        source = {**source, "module": row.instance or row.name}
        yield from _clocks(source, row)
        yield from _counts(source, row)


def _clocks(source: dict[str, Any], row: CSynthesis | ModuleRow) -> Iterator[HardwareFigure]:
    least, most = row.latency_min_clocks, row.latency_max_clocks
    yield from _make(source, "latency", most, "clocks", _range(least, most))
    least, most = row.interval_min_clocks, row.interval_max_clocks
    yield from _make(source, "initiation interval", most, "clocks", _range(least, most))


def _counts(source: dict[str, Any], row: Any) -> Iterator[HardwareFigure]:
    """LUTs and so on; `BRAM18` where blocks of 18 kbit are counted, `BRAM36` where tiles are."""
    yield from _make(source, "LUT", row.lut, "LUT")
    yield from _make(source, "FF", row.ff, "FF")
    yield from _make(source, "DSP", row.dsp, "DSP")
    if isinstance(row, Utilisation):
        yield from _make(source, "CARRY", row.carry, "CARRY")
    yield from _block_rams(source, row)
    yield from _make(source, "URAM", row.uram, "URAM")


def _block_rams(source: dict[str, Any], row: Any) -> Iterator[HardwareFigure]:
    """Block RAMs in tiles of 36 kbit wherever both kinds are known, for only then can the two be added."""
    big, small = getattr(row, "bram36", None), row.bram18
    tiles = getattr(row, "bram_tiles", None)
    note = ""
    if big is not None and small is not None:
        note = f"{big} of 36 kbit, {small} of 18 kbit" if small else ""
        tiles = big + small / 2 if tiles is None else tiles
    if tiles is not None:
        yield from _make(source, "BRAM36", tiles, "BRAM36", note)
    elif small is not None and source["stage"] == "C synthesis":
        yield from _make(source, "BRAM18", small, "BRAM18")
    elif small is not None:
        yield from _make(source, "BRAM36", small / 2, "BRAM36", f"{small} halves of 18 kbit")


def _co_simulation(reports: VendorReports) -> Iterator[HardwareFigure]:
    report, synthesis = reports.co_simulation, reports.c_synthesis
    if report is None or report.verdict != "pass":
        return
    known = (None, None) if synthesis is None else (synthesis.part, synthesis.clock_target_ns)
    source = _source(report, "co-simulation", *known)
    yield from _clocks(source, report)  # type: ignore[arg-type]


def _netlist(reports: VendorReports) -> Iterator[HardwareFigure]:
    """What is counted on the synthesised netlist, and the estimate of its timing."""
    used, timing, export = reports.synthesised, reports.timing_synthesised, reports.export_synthesised
    if used is not None:
        yield from _utilisation(used, "netlist", timing)
    elif export is not None:
        yield from _counts(_source(export, "netlist", export.part or _part(reports), export.clock_target_ns), export)
    if timing is not None:
        yield from _timing(
            timing, "estimate", _longer(timing, used), f"{timing.state or 'not routed'}: wires estimated"
        )
    elif export is not None:
        source = _source(export, "estimate", export.part or _part(reports), export.clock_target_ns)
        yield from _make(source, "clock period", export.clock_after_synthesis_ns, "ns", _WIRES)


def _routed(reports: VendorReports) -> Iterator[HardwareFigure]:
    used, timing, export = reports.placed, reports.timing_routed, reports.export_routed
    if used is not None:
        yield from _utilisation(used, "place and route", timing)
    elif export is not None:
        source = _source(export, "place and route", export.part or _part(reports), export.clock_target_ns)
        yield from _counts(source, export)
    if timing is not None:
        yield from _timing(timing, "place and route", _longer(timing, used), "")
    elif export is not None:
        source = _source(export, "place and route", export.part or _part(reports), export.clock_target_ns)
        yield from _make(source, "clock period", export.clock_achieved_ns, "ns", _not_met(export.timing_met))


def _utilisation(used: Utilisation, stage: str, timing: Timing | None) -> Iterator[HardwareFigure]:
    source = _source(used, stage, used.part, None if timing is None else timing.clock_requested_ns)
    yield from _counts(source, used)
    for row in used.modules:
        yield from _counts({**source, "module": row.instance or row.name}, row)


def _timing(timing: Timing, stage: str, part: str | None, note: str) -> Iterator[HardwareFigure]:
    source = _source(timing, stage, part, timing.clock_requested_ns)
    said = "; ".join(one for one in (note, _not_met(timing.met)) if one)
    yield from _make(source, "clock period", timing.clock_achieved_ns, "ns", said)
    yield from _make(source, "worst negative slack", timing.wns_ns, "ns", said)


def _longer(timing: Timing, used: Utilisation | None) -> str | None:
    """The part with its speed grade, which the header of a timing summary leaves out."""
    full = None if used is None else used.part
    return full if full and full.startswith(timing.part or "") else timing.part


def _not_met(met: bool | None) -> str:
    return "timing is not met" if met is False else ""


def _part(reports: VendorReports) -> str | None:
    """The part of C synthesis, for the XML of an export, which names none."""
    return None if reports.c_synthesis is None else reports.c_synthesis.part
