"""`l1ae build`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from l1ae.hardware.vendor import BuildOptions, DesignRecord, Plan, VendorRecord
    from l1ae.terminal import Terminal

_STEPS = ("csim", "csynth", "cosim", "export", "synth", "impl")


def _steps(_: click.Context, __: click.Parameter, value: str) -> tuple[str, ...]:
    chosen = tuple(name.strip() for name in value.split(","))
    unknown = [name for name in chosen if name not in _STEPS]
    if unknown:
        raise click.BadParameter(f"{unknown[0]!r} is no step: name some of {', '.join(_STEPS)}")
    return tuple(step for step in _STEPS if step in chosen)


@click.command("build", short_help="Run Vitis HLS, Vivado HLS and Vivado on the firmware, or read their reports.")
@click.argument("source", metavar="RUN_OR_PROJECT", type=click.Path(path_type=Path))
@click.option("--steps", default=",".join(_STEPS), callback=_steps, show_default=True, help="Steps, run in this order.")
@click.option("--rtl", is_flag=True, help="Build the Verilog of l1ae rtl instead of the HLS project.")
@click.option(
    "--tool",
    type=click.Choice(["auto", "vitis-run", "vitis_hls", "vivado_hls", "vivado"]),
    default="auto",
    show_default=True,
    help="Program for the steps of HLS; auto takes the first on the PATH that can build the project.",
)
@click.option(
    "--timeout", type=click.FloatRange(min=0, min_open=True), default=None, help="Seconds that a step may take."
)
@click.option("--out", type=click.Path(path_type=Path), default=None, help="Build folder; default vendor/ in the run.")
@click.option("--require-timing", is_flag=True, help="Exit with 1 when the routed design does not meet its clock.")
@click.option("--dry-run", is_flag=True, help="Show the commands and the Tcl, and run nothing.")
@click.option(
    "--read",
    "read_from",
    type=click.Path(path_type=Path),
    default=None,
    help="Read the reports of this folder instead.",
)
def command(
    source: Path,
    steps: tuple[Any, ...],
    rtl: bool,
    tool: Any,
    timeout: float | None,
    out: Path | None,
    require_timing: bool,
    dry_run: bool,
    read_from: Path | None,
) -> None:
    """Take the firmware of a run, or of a project of l1ae convert, through the tools of AMD/Xilinx.

    C simulation, C synthesis, co-simulation and export by Vitis HLS (vitis-run, vitis_hls) or Vivado HLS (vivado_hls),
    then synthesis and implementation out of context by Vivado; with --rtl only these two. They work on a copy, in
    vendor/ of the run, and their output goes to vendor/logs. The reports are read, shown stage by stage, and kept in
    vendor.json for l1ae report. Exits with 1 when a simulation differs, with 2 when a program is missing or fails.

    \b
    Example: l1ae build runs/dense_ae
    Example: l1ae build runs/dense_ae --rtl --steps synth,impl --require-timing
    Example: l1ae build runs/dense_ae --read /data/reports_of_a_colleague
    Example: l1ae build firmware/my_model --steps csim,csynth --dry-run
    """
    from l1ae.artifacts import forget_reports
    from l1ae.files import sha256
    from l1ae.hardware.vendor import BuildOptions, build, design_record, read_reports, read_vendor, write_vendor
    from l1ae.many import kind_of
    from l1ae.runs import RunFolder
    from l1ae.terminal import Terminal

    if read_from is not None and dry_run:
        raise click.UsageError("--read runs nothing: it goes without --dry-run")
    kind = kind_of(source)
    project, vendor, record_file = _places(source, kind, out)
    circuit = project / "circuit.json"
    circuit_sha256 = sha256(circuit) if circuit.is_file() else None
    with Terminal() as ui:
        known = read_vendor(record_file).current(circuit_sha256)
        if read_from is not None:
            from l1ae.hardware.vendor import Built, ReportError

            reports = read_reports(read_from)
            if reports.empty:
                raise ReportError(f"{read_from} holds no report of Vivado HLS, Vitis HLS or Vivado")
            built = Built(design_record("RTL project" if rtl else "HLS project", reports, source=read_from.name))
        else:
            options = BuildOptions(steps, tool, timeout)
            verilog = _verilog(source, kind, project) if rtl else None
            plan = _plan(project, verilog, vendor, options, dry_run=dry_run)
            if dry_run:
                _show_plan(plan, ui)
                return
            ui.stage(f"build: {plan.design} {plan.name} in {plan.folder}")
            built = build(plan, options, ui)
        record = known.with_design(built.record)
        write_vendor(record_file, record)
        if kind == "run":
            forget_reports(RunFolder.open(source))  # they lack what was found now
        _show(record, ui)
        for note in built.record.notes:
            ui.say(f"  note: {note}")
    built.check(require_timing=require_timing)


def _places(source: Path, kind: str, out: Path | None) -> tuple[Path, Path, Path]:
    """The HLS project, the build folder, and the file of the record."""
    from l1ae.artifacts import project_of
    from l1ae.errors import RunFolderError
    from l1ae.runs import RunFolder

    if kind == "run":
        run = RunFolder.open(source)
        return project_of(run), out or run.path / "vendor", run.vendor
    if kind == "model":
        raise RunFolderError(f"{source} is a model file: l1ae convert it, then l1ae build the project")
    project = source.resolve()
    vendor = out or project.with_name(f"{project.name}_vendor")
    return project, vendor, vendor / "vendor.json"


def _verilog(source: Path, kind: str, project: Path) -> Path:
    """The RTL project; raises `RunFolderError` when it was edited since it was simulated."""
    from l1ae.artifacts import current_hardware
    from l1ae.runs import RunFolder

    run = RunFolder.open(source) if kind == "run" else None
    record = None if run is None else current_hardware(run)
    return project / "rtl" if run is None or record is None else (run.path / record.folder).resolve()


def _plan(project: Path, verilog: Path | None, vendor: Path, options: "BuildOptions", *, dry_run: bool) -> "Plan":
    from l1ae.hardware.vendor import plan_hls, plan_rtl

    if verilog is None:
        return plan_hls(project, vendor.resolve(), options, dry_run=dry_run)
    from l1ae.hardware.rtl import read_rtl

    return plan_rtl(read_rtl(verilog), vendor.resolve(), options, dry_run=dry_run)


def _show_plan(plan: "Plan", ui: "Terminal") -> None:
    ui.say(f"copy of {plan.project} in {plan.folder}")
    for planned in plan.steps:
        where = "" if planned.program.path else "  # not on the PATH"
        ui.say(f"{planned.step}: {planned.line}{where}")
        for file, text in planned.files.items():
            ui.say(f"  {file}:")
            for line in text.splitlines():
                ui.say(f"    {line}")


def _show(record: "VendorRecord", ui: "Terminal") -> None:
    """One table per design, whole designs only: a row per quantity, a column per stage and tool."""
    from rich.table import Table

    for design in record.designs:
        columns = _columns(design)
        quantities = dict.fromkeys(name for values in columns.values() for name in values)
        table = Table("", *columns)
        for column in table.columns[1:]:
            column.justify = "right"
        for quantity in quantities:
            table.add_row(quantity, *(values.get(quantity, "") for values in columns.values()))
        ui.say(f"{design.design}:" if columns else f"{design.design}: no figures, for there is no report")
        if columns:
            ui.console.print(table)
        met = None if design.timing_met is None else "met" if design.timing_met else "not met"
        for what, verdict in (("co-simulation", design.co_simulation), ("timing", met)):
            if verdict is not None:
                ui.say(f"  {what}: {verdict}")


def _columns(design: "DesignRecord") -> dict[str, dict[str, str]]:
    """The figures of the whole design as text, by stage and tool, then by quantity."""
    columns: dict[str, dict[str, str]] = {}
    for figure in design.figures:
        if not figure.module and figure.value is not None:
            unit = f" {figure.unit}" if figure.unit in ("ns", "clocks") else ""
            title = f"{figure.stage}\n{figure.tool} {figure.version}"
            columns.setdefault(title, {})[figure.quantity] = f"{figure.value:,.6g}{unit}"
    return columns
