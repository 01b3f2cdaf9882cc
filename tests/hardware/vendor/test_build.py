"""The flow of the vendor's tools, run with programs that behave like them: order, arguments, failures, interruption."""

import _thread
import threading
import time
from types import SimpleNamespace

import pytest

from l1ae.errors import RunFolderError, ToolchainError, VerificationError
from l1ae.hardware.vendor import BuildOptions, TimingError, build, plan_hls, plan_rtl
from l1ae.hardware.vendor.process import error_of, run_logged
from l1ae.hardware.vendor.tools import STEPS
from l1ae.terminal import Terminal

from ... import vendor_tools

VITIS_OPTIONS = (
    "reset=0 csim={csim} synth={synth} cosim={cosim} validation={validation} export={export} vsynth=0 fifo_opt=0"
)


@pytest.fixture
def tools(tmp_path, monkeypatch):
    return vendor_tools.Tools(tmp_path, monkeypatch)


@pytest.fixture
def project(tmp_path):
    return vendor_tools.hls_project(tmp_path / "firmware/tiny")


@pytest.fixture
def vendor(tmp_path):
    return tmp_path / "vendor"


def run(plan, options=None):
    with Terminal() as ui:
        return build(plan, options or BuildOptions(), ui)


def flow(project, vendor, *steps, **options):
    chosen = BuildOptions(steps=steps or STEPS, **options)
    return run(plan_hls(project, vendor, chosen), chosen)


def content(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_all_steps_run_in_order_each_with_the_program_that_can(tools, project, vendor):
    tools.install(*vendor_tools.COMPILERS, "vivado")
    built = flow(project, vendor)
    built.check(require_timing=True)
    assert [(step.step, step.status) for step in built.record.steps] == [(step, "done") for step in STEPS]
    hls = ["vitis-run", "--mode", "hls", "--tcl", "build_prj.tcl"]
    vivado = ["vivado", "-mode", "batch", "-nojournal", "-nolog", "-notrace", "-source"]
    assert tools.calls == [hls] * 4 + [[*vivado, "l1ae_synth.tcl"], [*vivado, "l1ae_impl.tcl"]]
    assert (built.record.co_simulation, built.record.timing_met) == ("pass", True)
    found = {(one.stage, one.quantity): one.value for one in built.record.figures if not one.module}
    assert found["C synthesis", "LUT"] == 17_011
    assert found["co-simulation", "latency"] == 10
    assert found["netlist", "LUT"] == 13_811
    assert found["place and route", "LUT"] == 13_577
    assert found["place and route", "clock period"] == 3.646
    assert sorted(path.name for path in (vendor / "logs").iterdir()) == sorted(f"hls_{step}.log" for step in STEPS)
    assert built.record.circuit_sha256 is not None


def test_the_emitted_project_stays_as_it_was_verified(tools, project, vendor):
    tools.install("vitis-run", "vivado")
    before = content(project)
    flow(project, vendor).check()
    assert content(project) == before
    assert not (vendor / "hls/rtl").exists()


@pytest.mark.parametrize(
    ("backend", "there", "chosen"),
    [
        ("vitis", ("vitis-run", "vitis_hls", "vivado_hls"), "vitis-run"),
        ("vitis", ("vitis_hls", "vivado_hls"), "vitis_hls"),
        ("vivado", ("vitis-run", "vitis_hls", "vivado_hls"), "vivado_hls"),
    ],
)
def test_the_compiler_is_the_first_that_can_build_the_project(tools, tmp_path, vendor, backend, there, chosen):
    tools.install(*there)
    project = vendor_tools.hls_project(tmp_path / "tiny", backend)
    flow(project, vendor, "csim", "csynth", "cosim", "export").check()
    assert {call[0] for call in tools.calls} == {chosen}


def test_vivado_hls_gets_its_options_as_an_argument(tools, tmp_path, vendor):
    tools.install("vivado_hls")
    built = flow(vendor_tools.hls_project(tmp_path / "tiny", "vivado"), vendor, "csim", "csynth", "cosim", "export")
    off = dict.fromkeys(("csim", "synth", "cosim", "validation", "export"), 0)
    expected = [{"csim": 1}, {"synth": 1}, {"cosim": 1, "validation": 1}, {"export": 1}]
    wanted = [["vivado_hls", "-f", "build_prj.tcl", VITIS_OPTIONS.format(**{**off, **on})] for on in expected]
    assert tools.calls == wanted
    assert {(one.tool, one.version) for one in built.record.figures} == {("Vivado HLS", "2019.2")}


def test_another_compiler_can_be_asked_for(tools, project, vendor):
    tools.install("vitis-run", "vitis_hls")
    flow(project, vendor, "csim", tool="vitis_hls").check()
    assert tools.calls == [["vitis_hls", "-f", "build_prj.tcl"]]


def test_a_compiler_that_cannot_build_the_project_is_refused(tools, project, vendor):
    tools.install("vivado_hls")
    with pytest.raises(ToolchainError, match="written for Vitis HLS: vivado_hls cannot build it"):
        flow(project, vendor, tool="vivado_hls")


def test_without_tools_all_that_was_looked_for_is_named_in_one_line(tools, project, vendor):
    with pytest.raises(ToolchainError) as caught:
        flow(project, vendor)
    said = str(caught.value)
    assert "for csim, csynth, cosim, export: vitis-run, then vitis_hls; for synth, impl: vivado" in said
    assert "settings64.sh" in said
    assert "--read FOLDER" in said
    assert "\n" not in said
    assert not vendor.exists()


def test_only_what_is_missing_is_named(tools, project, vendor):
    tools.install("vitis_hls")
    with pytest.raises(ToolchainError, match=r"looked for synth, impl: vivado\): install Vivado, source"):
        flow(project, vendor)
    flow(project, vendor, "csim", "csynth").check()


def test_steps_can_be_run_one_by_one(tools, project, vendor):
    tools.install("vitis-run", "vivado")
    for step in ("csim", "csynth", "export", "synth", "impl"):
        flow(project, vendor, step).check()
    built = flow(project, vendor, "impl")
    assert {one.stage for one in built.record.figures} == {"C synthesis", "netlist", "estimate", "place and route"}


def test_outputs_are_compared_with_the_c_simulation_only_when_that_has_run(tools, project, vendor, monkeypatch):
    tools.install("vitis-run")
    monkeypatch.setenv("FAKE_VALIDATION", "0")
    flow(project, vendor, "csynth", "cosim").check()


@pytest.mark.parametrize(("step", "first"), [("synth", "csynth"), ("impl", "synth")])
def test_a_step_that_comes_too_early_says_which_is_first(tools, project, vendor, step, first):
    tools.install("vitis-run", "vivado")
    built = flow(project, vendor, step)
    with pytest.raises(ToolchainError, match=f"run the step {first} first"):
        built.check()
    assert tools.calls == []


def test_a_new_synthesis_makes_what_came_after_the_old_one_void(tools, project, vendor):
    tools.install("vitis-run", "vivado")
    flow(project, vendor).check()
    tools.trouble("csynth=error")
    built = flow(project, vendor, "csynth")
    with pytest.raises(ToolchainError):
        built.check()
    assert built.record.figures == ()
    assert built.record.co_simulation is built.record.timing_met is None


def test_another_project_starts_afresh(tools, project, vendor):
    tools.install("vitis-run")
    flow(project, vendor, "csynth").check()
    (project / "firmware/tiny.cpp").write_text("void tiny() { int changed; }\n")
    built = flow(project, vendor, "csim")
    assert built.record.figures == ()
    assert (vendor / "hls/firmware/tiny.cpp").read_text() == "void tiny() { int changed; }\n"
    assert [path.name for path in vendor.iterdir() if path.name.startswith(".")] == []


def test_a_folder_of_somebody_else_is_left_alone(tools, project, vendor):
    tools.install("vitis-run")
    (vendor / "hls").mkdir(parents=True)
    (vendor / "hls/thesis.tex").write_text("years of work")
    with pytest.raises(RunFolderError, match="holds no build of l1ae"):
        flow(project, vendor, "csim")
    assert (vendor / "hls/thesis.tex").read_text() == "years of work"


@pytest.mark.parametrize("step", ["csim", "csynth", "synth", "impl"])
def test_the_first_error_of_a_program_is_quoted(tools, project, vendor, step):
    tools.install("vitis-run", "vivado")
    tools.trouble(f"{step}=error")
    built = flow(project, vendor)
    with pytest.raises(ToolchainError) as caught:
        built.check()
    log = vendor / "logs" / f"hls_{step}.log"
    program = "vivado" if step in ("synth", "impl") else "vitis-run"
    said = f"{step}: {program} failed (exit status 1): ERROR: [HLS 200-70] Pragma is wrong; log: {log}"
    assert str(caught.value) == said
    assert [one.status for one in built.record.steps] == ["done"] * STEPS.index(step) + ["failed"]
    assert ("C synthesis" in {one.stage for one in built.record.figures}) == (STEPS.index(step) > 1)


def test_a_program_that_crashes_is_named_with_its_signal(tools, project, vendor):
    tools.install("vitis-run")
    tools.trouble("csynth=crash")
    with pytest.raises(ToolchainError, match=r"csynth: vitis-run failed \(signal 11\)"):
        flow(project, vendor, "csynth").check()


@pytest.mark.parametrize("step", ["csynth", "cosim", "synth", "impl"])
def test_a_program_that_ends_well_without_a_report_has_failed(tools, project, vendor, step):
    tools.install("vitis-run", "vivado")
    tools.trouble(f"{step}=silent")
    with pytest.raises(
        ToolchainError, match=r"ended well but wrote no report: ERROR: .* A valid license was not found"
    ):
        flow(project, vendor).check()


def test_a_c_simulation_that_differs_is_no_failure_of_the_program(tools, project, vendor):
    tools.install("vitis-run")
    tools.trouble("csim=differ")
    with pytest.raises(VerificationError, match="C simulation says FAIL: 3 of 1000 events differ"):
        flow(project, vendor, "csim").check()


def test_a_co_simulation_that_fails_fails_the_build(tools, project, vendor):
    tools.install("vitis-run", "vivado")
    tools.trouble("cosim=fail")
    built = flow(project, vendor)
    with pytest.raises(VerificationError, match="co-simulation says FAIL"):
        built.check()
    assert built.record.co_simulation == "fail"
    assert {one.stage for one in built.record.figures} == {"C synthesis"}


def test_timing_that_is_not_met_fails_only_when_asked(tools, project, vendor):
    tools.install("vitis-run", "vivado")
    tools.trouble("impl=violated")
    built = flow(project, vendor)
    built.check()
    assert built.record.timing_met is False
    with pytest.raises(TimingError, match="timing of the HLS project is not met"):
        built.check(require_timing=True)


def gone(vendor):
    """Whether the program and its child have ended, soon."""
    pids = [int(pid) for pid in (vendor / "hls/pids").read_text().split()]
    deadline = time.monotonic() + 5
    while any(map(vendor_tools.alive, pids)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return len(pids) == 2 and not any(map(vendor_tools.alive, pids))


def test_a_program_that_hangs_is_ended_with_its_children(tools, project, vendor):
    tools.install("vitis-run")
    tools.trouble("csynth=hang")
    built = flow(project, vendor, "csynth", timeout=1.5)
    with pytest.raises(ToolchainError, match=r"vitis-run took longer than 1.5 s and was ended"):
        built.check()
    assert gone(vendor)


def test_ctrl_c_ends_the_program_and_its_children(tools, project, vendor):
    tools.install("vitis-run")
    tools.trouble("csynth=hang")

    def interrupt():
        while not (vendor / "hls/pids").exists() or len((vendor / "hls/pids").read_text().split()) < 2:
            time.sleep(0.05)
        _thread.interrupt_main()

    threading.Thread(target=interrupt, daemon=True).start()
    with pytest.raises(KeyboardInterrupt):
        flow(project, vendor, "csynth")
    assert gone(vendor)


def test_a_program_that_cannot_be_run_is_named(tmp_path):
    with pytest.raises(ToolchainError, match="absent cannot be run: No such file"):
        run_logged([str(tmp_path / "absent")], tmp_path, tmp_path / "log")


def test_a_line_that_counts_no_errors_is_none(tmp_path):
    log = tmp_path / "log"
    log.write_text("INFO: done with 0 errors\nError: 0 errors found\n  ERROR: [X 1]   two  blanks\n")
    assert error_of(log) == "ERROR: [X 1] two blanks"
    log.write_text("all is well\n")
    assert error_of(log) == ""
    assert error_of(tmp_path / "absent") == ""


def rtl_project(folder, *, constraints=True):
    (folder / "src").mkdir(parents=True)
    for name in ("tiny_stage1.v", "tiny.v"):
        (folder / "src" / name).write_text("module x; endmodule\n")
    if constraints:
        (folder / "constraints").mkdir()
        (folder / "constraints/tiny.xdc").write_text("create_clock -period 4.167 [get_ports clk]\n")
    sources = tuple(folder / "src" / name for name in ("tiny_stage1.v", "tiny.v"))
    return SimpleNamespace(path=folder, name="tiny", part="xcku115-flvf1924-2-e", clock_mhz=240.0, sources=sources)


@pytest.mark.parametrize("constraints", [True, False])
def test_the_verilog_goes_through_vivado_alone(tools, tmp_path, vendor, constraints):
    tools.install("vivado")
    plan = plan_rtl(rtl_project(tmp_path / "rtl", constraints=constraints), vendor, BuildOptions())
    built = run(plan)
    built.check()
    assert [(step.step, step.status) for step in built.record.steps] == [("synth", "done"), ("impl", "done")]
    assert built.record.design == "RTL project"
    assert {one.module for one in built.record.figures} == {"", "stage1", "stage2"}
    script = (vendor / "rtl/l1ae_synth.tcl").read_text()
    assert script.index("src/tiny_stage1.v") < script.index("src/tiny.v")
    assert "synth_design -top tiny -part xcku115-flvf1924-2-e -mode out_of_context" in script
    clock = vendor / "rtl/l1ae_clock.xdc"
    assert clock.exists() != constraints
    if not constraints:
        assert clock.read_text() == "create_clock -period 4.16667 -name clk [get_ports clk]\n"


def test_the_verilog_has_no_steps_of_hls(tools, tmp_path, vendor):
    tools.install("vivado")
    with pytest.raises(ToolchainError, match="steps synth and impl only"):
        plan_rtl(rtl_project(tmp_path / "rtl"), vendor, BuildOptions(steps=("csim",)))


def test_a_folder_that_is_no_project_is_refused(tools, tmp_path, vendor):
    with pytest.raises(ToolchainError, match=r"has no project\.tcl"):
        plan_hls(tmp_path, vendor, BuildOptions())
    (tmp_path / "project.tcl").write_text('set project_name "tiny"\n')
    with pytest.raises(ToolchainError, match="does not set backend"):
        plan_hls(tmp_path, vendor, BuildOptions())
