import inspect
import io

import pytest
from rich.console import Console

from l1ae.events.info import NOT_FINITE, left_out, tables
from l1ae.events.layout import LEPTON
from l1ae.events.readers import screen
from l1ae.events.readers.screen import Skipped
from l1ae.events.split import PARTS
from l1ae.events.summary import Summary


def shown(*renderables):
    console = Console(width=220, file=io.StringIO())
    for table in renderables:
        console.print(table)
    return console.file.getvalue()


def row(text, *start):
    """Cells of the one row that begins so."""
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in text.splitlines() if "│" in line]
    found = [cells for cells in rows if cells[: len(start)] == list(start)]
    assert len(found) == 1, found
    return found[0]


def test_the_tables_state_counts_ranges_and_origin(events):
    summary = Summary.of(events)
    first, means, sizes, fields, origin = map(shown, tables(summary))
    assert "300 events" in first
    for name in events.process_names:
        count = int((events.process == events.process_names.index(name)).sum())
        parts = [str(summary.parts(name)[part]) for part in PARTS]
        assert row(first, name) == [name, str(count), str(count), "0", "0", *parts]
        assert row(means, name)[1] == "1.000"
    assert row(first, "all")[1:5] == ["300", "300", "0", "0"]
    assert [int(cell) for cell in row(sizes, "muon")[1:6]] == summary.multiplicity("muon").tolist()
    pt = events.to_physical()[:, LEPTON.rows("muon"), 0]
    cells = row(fields, "muon", "pt")
    assert cells[2:5] == ["GeV", "0.5", "9"]
    assert [float(cell) for cell in cells[5:8]] == pytest.approx(
        [pt[pt > 0].min(), pt[pt > 0].mean(), pt.max()], rel=1e-3
    )
    assert row(origin, "recipe") == ["recipe", "test"]
    assert "non-finite values: 0 (words are integers)" in fields


def test_saturated_and_stray_words_are_counted(events):
    words = events.words.copy()
    words[:, 9] = (2047, 0, 0)
    words[:7, 1] = (0, 5, 6)
    changed = type(events)(words, events.process, events.process_names, events.event_id)
    text = shown(tables(Summary.of(changed))[3])
    assert row(text, "jet", "pt")[8:] == ["300", "0"]
    assert row(text, "e/gamma", "eta")[8:] == ["0", "7"]


def test_names_and_metadata_are_no_markup(events):
    odd = type(events)(
        events.words, events.process * 0, ("[red]W[/nothing]",), events.event_id, {"note": "[bold]x[/y]"}
    )
    text = shown(*tables(Summary.of(odd)))
    assert "[red]W[/nothing]" in text
    assert "[bold]x[/y]" in text


def test_no_events_make_tables_too():
    text = shown(*tables(Summary(LEPTON, ("W",))))
    assert "0 events" in text
    assert row(text, "jet", "pt")[5:8] == ["-", "-", "-"]


def test_what_was_left_out_is_listed_and_nan_in_any_case():
    text = shown(left_out({"a pT is negative": Skipped(3, 17)}, 50))
    assert "3 of 50 left out" in text
    assert row(text, "a pT is negative") == ["a pT is negative", "3", "17"]
    assert row(text, "a value is NaN") == ["a value is NaN", "0", "-"]
    assert row(text, "a value is infinite") == ["a value is infinite", "0", "-"]


def test_the_screen_calls_them_so():
    # The table above names the reasons of the screen: a new wording there must reach it.
    for reason in NOT_FINITE:
        assert f'"{reason}"' in inspect.getsource(screen)


def test_pile_up_is_shown_where_the_events_carry_it(events, crowded):
    text = shown(tables(Summary.of(crowded))[4])
    assert "pile-up collisions per event" in text
    w = crowded.of("W").pile_up
    assert row(text, "W") == ["W", str(w.min()), f"{w.mean():.2f}", str(w.max())]
    assert row(text, "all")[2] == f"{crowded.pile_up.mean():.2f}"
    assert "pile-up" not in shown(*tables(Summary.of(events)))
