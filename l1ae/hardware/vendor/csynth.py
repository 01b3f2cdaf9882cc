"""Reports of C synthesis by Vivado HLS and Vitis HLS: XML, the text per function, the text with the summary."""

import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as XML

from l1ae.hardware.vendor.records import CSynthesis, HlsTool, ModuleRow
from l1ae.hardware.vendor.text import ReportError, field, full_part, read_text, real, section, tables, version_notes
from l1ae.hardware.vendor.text import whole as integer

#: Columns and elements of the resources, as the versions name them.
_RESOURCES = {
    "BRAM_18K": "bram18",
    "BRAM": "bram18",  # of the summary, which counts blocks of 18 kbit as the other reports do
    "DSP": "dsp",
    "DSP48": "dsp",
    "DSP48E": "dsp",
    "DSP48E1": "dsp",
    "DSP48E2": "dsp",
    "FF": "ff",
    "LUT": "lut",
    "URAM": "uram",
}


def parse_xml(path: Path) -> XML.Element:
    """The root of an XML report; raises `ReportError` when it is missing, truncated, or no report."""
    text = read_text(path)
    try:
        root = XML.fromstring(text)
    except XML.ParseError as error:
        what = "is empty" if not text.strip() else f"is truncated or damaged XML (line {error.position[0]})"
        raise ReportError(f"{path} {what}: run the step again") from error
    if root.tag not in ("profile", "Report"):
        raise ReportError(f"{path} is no report of C synthesis or export: its root is <{root.tag}>")
    return root


def read_csynth(path: Path) -> CSynthesis:
    """A report of C synthesis: `csynth.xml`, `<top>_csynth.xml`, `<top>_csynth.rpt` or `csynth.rpt`.

    Raises `ReportError` when it is missing, damaged, or another kind of file.
    """
    path = Path(path)
    if path.suffix == ".xml":
        return _of_xml(path, parse_xml(path))
    return of_text(path, read_text(path))


def _of_xml(path: Path, root: XML.Element) -> CSynthesis:
    if root.find(".//AreaEstimates") is None and root.find(".//PerformanceEstimates") is None:
        raise ReportError(f"{path} is no report of C synthesis: it has neither PerformanceEstimates nor AreaEstimates")
    user, version = root.find("UserAssignments"), root.findtext("ReportVersion/Version")
    user = XML.Element("none") if user is None else user
    tool = _tool(version)
    return CSynthesis(
        tool=tool,
        version=version.strip() if version and version.strip() else None,
        part=full_part(user.findtext("Part")),
        top=(user.findtext("TopModelName") or "").strip() or None,
        clock_target_ns=real(user.findtext("TargetClockPeriod")),
        clock_uncertainty_ns=real(user.findtext("ClockUncertainty")),
        modules=tuple(_xml_module(module) for module in root.iterfind("ModuleInformation/Module")),
        notes=version_notes(tool, version),
        **_xml_performance(root),
        latency_average_clocks=integer(
            root.findtext("PerformanceEstimates/SummaryOfOverallLatency/Average-caseLatency")
        ),
        pipeline=_pipeline(root.findtext("PerformanceEstimates/PipelineType")),
        **_xml_resources(root.find("AreaEstimates/Resources")),
        **{f"{name}_available": n for name, n in _xml_resources(root.find("AreaEstimates/AvailableResources")).items()},
    )


def _tool(version: str | None) -> HlsTool | None:
    """The tool that writes XML of this version, which the XML does not say; Vivado HLS ended with 2020.1."""
    found = re.match(r"(\d{4})\.(\d+)", version or "")
    if found is None:
        return None
    return "Vivado HLS" if (int(found[1]), int(found[2])) <= (2020, 1) else "Vitis HLS"


def _pipeline(text: str | None) -> str | None:
    return (text or "").strip() or None


def _xml_performance(element: XML.Element) -> dict[str, Any]:
    summary = "PerformanceEstimates/SummaryOfOverallLatency/"
    interval = element.findtext(f"{summary}PipelineInitiationInterval")
    low, high = (element.findtext(f"{summary}Interval-{end}") or interval for end in ("min", "max"))
    return {
        "clock_estimated_ns": real(
            element.findtext("PerformanceEstimates/SummaryOfTimingAnalysis/EstimatedClockPeriod")
        ),
        "latency_min_clocks": integer(element.findtext(f"{summary}Best-caseLatency")),
        "latency_max_clocks": integer(element.findtext(f"{summary}Worst-caseLatency")),
        "interval_min_clocks": integer(low),
        "interval_max_clocks": integer(high),
    }


def _xml_resources(element: XML.Element | None) -> dict[str, Any]:
    found = (
        {} if element is None else {_RESOURCES[one.tag]: integer(one.text) for one in element if one.tag in _RESOURCES}
    )
    return {name: found.get(name) for name in ("lut", "ff", "dsp", "bram18", "uram")}


def _xml_module(element: XML.Element) -> ModuleRow:
    name = (element.findtext("Name") or "").strip()
    return ModuleRow(name=name, **_xml_performance(element), **_xml_resources(element.find("AreaEstimates/Resources")))


def of_text(path: Path, text: str) -> CSynthesis:
    """A report of C synthesis from its text; raises `ReportError` for any other text."""
    head = re.search(r"== (Vivado|Vitis) HLS Report for '([^']+)'", text)
    if head is not None:
        return _function(text, "Vivado HLS" if head[1] == "Vivado" else "Vitis HLS", head[2])
    head = re.search(r"== Synthesis Summary Report of '([^']+)'", text)
    if head is not None:
        return _summary(text, head[1])
    raise ReportError(f"{path} is no report of C synthesis by Vivado HLS or Vitis HLS")


def _header(text: str, tool: HlsTool, top: str) -> dict[str, Any]:
    version = field(text, r"^\s*\* Version:\s+(\S+)")
    part = full_part(field(text, r"^\s*\* Target device:[ \t]+(\S+)"))
    return {"tool": tool, "version": version, "part": part, "top": top, "notes": version_notes(tool, version)}


def _function(text: str, tool: HlsTool, top: str) -> CSynthesis:
    """The text per function: timing, latency, utilization, each with a table of its instances."""
    lines = text.splitlines()
    performance = section(lines, r"^== Performance Estimates", r"^== (?!=)")
    timing = next(tables(section(performance, r"^\s*\+ Timing", r"^\s*\+ Latency")), [])
    clock = next((row for row in timing if len(row) == 4 and real(row[1]) is not None), None)
    latency = list(tables(section(performance, r"^\s*\+ Latency", r"^\s*\+ Detail")))
    summary = latency[0][-1] if latency and len(latency[0]) > 2 and len(latency[0][-1]) >= 5 else None
    modules = _instances(performance, section(lines, r"^== Utilization Estimates", r"^== (?!=)"))
    used = list(tables(section(lines, r"^== Utilization Estimates", r"^\s*\+ Detail")))
    rows = {row[0]: row for row in used[0]} if used else {}
    header = _header(text, tool, top)
    if not rows:
        header["notes"] = (*header["notes"], f"the report of {top} has no utilization estimates: it may be truncated")
    return CSynthesis(
        **header,
        **_periods(clock),
        **_clocks(summary),
        pipeline=None if summary is None else _pipeline(summary[-1]),
        **_resources(rows.get("Name"), rows.get("Total")),
        **{f"{name}_available": n for name, n in _resources(rows.get("Name"), rows.get("Available")).items()},
        modules=modules,
    )


def _periods(row: list[str] | None) -> dict[str, Any]:
    """Target, estimate and uncertainty of the clock, in ns."""
    values = [None, None, None] if row is None else [real(cell) for cell in row[1:]]
    return dict(zip(("clock_target_ns", "clock_estimated_ns", "clock_uncertainty_ns"), values, strict=True))


def _clocks(row: list[str] | None) -> dict[str, Any]:
    """Latency and interval from a row that begins with the latency in clocks and ends with interval and type."""
    values = [None] * 4 if row is None else [integer(row[0]), integer(row[1]), integer(row[-3]), integer(row[-2])]
    names = ("latency_min_clocks", "latency_max_clocks", "interval_min_clocks", "interval_max_clocks")
    return dict(zip(names, values, strict=True))


def _resources(head: list[str] | None, row: list[str] | None) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if head is not None and row is not None and len(head) == len(row):
        found = {_RESOURCES[name]: integer(cell) for name, cell in zip(head, row, strict=True) if name in _RESOURCES}
    return {name: found.get(name) for name in ("lut", "ff", "dsp", "bram18", "uram")}


def _instances(performance: list[str], utilization: list[str]) -> tuple[ModuleRow, ...]:
    """The instances of both tables of details, by their names."""
    found: dict[str, dict[str, Any]] = {}
    detail = section(performance, r"^\s*\* Instance", r"^\s*\* Loop")
    for row in next(tables(detail), []):
        if len(row) >= 7 and row[0] not in ("", "Instance"):
            found[row[0]] = {"name": row[1], "instance": row[0], **_clocks(row[2:])}
    detail = section(utilization, r"^\s*\* Instance", r"^\s*\* \w")
    table = next(tables(detail), [])
    for row in table[1:]:
        if len(row) == len(table[0]) and row[0] != "Total":
            one = found.setdefault(row[0], {"name": row[1], "instance": row[0]})
            one |= _resources(table[0], row)
    return tuple(ModuleRow(**one) for one in found.values())


def _summary(text: str, top: str) -> CSynthesis:
    """The summary of Vitis HLS over all modules: one table, with a `+` before modules and an `o` before loops."""
    table = next(tables(section(text.splitlines(), r"Performance & Resource Estimates", r"^==")), [])
    names = [" ".join(column).strip() for column in zip(*table[:2], strict=True)] if len(table) > 2 else []
    rows = [row for row in table[2:] if len(row) == len(names) and row[0].startswith("+")]
    total = next((row for row in rows if row[0].lstrip("+* ").rstrip("*") == top), rows[0] if rows else None)
    return CSynthesis(
        **_header(text, "Vitis HLS", top),
        **_of_summary(names, total),
        modules=tuple(
            ModuleRow(name=row[0].lstrip("+ ").rstrip("*"), **_of_summary(names, row))
            for row in rows
            if row is not total
        ),
    )


def _of_summary(names: list[str], row: list[str] | None) -> dict[str, Any]:
    """The summary gives one latency and one interval, the worst."""
    found = {} if row is None else dict(zip(names, row, strict=True))
    return {
        "latency_max_clocks": integer(found.get("Latency (cycles)")),
        "interval_max_clocks": integer(found.get("Interval")),
        **_resources([name.strip() for name in names], row),
    }
