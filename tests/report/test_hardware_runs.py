"""Latency and resources of many runs in one table."""

import csv
import io
import json
import re

import pytest

from l1ae.errors import BudgetError, VerificationError
from l1ae.report.hardware_formats import FORMATS
from l1ae.report.hardware_runs import HardwareRuns, hardware_runs

from ..made_reports import exactness, report, routed, runs, simulated, staged, with_hardware


def run(name="a", figures=None, **given):
    checks = {"rtl": simulated(), "netlist": simulated(events=20_000), **given}
    return with_hardware(report(name), staged() if figures is None else figures, **checks)


def table(*reports):
    return hardware_runs(runs(*reports))


def values(found):
    """Of each run, its figures by heading."""
    return [dict(zip((c.heading for c in found.columns), row.values, strict=True)) for row in found.rows]


def test_stages_stand_side_by_side_and_are_never_mixed():
    one, two = values(table(run("a"), run("b", (*staged(20_000.0), *routed()))))
    netlist = "LUT, netlist, Yosys 0.70, xcvu13p-flga2577-2-e, 240 MHz"
    placed = "LUT, place and route, Vivado 2024.1, xcvu13p-flga2577-2-e, 240 MHz"
    assert (one[netlist], one[placed], one["LUT, estimate, da4ml 0.6.0"]) == (10_000, None, 10_000)
    assert (two[netlist], two[placed]) == (20_000, 9_000)
    assert one["latency [bunch crossings], RTL simulation, Verilator 5.48, 240 MHz"] == 2


def test_a_netlist_of_another_clock_has_columns_of_its_own():
    one, two = values(table(run("a"), run("b", staged(5.0, mhz=320.0))))
    slow, fast = (f"LUT, netlist, Yosys 0.70, xcvu13p-flga2577-2-e, {mhz} MHz" for mhz in (240, 320))
    assert (one[slow], one[fast]) == (10_000, None)
    assert (two[slow], two[fast]) == (None, 5)


def test_every_comparison_is_counted():
    (row,) = table(run(rtl=simulated(3))).rows
    assert row.mismatches == {"C simulation": (0, 1000), "RTL": (3, 100_000), "netlist": (0, 20_000)}
    assert row.exact is False


def test_a_run_that_differs_fails_the_check():
    table(run()).check()
    for wrong in (
        run("b", rtl=simulated(3)),
        run("b", netlist=simulated(latency=11)),
        report("b", exact=exactness(9, 2)),
    ):
        with pytest.raises(VerificationError, match=r"^runs/b is not exact: "):
            table(run(), wrong).check()


def test_a_measured_figure_above_the_budget_fails_the_check():
    table(run(budget={"lut": 10_000})).check()
    with pytest.raises(
        BudgetError, match=r"runs/b: the budget is exceeded: LUT 10,000 of 9,999 \(netlist, Yosys 0.70\)"
    ):
        table(run(), run("b", budget={"lut": 9_999})).check()
    table(run("c", figures=(), budget={"lut": 9_999})).check()


def test_a_run_without_firmware_has_no_figures():
    (row,) = table(report("a", lut=None)).rows
    assert row.values == ()
    assert all("a" in write(table(report("a", lut=None))) for write in FORMATS.values())


@pytest.fixture(scope="module")
def several():
    return table(
        run("small", budget={"lut": 12_000}), run("large", (*staged(20_000.0), *routed()), budget={"lut": 12_000})
    )


def test_json_is_read_as_it_is_written(several):
    assert HardwareRuns.model_validate_json(FORMATS["json"](several)) == several
    assert json.loads(FORMATS["json"](several))["rows"][1]["budget"] == "within"


def test_csv_is_rectangular_and_holds_every_figure(several):
    rows = list(csv.DictReader(io.StringIO(FORMATS["csv"](several))))
    assert [row["name"] for row in rows] == ["small", "large"]
    for row, found in zip(rows, several.rows, strict=True):
        assert None not in row
        for column, value in zip(several.columns, found.values, strict=True):
            assert row[column.heading] == ("" if value is None else f"{value:.12g}")
    assert (rows[0]["RTL, mismatches"], rows[0]["RTL, events"]) == ("0", "100000")


def test_markdown_tables_are_rectangular(several):
    lines = [line for line in FORMATS["markdown"](several).splitlines() if line.startswith("|")]
    assert len(lines) == 2 * (2 + 2)
    assert {len(re.split(r"(?<!\\)\|", line)) for line in lines[:4]} == {6}
    assert len({len(re.split(r"(?<!\\)\|", line)) for line in lines[4:]}) == 1
    assert "netlist: Yosys 0.70, xcvu13p-flga2577-2-e, 240 MHz." in FORMATS["markdown"](several)


def test_text_fits_into_120_columns_and_names_runs_and_stages(several):
    text = FORMATS["text"](several)
    assert max(map(len, text.splitlines())) <= 120
    for word in ("small", "large", "RTL simulation", "Netlist", "Place and route", "20,000", "within"):
        assert word in text
    assert "exceeded" in FORMATS["text"](table(run(budget={"lut": 1})))


def test_the_page_stands_alone_and_escapes_names():
    page = FORMATS["html"](table(run("<b>bold</b>")))
    assert "<b>bold" not in page
    assert "<script" not in page
    assert page.count("<table") == 2
