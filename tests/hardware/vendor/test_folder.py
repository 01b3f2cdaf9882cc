"""Whole folders of reports, as the tools leave them, and the figures that come of them."""

import shutil
from pathlib import Path

import pytest

from l1ae.config import BudgetConfig
from l1ae.errors import RunFolderError
from l1ae.hardware.budget import hold
from l1ae.hardware.vendor import (
    DesignRecord,
    ReportError,
    VendorRecord,
    VendorReports,
    design_record,
    figures,
    read_reports,
    read_vendor,
    write_vendor,
)

REPORTS = Path(__file__).parent / "reports"
SOLUTION = {
    "csynth.xml": "vitis_hls_2022.2/csynth.xml",
    "csynth.rpt": "vitis_hls_2022.2/csynth.rpt",
    "tiny_csynth.rpt": "vitis_hls_2022.2/tiny_csynth.rpt",
}


def lay(folder, files):
    for name, source in files.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(REPORTS / source, target)
    return folder


def in_solution(prefix):
    return {
        **{f"{prefix}/syn/report/{name}": source for name, source in SOLUTION.items()},
        f"{prefix}/sim/report/tiny_cosim.rpt": "cosim/vitis_pass_cosim.rpt",
        f"{prefix}/sim/report/verilog/lat.rpt": "cosim/lat.rpt",
        f"{prefix}/impl/report/verilog/export_impl.rpt": "export/export_impl.rpt",
        f"{prefix}/impl/report/verilog/export_syn.rpt": "export/export_syn.rpt",
        f"{prefix}/.autopilot/db/tiny_csynth.xml": "damaged/truncated_csynth.xml",
    }


VIVADO = {
    "reports/tiny_utilization_synth.rpt": "utilisation/ultrascale_synthesised.rpt",
    "reports/tiny_utilization_routed.rpt": "utilisation/ultrascale_placed.rpt",
    "reports/tiny_utilization_hierarchical_routed.rpt": "utilisation/hierarchical_placed.rpt",
    "reports/tiny_timing_summary_synth.rpt": "timing/met_synth.rpt",
    "reports/tiny_timing_summary_routed.rpt": "timing/violated_routed.rpt",
}


@pytest.mark.parametrize("prefix", ["tiny_prj/solution1", "tiny_component/hls"])
def test_a_solution_and_a_component_are_read_alike(tmp_path, prefix):
    found = read_reports(lay(tmp_path, in_solution(prefix)))
    assert found.c_synthesis is not None
    assert (found.c_synthesis.lut, found.c_synthesis.clock_estimated_ns) == (17_011, 3.642)
    assert [row.name for row in found.c_synthesis.modules] == ["dense_latency_1", "relu_2"]
    assert (found.co_simulation.verdict, found.co_simulation.total_clocks) == ("pass", 1_012)
    assert (found.co_simulation.tool, found.co_simulation.version) == ("Vitis HLS", "2022.2")
    assert found.export_routed.lut == found.export_synthesised.lut == 13_020
    assert found.synthesised is found.placed is found.timing_routed is None
    assert found.timing_met is False
    assert found.notes == ()


def test_flat_and_hierarchical_utilisation_are_one_report(tmp_path):
    found = read_reports(lay(tmp_path, VIVADO))
    assert (found.placed.bram_tiles, found.placed.state) == (0.0, "Fully Placed")
    assert [row.name for row in found.placed.modules] == ["tiny_stage1", "tiny_stage2"]
    assert (found.synthesised.lut, found.synthesised.modules) == (13_811, ())
    assert (found.timing_synthesised.met, found.timing_routed.met) == (True, False)
    assert found.notes == ()


def test_an_empty_folder_has_nothing_and_a_missing_one_is_named(tmp_path):
    assert read_reports(tmp_path) == VendorReports()
    assert read_reports(tmp_path).empty
    with pytest.raises(ReportError, match="no folder"):
        read_reports(tmp_path / "absent")


def test_a_damaged_report_is_noted_and_another_format_takes_its_place(tmp_path):
    lay(tmp_path, {"csynth.xml": "damaged/truncated_csynth.xml", "tiny_csynth.rpt": "vitis_hls_2022.2/tiny_csynth.rpt"})
    lay(tmp_path, {"tiny_cosim.rpt": "damaged/short_cosim.rpt"})
    found = read_reports(tmp_path)
    assert found.c_synthesis.lut == 17_011
    assert found.co_simulation is None
    assert found.notes == (
        "csynth.xml is truncated or damaged XML (line 30): run the step again",
        "tiny_cosim.rpt is truncated: it ends before its table",
    )


def test_foreign_files_are_no_business_of_ours(tmp_path):
    lay(tmp_path, {"letter.rpt": "damaged/letter.rpt", "other.xml": "damaged/other.xml"})
    assert read_reports(tmp_path) == VendorReports()


def test_of_two_solutions_the_nearest_counts_and_the_other_is_named(tmp_path):
    lay(
        tmp_path, {"a/csynth.xml": "vitis_hls_2022.2/csynth.xml", "b/c/csynth.xml": "vivado_hls_2019.2/tiny_csynth.xml"}
    )
    found = read_reports(tmp_path)
    assert found.c_synthesis.version == "2022.2"
    assert found.notes == ("b/c/csynth.xml is left out: a/csynth.xml is of the same kind",)


def test_reports_of_modules_do_not_replace_that_of_the_top(tmp_path):
    text = (REPORTS / "vitis_hls_2022.2/tiny_csynth.rpt").read_text()
    lay(tmp_path, {"csynth.xml": "vitis_hls_2022.2/csynth.xml"})
    (tmp_path / "dense_latency_1_csynth.rpt").write_text(text.replace("'tiny'", "'dense_latency_1'"))
    found = read_reports(tmp_path)
    assert (found.c_synthesis.top, found.c_synthesis.lut) == ("tiny", 17_011)
    assert found.notes == ()


def test_without_a_summary_the_top_is_the_one_that_has_the_others_inside(tmp_path):
    lay(tmp_path, {"tiny_csynth.rpt": "vitis_hls_2022.2/tiny_csynth.rpt"})
    text = (REPORTS / "vivado_hls_2018.3/tiny_csynth.rpt").read_text().replace("2018.3", "2022.2")
    for name in ("dense_latency_1", "relu_2"):
        (tmp_path / f"{name}_csynth.rpt").write_text(text.replace("'tiny'", f"'{name}'"))
    found = read_reports(tmp_path)
    assert (found.c_synthesis.top, found.c_synthesis.lut) == ("tiny", 17_011)
    assert found.notes == ()
    (tmp_path / "zero_csynth.rpt").write_text(text.replace("'tiny'", "'zero'"))
    assert read_reports(tmp_path).notes == ("zero_csynth.rpt is left out: tiny_csynth.rpt is of the same kind",)


def test_notes_on_versions_name_the_file(tmp_path):
    found = read_reports(lay(tmp_path, {"u.rpt": "utilisation/future_version.rpt"}))
    assert found.placed.lut == 13_575
    assert found.notes == (
        "u.rpt: Vivado 2031.1 is not among the versions 2018.1 to 2025.2 that this reader was written for",
    )


def whole(found):
    return {(one.stage, one.quantity): one.value for one in found if not one.module}


def test_every_figure_has_its_stage_tool_part_and_clock(tmp_path):
    found = figures(read_reports(lay(tmp_path, {**in_solution("tiny_prj/solution1"), **VIVADO})))
    assert whole(found) == {
        ("C synthesis", "clock period"): 3.642,
        ("C synthesis", "latency"): 9,
        ("C synthesis", "initiation interval"): 1,
        ("C synthesis", "LUT"): 17_011,
        ("C synthesis", "FF"): 3_702,
        ("C synthesis", "DSP"): 4,
        ("C synthesis", "BRAM18"): 0,
        ("C synthesis", "URAM"): 0,
        ("co-simulation", "latency"): 10,
        ("co-simulation", "initiation interval"): 2,
        ("netlist", "LUT"): 13_811,
        ("netlist", "FF"): 3_520,
        ("netlist", "DSP"): 0,
        ("netlist", "CARRY"): 1_571,
        ("netlist", "BRAM36"): 0,
        ("netlist", "URAM"): 0,
        ("estimate", "clock period"): 3.646,
        ("estimate", "worst negative slack"): 0.521,
        ("place and route", "LUT"): 13_577,
        ("place and route", "FF"): 3_502,
        ("place and route", "DSP"): 0,
        ("place and route", "CARRY"): 1_571,
        ("place and route", "BRAM36"): 0,
        ("place and route", "URAM"): 0,
        ("place and route", "clock period"): 4.956,
        ("place and route", "worst negative slack"): -0.789,
    }
    assert {one.part for one in found} == {"xcvu13p-flga2577-2-e"}
    clocks = {(one.stage, one.clock_ns) for one in found}
    assert clocks == {
        ("C synthesis", 5.0),
        ("co-simulation", 5.0),
        ("netlist", 4.167),
        ("estimate", 4.167),
        ("place and route", 4.167),
    }
    tools = {(one.tool, one.version) for one in found}
    assert tools == {("Vitis HLS", "2022.2"), ("Vivado", "2022.2")}
    modules = {(one.stage, one.module) for one in found if one.module}
    assert modules == {
        ("C synthesis", "dense_latency_1"),
        ("C synthesis", "relu_2"),
        ("place and route", "stage1"),
        ("place and route", "stage2"),
    }
    routed = next(one for one in found if (one.stage, one.quantity) == ("place and route", "clock period"))
    assert (routed.note, routed.measured) == ("timing is not met", True)
    modelled = next(one for one in found if (one.stage, one.quantity) == ("estimate", "clock period"))
    assert not modelled.measured


def test_block_rams_of_18_and_36_kbit_are_never_mixed_up(tmp_path):
    series7 = figures(read_reports(lay(tmp_path / "a", {"u.rpt": "utilisation/series7_synthesised.rpt"})))
    (tiles,) = [one for one in series7 if one.quantity.startswith("BRAM")]
    assert (tiles.quantity, tiles.value, tiles.note) == ("BRAM36", 3.5, "2 of 36 kbit, 3 of 18 kbit")
    tree = figures(read_reports(lay(tmp_path / "b", {"u.rpt": "utilisation/hierarchical_placed.rpt"})))
    assert {one.module: one.value for one in tree if one.quantity == "BRAM36"} == {"": 2.5, "stage1": 1, "stage2": 1.5}
    synthesis = figures(read_reports(lay(tmp_path / "c", {"csynth.xml": "vitis_hls_2024.1/csynth.xml"})))
    assert [(one.quantity, one.value) for one in synthesis if one.quantity.startswith("BRAM") and not one.module] == [
        ("BRAM18", 3)
    ]
    export = figures(read_reports(lay(tmp_path / "d", {"export_impl.rpt": "export/export_impl.rpt"})))
    (halves,) = [one for one in export if one.quantity.startswith("BRAM")]
    assert (halves.quantity, halves.value, halves.note) == ("BRAM36", 2.5, "5 halves of 18 kbit")


def test_a_co_simulation_that_failed_gives_no_figure(tmp_path):
    found = read_reports(lay(tmp_path, {"tiny_cosim.rpt": "cosim/vitis_fail_cosim.rpt", "lat.rpt": "cosim/lat.rpt"}))
    assert found.co_simulation.latency_max_clocks == 10
    assert figures(found) == ()


def test_an_undefined_latency_gives_no_figure(tmp_path):
    found = figures(read_reports(lay(tmp_path, {"csynth.xml": "vitis_hls_2024.1/csynth.xml"})))
    assert {"latency", "initiation interval"} & {one.quantity for one in found} == set()


def test_a_budget_is_held_against_what_was_routed(tmp_path):
    found = figures(read_reports(lay(tmp_path, VIVADO)))
    limits = BudgetConfig(lut=13_700, clock_mhz=240, bram=0)
    budget = hold(limits, found, part="xcvu13p-flga2577-2-e")
    assert [(row.quantity, row.verdict, row.stage) for row in budget.rows] == [
        ("clock", "exceeded", "place and route"),
        ("LUT", "within", "place and route"),
        ("BRAM36", "within", "place and route"),
    ]


def test_the_record_keeps_one_entry_a_design(tmp_path):
    reports = read_reports(lay(tmp_path, VIVADO))
    hls = design_record("HLS project", reports, source="hls", circuit_sha256="a")
    rtl = design_record("RTL project", reports, source="rtl", circuit_sha256="b")
    record = VendorRecord().with_design(rtl).with_design(hls).with_design(hls)
    assert [one.design for one in record.designs] == ["HLS project", "RTL project"]
    assert {one.note.split(";")[0] for one in record.figures} == {"HLS project", "RTL project"}
    assert (hls.timing_met, hls.co_simulation) == (False, None)
    write_vendor(tmp_path / "vendor.json", record)
    assert read_vendor(tmp_path / "vendor.json") == record
    assert [one.design for one in record.current("b").designs] == ["RTL project"]
    elsewhere = DesignRecord(design="HLS project", circuit_sha256=None, source="mail")
    assert record.with_design(elsewhere).current("b").designs[0] == elsewhere


def test_a_missing_record_is_empty_and_a_damaged_one_is_named(tmp_path):
    assert read_vendor(tmp_path / "vendor.json") == VendorRecord()
    (tmp_path / "vendor.json").write_text('{"designs": [{}]}')
    with pytest.raises(RunFolderError, match="damaged"):
        read_vendor(tmp_path / "vendor.json")
