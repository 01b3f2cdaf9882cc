import base64
import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import numpy as np
import pytest

import l1ae.report
from l1ae.evaluation import Efficiencies, MenuPoint, WorkingPoint, pile_up_dependence
from l1ae.report import render, write_page
from l1ae.report.anchors import Anchor
from l1ae.report.costs import Version
from l1ae.report.numbers import figure, interval, khz, percent

from ..made_reports import simulated, staged

VOID = {"meta", "img", "br", "hr", "link", "input"}


class Checker(HTMLParser):
    """Collects tags, attributes and text, and fails on tags that do not match."""

    def __init__(self):
        super().__init__()
        self.open, self.seen, self.text = [], [], []

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, f"</{tag}> closes something else at {self.getpos()}"

    def handle_data(self, data):
        self.text.append(data)


def parse(html):
    checker = Checker()
    checker.feed(html)
    checker.close()
    assert not checker.open
    return checker


def test_page_is_well_formed_and_names_everything(page, report):
    text = " ".join(" ".join(parse(page).text).split())
    assert "Exact: 61,482 events, 0 mismatches" in text
    assert "not reachable with 20000 background events" in text
    assert "greater than or equal to the threshold word" in text
    for signal, performance in report.physics.items():
        assert signal in text
        assert f"{performance.auc:.4f} ± {performance.auc_error:.4f}" in text
        assert str(performance.tpr["1e-3"].threshold) in text
    for baseline in report.baselines.values():
        assert baseline.description in text
    for layer in report.model.layers:
        assert layer.name in text
        assert layer.format in text
    for item in report.firmware.figures:
        assert item.value is None or figure(item.value) in text
    assert "2 types of the project" in text
    assert report.data.sha256 in text


def test_rates_are_shown_with_what_they_stand_on(page, report):
    text = " ".join(" ".join(parse(page).text).split())
    assert "40 MHz of bunch crossings, 0.774 of them filled, make 30,960 kHz" in text
    for point in report.rates.points:
        assert f"{point.asked_khz:,g} kHz" in text
    reached = [point for point in report.rates.points if point.rate is not None]
    assert 0 < len(reached) < len(report.rates.points), "the sample has too few events for the last one"
    assert f"{reached[0].background.passed:,} of 20,000 background events fire" in text
    assert text.count("menu or model") == len(reached)
    assert text.count(" pure") == len(reached)
    assert percent(reached[0].menu.either["LQ"]) in text


def test_a_menu_that_cannot_run_says_why(report):
    point = report.rates.points[0]
    menu = MenuPoint(asked_khz=0.5, reason="not reachable with 20000 background events")
    rates = report.rates.model_copy(update={"points": (point.model_copy(update={"menu": menu}),)})
    html = render(report.model_copy(update={"rates": rates}))
    parse(html)
    assert "at 0.5 kHz not reachable with 20000 background events" in html
    alone = report.rates.model_copy(update={"points": (point.model_copy(update={"menu": None}),)})
    assert "menu or model" not in render(report.model_copy(update={"rates": alone}))


def test_a_report_without_rates_and_efficiencies_is_shown(report):
    html = render(report.model_copy(update={"rates": None, "efficiency": None}))
    parse(html)
    assert "Trigger rates" not in html
    none = Efficiencies(target=None, threshold=None, curves=(), reason="not reachable with 99 background events")
    assert "No efficiency curves: not reachable with 99 background events." in render(
        report.model_copy(update={"efficiency": none})
    )


def test_pile_up_is_said_to_be_missing(page):
    assert "Dependence on pile-up: not available: the events carry no pile-up count." in page


def test_pile_up_is_shown_in_bins(report):
    rng = np.random.default_rng(5)
    counts = rng.poisson(20, 2000)
    found = pile_up_dependence(counts + rng.integers(0, 20, 2000), counts, threshold=40)
    page = render(report.model_copy(update={"pile_up": found}))
    parse(page)
    assert "over 2,000 background events" in page
    assert "Background that fires at threshold word 40" in page
    for one in found.bins:
        assert f"<tr><th>{one.text}</th><td>{one.passing.events}</td><td>{one.passing.passed}</td>" in page
    without = render(report.model_copy(update={"pile_up": pile_up_dependence(counts, counts, None)}))
    assert "at threshold word None" not in without


def test_page_loads_nothing(page):
    outside_images = re.sub(r"data:image/svg\+xml;base64,[A-Za-z0-9+/=]+", "", page)
    for forbidden in ("http:", "https:", "url(", "@import", "<script", "<link", "<iframe", "file:"):
        assert forbidden not in outside_images
    for _, attributes in parse(page).seen:
        assert attributes.get("src", "data:").startswith("data:")
        assert "href" not in attributes
        assert not [name for name in attributes if name.startswith("on")]


def test_plots_are_valid_svg_that_loads_nothing(page, plots):
    images = [attributes for tag, attributes in parse(page).seen if tag == "img"]
    assert len(images) == len(plots) == 2 + 4 + 3 + 1 + 4
    for attributes, plot in zip(images, plots, strict=True):
        svg = base64.b64decode(attributes["src"].partition("base64,")[2])
        for element in ElementTree.fromstring(svg).iter():
            for name, value in element.attrib.items():
                assert not name.endswith("href") or value.startswith(("#", "data:"))
        assert attributes["alt"].startswith(plot.title)


def test_captions_state_sample_sizes(plots):
    for plot in plots:
        assert re.search(r"\d", plot.caption), plot.name
        assert "events" in plot.caption


def test_a_difference_is_a_red_box_that_names_the_place(differing):
    html = render(differing)
    parse(html)
    assert 'class="verdict differs"' in html
    assert "first in layer code, unit 2, event 417 (data): -13 against -12, 1 LSB apart" in html
    assert 'class="verdict exact"' not in html


def test_edited_firmware_is_said(report):
    exactness = report.exactness.model_copy(update={"edited_files": ("firmware/parameters.h",)})
    html = render(report.model_copy(update={"exactness": exactness}))
    assert "firmware/parameters.h was changed after the firmware project was written" in html


def test_what_has_not_run_is_said(report):
    html = render(
        report.model_copy(
            update={"exactness": None, "firmware": None, "training": None, "physics": {}, "baselines": {}}
        )
    )
    parse(html)
    for sentence in ("Not verified", "No firmware was emitted yet", "not trained in this run"):
        assert sentence in html
    assert "Exact:" not in html


def test_names_are_escaped(report):
    evil = "<script>alert('x')</script>&\"$"
    hostile = report.model_copy(
        update={
            "name": evil,
            "physics": {evil: report.physics["LQ"]},
            "baselines": {},
            "data": report.data.model_copy(update={"metadata": {evil: evil}}),
            "versions": {evil: evil},
        }
    )
    html = render(hostile)
    assert "<script" not in html
    assert evil in "".join(parse(html).text)


def test_collapse_is_visible(report):
    performance = report.physics["LQ"].model_copy(update={"collapsed": True})
    html = render(report.model_copy(update={"physics": {"LQ": performance}, "baselines": {}}))
    assert ">collapsed<" in html
    assert "Warning: the score of the model has collapsed" in html


def test_write_page(report, tmp_path):
    write_page(tmp_path / "report.html", report)
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == render(report)


def point(value, low, high):
    counts = {"background_passed": 1, "background_events": 9, "signal_passed": 1, "signal_events": 9}
    fractions = {"fpr": 0.1, "fpr_low": 0.0, "fpr_high": 0.2}
    return WorkingPoint(target=0.1, value=value, low=low, high=high, threshold=1, reason=None, **counts, **fractions)


@pytest.mark.parametrize(
    ("value", "low", "high", "text"),
    [
        (0.123456, 0.11, 0.14, "12.3 %"),
        (0.00021, 0.00012, 0.00035, "0.021 %"),
        (1.0, 0.2, 1.0, "100 %"),
        (None, None, None, "not reachable"),
    ],
)
def test_percentages_have_the_decimals_they_deserve(value, low, high, text):
    assert percent(point(value, low, high)) == text


def test_numbers():
    assert interval(0.00012, 0.00035) == "0.012\N{EN DASH}0.035 %"
    assert interval(None, None) == ""
    assert [khz(rate) for rate in (12345.6, 977.3, 1.234, 0.0)] == ["12,346", "977", "1.23", "0"]
    assert [figure(x) for x in (None, 12345.0, 0.123456, 5.0)] == ["\N{EN DASH}", "12,345", "0.1235", "5"]


def test_public_names_exist():
    for name in l1ae.report.__all__:
        assert getattr(l1ae.report, name)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = l1ae.report.nonsense


def section(html, name):
    """Text of a section, and its tags with their attributes."""
    part = html.partition(f'<section id="{name}">')[2].partition("</section>")[0]
    found = parse(part)
    return " ".join(" ".join(found.text).split()), found.seen


def test_latency_and_resources_stand_by_stage(measured, monkeypatch):
    monkeypatch.setattr("l1ae.report.hardware_grid.anchor", lambda: None)
    html = render(measured)
    parse(html)
    text, _ = section(html, "hardware")
    assert (
        "Latency: 12 clocks, which are 50 ns at 240 MHz or 2 bunch crossings of 25 ns; a new event every clock" in text
    )
    for heading in (
        "estimate synthetic 0",
        "RTL simulation Verilator 5.48 240 MHz",
        "netlist Yosys 0.70 xcvu13p-flga2577-2-e",
    ):
        assert heading in text
    assert "LUT 12,345 \N{EN DASH} 10,000 0.58 % 8,000 0.46 %" in text
    assert "Not run: C synthesis (l1ae build RUN, with Vitis HLS or Vivado HLS); co-simulation (" in text
    assert "2 modules of the netlist" in text
    assert "tiny_stage2 5,000" in text
    assert "clock period (netlist, Yosys): uncalibrated model." in text


def test_the_budget_is_shown_with_bars(measured):
    text, tags = section(render(measured), "hardware")
    assert "LUT 8,000 of 7,500: exceeded place and route, Vivado 2024.1; 0.46 % of xcvu13p-flga2577-2-e" in text
    assert "clock 222.2 reached, at least 240 MHz: exceeded" in text
    assert "latency 50 of 50 ns: within" in text
    bars = [attributes["style"] for tag, attributes in tags if tag == "span" and "style" in attributes]
    assert bars == ["width:100.0%", "width:92.6%", "width:100.0%", "width:44.4%"], "none where nothing is allowed"
    assert "Budget" not in section(render(measured.model_copy(update={"budget": None})), "hardware")[0]


def test_a_network_to_compare_with_stands_below(measured, monkeypatch):
    known = Anchor(name="the unpruned", description="It is large.", figures=staged(51_234.0))
    monkeypatch.setattr("l1ae.report.hardware_grid.anchor", lambda: known)
    text, _ = section(render(measured), "hardware")
    assert "the unpruned for comparison" in text
    assert "the unpruned: It is large." in text
    assert "LUT \N{EN DASH} \N{EN DASH} 51,234 3 % \N{EN DASH}" in text


def test_earlier_versions_are_shown_when_there_are_any(measured):
    old = Version(circuit="a" * 64, created="2000-01-01", l1ae="0", figures={"netlist.LUT": 77_777.0})
    new = Version(circuit="b" * 64, created="2001-01-01", l1ae="0", figures={"auc.mean": 0.8765})
    text, _ = section(render(measured, earlier=(old, new)), "hardware")
    assert "Earlier versions of this run" in text
    assert "2000-01-01 aaaaaaaa 77,777 \N{EN DASH} 2001-01-01 bbbbbbbb \N{EN DASH} 0.8765" in text
    assert "Earlier versions" not in render(measured, earlier=(new,))


def test_a_simulation_that_differs_is_a_red_box(measured):
    firmware = measured.firmware.model_copy(update={"netlist": simulated(3)})
    html = render(measured.model_copy(update={"firmware": firmware}))
    assert 'class="verdict differs"' in html
    assert "Not exact: netlist differs from the reference" in html
    assert "first in gaps, event 3 (corner), clock 7: wrong words: 4 where 5 is right" in html
