"""The page of many runs, and physics against cost."""

import re

import pytest

from l1ae.report.comparison import compare_runs
from l1ae.report.comparison_page import render_comparison, write_comparison_page
from l1ae.report.comparison_plot import Point, comparison_plots, front
from l1ae.report.comparison_record import Figure

from ..made_reports import estimate, many, report, runs
from .test_browser import BROWSER, measure


def compared(*reports, **options):
    return compare_runs(runs(*reports), "l1ae compare <runs>", **options)


def other(name, **changed):
    return report(name, same_but_seed=name.ljust(12, "x")[:12], **changed)


def point(name, cost, gain, high=None):
    return Point(name, name, Figure(value=cost), Figure(value=gain, low=0.0, high=high))


@pytest.fixture(scope="module")
def crowd():
    return compare_runs(many(), "l1ae compare")


@pytest.fixture(scope="module")
def page(crowd):
    return render_comparison(crowd)


# The front


def names(points):
    return "".join(found.name for found in front(points))


def test_the_front_holds_what_no_other_run_beats_in_both_cheapest_first():
    assert names([point("c", 30, 0.9), point("a", 10, 0.7), point("b", 20, 0.8), point("x", 25, 0.75)]) == "abc"


def test_equal_cost_keeps_the_better_and_equal_gain_the_cheaper():
    assert names([point("x", 10, 0.7), point("a", 10, 0.8), point("y", 20, 0.8)]) == "a"


def test_equal_runs_are_both_on_the_front():
    assert names([point("a", 10, 0.8), point("b", 10, 0.8)]) == "ab"


def test_a_run_of_which_nothing_fires_is_not_on_the_front():
    assert names([point("x", 5, 0.0, high=0.2), point("a", 10, 0.1)]) == "a"
    assert names([]) == ""


# Plots


def drawn(plot):
    """The figure's axes, and the names in its legend."""
    return plot.figure.axes[0], [text.get_text() for text in plot.figure.legends[0].get_texts()]


def test_there_is_a_plot_of_the_mean_auc_and_one_of_every_rate():
    plots = comparison_plots(compared(report("a", lut=100.0), other("b", lut=50.0, auc=0.95), other("c", auc=0.85)))
    assert [plot.name for plot in plots] == ["mean-auc", "tpr-1", "tpr-2"]
    ax, legend = drawn(plots[0])
    assert ax.get_xscale() == "log"
    assert ax.get_xlabel() == "LUT, estimate, da4ml 0.6.0"
    assert legend == ["2  b", "a  total pT", "b  object count", "c  pT tables"]
    assert {text.get_text() for text in ax.texts} >= {"1", "2", "3"}
    heights = {round(float(line.get_ydata()[0]), 6) for line in ax.lines if len(set(line.get_xdata())) == 2}
    assert {0.8, 0.7, 0.9} <= heights
    assert drawn(plots[1])[0].get_yscale() == "log"


def test_runs_without_an_estimate_and_rates_that_cannot_be_reached_are_left_out():
    one = compared(report("a", lut=None), other("b", fired=(None, 0)), other("c", lut=20.0, fired=(None, 9)))
    plots = comparison_plots(one)
    assert [plot.name for plot in plots] == ["mean-auc", "tpr-2"]
    ax, legend = drawn(plots[0])
    assert not {"1"} & {text.get_text() for text in ax.texts}
    assert legend[0] == "3  c"


def test_seeds_of_which_one_has_no_estimate_are_left_out():
    one = compared(report("a", seed=1), report("b", seed=2, lut=None))
    assert comparison_plots(one) == ()


def test_an_efficiency_of_zero_is_drawn_as_the_upper_end_of_its_interval():
    comparison = compared(report("a", fired=0))
    ax, legend = drawn(comparison_plots(comparison)[1])
    (marker,) = [line for line in ax.lines if line.get_marker() == "v"]
    assert marker.get_ydata()[0] == pytest.approx(comparison.rows[0].tpr["1e-4"]["LQ"].high)
    assert legend[0] == "a  total pT"


def test_runs_on_different_events_are_not_drawn_together():
    comparison = compared(report("a"), other("b", sha256="cd" * 32), mixed=True)
    assert comparison_plots(comparison) == ()
    assert "No plot: the runs were tested on different events." in render_comparison(comparison)


def test_routed_luts_are_never_drawn_beside_estimates():
    routed = estimate("LUT", 7.0, "LUT", stage="place and route", tool="Vivado", version="2024.1")
    none = report("a", lut=None)
    some = report("a").firmware.model_copy(update={"figures": (routed,)})
    comparison = compared(none.model_copy(update={"firmware": some}))
    assert comparison_plots(comparison) == ()
    assert "No plot: no run has an estimate of its LUTs." in render_comparison(comparison)


def test_dollar_signs_in_names_are_text():
    plots = comparison_plots(compared(report("a", signals=("$x^{$", "y"))))
    assert all(plot.svg().startswith("<?xml") for plot in plots)


# Page


def test_the_page_stands_alone_and_holds_every_table(page, crowd):
    assert not re.search(r'(?:src|href)="(?!data:)', page)
    assert "<script" not in page
    for row in (*crowd.rows, *crowd.baselines):
        assert page.count(f">{row.name}</td>") >= 3
    assert page.count("<table") == 7
    assert page.count("<figure") == 1 + len(crowd.signals)
    for path in (path for row in crowd.rows for path in row.runs):
        assert path in page


def test_text_from_reports_is_escaped():
    page = render_comparison(compared(report("a", signals=("<b>LQ</b>",), transform="<i>")))
    assert "l1ae compare &lt;runs&gt;" in page
    assert "<b>LQ</b>" not in page
    assert "<i>" not in page


def test_the_page_is_written_whole_and_twice_the_same(tmp_path):
    comparison = compared(report("a"))
    for name in ("one.html", "two.html"):
        write_comparison_page(tmp_path / name, comparison)
    assert (tmp_path / "one.html").read_bytes() == (tmp_path / "two.html").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.html", "two.html"]


@pytest.mark.skipif(BROWSER is None, reason="no Chromium or Chrome is installed")
@pytest.mark.parametrize("width", [390, 1280])
def test_wide_tables_scroll_inside_their_box(page, tmp_path, width):
    found = measure(page, width, tmp_path)
    assert found["scroll"] <= found["visible"] <= width
    assert len(found["images"]) == 7
    assert all(natural > 100 and 300 < shown < width for natural, shown in found["images"])
