"""The page of two samples: every test, no markup from names, equal input gives equal bytes."""

import re

import pytest

from l1ae.events.compare import compare
from l1ae.events.layout import LEPTON
from l1ae.events.summary import Summary
from l1ae.report.samples_page import write_samples_page

from ..conftest import make_events


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """Text of the page, written twice, and the comparison behind it."""
    layout = LEPTON.select({"MET": 1, "muon": 2}, ("pt",))
    first, second = (Summary.of(make_events(400, seed).select(layout)) for seed in (0, 1))
    found = compare(first, second, (("W", "Z"), None), ("<true>", "made"))
    texts = []
    for name in ("a.html", "b.html"):
        path = tmp_path_factory.mktemp("page") / name
        write_samples_page(path, "a <b> title", ("one sentence", "two"), found, (first, second))
        assert [file.name for file in path.parent.iterdir()] == [name]
        texts.append(path.read_text())
    assert texts[0] == texts[1]
    return texts[0], found


def test_every_test_has_a_row_and_the_largest_distance_is_first(page):
    text, found = page
    _, *rows = re.findall(r"<tr><th>([^<]+)</th>", text)  # the first is the heading
    made = sorted(found.made, key=lambda test: -test.ks)
    assert rows[: len(made)] == [test.name for test in made]
    assert set(rows[len(made) :]) == {test.name for test in found.tests if test.p is None}
    assert f"<td>{made[0].ks:.4f}</td>" in text


def test_names_are_text_and_nothing_is_loaded(page):
    text, found = page
    assert "<h1>a &lt;b&gt; title</h1>" in text
    assert "&lt;true&gt;" in text
    assert "<true>" not in text
    assert not re.search(r"<script|src=\"(?!data:)|href=", text)
    assert "<p>one sentence</p>" in text
    assert f"A: {found.first.events:,} events" in text


def test_what_weakens_the_tests_is_said(page):
    text, found = page
    assert found.common_ids
    assert "stand in made too" in text
