"""Reports of export_design with a Vivado flow, as XML and as text, after synthesis and after implementation."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as XML

from l1ae.hardware.figures import Stage
from l1ae.hardware.vendor.csynth import parse_xml
from l1ae.hardware.vendor.records import Export
from l1ae.hardware.vendor.text import ReportError, field, full_part, read_text, real, version_notes
from l1ae.hardware.vendor.text import whole as integer

_LINE = re.compile(r"^[ \t]*(?:- )?(LUT|FF|DSP|BRAM|URAM|SRL|SLICE|CLB):[ \t]+(\S+)[ \t]*$", re.MULTILINE)
_NAMES = {"LUT": "lut", "FF": "ff", "DSP": "dsp", "BRAM": "bram18", "URAM": "uram", "SRL": "srl"}


def read_export(path: Path) -> Export:
    """An `export_syn` or `export_impl` report; raises `ReportError` when it is missing, damaged, or another file."""
    path = Path(path)
    return of_xml(path, parse_xml(path)) if path.suffix == ".xml" else of_text(path, read_text(path))


def of_xml(path: Path, root: XML.Element) -> Export:
    """A report from its XML; raises `ReportError` for any other XML."""
    area, timing = root.find("AreaReport"), root.find("TimingReport")
    if area is None or timing is None:
        raise ReportError(f"{path} is no report of export_design: it has no AreaReport with a TimingReport")
    kind = (root.findtext("RunData/RUN_TYPE") or path.stem).lower()
    stage: Stage = "place and route" if "impl" in kind else "netlist"
    version = (root.findtext("RunData/VIVADO_VERSION") or "").strip().removeprefix("v.") or None
    met = (timing.findtext("TIMING_MET") or "").strip().upper()
    achieved = real(timing.findtext("AchievedClockPeriod"))
    synthesis = real(timing.findtext("CP_SYNTH"))
    return Export(
        version=version,
        stage=stage,
        clock_target_ns=real(timing.findtext("TargetClockPeriod")),
        clock_after_synthesis_ns=synthesis if stage == "place and route" or synthesis is not None else achieved,
        clock_achieved_ns=achieved if stage == "place and route" else None,
        timing_met=_met(met == "TRUE", met == "FALSE"),
        notes=version_notes("Vivado", version),
        **_resources({one.tag: one.text or "" for one in area.iterfind("Resources/*")}),
    )


def of_text(path: Path, text: str) -> Export:
    """A report from its text; raises `ReportError` for any other text."""
    head = re.search(r"Post-(Synthesis|Implementation) Resource usage", text)
    found = dict(_LINE.findall(text))
    if head is None or not found:
        raise ReportError(f"{path} is no report of export_design, or ends before its resources")
    version = field(text, r"Implementation tool:\s+Xilinx Vivado\s+v\.(\S+)")
    return Export(
        version=version,
        part=full_part(field(text, r"^Device target:[ \t]+(\S+)")),
        stage="place and route" if head[1] == "Implementation" else "netlist",
        clock_target_ns=real(field(text, r"^CP required:[ \t]+(\S+)")),
        clock_after_synthesis_ns=real(field(text, r"^CP achieved post-synthesis:[ \t]+(\S+)")),
        clock_achieved_ns=real(field(text, r"^CP achieved post-implementation:[ \t]+(\S+)")),
        timing_met=_met("Timing met" in text, "Timing not met" in text),
        notes=version_notes("Vivado", version),
        **_resources(found),
    )


def _met(yes: bool, no: bool) -> bool | None:
    return True if yes else False if no else None


def _resources(found: Mapping[str, str]) -> dict[str, Any]:
    """Resources by our names; the slices of UltraScale are its CLBs, for which the report says 0 slices."""
    slices = [integer(found[name]) for name in ("SLICE", "CLB") if name in found]
    values = {ours: integer(found.get(theirs)) for theirs, ours in _NAMES.items()}
    return {**values, "slices": next((one for one in slices if one), None)}
