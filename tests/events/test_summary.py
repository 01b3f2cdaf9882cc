"""What is counted is what a loop over every word of every event counts."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from l1ae.errors import DataError
from l1ae.events import summary as module
from l1ae.events.io import EventFile
from l1ae.events.layout import LEPTON, Layout, ObjectKind
from l1ae.events.scales import HardwareScale
from l1ae.events.schema import EventSet
from l1ae.events.split import PARTS, part_codes
from l1ae.events.stream import EventStream
from l1ae.events.summary import Summary, event_hash, words_of

PT = HardwareScale(lsb=0.5, width=2, unit="GeV")
ETA = HardwareScale(lsb=0.1, width=3, unit="1", signed=True)
PHI = HardwareScale(lsb=2 * np.pi / 5, width=3, unit="rad", period=5)
SMALL = Layout(
    kinds=(
        ObjectKind(name="sum", code=1, count=1, fields={"pt": PT, "phi": PHI}),
        ObjectKind(name="x/y", code=2, count=3, fields={"pt": PT, "eta": ETA, "phi": PHI}),
    )
)


def small_events(seed, count, names=("a", "b", "c")):
    """Events with few different words: absent objects, saturated words, copies and stray words all occur."""
    rng = np.random.default_rng(seed)
    words = np.zeros((count, *SMALL.shape), dtype=np.int16)
    for _, rows, column, _, scale in SMALL.columns():
        if scale is not None:
            words[:, rows, column] = rng.integers(scale.low, scale.high + 1, words[:, rows, column].shape)
    words[rng.random(words.shape) < 0.5] = 0
    process = rng.integers(0, len(names), count).astype(np.uint8)
    return EventSet(
        words, process, names, rng.integers(0, 50, count, dtype=np.uint64), {"signal_processes": "c"}, SMALL
    )


def pieces(events, size):
    return [events.take(slice(start, start + size)) for start in range(0, len(events), size)]


def same(first, second):
    for kind in first.layout.kinds:
        for name in first.process_names:
            assert (first.multiplicity(kind.name, name) == second.multiplicity(kind.name, name)).all()
            for feature in kind.fields:
                ours, theirs = (one.counts(kind.name, feature, name) for one in (first, second))
                assert (ours == theirs).all()
                assert first.stray(kind.name, feature) == second.stray(kind.name, feature)
    for question in ("events", "parts", "empty", "distinct_ids", "identical"):
        for name in first.process_names:
            assert getattr(first, question)(name) == getattr(second, question)(name), question


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32), st.integers(0, 200))
def test_every_count_is_that_of_a_loop(seed, count):
    events = small_events(seed, count)
    summary = Summary.of(events)
    for code, process in enumerate(events.process_names):
        mine = [event for event, number in zip(events.words.tolist(), events.process, strict=True) if number == code]
        assert summary.events(process) == len(mine)
        for kind in SMALL.kinds:
            rows = range(SMALL.rows(kind.name).start, SMALL.rows(kind.name).stop)
            sizes = Counter(sum(event[row][0] > 0 for row in rows) for event in mine)
            assert summary.multiplicity(kind.name, process).tolist() == [sizes[n] for n in range(kind.count + 1)]
            for feature, scale in kind.fields.items():
                column = SMALL.features.index(feature)
                for slot, row in enumerate(rows):
                    found = Counter(event[row][column] for event in mine if event[row][0] > 0)
                    expected = [found[word] for word in range(scale.low, scale.high + 1)]
                    assert summary.counts(kind.name, feature, process)[slot].tolist() == expected
        assert summary.empty(process) == sum(all(row[0] == 0 for row in event) for event in mine)
        ids = events.event_id[events.process == code]
        assert summary.distinct_ids(process) == len(set(ids.tolist()))
        assert summary.ids(process).tolist() == sorted(ids.tolist())
        copies = Counter(str(event) for event in mine)
        assert summary.identical(process) == sum(number for number in copies.values() if number > 1)
        found = Counter(part_codes(ids).tolist())
        assert list(summary.parts(process).values()) == [found[number] for number in range(len(PARTS))]
    for kind, rows, column, feature, scale in SMALL.columns():
        if scale is None:
            continue
        absent = events.words[:, rows, 0] == 0
        assert summary.stray(kind.name, feature) == np.count_nonzero(events.words[:, rows, column][absent])
        present = events.words[:, rows, column][~absent]
        assert summary.saturated(kind.name, feature) == np.count_nonzero(scale.saturated(present))


@pytest.mark.parametrize("size", [1, 7, 64, 1000])
def test_chunks_of_any_size_give_the_same(size, monkeypatch):
    events = small_events(3, 300)
    whole = Summary.of(events)
    same(whole, Summary.of(pieces(events, size)))
    monkeypatch.setattr(module, "_PIECE", size)
    same(whole, Summary.of(events))


def test_files_and_streams_give_what_the_events_give(event_file, many_events):
    told = []
    same(Summary.of(many_events), Summary.of(EventFile(event_file), told.append))
    assert sum(told) == len(many_events)
    stream = EventStream([event_file], {"jet": 2, "MET": 1}, ("pt",))
    same(Summary.of(many_events.select(stream.layout)), Summary.of(stream))


def test_answers_for_several_processes_are_sums():
    summary = Summary.of(small_events(5, 400))
    for question in ("events", "empty", "identical", "distinct_ids"):
        ask = getattr(summary, question)
        assert ask(("a", "b")) == ask("a") + ask("b")
        assert ask(("a", "a")) == ask("a")
        assert ask() == ask(summary.process_names)
    counts = [summary.counts("x/y", "eta", name) for name in ("a", "b")]
    assert (summary.counts("x/y", "eta", ("a", "b")) == sum(counts)).all()
    assert len(summary) == 400
    assert summary.signals == {"c"}
    with pytest.raises(DataError, match="no process d"):
        summary.counts("x/y", "eta", "d")
    with pytest.raises(DataError, match="no charge of x/y"):
        summary.counts("x/y", "charge")


def test_planted_copies_empty_events_and_saturated_words_are_found(many_events):
    events = many_events.of("W")
    before = Summary.of(events)
    assert (before.identical(), before.empty(), before.distinct_ids()) == (0, 0, len(events))
    words, ids = events.words.copy(), events.event_id.copy()
    words[5], words[9], words[20] = words[3], words[3], words[19]
    ids[5] = ids[3]
    words[30:34] = 0
    words[40:47, 9] = (LEPTON.kind("jet").pt.high, 0, 0)
    after = Summary.of(EventSet(words, events.process, events.process_names, ids))
    assert after.identical("W") == 3 + 2 + 4
    assert after.empty("W") == 4
    assert after.distinct_ids("W") == len(events) - 1
    assert after.saturated("jet", "pt") == 7


def test_equal_words_in_different_processes_are_no_copies(many_events):
    words = np.repeat(many_events.words[:1], 2, axis=0)
    for process, expected in (([0, 0], 2), ([0, 1], 0)):
        pair = EventSet(words, np.array(process, np.uint8), many_events.process_names, np.arange(2, dtype=np.uint64))
        assert Summary.of(pair).identical() == expected


def test_every_bit_of_every_word_reaches_the_hash():
    rng = np.random.default_rng(1)
    words = rng.integers(-(2**15), 2**15, (1, 19, 3)).astype(np.int16)
    changed = np.repeat(words, 57 * 16, axis=0).reshape(57 * 16, 57)
    for place in range(57):
        for bit in range(16):
            changed[16 * place + bit, place] ^= np.int16(1 << bit if bit < 15 else -(2**15))
    hashes = event_hash(np.concatenate([words, changed.reshape(-1, 19, 3)]))
    assert len(set(hashes.tolist())) == 1 + 57 * 16
    # Order matters: exchanged objects are another event.
    assert event_hash(words)[0] != event_hash(words[:, ::-1])[0]


@pytest.mark.parametrize("count", [0, 1])
def test_a_summary_of_hardly_anything(count):
    summary = Summary.of(small_events(0, count))
    assert len(summary) == summary.distinct_ids() == count
    assert summary.identical() == 0
    assert len(summary.processes) == count
    if not count:
        assert np.isnan(summary.mean_multiplicity("sum"))


def test_what_does_not_go_together_is_refused(many_events):
    with pytest.raises(DataError, match="no events to count"):
        Summary.of([])
    summary = Summary.of(small_events(0, 5))
    for other in (many_events, small_events(0, 5, names=("a", "b", "d"))):
        with pytest.raises(DataError, match="other process names or another layout"):
            summary.add(other)


def test_words_run_over_the_whole_field():
    assert words_of(ETA).tolist() == [-4, -3, -2, -1, 0, 1, 2, 3]
    assert words_of(PHI).tolist() == [0, 1, 2, 3, 4]


def test_means_are_those_of_the_objects(many_events):
    summary = Summary.of(many_events)
    present = many_events.present[:, LEPTON.rows("muon")]
    assert summary.mean_multiplicity("muon") == pytest.approx(present.sum(axis=1).mean())


def test_pile_up_is_counted_for_each_process(crowded):
    summary = Summary.of(pieces(crowded, 40))
    largest = int(crowded.pile_up.max())
    for code, name in enumerate(crowded.process_names):
        mine = crowded.pile_up[crowded.process == code]
        assert summary.pile_up(name).tolist() == np.bincount(mine, minlength=largest + 1).tolist()
    assert summary.pile_up().tolist() == np.bincount(crowded.pile_up).tolist()
    assert summary.pile_up(("W", "Z")).tolist() == (summary.pile_up("W") + summary.pile_up("Z")).tolist()


def test_pile_up_is_not_known_when_that_of_one_event_is_not(crowded, events):
    first, last = crowded.take(slice(0, 150)), crowded.take(slice(299, None)).without_pile_up()
    assert Summary.of([first, last]).pile_up() is None
    assert Summary.of([last, first]).pile_up() is None
    assert Summary.of(events).pile_up("W") is None
    assert Summary(events.layout, events.process_names).pile_up() is None
