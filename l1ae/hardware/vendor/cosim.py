"""Reports of co-simulation by Vivado HLS and Vitis HLS: `<top>_cosim.rpt`, and `lat.rpt` of the test bench."""

import re
from pathlib import Path
from typing import Any

from l1ae.hardware.vendor.records import CoSimulation, HlsTool, Verdict
from l1ae.hardware.vendor.text import ReportError, cells, field, read_text
from l1ae.hardware.vendor.text import whole as integer

_VERDICTS: dict[str, Verdict] = {"pass": "pass", "fail": "fail"}
_LATENCY = re.compile(r'\$(\w+)\s*=\s*"([^"]*)"')
_NAMES = {
    "MIN_LATENCY": "latency_min_clocks",
    "AVER_LATENCY": "latency_average_clocks",
    "MAX_LATENCY": "latency_max_clocks",
    "MIN_THROUGHPUT": "interval_min_clocks",
    "AVER_THROUGHPUT": "interval_average_clocks",
    "MAX_THROUGHPUT": "interval_max_clocks",
    "TOTAL_EXECUTE_TIME": "total_clocks",
}


def read_cosim(path: Path) -> CoSimulation:
    """A report of co-simulation; raises `ReportError` when it is missing, damaged, or another kind of file."""
    return of_text(Path(path), read_text(Path(path)))


def of_text(path: Path, text: str) -> CoSimulation:
    """A report of co-simulation from its text; raises `ReportError` for any other text.

    Of several languages the one that was simulated counts: the other says `NA`.
    """
    found = dict(_LATENCY.findall(text))
    if "MAX_LATENCY" in found:
        clocks: dict[str, Any] = {_NAMES[name]: integer(value) for name, value in found.items() if name in _NAMES}
        return CoSimulation(**clocks)
    rows = [row for row in map(cells, text.splitlines()) if len(row) >= 2 and row[0] in ("VHDL", "Verilog", "SystemC")]
    if not any(row[0] == "Verilog" or row[1].lower() in _VERDICTS for row in rows):
        what = (
            "is truncated: it ends before its table" if "Simulation tool" in text else "is no report of co-simulation"
        )
        raise ReportError(f"{path} {what}")
    row = next((row for row in rows if row[1].lower() in _VERDICTS), rows[-1])
    head = re.search(r"== (Vivado|Vitis) HLS Report for", text)
    tool: HlsTool | None = None
    if head is not None:
        tool = "Vivado HLS" if head[1] == "Vivado" else "Vitis HLS"
    values = [integer(cell) for cell in row[2:9]]
    values += [None] * (7 - len(values))
    verdict = _VERDICTS.get(row[1].lower())
    return CoSimulation(
        tool=tool,
        version=field(text, r"^\s*\* Version:\s+(\S+)"),
        simulator=(field(text, r"^\s*Simulation tool\s*:\s*(\S+)") or "").rstrip(".") or None,
        language=row[0],
        verdict=verdict,
        **dict(zip(list(_NAMES.values()), values, strict=True)),
        notes=() if verdict else (f"co-simulation says {row[1] or 'nothing'}: it was not run to its end",),
    )
