"""`l1ae build`: what a user sees with the vendor's tools, without them, and with reports from elsewhere."""

import json
import shutil

import numpy as np
import pytest

from l1ae.config import FirmwareConfig

from .. import vendor_tools
from ..hardware.rtl import samples

CONFIG = {
    "name": "tiny",
    "autoencoder": {"kind": "undercomplete", "hidden": [6, 4], "latent": 2},
    "firmware": {"backend": "Vitis"},
}


@pytest.fixture
def tools(tmp_path, monkeypatch):
    return vendor_tools.Tools(tmp_path, monkeypatch)


@pytest.fixture
def project(tmp_path):
    return vendor_tools.hls_project(tmp_path / "firmware/tiny")


@pytest.fixture
def run(tmp_path):
    """A run folder whose firmware has been emitted, as far as this command looks at it."""
    from l1ae.hardware.hls.sources import identity

    firmware = FirmwareConfig().model_dump(mode="json")
    project = vendor_tools.hls_project(tmp_path / "firmware/tiny", firmware=firmware)
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "config.yaml").write_text(json.dumps(CONFIG))
    (folder / "conversion.json").write_text(
        json.dumps({"project": "../firmware/tiny", "provenance_sha256": identity(project)})
    )
    return folder


def vendor_json(folder):
    return json.loads((folder / "vendor.json").read_text())


def figures(folder):
    return [one for design in vendor_json(folder)["designs"] for one in design["figures"]]


def test_a_run_is_built_and_its_figures_are_shown_stage_by_stage(l1ae, tools, run):
    tools.install("vitis-run", "vivado")
    (run / "report.json").write_text("{}")
    text = l1ae("build", run).text
    assert "HLS project, csim: done (vitis-run, log " in text
    for stage in ("C synthesis", "co-simulation", "netlist", "place and route"):
        assert stage in text
    for number in ("17,011", "13,811", "13,577", "3.646 ns", "10 clocks"):
        assert number in text
    assert "co-simulation: pass" in text
    assert "timing: met" in text
    stages = {one["stage"] for one in figures(run)}
    assert stages == {"C synthesis", "co-simulation", "netlist", "estimate", "place and route"}
    assert not (run / "report.json").exists()  # it knew nothing of this
    assert (run / "vendor/logs/hls_impl.log").is_file()


def test_a_project_of_convert_is_built_beside_itself(l1ae, tools, project):
    tools.install("vitis-run", "vivado")
    assert "place and route" in l1ae("build", project).text
    assert len(figures(project.with_name("tiny_vendor"))) > 20
    out = project.parent / "elsewhere"
    assert l1ae("build", project, "--out", out, "--steps", "csynth").text
    assert {one["stage"] for one in figures(out)} == {"C synthesis"}


def test_the_verilog_of_l1ae_rtl_goes_through_vivado(l1ae, tools, project):
    """A real project of `l1ae rtl` inside of the HLS project; the program checks that every file is there."""
    from l1ae.config import RtlConfig
    from l1ae.hardware.rtl import emit_rtl

    circuit = samples.negative()
    circuit.save(project / "circuit.json")
    shutil.rmtree(project / "rtl")
    words = np.zeros((4, circuit.n_inputs), dtype=np.int64)
    config = RtlConfig(clock_mhz=200.0, latency_clocks=1)
    emit_rtl(circuit, "tiny", project / "rtl", part="xcku115-flvf1924-2-e", config=config, words=words)
    tools.install("vitis-run", "vivado")
    assert l1ae("build", project, "--steps", "csynth").text
    text = l1ae("build", project, "--rtl").text
    assert "RTL project, impl: done" in text
    vendor = project.with_name("tiny_vendor")
    assert [one["design"] for one in vendor_json(vendor)["designs"]] == ["HLS project", "RTL project"]
    script = (vendor / "rtl/l1ae_synth.tcl").read_text()
    assert "read_xdc -mode out_of_context {constraints/tiny.xdc}" in script
    assert "synth_design -top tiny -part xcku115-flvf1924-2-e -mode out_of_context" in script


def test_without_verilog_the_command_that_writes_it_is_named(l1ae, tools, project):
    assert "rtl" in l1ae("build", project, "--rtl", "--dry-run").message


def test_without_any_tool_one_line_says_what_to_install(l1ae, tools, run):
    ended = l1ae("build", run)
    assert ended.code == 2
    assert "vitis-run, then vitis_hls" in ended.message
    assert "settings64.sh" in ended.message
    assert not (run / "vendor.json").exists()


def test_a_dry_run_shows_commands_and_tcl_and_leaves_nothing(l1ae, tools, run, folder_content):
    before = folder_content(run)
    text = l1ae("build", run, "--dry-run").text
    assert "csim: vitis-run --mode hls --tcl build_prj.tcl  # not on the PATH" in text
    assert "impl: vivado -mode batch -nojournal -nolog -notrace -source l1ae_impl.tcl  # not on the PATH" in text
    assert "synth_design -top tiny -part xcvu13p-flga2577-2-e -mode out_of_context" in text
    assert "create_clock -period 5 -name ap_clk [get_ports ap_clk]" in text
    assert folder_content(run) == before
    tools.install("vitis_hls")
    text = l1ae("build", run, "--dry-run", "--steps", "csynth").text
    assert "csynth: vitis_hls -f build_prj.tcl\n" in text
    assert tools.calls == []


@pytest.mark.parametrize(
    ("trouble", "code", "said"),
    [
        ("csynth=error", 2, "csynth: vitis-run failed (exit status 1): ERROR: [HLS 200-70] Pragma is wrong"),
        ("csim=differ", 1, "C simulation says FAIL: 3 of 1000 events differ"),
        ("cosim=fail", 1, "co-simulation says FAIL"),
    ],
)
def test_a_step_that_fails_fails_the_command_and_what_is_known_is_kept(l1ae, tools, run, trouble, code, said):
    tools.install("vitis-run", "vivado")
    tools.trouble(trouble)
    ended = l1ae("build", run)
    assert ended.code == code
    assert said in ended.message
    assert f"{trouble.partition('=')[0]}: failed" in ended.out
    (design,) = vendor_json(run)["designs"]
    assert design["steps"][-1]["status"] == "failed"


def test_a_clock_that_is_not_met_is_told_and_fails_only_when_asked(l1ae, tools, run):
    tools.install("vitis-run", "vivado")
    tools.trouble("impl=violated")
    assert "timing: not met" in l1ae("build", run).text
    ended = l1ae("build", run, "--steps", "impl", "--require-timing")
    assert ended.code == 1
    assert "timing of the HLS project is not met" in ended.message


def test_reports_that_were_made_elsewhere_are_read(l1ae, tools, run, tmp_path):
    elsewhere = tmp_path / "mail"
    elsewhere.mkdir()
    shutil.copy(vendor_tools.REPORTS / "vitis_hls_2024.1/csynth.xml", elsewhere)
    shutil.copy(vendor_tools.REPORTS / "damaged/short_cosim.rpt", elsewhere / "tiny_cosim.rpt")
    text = l1ae("build", run, "--read", elsewhere).text
    assert "Vitis HLS 2024.1" in text
    assert "16,544" in text
    assert "note: tiny_cosim.rpt is truncated" in text
    (design,) = vendor_json(run)["designs"]
    assert (design["source"], design["circuit_sha256"], design["steps"]) == ("mail", None, [])
    shutil.rmtree(elsewhere)
    elsewhere.mkdir()
    shutil.copy(vendor_tools.REPORTS / "utilisation/ultrascale_routed.rpt", elsewhere)
    text = l1ae("build", run, "--rtl", "--read", elsewhere).text
    assert "16,544" in text  # the other project's are kept
    assert "13,575" in text
    assert [one["design"] for one in vendor_json(run)["designs"]] == ["HLS project", "RTL project"]


def test_figures_of_another_circuit_are_dropped(l1ae, tools, project):
    tools.install("vitis-run", "vivado")
    assert l1ae("build", project, "--steps", "csynth").text
    record = project.with_name("tiny_vendor") / "vendor.json"
    stale = json.loads(record.read_text())
    stale["designs"][0] |= {"design": "RTL project", "circuit_sha256": "0" * 64}
    record.write_text(json.dumps(stale))
    assert l1ae("build", project, "--steps", "csynth").text
    assert [one["design"] for one in vendor_json(record.parent)["designs"]] == ["HLS project"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--steps", "csim,place"], "'place' is no step"),
        (["--steps", ""], "is no step"),
        (["--timeout", "0"], "0"),
        (["--read", ".", "--dry-run"], "--read runs nothing"),
        (["--tool", "quartus"], "quartus"),
    ],
)
def test_options_that_make_no_sense_are_refused(l1ae, tools, project, arguments, said):
    ended = l1ae("build", project, *arguments)
    assert ended.code == 2
    assert said in ended.err


def test_what_is_neither_run_nor_project_is_refused(l1ae, tools, tmp_path, run):
    assert "holds no run" in l1ae("build", tmp_path).message
    model = tmp_path / "model.keras"
    model.write_text("")
    assert "l1ae convert it" in l1ae("build", model).message
    assert "no folder" in l1ae("build", run, "--read", tmp_path / "absent").message
    (tmp_path / "empty").mkdir()
    assert "holds no report" in l1ae("build", run, "--read", tmp_path / "empty").message
