import numpy as np
import pytest

from l1ae.config import DataConfig
from l1ae.evaluation import object_count, total_pt
from l1ae.events.stream import EventStream
from l1ae.events.summary import Summary
from l1ae.report.scoring import score_all, score_by_signal

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
