"""Reports of Vivado: `report_utilization`, flat and by hierarchy, and `report_timing_summary`."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from l1ae.hardware.figures import Stage
from l1ae.hardware.vendor.records import Clock, ModuleRow, Timing, Utilisation
from l1ae.hardware.vendor.text import ReportError, field, full_part, read_text, real, section, tables, version_notes
from l1ae.hardware.vendor.text import whole as integer

#: Rows of the flat tables; 7-series counts slices, UltraScale and later CLBs.
_SITES = {
    "Slice LUTs": "lut",
    "CLB LUTs": "lut",
    "LUT as Logic": "lut_logic",
    "LUT as Memory": "lut_memory",
    "Slice Registers": "ff",
    "CLB Registers": "ff",
    "CARRY8": "carry",
    "Block RAM Tile": "bram_tiles",
    "RAMB36/FIFO": "bram36",
    "RAMB18": "bram18",
    "URAM": "uram",
    "DSPs": "dsp",
    "DSP Slices": "dsp",
}
_COLUMNS = {
    "Total LUTs": "lut",
    "FFs": "ff",
    "RAMB36": "bram36",
    "RAMB18": "bram18",
    "URAM": "uram",
    "DSP Blocks": "dsp",
    "DSP48 Blocks": "dsp",
}
_AVAILABLE = ("lut", "ff", "dsp", "bram_tiles", "uram")
_SLACKS = ("wns_ns", "tns_ns", "setup_failing_endpoints", "setup_endpoints")
_SUMMARY = (
    *_SLACKS,
    *("whs_ns", "ths_ns", "hold_failing_endpoints", "hold_endpoints"),
    *("wpws_ns", "tpws_ns", "pulse_failing_endpoints", "pulse_endpoints"),
)
_CLOCK = re.compile(r"^\s*(\S+)\s+\{[^}]*\}\s+([\d.]+)\s+[\d.]+\s*$")


def read_utilisation(path: Path) -> Utilisation:
    """A report_utilization; raises `ReportError` when it is missing, damaged, or another kind of file."""
    return utilisation_of_text(Path(path), read_text(Path(path)))


def read_timing(path: Path) -> Timing:
    """A report_timing_summary; raises `ReportError` when it is missing, damaged, or another kind of file."""
    return timing_of_text(Path(path), read_text(Path(path)))


def _header(text: str) -> dict[str, Any]:
    version = field(text, r"^\|\s*Tool Version\s*:\s*Vivado v\.(\S+)")
    return {
        "version": version,
        "part": full_part(field(text, r"^\|\s*Device\s*:[ \t]*(\S+)")),
        "design": field(text, r"^\|\s*Design\s*:[ \t]*(\S+)"),
        "state": field(text, r"^\|\s*Design State\s*:[ \t]*(.+?)\s*$"),
        "notes": version_notes("Vivado", version),
    }


def stage_of(state: str | None) -> Stage | None:
    """The stage of a design in a state of Vivado; None for a state that is not known."""
    words = (state or "").lower()
    if "rout" in words or "plac" in words:
        return "place and route"
    return "netlist" if "synth" in words or "optim" in words else None


def _stage(header: dict[str, Any], path: Path) -> dict[str, Any]:
    """The stage as the header says, or as the name of the file does, with a note that it was the name."""
    stage = stage_of(header["state"])
    if stage is not None:
        return {"stage": stage}
    name = path.name.lower()
    marks = {"rout": "Routed", "impl": "Routed", "plac": "Fully Placed", "synth": "Synthesized"}
    guess = next((state for mark, state in marks.items() if mark in name), None)
    said = f"its design state is {header['state']}" if header["state"] else "it names no design state"
    note = f"{path.name}: {said}" + (f", taken as {guess} from the name of the file" if guess else "")
    header["notes"] = (*header["notes"], note)
    header["state"] = header["state"] or guess
    return {"stage": stage_of(guess)}


def utilisation_of_text(path: Path, text: str) -> Utilisation:
    """A report_utilization from its text; raises `ReportError` for any other text."""
    if "Utilization Design Information" not in text and "Utilization by Hierarchy" not in text:
        raise ReportError(f"{path} is no utilization report of Vivado")
    found: dict[str, Any] = {}
    modules: tuple[ModuleRow, ...] = ()
    for table in tables(text.splitlines()):
        head, *rows = table
        if head[:2] == ["Instance", "Module"]:
            top, modules = _hierarchy(head, rows)
            found = {**top, **found}
        elif head[0] == "Site Type" and "Used" in head:
            for row in rows:
                _site(dict(zip(head, row, strict=False)), found)
        elif head[:2] == ["Ref Name", "Used"]:
            found |= _carry(rows)
    if not found:
        raise ReportError(f"{path} is truncated: it ends before the first table of sites")
    header = _header(text)
    return Utilisation(**_stage(header, path), **header, **found, modules=modules)


def _site(row: dict[str, str], found: dict[str, Any]) -> None:
    """A row of a flat table; the first of each name counts, which is the one of the whole design."""
    name = _SITES.get(row["Site Type"].rstrip("*"))
    if name is None or name in found or "Used" not in row:
        return
    found[name] = real(row["Used"]) if name == "bram_tiles" else integer(row["Used"])
    if name in _AVAILABLE:
        found[f"{name}_available"] = integer(row.get("Available"))


def _carry(rows: list[list[str]]) -> dict[str, Any]:
    """Carry cells from the table of primitives, where 7-series has its only row of them."""
    used = [integer(row[1]) for row in rows if row[0] in ("CARRY4", "CARRY8") and len(row) > 1]
    return {"carry": used[0]} if used else {}


def _hierarchy(head: list[str], rows: list[list[str]]) -> tuple[dict[str, Any], tuple[ModuleRow, ...]]:
    """What the whole design and each instance below it use; rows in brackets are a module without its children."""
    found = []
    for row in rows:
        if len(row) == len(head):
            used = {_COLUMNS[name]: integer(cell) for name, cell in zip(head, row, strict=True) if name in _COLUMNS}
            found.append((row[0], row[1], used))
    if not found:
        return {}, ()
    modules = (ModuleRow(name=name, instance=at, **used) for at, name, used in found[1:] if not at.startswith("("))
    return found[0][2], tuple(modules)


def timing_of_text(path: Path, text: str) -> Timing:
    """A report_timing_summary from its text; raises `ReportError` for any other text."""
    if "Timing Summary" not in text:
        raise ReportError(f"{path} is no timing summary of Vivado")
    lines = text.splitlines()
    summary = section(lines, r"^\|?\s*Design Timing Summary", r"^\| (Clock Summary|Intra)")
    rows = [line.split() for line in summary]
    head = next((index for index, row in enumerate(rows) if row[:1] == ["WNS(ns)"]), None)
    values = (
        next((row for row in rows[head + 1 :] if row and not row[0].startswith("---")), []) if head is not None else []
    )
    if len(values) < len(_SLACKS):
        raise ReportError(f"{path} is truncated: it ends before the values of its design timing summary")
    slacks: dict[str, Any] = {
        name: integer(value) if name.endswith("endpoints") else real(value)
        for name, value in zip(_SUMMARY, values, strict=False)
    }
    header = _header(text)
    return Timing(**_stage(header, path), **header, **slacks, met=_met(text, slacks), clocks=_clocks(lines))


def _met(text: str, slacks: Mapping[str, float | None]) -> bool | None:
    """What the report says of the constraints; when it does not say, no slack below zero; None without constraints."""
    if "Timing constraints are not met" in text:
        return False
    if "no user specified timing constraints" in text:
        return None
    if "All user specified timing constraints are met" in text:
        return True
    known = [slacks.get(name) for name in ("wns_ns", "whs_ns", "wpws_ns")]
    worst = [slack for slack in known if slack is not None]
    return min(worst) >= 0 if worst else None


def _clocks(lines: list[str]) -> tuple[Clock, ...]:
    """The clocks with their periods, and the worst slack of each from the table inside of clocks."""
    found = [match for line in section(lines, r"^\| Clock Summary", r"^\| [A-Z]") if (match := _CLOCK.match(line))]
    slack = {}
    for line in section(lines, r"^\| Intra Clock Table", r"^\| [A-Z]"):
        row = line.split()
        if len(row) > 2 * len(_SLACKS):
            slack[row[0]] = real(row[1])
    return tuple(Clock(name=one[1], period_ns=float(one[2]), wns_ns=slack.get(one[1])) for one in found)
