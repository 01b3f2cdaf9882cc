"""The readers of the vendor's reports: every kind, in every format that its versions have, whole and damaged."""

import re
from pathlib import Path

import pytest

from l1ae.errors import ToolchainError
from l1ae.hardware.vendor import (
    Clock,
    CoSimulation,
    CSynthesis,
    Export,
    ModuleRow,
    ReportError,
    Timing,
    Utilisation,
    read_cosim,
    read_csynth,
    read_export,
    read_report,
    read_timing,
    read_utilisation,
)
from l1ae.hardware.vendor.text import full_part, real, version_notes, whole

REPORTS = Path(__file__).parent / "reports"
VU13P = {
    "lut_available": 1_728_000,
    "ff_available": 3_456_000,
    "dsp_available": 12_288,
    "bram18_available": 5_376,
    "uram_available": 1_280,
}


@pytest.mark.parametrize("text", ["undef", "?", "-", "~0", "N/A", "NA", "", "  ", "inf", "NONE", None, "Unknown"])
def test_what_a_tool_does_not_know_is_none(text):
    assert real(text) is None
    assert whole(text) is None


@pytest.mark.parametrize(
    ("text", "value"),
    [("4.049 ns", 4.049), ("1,234", 1234), ("42 (~0%)", 42), ("-0.789", -0.789), ("3.083e+04", 30830), ('"7"', 7)],
)
def test_numbers_are_read_as_the_tools_write_them(text, value):
    assert real(text) == value
    assert whole(text) == (value if value == int(value) else None)


@pytest.mark.parametrize(
    ("header", "part"),
    [
        ("7vx690tffg1927-2", "xc7vx690tffg1927-2"),
        ("xcvu13p-flga2577-2-e", "xcvu13p-flga2577-2-e"),
        ("vu9p-flga2104-2-e", "xcvu9p-flga2104-2-e"),
        ("zu7ev-ffvc1156-2-e", "xczu7ev-ffvc1156-2-e"),
        ("", None),
    ],
)
def test_parts_have_one_spelling(header, part):
    assert full_part(header) == part


def test_c_synthesis_by_vitis_hls_from_xml():
    assert read_csynth(REPORTS / "vitis_hls_2022.2/csynth.xml") == CSynthesis(
        tool="Vitis HLS",
        version="2022.2",
        part="xcvu13p-flga2577-2-e",
        top="tiny",
        clock_target_ns=5.0,
        clock_estimated_ns=3.642,
        clock_uncertainty_ns=1.35,
        pipeline="yes",
        latency_min_clocks=9,
        latency_average_clocks=9,
        latency_max_clocks=9,
        interval_min_clocks=1,
        interval_max_clocks=1,
        lut=17_011,
        ff=3_702,
        dsp=4,
        bram18=0,
        uram=0,
        **VU13P,
        modules=(
            ModuleRow(
                name="dense_latency_1",
                latency_min_clocks=3,
                latency_max_clocks=3,
                interval_min_clocks=1,
                interval_max_clocks=1,
                clock_estimated_ns=4.271,
                lut=9_120,
                ff=1_523,
                dsp=4,
                bram18=0,
                uram=0,
            ),
            ModuleRow(
                name="relu_2",
                latency_min_clocks=0,
                latency_max_clocks=0,
                interval_min_clocks=1,
                interval_max_clocks=1,
                clock_estimated_ns=1.004,
                lut=212,
                ff=0,
                dsp=0,
                bram18=0,
                uram=0,
            ),
        ),
    )


def test_c_synthesis_by_vivado_hls_says_dsp48e_and_counts_blocks_of_18_kbit():
    report = read_csynth(REPORTS / "vivado_hls_2019.2/tiny_csynth.xml")
    assert (report.tool, report.version, report.part) == ("Vivado HLS", "2019.2", "xc7vx690t-ffg1927-2")
    assert (report.lut, report.ff, report.dsp, report.bram18, report.uram) == (18_233, 4_021, 12, 2, 0)
    assert (report.lut_available, report.dsp_available, report.bram18_available) == (433_200, 3_600, 2_940)
    assert report.notes == ()


@pytest.mark.parametrize("version", ["vivado_hls_2019.2", "vitis_hls_2022.2", "vitis_hls_2024.1"])
def test_text_and_xml_of_c_synthesis_agree(version):
    text = read_csynth(REPORTS / version / "tiny_csynth.rpt")
    xml = next(
        read_csynth(REPORTS / version / name) for name in ("tiny_csynth.xml", "csynth.xml") if known(version, name)
    )
    both = [name for name in CSynthesis.model_fields if name not in ("modules", "pipeline", "latency_average_clocks")]
    different = {name for name in both if getattr(text, name) != getattr(xml, name)}
    assert different == ({"latency_max_clocks"} if version == "vivado_hls_2019.2" else set())
    assert [row.name for row in text.modules][: len(xml.modules)] == [row.name for row in xml.modules]


def known(version, name):
    return (REPORTS / version / name).is_file()


def test_latency_that_depends_on_the_data_is_none():
    for name in ("csynth.xml", "tiny_csynth.rpt"):
        report = read_csynth(REPORTS / "vitis_hls_2024.1" / name)
        assert report.latency_min_clocks is report.latency_max_clocks is None
        assert report.interval_min_clocks is report.interval_max_clocks is None
        assert report.modules[0].latency_max_clocks is None
        assert (report.lut, report.bram18) == (16_544, 3)


def test_the_text_before_2019_has_no_absolute_latency_and_units_in_its_headings():
    report = read_csynth(REPORTS / "vivado_hls_2018.3/tiny_csynth.rpt")
    assert (report.clock_target_ns, report.clock_estimated_ns, report.clock_uncertainty_ns) == (5.0, 4.366, 0.62)
    assert (report.latency_min_clocks, report.latency_max_clocks) == (12, 14)
    assert (report.interval_min_clocks, report.interval_max_clocks) == (1, 2)
    assert report.lut is report.bram18 is None
    assert report.notes == ("the report of tiny has no utilization estimates: it may be truncated",)


def test_best_and_worst_latency_are_not_mixed_up():
    report = read_csynth(REPORTS / "vivado_hls_2019.2/tiny_csynth.rpt")
    assert (report.latency_min_clocks, report.latency_max_clocks) == (9, 11)


def test_the_summary_over_all_modules():
    report = read_csynth(REPORTS / "vitis_hls_2022.2/csynth.rpt")
    assert (report.tool, report.version, report.top) == ("Vitis HLS", "2022.2", "tiny")
    assert (report.latency_max_clocks, report.interval_max_clocks) == (9, 1)
    assert (report.lut, report.ff, report.dsp, report.bram18) == (17_011, 3_702, 4, None)
    assert [(row.name, row.lut, row.latency_max_clocks) for row in report.modules] == [
        ("dense_latency_1", 9_120, 3),
        ("relu_2", 212, 0),
    ]


def test_co_simulation_that_passes():
    report = read_cosim(REPORTS / "cosim/vitis_pass_cosim.rpt")
    assert report == CoSimulation(
        simulator="xsim",
        language="Verilog",
        verdict="pass",
        latency_min_clocks=9,
        latency_average_clocks=9,
        latency_max_clocks=10,
        interval_min_clocks=1,
        interval_average_clocks=1,
        interval_max_clocks=2,
        total_clocks=1_012,
    )


def test_co_simulation_that_fails():
    report = read_cosim(REPORTS / "cosim/vitis_fail_cosim.rpt")
    assert report.verdict == "fail"
    assert report.latency_max_clocks is report.interval_max_clocks is report.total_clocks is None


def test_co_simulation_by_vivado_hls_has_no_total():
    report = read_cosim(REPORTS / "cosim/vivado_hls_pass_cosim.rpt")
    assert (report.verdict, report.latency_max_clocks, report.interval_max_clocks) == ("pass", 9, 1)
    assert report.total_clocks is None


def test_the_latency_file_of_the_test_bench_has_no_verdict():
    report = read_cosim(REPORTS / "cosim/lat.rpt")
    assert (report.latency_min_clocks, report.latency_max_clocks, report.interval_max_clocks) == (9, 10, 2)
    assert report.verdict is None


def test_utilisation_of_the_7_series():
    assert read_utilisation(REPORTS / "utilisation/series7_synthesised.rpt") == Utilisation(
        version="2019.2",
        part="xc7vx690tffg1927-2",
        design="tiny",
        state="Synthesized",
        stage="netlist",
        lut=11_526,
        lut_logic=11_478,
        lut_memory=48,
        ff=2_428,
        carry=295,
        dsp=12,
        bram36=2,
        bram18=3,
        bram_tiles=3.5,
        lut_available=433_200,
        ff_available=866_400,
        dsp_available=3_600,
        bram_tiles_available=1_470,
    )


@pytest.mark.parametrize(
    ("name", "state", "stage", "lut", "ff"),
    [
        ("ultrascale_synthesised", "Synthesized", "netlist", 13_811, 3_520),
        ("ultrascale_placed", "Fully Placed", "place and route", 13_577, 3_502),
        ("ultrascale_routed", "Routed", "place and route", 13_575, 3_502),
    ],
)
def test_utilisation_of_ultrascale(name, state, stage, lut, ff):
    report = read_utilisation(REPORTS / f"utilisation/{name}.rpt")
    assert (report.state, report.stage, report.lut, report.ff) == (state, stage, lut, ff)
    assert (report.carry, report.dsp, report.bram36, report.bram18, report.bram_tiles) == (1_571, 0, 0, 0, 0)
    assert (report.uram, report.uram_available, report.lut_available) == (0, 1_280, 1_728_000)
    assert report.notes == ()


def test_utilisation_by_hierarchy():
    report = read_utilisation(REPORTS / "utilisation/hierarchical_placed.rpt")
    assert (report.lut, report.ff, report.dsp, report.bram36, report.bram18) == (13_577, 3_502, 2, 1, 3)
    assert report.bram_tiles is None
    assert report.modules == (
        ModuleRow(name="tiny_stage1", instance="stage1", lut=9_001, ff=0, dsp=2, bram36=1, bram18=0, uram=0),
        ModuleRow(name="tiny_stage2", instance="stage2", lut=4_564, ff=0, dsp=0, bram36=0, bram18=3, uram=0),
    )


def test_a_report_without_a_state_is_taken_by_its_name_and_says_so():
    report = read_utilisation(REPORTS / "utilisation/no_state_impl.rpt")
    assert report.stage == "place and route"
    assert report.notes == ("no_state_impl.rpt: it names no design state, taken as Routed from the name of the file",)


def test_a_state_that_is_not_known_has_no_stage():
    report = read_utilisation(REPORTS / "utilisation/strange_state.rpt")
    assert (report.stage, report.lut) == (None, 13_577)
    assert report.notes == ("strange_state.rpt: its design state is Frozen",)


def test_timing_that_is_met():
    report = read_timing(REPORTS / "timing/met_routed.rpt")
    assert report == Timing(
        version="2022.2",
        part="xcvu13p-flga2577",
        design="tiny",
        state="Routed",
        stage="place and route",
        met=True,
        wns_ns=0.521,
        tns_ns=0.0,
        setup_failing_endpoints=0,
        setup_endpoints=1_696,
        whs_ns=0.057,
        ths_ns=0.0,
        hold_failing_endpoints=0,
        hold_endpoints=1_696,
        wpws_ns=1.808,
        tpws_ns=0.0,
        pulse_failing_endpoints=0,
        pulse_endpoints=1_077,
        clocks=(Clock(name="clk", period_ns=4.167, wns_ns=0.521),),
    )
    assert (report.clock_requested_ns, report.clock_achieved_ns) == (4.167, 3.646)


@pytest.mark.parametrize("name", ["violated", "two_clocks"])
def test_timing_that_is_violated(name):
    report = read_timing(REPORTS / f"timing/{name}_routed.rpt")
    assert (report.met, report.wns_ns, report.tns_ns, report.setup_failing_endpoints) == (False, -0.789, -198.116, 393)
    assert (report.whs_ns, report.hold_failing_endpoints) == (0.008, 0)
    assert (report.clock_requested_ns, report.clock_achieved_ns) == (4.167, 4.956)


def test_the_requested_period_is_that_of_the_worst_clock():
    report = read_timing(REPORTS / "timing/two_clocks_routed.rpt")
    assert report.clocks == (
        Clock(name="clk", period_ns=4.167, wns_ns=-0.789),
        Clock(name="slow", period_ns=25.0, wns_ns=0.521),
    )
    unclear = report.model_copy(update={"wns_ns": -2.0})  # between two clocks
    assert unclear.clock_requested_ns is unclear.clock_achieved_ns is None


def test_timing_without_clocks():
    report = read_timing(REPORTS / "timing/no_clocks_synth.rpt")
    assert report.met is report.wns_ns is report.whs_ns is report.wpws_ns is None
    assert report.clocks == ()
    assert report.clock_requested_ns is report.clock_achieved_ns is None
    assert report.setup_endpoints == 114


def test_export_after_implementation():
    text = read_export(REPORTS / "export/export_impl.rpt")
    assert text == Export(
        version="2024.1",
        part="xcvu13p-flga2577-2-e",
        stage="place and route",
        lut=13_020,
        ff=3_411,
        dsp=0,
        bram18=5,
        uram=0,
        srl=12,
        slices=2_110,
        clock_target_ns=5.0,
        clock_after_synthesis_ns=4.402,
        clock_achieved_ns=5.107,
        timing_met=False,
    )
    xml = read_export(REPORTS / "export/export_impl.xml")
    assert xml == text.model_copy(update={"part": None, "clock_achieved_ns": 4.731, "timing_met": True})


def test_export_after_synthesis_has_no_achieved_clock():
    report = read_export(REPORTS / "export/export_syn.rpt")
    assert (report.stage, report.clock_after_synthesis_ns, report.clock_achieved_ns) == ("netlist", 4.402, None)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("vitis_hls_2022.2/csynth.xml", CSynthesis),
        ("vitis_hls_2024.1/tiny_csynth.rpt", CSynthesis),
        ("vitis_hls_2022.2/csynth.rpt", CSynthesis),
        ("cosim/vitis_pass_cosim.rpt", CoSimulation),
        ("cosim/lat.rpt", CoSimulation),
        ("utilisation/series7_synthesised.rpt", Utilisation),
        ("utilisation/hierarchical_placed.rpt", Utilisation),
        ("timing/met_routed.rpt", Timing),
        ("export/export_impl.rpt", Export),
        ("export/export_impl.xml", Export),
    ],
)
def test_the_kind_of_a_report_is_seen_by_its_content(name, kind):
    assert type(read_report(REPORTS / name)) is kind


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("absent_csynth.xml", "no report"),
        ("damaged/truncated_csynth.xml", "is truncated or damaged XML"),
        ("damaged/empty_csynth.xml", "is empty"),
        ("damaged/other.xml", "its root is <project>"),
        ("damaged/empty.rpt", "is empty"),
        ("damaged/letter.rpt", "is no report that l1ae knows"),
        ("damaged/short_cosim.rpt", "is truncated"),
        ("damaged/short_utilisation.rpt", "is truncated"),
        ("damaged/short_timing.rpt", "is truncated"),
        ("damaged", "cannot be read"),
    ],
)
def test_a_report_that_cannot_be_read_is_named_in_one_line(name, said):
    with pytest.raises(ReportError, match=re.escape(said)) as caught:
        read_report(REPORTS / name)
    assert isinstance(caught.value, ToolchainError)
    assert str(REPORTS / name) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("read", [read_csynth, read_cosim, read_utilisation, read_timing, read_export])
def test_a_reader_refuses_what_is_of_another_kind(read):
    with pytest.raises(ReportError):
        read(REPORTS / "damaged/letter.rpt")
    with pytest.raises(ReportError):
        read(REPORTS / "absent.rpt")


def test_xml_of_the_other_kind_is_refused():
    with pytest.raises(ReportError, match="no report of C synthesis"):
        read_csynth(REPORTS / "export/export_impl.xml")
    with pytest.raises(ReportError, match="no report of export_design"):
        read_export(REPORTS / "vitis_hls_2022.2/csynth.xml")


@pytest.mark.parametrize("name", sorted(path.relative_to(REPORTS) for path in REPORTS.glob("[ceutv]*/*.*")))
def test_a_report_cut_anywhere_gives_a_clear_error_or_nothing_wrong(name, tmp_path):
    text = (REPORTS / name).read_text()
    target = tmp_path / name.name
    target.write_text(text)
    complete = read_report(target)
    rows = {(row.name, row.instance): row for row in getattr(complete, "modules", ())}
    for end in range(0, len(text), 37):
        target.write_text(text[:end])
        try:
            report = read_report(target)
        except ReportError:
            continue
        assert type(report) is type(complete)
        assert wrong(report, complete) == []
        for row in getattr(report, "modules", ()):
            assert wrong(row, rows[row.name, row.instance]) == []


def wrong(report, complete):
    """Fields of a truncated report that say something else than the complete one does."""
    free = ("notes", "modules", "clocks")
    return [name for name, value in report if name not in free and value not in (None, getattr(complete, name))]


@pytest.mark.parametrize("name", ["unknown_version/csynth.xml", "utilisation/future_version.rpt"])
def test_an_unknown_version_is_read_with_a_note(name):
    report = read_report(REPORTS / name)
    assert report.version == "2031.1"
    assert report.lut > 13_000
    assert "2031.1 is not among the versions" in report.notes[0]


def test_a_report_that_names_no_version_says_so():
    assert version_notes("Vivado", None) == ("the report names no version of Vivado",)
    assert version_notes("Vitis HLS", "2023.2") == ()


def test_an_absent_section_is_none(tmp_path):
    text = (REPORTS / "utilisation/ultrascale_placed.rpt").read_text()
    start = text.index("3. BLOCKRAM\n---")
    (tmp_path / "logic.rpt").write_text(text[:start])
    report = read_utilisation(tmp_path / "logic.rpt")
    assert (report.lut, report.ff) == (13_577, 3_502)
    assert report.dsp is report.bram36 is report.bram_tiles is report.uram is None
