"""Running the vendor's flow: which steps with which programs and scripts, what went wrong, what the reports say."""

import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from l1ae.errors import L1aeError, ToolchainError, VerificationError
from l1ae.files import sha256, write_text
from l1ae.hardware.vendor.outcome import Design, DesignRecord, StepRecord, design_record
from l1ae.hardware.vendor.process import error_of, run_logged
from l1ae.hardware.vendor.records import VendorReports
from l1ae.hardware.vendor.reports import read_reports
from l1ae.hardware.vendor.scripts import (
    Target,
    clock_xdc,
    hls_options,
    impl_tcl,
    options_argument,
    options_tcl,
    project_settings,
    synth_tcl,
)
from l1ae.hardware.vendor.tools import STEPS, VIVADO_STEPS, Backend, Program, Step, Tool, programs
from l1ae.hardware.vendor.workspace import forget, prepare
from l1ae.terminal import Advance, Terminal

if TYPE_CHECKING:
    from l1ae.hardware.rtl import RtlProject

_CIRCUIT = "circuit.json"
_BUILD = "build_prj.tcl"
_DIFFER = re.compile(r"INFO: (\d+) events, (\d+) differ")
_WITHOUT_REPORT: dict[Step, str] = {
    "csynth": "c_synthesis",
    "cosim": "co_simulation",
    "synth": "synthesised",
    "impl": "placed",
}


class TimingError(L1aeError):
    """A routed design that does not meet its clock, where the user asked for that."""

    exit_code = 1


@dataclass(frozen=True)
class BuildOptions:
    """What to run: `steps` of `STEPS`, in the order of these; `timeout` in seconds per step, None for no limit."""

    steps: tuple[Step, ...] = STEPS
    tool: Tool = "auto"
    timeout: float | None = None


@dataclass(frozen=True)
class PlannedStep:
    """One step: the command, and the files that are written into the build folder before it runs."""

    step: Step
    program: Program
    command: tuple[str, ...]
    files: dict[str, str]

    @property
    def line(self) -> str:
        """The command as one types it."""
        return shlex.join([self.program.name, *self.command[1:]])


@dataclass(frozen=True)
class Plan:
    """The flow of one design: its project, the folder of its copy, and the steps."""

    design: Design
    name: str
    project: Path
    folder: Path
    logs: Path
    steps: tuple[PlannedStep, ...]
    leave_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class Built:
    """What a flow has given: its record, also of a flow that failed, and the failure."""

    record: DesignRecord
    failure: L1aeError | None = field(default=None)

    def check(self, *, require_timing: bool = False) -> None:
        """Raise the failure; with `require_timing` also `TimingError` when the routed design misses its clock."""
        if self.failure is not None:
            raise self.failure
        if require_timing and self.record.timing_met is False:
            raise TimingError(f"timing of the {self.record.design} is not met: choose a slower clock or more latency")


def plan_hls(project: Path, vendor: Path, options: BuildOptions, *, dry_run: bool = False) -> Plan:
    """The flow of an HLS project, with its copy in `vendor`/hls.

    `dry_run`: also without the programs. Raises `ToolchainError` when a program or the project is missing.
    """
    settings = project_settings(project)
    backend: Backend = "Vivado" if settings["backend"].lower().startswith("vivado") else "Vitis"
    name, steps = settings["project_name"], tuple(step for step in STEPS if step in options.steps)
    if options.tool not in ("auto", "vivado") and (options.tool == "vivado_hls") != (backend == "Vivado"):
        raise ToolchainError(f"{project} was written for {backend} HLS: {options.tool} cannot build it")
    folder = vendor / "hls"
    target = Target(
        top=name,
        part=settings["part"],
        clock_ns=float(settings["clock_period"]),
        clock_port="ap_clk",
        sources=(f"{name}_prj/solution1/syn/verilog",),
    )
    found = programs(steps, backend, options.tool, missing_ok=dry_run)
    planned = [
        _vivado_step(step, found[step], target)
        if step in VIVADO_STEPS
        else _hls_step(step, found[step], backend, validate="csim" in steps)
        for step in steps
    ]
    return Plan("HLS project", name, project, folder, vendor / "logs", tuple(planned), leave_out=("rtl",))


def plan_rtl(project: "RtlProject", vendor: Path, options: BuildOptions, *, dry_run: bool = False) -> Plan:
    """The flow of an RTL project, synthesis and implementation by Vivado, with its copy in `vendor`/rtl."""
    steps = tuple(step for step in VIVADO_STEPS if step in options.steps)
    if not steps:
        raise ToolchainError("the RTL project has the steps synth and impl only: name them in --steps")
    root = Path(project.path)
    constraints = Path("constraints") / f"{project.name}.xdc"
    target = Target(
        top=project.name,
        part=project.part,
        clock_ns=1000 / project.clock_mhz,
        clock_port="clk",
        sources=tuple(_inside(Path(source), root) for source in project.sources),
        constraints=constraints.as_posix() if (root / constraints).is_file() else None,
    )
    found = programs(steps, "Vitis", options.tool, missing_ok=dry_run)
    planned = tuple(_vivado_step(step, found[step], target) for step in steps)
    return Plan("RTL project", project.name, root, vendor / "rtl", vendor / "logs", planned)


def _inside(source: Path, root: Path) -> str:
    return (source.relative_to(root) if source.is_absolute() else source).as_posix()


def _hls_step(step: Step, program: Program, backend: Backend, *, validate: bool) -> PlannedStep:
    """hls4ml's own script with one step switched on: a file of options for Vitis HLS, an argument for Vivado HLS."""
    options = hls_options(step, validate)
    if backend == "Vitis":
        return PlannedStep(step, program, tuple(program.command(_BUILD)), {"build_opt.tcl": options_tcl(options)})
    return PlannedStep(step, program, tuple(program.command(_BUILD, options_argument(options))), {})


def _vivado_step(step: Step, program: Program, target: Target) -> PlannedStep:
    script = f"l1ae_{step}.tcl"
    if step == "impl":
        return PlannedStep(step, program, tuple(program.command(script)), {script: impl_tcl(target)})
    constraints = target.constraints or "l1ae_clock.xdc"
    files = {script: synth_tcl(target, constraints)}
    if target.constraints is None:
        files[constraints] = clock_xdc(target)
    return PlannedStep(step, program, tuple(program.command(script)), files)


def build(plan: Plan, options: BuildOptions, ui: Terminal) -> Built:
    """Run the steps of a plan until one fails, and read the reports that there are then.

    Logs go to `plan.logs`, one a step. An interruption ends the running program with all that it has started.
    """
    prepare(plan.project, plan.folder, plan.leave_out)
    done: list[StepRecord] = []
    failure: L1aeError | None = None
    with ui.progress(f"{plan.design}", len(plan.steps)) as advance:
        for planned in plan.steps:
            log = plan.logs / f"{plan.folder.name}_{planned.step}.log"
            try:
                _run(plan, planned, log, options.timeout, _ticker(advance, planned))
            except L1aeError as error:
                failure = error
            status: Literal["done", "failed"] = "done" if failure is None else "failed"
            advance(1, note="")
            ui.say(f"  {plan.design}, {planned.step}: {status} ({planned.program.name}, log {log})")
            done.append(StepRecord(step=planned.step, command=planned.line, status=status, log=log.name))
            if failure is not None:
                break
    circuit = plan.project / _CIRCUIT
    record = design_record(
        plan.design,
        read_reports(plan.folder),
        source=plan.folder.name,
        circuit_sha256=sha256(circuit) if circuit.is_file() else None,
        steps=tuple(done),
    )
    return Built(record, failure)


def _ticker(advance: Advance, planned: PlannedStep) -> Callable[[float], None]:
    """Shows the step that runs, and for how long."""
    return lambda seconds: advance(0, note=f"{planned.step} ({planned.program.name}) since {seconds:.0f} s")


def _run(plan: Plan, planned: PlannedStep, log: Path, timeout: float | None, tick: Callable[[float], None]) -> None:
    """Run one step; raises `ToolchainError` when the program fails, `VerificationError` when outputs differ."""
    name, step = planned.program.name, planned.step
    verilog = plan.folder / f"{plan.name}_prj" / "solution1" / "syn" / "verilog"
    if step == "synth" and plan.design == "HLS project" and not verilog.is_dir():
        raise ToolchainError("there is no Verilog of C synthesis to synthesise: run the step csynth first")
    if step == "impl" and not (plan.folder / f"{plan.name}_synth.dcp").is_file():
        raise ToolchainError("there is no synthesised design to place: run the step synth first")
    forget(plan.folder, plan.name, step)
    for file, text in planned.files.items():
        write_text(plan.folder / file, text)
    status = run_logged(planned.command, plan.folder, log, timeout=timeout, tick=tick)
    reports = read_reports(plan.folder)
    _check_outputs(step, reports, log)
    if status:
        how = f"signal {-status}" if status < 0 else f"exit status {status}"
        raise ToolchainError(f"{step}: {name} failed ({how}): {error_of(log) or 'no error in its output'}; log: {log}")
    if step in _WITHOUT_REPORT and getattr(reports, _WITHOUT_REPORT[step]) is None:
        said = error_of(log)
        reason = f": {said}" if said else ""
        raise ToolchainError(f"{step}: {name} ended well but wrote no report{reason}; log: {log}")


def _check_outputs(step: Step, reports: VendorReports, log: Path) -> None:
    """Raise `VerificationError` when a simulation has found outputs that differ from the expected ones."""
    if step not in ("csim", "cosim"):
        return
    counts = _DIFFER.findall(log.read_text(encoding="utf-8", errors="replace"))
    wrong = next((f": {differ} of {events} events differ" for events, differ in counts if int(differ)), "")
    failed = step == "cosim" and reports.co_simulation is not None and reports.co_simulation.verdict == "fail"
    if wrong or failed:
        what = "C simulation" if step == "csim" else "co-simulation"
        raise VerificationError(f"{what} says FAIL{wrong}; log: {log}")
