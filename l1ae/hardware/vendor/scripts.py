"""The Tcl of the vendor's flow: options of hls4ml's own script, and synthesis and implementation out of context."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from l1ae.errors import ToolchainError
from l1ae.hardware.vendor.tools import Step

#: The names of the options of hls4ml's build script.
_OPTIONS = ("reset", "csim", "synth", "cosim", "validation", "export", "vsynth", "fifo_opt")
_OF_STEP: dict[Step, str] = {"csim": "csim", "csynth": "synth", "cosim": "cosim", "export": "export"}
_SETTING = re.compile(r'^\s*set (\w+) "?([^"\n]*?)"?\s*$', re.MULTILINE)


@dataclass(frozen=True)
class Target:
    """What Vivado synthesises: the top module for a part at a clock, from files relative to the build folder.

    `constraints`: a file that makes the clock; without it one is written for `clock_port`.
    """

    top: str
    part: str
    clock_ns: float
    clock_port: str
    sources: tuple[str, ...]
    constraints: str | None = None


def project_settings(project: Path) -> dict[str, str]:
    """What project.tcl of an HLS project sets: project_name, backend, part, clock_period, ...

    Raises `ToolchainError` when it is missing or says nothing of these.
    """
    file = project / "project.tcl"
    try:
        found = dict(_SETTING.findall(file.read_text(encoding="utf-8")))
    except OSError as error:
        raise ToolchainError(f"{project} has no project.tcl: it is no HLS project of l1ae convert") from error
    missing = [name for name in ("project_name", "backend", "part", "clock_period") if not found.get(name)]
    if missing:
        raise ToolchainError(f"{file} does not set {missing[0]}: write the project again with l1ae convert")
    return found


def hls_options(step: Step, validate: bool) -> dict[str, int]:
    """The options of hls4ml's script that make it run one step on what the former steps have left.

    `validate`: whether co-simulation also compares its outputs with those of the C simulation, which has run then.
    """
    chosen = {_OF_STEP[step]} | ({"validation"} if step == "cosim" and validate else set())
    return {name: int(name in chosen) for name in _OPTIONS}


def options_tcl(options: dict[str, int]) -> str:
    """The options as build_opt.tcl, which the script for Vitis HLS reads."""
    lines = [f"    {name:<10} {value}" for name, value in options.items()]
    return "\n".join(["array set opt {", *lines, "}", ""])


def options_argument(options: dict[str, int]) -> str:
    """The options as one argument, which the script for Vivado HLS reads."""
    return " ".join(f"{name}={value}" for name, value in options.items())


def clock_xdc(target: Target) -> str:
    """Constraints with the clock of a target, period in ns."""
    return f"create_clock -period {target.clock_ns:g} -name {target.clock_port} [get_ports {target.clock_port}]\n"


def synth_tcl(target: Target, constraints: str) -> str:
    """Vivado's synthesis out of context, with its reports in reports/."""
    return "\n".join(
        [
            f"# Synthesis of {target.top} out of context: no pins, no clock network of a board.",
            f"create_project -in_memory -part {target.part}",
            *_read(target.sources),
            f"read_xdc -mode out_of_context {{{constraints}}}",
            f"synth_design -top {target.top} -part {target.part} -mode out_of_context",
            f"write_checkpoint -force {target.top}_synth.dcp",
            *_reports(target.top, "synth"),
        ]
    )


def impl_tcl(target: Target) -> str:
    """Vivado's place and route of the synthesised design, with its reports in reports/."""
    return "\n".join(
        [
            f"# Place and route of {target.top} out of context.",
            f"open_checkpoint {target.top}_synth.dcp",
            "opt_design",
            "place_design",
            "phys_opt_design",
            "route_design",
            f"write_checkpoint -force {target.top}_routed.dcp",
            *_reports(target.top, "routed"),
        ]
    )


def _read(sources: Sequence[str]) -> list[str]:
    """Commands that read files; a folder stands for the Verilog and the contents of memories in it."""
    lines = []
    for source in sources:
        if source.endswith(".v"):
            lines.append(f"read_verilog {{{source}}}")
        else:
            lines += [
                f"read_verilog [lsort [glob -directory {{{source}}} *.v]]",
                f"set data [glob -nocomplain -directory {{{source}}} *.dat]",
                "if {[llength $data]} {add_files $data}",
            ]
    return lines


def _reports(top: str, state: str) -> list[str]:
    return [
        "file mkdir reports",
        f"report_utilization -file reports/{top}_utilization_{state}.rpt",
        f"report_utilization -hierarchical -file reports/{top}_utilization_hierarchical_{state}.rpt",
        f"report_timing_summary -file reports/{top}_timing_summary_{state}.rpt",
        "",
    ]
