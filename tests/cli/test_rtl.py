"""`l1ae rtl`: Verilog of a run or of a converted model, simulated and synthesised; what is wrong exits with 1 or 2."""

import json
import re
import shutil

import pytest

from l1ae.hardware.rtl import read_rtl

from .. import models


def hardware(folder):
    return json.loads((folder / "hardware.json").read_text())


def flip_a_table_bit(project):
    """Change one bit of one entry of a table in the Verilog."""
    for file in sorted((project / "src").glob("*.v")):
        text = file.read_text()
        found = re.search(r"(: *\w+ *= *\d+'h)([0-9a-fA-F]+);", text)
        if found:
            changed = f"{int(found[2], 16) ^ 1:0{len(found[2])}x}"
            file.write_text(text[: found.start(2)] + changed + text[found.end(2) :])
            return
    raise AssertionError("the Verilog has no table")


def test_a_run_ends_with_verilog_that_equals_the_reference_and_with_a_netlist(synthesised):
    record = hardware(synthesised.place.run)
    project = read_rtl(synthesised.place.project / "rtl")
    assert record["rtl_sha256"] == project.digest()
    assert record["rtl"]["mismatches"] == 0
    assert record["rtl"]["latency_clocks"] == project.latency_clocks == 8
    assert record["netlist"]["mismatches"] == 0
    figures = {
        (one["stage"], one["quantity"], one["unit"]): one["value"] for one in record["figures"] if not one["module"]
    }
    assert figures["RTL simulation", "latency", "clocks"] == 8
    assert figures["netlist", "LUT", ""] > 100
    assert figures["netlist", "DSP", ""] == figures["netlist", "BRAM36", ""] == 0


def test_without_a_netlist_there_is_no_figure_of_one(undercomplete):
    record = hardware(undercomplete.place.run)
    assert record["netlist"] is None
    assert {one["stage"] for one in record["figures"]} == {"RTL simulation"}


def test_clock_and_latency_are_those_of_the_command(l1ae, undercomplete, copy_of):
    place = copy_of(undercomplete)
    out = place.root / "verilog"
    said = l1ae("rtl", place.run, "--clock-mhz", "320", "--latency-clocks", "11", "--out", out).text
    assert "11 clocks of 3.125 ns" in said
    project = read_rtl(out)
    assert (project.latency_clocks, project.clock_mhz) == (11, 320.0)
    assert hardware(place.run)["rtl"]["latency_clocks"] == 11
    assert hardware(place.run)["folder"] == "../verilog"
    assert not (place.run / "report.json").exists(), "the report was about the Verilog before"


def test_an_edited_table_is_found(l1ae, synthesised, copy_of):
    place = copy_of(synthesised)
    flip_a_table_bit(place.project / "rtl")
    assert "RTL" in l1ae("report", place.run).message, "a report on files that were edited would be a lie"
    ended = l1ae("rtl", place.run, "--check")
    assert ended.code == 1
    assert ended.message
    assert hardware(place.run)["rtl"]["mismatches"] > 0
    assert hardware(place.run)["netlist"] is None, "it was made of other Verilog"


def test_checked_again_unchanged_verilog_is_exact_and_keeps_its_netlist(l1ae, synthesised, copy_of):
    place = copy_of(synthesised)
    before = hardware(place.run)
    assert l1ae("rtl", place.run, "--check").text
    assert hardware(place.run) == before


def test_a_new_conversion_forgets_the_verilog(l1ae, undercomplete, copy_of):
    place = copy_of(undercomplete)
    assert l1ae("convert", place.run, "--firmware", place.firmware).text
    assert not (place.run / "hardware.json").exists()
    assert "has no Verilog yet" in l1ae("rtl", place.run, "--check").message


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--latency-clocks", "0"), "rtl.latency_clocks"),
        (("--clock-mhz", "-1"), "rtl.clock_mhz"),
        (("--latency-clocks", "4", "--adder-levels", "4"), "not both"),
    ],
)
def test_impossible_settings_are_refused(l1ae, undercomplete, copy_of, folder_content, options, message):
    place = copy_of(undercomplete)
    before = folder_content(place.root)
    assert message in l1ae("rtl", place.run, *options).message
    assert folder_content(place.root) == before


def test_a_check_goes_with_no_other_option(l1ae, undercomplete):
    ended = l1ae("rtl", undercomplete.place.run, "--check", "--latency-clocks", "4")
    assert ended.code == 2
    assert "--check simulates what was written before" in ended.err


def test_a_converted_model_becomes_verilog_too(l1ae, compiled, tmp_path):
    model = models.save(models.trigger(), tmp_path / "trigger.keras")
    project = tmp_path / "firmware"
    assert l1ae("convert", model, "--out", project).text
    assert l1ae("rtl", project, "--adder-levels", "3", "--no-netlist").text
    assert hardware(project)["rtl"]["mismatches"] == 0
    assert l1ae("verify", project).text, "the Verilog beside the HLS code is no change of it"
    flip = hardware(project)
    assert l1ae("rtl", project, "--check").text
    assert hardware(project) == flip


def test_a_model_file_has_to_be_converted_first(l1ae, tmp_path):
    file = models.save(models.trigger(), tmp_path / "trigger.keras")
    assert "l1ae convert" in l1ae("rtl", file).message


def test_verilog_that_is_gone_is_named(l1ae, undercomplete, copy_of):
    place = copy_of(undercomplete)
    shutil.rmtree(place.project / "rtl")
    for command in (("report", place.run), ("rtl", place.run, "--check")):
        assert "l1ae rtl" in l1ae(*command).message
