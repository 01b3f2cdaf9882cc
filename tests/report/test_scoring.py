import numpy as np
import pytest

from l1ae.config import DataConfig
from l1ae.errors import DataError
from l1ae.evaluation import object_count, total_pt
from l1ae.events.io import write_events
from l1ae.events.stream import EventStream
from l1ae.events.summary import Summary
from l1ae.report.scoring import pile_up, score_all, score_by_signal

DATA = DataConfig(background=("W", "tt"), signals=("LQ", "h0"))


@pytest.fixture
def stream(event_file):
    return EventStream([event_file])


def test_each_process_has_the_scores_of_its_test_events(stream):
    summary = Summary(stream.layout, stream.process_names)
    found = score_all(DATA, stream, {"total": total_pt, "count": object_count}, summary)
    test = stream.read(part="test")
    assert (found["total"].background == total_pt(test.of("W", "tt"))).all()
    for name in DATA.signals:
        assert (found["count"].signals[name] == object_count(test.of(name))).all()
    assert len(summary) == len(test.of("W", "tt", "LQ", "h0"))


def test_a_score_that_knows_the_signal_scores_the_background_for_each(stream):
    functions = {"LQ": total_pt, "h0": lambda events: -total_pt(events)}
    found = score_by_signal(DATA, stream, functions)
    plain = score_all(DATA, stream, {"total": total_pt})["total"]
    assert (found.against("LQ") == plain.background).all()
    assert (found.against("h0") == -plain.background).all()
    assert (found.signals["h0"] == -plain.signals["h0"]).all()


def test_chunks_without_some_process_change_nothing(stream, monkeypatch):
    whole = score_by_signal(DATA, stream, {"LQ": total_pt})
    chunks = stream.chunks
    monkeypatch.setattr(stream, "chunks", lambda processes, part: chunks(processes, part, 150))
    pieces = score_by_signal(DATA, stream, {"LQ": total_pt})
    np.testing.assert_array_equal(pieces.against("LQ"), whole.against("LQ"))
    np.testing.assert_array_equal(pieces.signals["LQ"], whole.signals["LQ"])


def test_pile_up_is_a_number_of_an_event_like_others(many_crowded, tmp_path):
    write_events(tmp_path / "crowded.h5", many_crowded)
    stream = EventStream([tmp_path / "crowded.h5"])
    found = score_all(DATA, stream, {"pile-up": pile_up})["pile-up"]
    test = stream.read(part="test")
    assert (found.background == test.of("W", "tt").pile_up).all()
    assert (found.signals["LQ"] == test.of("LQ").pile_up).all()


def test_events_without_pile_up_have_no_such_number(many_events):
    with pytest.raises(DataError, match="carry no pile-up count"):
        pile_up(many_events)
