"""What an RTL project holds, that it is replaced whole, and what is refused."""

import json

import numpy as np
import pytest

from l1ae.config import RtlConfig
from l1ae.errors import ConversionError, DataError, RunFolderError
from l1ae.hardware.rtl import emit_rtl, read_rtl
from l1ae.hardware.rtl.names import check_name, vhdl_name

from .samples import PART, negative, port_words, scored


def emitted(folder, circuit=None, name="tiny", **settings):
    circuit = circuit or scored()
    return emit_rtl(circuit, name, folder, part=PART, config=RtlConfig(**settings), words=port_words(circuit, 20))


def test_a_project_is_read_back_as_it_was_written(tmp_path):
    written = emitted(tmp_path / "rtl", latency_clocks=3, clock_mhz=320.0)
    assert read_rtl(tmp_path / "rtl") == written
    assert (written.name, written.part, written.clock_mhz, written.latency_clocks) == ("tiny", PART, 320.0, 3)
    assert written.circuit() == scored()
    assert (written.input_bits, written.output_bits) == (40, scored().output.format.width)
    assert (written.output_port, written.has_threshold) == ("score", True)
    assert written.levels_per_stage == max(written.stage_levels)
    assert [file.name for file in written.sources] == [
        "tiny_tables.v", "tiny_stage1.v", "tiny_stage2.v", "tiny_stage3.v", "tiny.v",
    ]  # fmt: skip
    assert written.changed_files() == ()


def test_every_file_is_there(tmp_path):
    path = emitted(tmp_path / "rtl", latency_clocks=1).path
    assert sorted(file.relative_to(path).as_posix() for file in path.rglob("*") if file.is_file()) == [
        "README.md", "board/tb_tiny_board.v", "board/tiny_board.v", "circuit.json", "constraints/tiny.sdc",
        "constraints/tiny.xdc", "rtl.json", "src/tiny.v", "src/tiny_stage1.v", "src/tiny_tables.v", "synth.tcl",
        "tb/tb_tiny.v", "tb/vectors.hex", "vhdl/tiny.vhd", "vhdl/tiny_stage1.vhd", "vhdl/tiny_tables.vhd",
    ]  # fmt: skip


def test_the_same_circuit_gives_the_same_files(tmp_path, folder_content):
    first, second = emitted(tmp_path / "a"), emitted(tmp_path / "b")
    assert folder_content(first.path) == folder_content(second.path)
    assert first.digest() == second.digest()


def test_several_outputs_stand_side_by_side(tmp_path):
    circuit = scored()
    two = type(circuit)(circuit.nodes, ("hidden", "score"))
    project = emitted(tmp_path / "rtl", two)
    assert (project.output_port, project.has_threshold) == ("out_words", False)
    assert project.output_bits == 4 * 6 + circuit.output.format.width
    assert "threshold" not in project.sources[-1].read_text()


def test_changes_are_named(tmp_path):
    project = emitted(tmp_path / "rtl")
    digest = project.digest()
    project.sources[-1].write_text("module tiny; endmodule\n")
    (project.path / "README.md").unlink()
    (project.path / "src" / "more.v").write_text("")
    (project.path / "vivado").mkdir()
    (project.path / "vivado" / "log").write_text("")
    assert set(project.changed_files()) == {"src/tiny.v", "README.md", "src/more.v"}
    assert project.digest() != digest


def test_an_older_project_is_replaced(tmp_path):
    emitted(tmp_path / "rtl", latency_clocks=9)
    project = emitted(tmp_path / "rtl", negative(), latency_clocks=2)
    assert not (project.path / "src" / "tiny_stage9.v").exists()
    assert list(tmp_path.iterdir()) == [project.path]


def test_another_folder_is_left_alone(tmp_path, folder_content):
    (tmp_path / "mine.txt").write_text("keep")
    before = folder_content(tmp_path)
    with pytest.raises(ConversionError, match="is no RTL project of l1ae"):
        emitted(tmp_path)
    assert folder_content(tmp_path) == before


def test_a_failure_leaves_the_older_project(tmp_path, folder_content, monkeypatch):
    emitted(tmp_path / "rtl")
    before = folder_content(tmp_path)
    monkeypatch.setattr("l1ae.hardware.rtl.project.write_documents", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        emitted(tmp_path / "rtl", latency_clocks=2)
    assert folder_content(tmp_path) == before


@pytest.mark.parametrize("name", ["module", "Signal", "score", "1st", "a-b", "in_valid", ""])
def test_names_that_verilog_or_vhdl_cannot_have_are_refused(tmp_path, name):
    with pytest.raises(ConversionError, match=r"name .* of the top module"):
        emitted(tmp_path / "rtl", name=name)
    assert not (tmp_path / "rtl").exists()


def test_names_of_vhdl():
    check_name("a__b_")
    assert vhdl_name("a__b_") == "a_b"


@pytest.mark.parametrize("words", [np.zeros((3, 4), int), np.zeros((0, 5), int), np.zeros((3, 5))])
def test_words_of_another_shape_are_refused(tmp_path, words):
    with pytest.raises(DataError, match="give integers"):
        emit_rtl(scored(), "tiny", tmp_path / "rtl", part=PART, config=RtlConfig(), words=words)


def test_a_folder_without_a_project_says_so(tmp_path):
    with pytest.raises(RunFolderError, match="holds no RTL project of l1ae: write one with l1ae rtl"):
        read_rtl(tmp_path)


def test_a_damaged_record_says_so(tmp_path):
    project = emitted(tmp_path / "rtl")
    record = json.loads((project.path / "rtl.json").read_text())
    del record["latency_clocks"]
    (project.path / "rtl.json").write_text(json.dumps(record))
    with pytest.raises(RunFolderError, match="damaged"):
        read_rtl(project.path)


def test_the_readme_names_bits_formats_and_latency(tmp_path):
    circuit = scored()
    names = [f"jet pt {index}" for index in range(5)]
    config = RtlConfig(latency_clocks=7, clock_mhz=240.0)
    project = emit_rtl(
        circuit, "tiny", tmp_path / "rtl", part=PART, config=config, words=port_words(circuit, 20),
        info={"features": names},
    )  # fmt: skip
    text = (project.path / "README.md").read_text()
    assert "| `in_words` | jet pt 1 | 15:8 | `ap_fixed<8,8,RND_CONV,SAT>` |" in text
    assert f"| `score` | score[0] | {project.output_bits - 1}:0 | `{circuit.output.format}` |" in text
    assert "7 clocks = 29.2 ns at that clock = 2 bunch crossings of 25 ns" in text


def test_constraints_hold_the_clock(tmp_path):
    path = emitted(tmp_path / "rtl", clock_mhz=400.0).path
    assert "create_clock -name clk -period 2.5000 [get_ports clk]" in (path / "constraints" / "tiny.xdc").read_text()
    assert "create_clock -name clk -period 2.5000 [get_ports clk]" in (path / "constraints" / "tiny.sdc").read_text()
    script = (path / "synth.tcl").read_text()
    assert f"set part {PART}\n" in script
    assert script.index("src/tiny_stage1.v") < script.index("src/tiny.v")
