"""Files as one stream of chunks."""

from dataclasses import replace

import numpy as np
import pytest

from l1ae.errors import ConfigError, DataError
from l1ae.events.io import write_events
from l1ae.events.schema import EventSet
from l1ae.events.split import PARTS, part_codes
from l1ae.events.stream import EventStream


@pytest.fixture
def files(events, tmp_path):
    """Two files: the second has other ids, its names in another order, and one more."""
    write_events(tmp_path / "one.h5", replace(events, metadata={"recipe": "test", "signal_processes": "LQ"}))
    names = (*events.process_names[::-1], "mine")
    codes = (len(events.process_names) - 1 - events.process).astype(np.uint8)
    codes[:5] = len(names) - 1
    ids = events.event_id + np.uint64(10_000)
    metadata = {"recipe": "test", "signal_processes": "h0,LQ", "seed": "2"}
    write_events(tmp_path / "two.h5", EventSet(events.words, codes, names, ids, metadata))
    return tmp_path / "one.h5", tmp_path / "two.h5"


def joined(chunks):
    return EventSet.concatenate(list(chunks))


@pytest.mark.parametrize("size", [17, 300, 10_000])
def test_all_events_come_in_the_order_of_the_files_with_common_names(files, events, size):
    stream = EventStream(files)
    assert stream.process_names == (*events.process_names, "mine")
    every = joined(stream.chunks(size=size))
    assert len(every) == len(stream) == 600
    assert (every.words == np.concatenate([events.words, events.words])).all()
    again = [stream.process_names[code] for code in every.process[305:]]
    assert again == [events.process_names[code] for code in events.process[5:]]
    assert {stream.process_names[code] for code in every.process[300:305]} == {"mine"}


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("size", [13, 1000])
def test_a_part_of_some_processes_is_what_the_split_says(files, part, size):
    stream = EventStream(files)
    every = joined(stream.chunks())
    chosen = every.take(part_codes(every.event_id) == PARTS.index(part)).of("W", "LQ")
    found = joined(stream.chunks(["W", "LQ"], part, size))
    assert (found.event_id == chosen.event_id).all()
    assert (found.words == chosen.words).all()
    assert (found.process == chosen.process).all()
    assert all(len(chunk) for chunk in stream.chunks(["W", "LQ"], part, size))


def test_the_counts_are_those_of_the_chunks(files):
    stream = EventStream(files)
    for name, counts in stream.counts().items():
        for part in PARTS:
            assert counts[part] == len(stream.read([name], part))
    assert sum(sum(counts.values()) for counts in stream.counts().values()) == len(stream)


def test_no_generated_event_is_in_two_parts(events, tmp_path):
    write_events(tmp_path / "copies.h5", events.take(np.repeat(np.arange(len(events)), 3)))
    stream = EventStream([tmp_path / "copies.h5"])
    sides = [set(stream.read(part=part).event_id.tolist()) for part in PARTS]
    assert len(set.union(*sides)) == sum(map(len, sides)) == len(events)


def test_an_event_keeps_its_part_when_the_file_grows(events, tmp_path):
    write_events(tmp_path / "few.h5", events.take(slice(0, 150)))
    write_events(tmp_path / "many.h5", events)
    for part in PARTS:
        few, many = (EventStream([tmp_path / name]).read(part=part) for name in ("few.h5", "many.h5"))
        assert set(few.event_id.tolist()) == {value for value in many.event_id.tolist() if value < 150}


def test_events_are_found_by_their_position(files):
    stream = EventStream(files)
    test = stream.read(["Z", "tt"], "test")
    index = np.array([0, 3, 4, len(test) - 1])
    assert (stream.rows(index, ["Z", "tt"], "test").words == test.words[index]).all()
    assert len(stream.rows(index[:0], ["Z", "tt"], "test")) == 0


def test_objects_and_features_are_selected(files, events):
    stream = EventStream(files[:1], {"MET": 1, "jet": 2}, ["pt"])
    assert stream.layout.feature_names() == ("MET_pt", "jet1_pt", "jet2_pt")
    assert (joined(stream.chunks()).inputs == events.words[:, [0, 9, 10], 0]).all()
    with pytest.raises(ConfigError, match="hold no photon"):
        EventStream(files, {"photon": 1})


def test_what_the_files_say_about_themselves_is_joined(files):
    assert EventStream(files[:1]).metadata == {"recipe": "test", "signal_processes": "LQ"}
    assert EventStream(files).metadata == {
        "recipe": "test",
        "signal_processes": "LQ,h0",
        "seed": "two.h5: 2",
    }


def test_counts_and_processes_of_files_with_one_name_are_not_lost(events, tmp_path):
    for folder, signal in (("a", "LQ"), ("b", "h0")):
        (tmp_path / folder).mkdir()
        metadata = {"signal_processes": signal, "events": '{"W": 50}', "pile_up": "none"}
        write_events(tmp_path / folder / "e.h5", replace(events, metadata=metadata))
    assert EventStream([tmp_path / "a" / "e.h5", tmp_path / "b" / "e.h5"]).metadata == {
        "signal_processes": "LQ,h0",
        "events": 'e.h5: {"W": 50}; e.h5: {"W": 50}',
        "pile_up": "none",
    }


def test_files_that_do_not_go_together_are_refused(files, events, tmp_path):
    write_events(tmp_path / "pt.h5", events.select(events.layout.select(features=["pt"])))
    with pytest.raises(DataError, match=r"pt.h5 has another layout than .*one.h5"):
        EventStream([*files, tmp_path / "pt.h5"])
    with pytest.raises(DataError, match="named twice"):
        EventStream([files[0], files[0]])
    with pytest.raises(DataError, match="no event file is named"):
        EventStream([])
    with pytest.raises(DataError, match="no process Q in this event set"):
        next(EventStream(files).chunks(["Q"]))


def test_no_events_can_be_read_too(files, events):
    nothing = EventStream(files[:1]).read(["W"], "test").take(np.zeros(0, dtype=int))
    assert len(nothing) == len(EventStream(files).empty()) == 0


def test_pile_up_is_known_when_every_file_holds_it(events, crowded, tmp_path):
    later = replace(crowded, event_id=crowded.event_id + np.uint64(1000))
    for name, part in (("one", crowded), ("two", later), ("three", replace(events, event_id=later.event_id))):
        write_events(tmp_path / f"{name}.h5", part)
    one, two, three = (tmp_path / f"{name}.h5" for name in ("one", "two", "three"))

    stream = EventStream([one, two], {"jet": 2})
    assert stream.pile_up
    every = joined(stream.chunks(size=17))
    assert (every.pile_up == np.tile(crowded.pile_up, 2)).all()
    test = crowded.take(part_codes(crowded.event_id) == PARTS.index("test")).of("W")
    assert (EventStream([one]).read(["W"], "test").pile_up == test.pile_up).all()
    assert (stream.rows(np.array([1]), ["W"], "test").pile_up == test.pile_up[1]).all()
    assert stream.empty().pile_up.shape == (0,)

    for files in ([one, three], [three, one], [three]):
        mixed = EventStream(files)
        assert not mixed.pile_up
        assert all(chunk.pile_up is None for chunk in mixed.chunks())
        assert mixed.empty().pile_up is None
