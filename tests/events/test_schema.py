from dataclasses import replace

import numpy as np
import pytest

from l1ae.errors import DataError
from l1ae.events.schema import EventSet

NAMES = ("W", "LQ")


def physical(count=3):
    values = np.zeros((count, 19, 3))
    values[:, 0] = 40.0, 0.0, 1.0
    values[:, 1] = 25.0, -1.5, -2.0
    values[:, 9] = 100.0, 3.0, 0.5
    return values


def build(values):
    count = len(values)
    return EventSet.from_physical(values, np.zeros(count, np.uint8), NAMES, np.arange(count, dtype=np.uint64))


def test_values_become_counts_of_the_hardware_scales():
    events = build(physical(1))
    assert events.words[0, 0].tolist() == [80, 0, 23]  # 40 GeV / 0.5 GeV; 1 rad * 144 / 2 pi = 22.9
    assert events.words[0, 1].tolist() == [50, -34, 98]  # -2 rad + 2 pi = 4.283 rad = 98.2 counts
    assert events.words[0, 9].tolist() == [200, 69, 11]


def test_words_survive_the_way_to_physical_units_and_back(events):
    again = EventSet.from_physical(events.to_physical(), events.process, events.process_names, events.event_id)
    assert (again.words == events.words).all()


def test_absent_objects_are_all_zero_even_when_a_direction_was_left_behind():
    values = physical()
    values[:, 2] = 0.0, 1.0, 2.0
    assert (build(values).words[:, 2] == 0).all()


def test_class_codes_follow_presence():
    codes = build(physical(1)).class_codes[0]
    assert codes[[0, 1, 9]].tolist() == [1, 2, 4]
    assert codes[[2, 5, 10]].tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda v: v.__setitem__((1, 3, 0), np.nan), "1 events hold NaN or infinite values, first event 1"),
        (lambda v: v.__setitem__((2, 3, 1), np.inf), "NaN or infinite"),
        (lambda v: v.__setitem__((2, 9, 0), -1.0), "negative pT, first event 2"),
    ],
)
def test_impossible_values_are_refused_with_the_first_event(change, message):
    values = physical()
    change(values)
    with pytest.raises(DataError, match=message):
        build(values)


def test_a_wrong_shape_is_refused():
    with pytest.raises(DataError, match=r"expected \(N, 19, 3\)"):
        build(np.zeros((4, 18, 3)))


def test_words_beyond_their_hardware_range_are_refused():
    events = build(physical())
    words = events.words.copy()
    words[0, 5, 0] = 512  # muon pT has 9 bits
    with pytest.raises(DataError, match="muon pt words run from 0 to 512, the hardware word holds 0 to 511"):
        EventSet(words, events.process, NAMES, events.event_id)


def test_labels_and_ids_must_belong_to_the_events():
    events = build(physical())
    with pytest.raises(DataError, match="3 events with 2 labels"):
        EventSet(events.words, events.process[:2], NAMES, events.event_id)
    with pytest.raises(DataError, match="process codes are int64, expected unsigned"):
        EventSet(events.words, events.process.astype(np.int64) - 1, NAMES, events.event_id)
    with pytest.raises(DataError, match="process code 2 has no name"):
        EventSet(events.words, events.process + 2, NAMES, events.event_id)


def test_events_are_chosen_by_process_name(events):
    chosen = events.of("LQ", "W")
    assert {events.process_names[code] for code in chosen.process} == {"LQ", "W"}
    with pytest.raises(DataError, match="no process ttbar in this event set, it holds W, Z"):
        events.of("ttbar")


def test_parts_join_to_the_whole(events):
    joined = EventSet.concatenate([events.take(slice(0, 100)), events.take(slice(100, None))])
    assert (joined.words == events.words).all()
    assert (joined.event_id == events.event_id).all()
    with pytest.raises(DataError, match="different process names"):
        EventSet.concatenate([events, EventSet(events.words, events.process, tuple("abcdefgh"), events.event_id)])


def test_no_events_are_an_event_set_too():
    assert len(build(np.zeros((0, 19, 3)))) == 0


def test_pile_up_goes_with_its_events(crowded):
    assert (crowded.take(np.array([7, 3])).pile_up == crowded.pile_up[[7, 3]]).all()
    chosen = crowded.process == crowded.process_names.index("QCD")
    assert (crowded.of("QCD").pile_up == crowded.pile_up[chosen]).all()
    assert (crowded.select(crowded.layout.select({"jet": 2})).pile_up == crowded.pile_up).all()
    assert crowded.without_pile_up().pile_up is None


def test_pile_up_that_is_not_known_stays_so(events):
    assert events.pile_up is None
    assert events.take(slice(3)).pile_up is events.select(events.layout.select({"jet": 2})).pile_up is None
    assert events.without_pile_up() is events


def test_the_pile_up_of_a_whole_is_known_when_that_of_every_part_is(crowded):
    first, second = crowded.take(slice(0, 100)), crowded.take(slice(100, None))
    assert (EventSet.concatenate([first, second]).pile_up == crowded.pile_up).all()
    for parts in ([first, second.without_pile_up()], [first.without_pile_up(), second]):
        joined = EventSet.concatenate(parts)
        assert joined.pile_up is None
        assert len(joined) == len(crowded)


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        (np.zeros(2, np.uint16), r"3 events with pile-up counts of shape \(2,\)"),
        (np.zeros((3, 1), np.uint8), r"3 events with pile-up counts of shape \(3, 1\)"),
        (np.zeros(3), "pile-up counts are float64, expected uint16 or uint8"),
        (np.zeros(3, np.uint32), "pile-up counts are uint32"),
    ],
)
def test_pile_up_is_one_small_count_per_event(counts, message):
    with pytest.raises(DataError, match=message):
        replace(build(physical()), pile_up=counts)
