import json
from dataclasses import replace

import h5py
import numpy as np
import pytest

from l1ae.errors import DataError, RunFolderError
from l1ae.events.io import BLOCK, EventFile, EventWriter, read_events, write_events
from l1ae.events.layout import GLOBAL_TRIGGER
from l1ae.events.source import sample_path


def test_a_file_gives_back_what_was_written(events, tmp_path):
    path = tmp_path / "events.h5"
    write_events(path, events)
    again = read_events(path)
    assert (again.words == events.words).all()
    assert (again.process == events.process).all()
    assert (again.event_id == events.event_id).all()
    assert again.process_names == events.process_names
    assert again.metadata == events.metadata


def test_an_empty_set_can_be_written_and_read(events, tmp_path):
    write_events(tmp_path / "none.h5", events.take(slice(0, 0)))
    assert len(read_events(tmp_path / "none.h5")) == 0


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match="no event file"):
        read_events(tmp_path / "nothing.h5")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_truncated_file_is_refused(events, tmp_path, share):
    path = tmp_path / "events.h5"
    write_events(path, events)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(DataError, match="truncated"):
        read_events(path)


def test_a_flipped_byte_inside_the_data_is_noticed(events, tmp_path):
    path = tmp_path / "events.h5"
    write_events(path, events)
    with h5py.File(path) as file:
        place = file["words"].id.get_chunk_info(0)
    content = bytearray(path.read_bytes())
    content[place.byte_offset + place.size // 2] ^= 0x10
    path.write_bytes(content)
    with pytest.raises(DataError):
        read_events(path)


def test_another_hdf5_file_is_refused(tmp_path):
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["words"] = np.zeros(3)
    with pytest.raises(DataError, match="not of format l1ae-events-2: turn it into one with l1ae data convert"):
        read_events(tmp_path / "other.h5")


def test_a_file_that_lacks_a_dataset_is_refused(events, tmp_path):
    path = tmp_path / "events.h5"
    write_events(path, events)
    with h5py.File(path, "a") as file:
        del file["event_id"]
    with pytest.raises(DataError, match="lacks event_id"):
        read_events(path)


@pytest.mark.parametrize("name", ["words", "process", "event_id"])
def test_another_type_is_refused(events, tmp_path, name):
    path = tmp_path / "events.h5"
    write_events(path, events)
    with h5py.File(path, "a") as file:
        values = file[name][:].astype(float)
        del file[name]
        file[name] = values
    with pytest.raises(DataError, match=f"{name} are float64, expected u?int"):
        read_events(path)


def test_a_file_is_written_and_read_piece_by_piece(events, tmp_path):
    path = tmp_path / "events.h5"
    with EventWriter(path, events.process_names, events.layout, {"made": "in pieces"}) as writer:
        for start in (0, 7, 100):
            writer.append(events.take(slice(start, {0: 7, 7: 100, 100: None}[start])))
        assert not path.exists()
    file = EventFile(path)
    assert (len(file), file.metadata) == (len(events), {"made": "in pieces"})
    for size in (1, 64, BLOCK):
        chunks = list(file.chunks(size))
        assert all(len(chunk) <= size for chunk in chunks)
        assert (np.concatenate([chunk.words for chunk in chunks]) == events.words).all()
    labels = list(file.labels(64))
    assert (np.concatenate([process for process, _ in labels]) == events.process).all()
    assert (np.concatenate([event_id for _, event_id in labels]) == events.event_id).all()
    assert (file.read(10, 20).words == events.words[10:20]).all()


def test_a_file_that_was_not_finished_is_not_there(events, tmp_path):
    with (
        pytest.raises(KeyboardInterrupt),
        EventWriter(tmp_path / "events.h5", events.process_names) as writer,
    ):
        writer.append(events)
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_a_file_keeps_its_layout_and_takes_no_other(events, tmp_path):
    chosen = events.select(events.layout.select({"muon": 1, "jet": 3}, ["pt", "eta"]))
    write_events(tmp_path / "few.h5", chosen)
    again = read_events(tmp_path / "few.h5")
    assert again.layout == chosen.layout != events.layout
    assert (again.words == events.words[:, [5, 9, 10, 11], :2]).all()
    with (
        pytest.raises(DataError, match="another layout"),
        EventWriter(tmp_path / "other.h5", events.process_names, GLOBAL_TRIGGER) as writer,
    ):
        writer.append(events)


def test_columns_of_unequal_length_are_refused(events, tmp_path):
    path = tmp_path / "events.h5"
    write_events(path, events)
    with h5py.File(path, "a") as file:
        file["event_id"].resize(len(events) - 1, axis=0)
    with pytest.raises(DataError, match="300 events with 300 labels and 299 event ids"):
        read_events(path)


def rename(file, names):
    record = json.loads(file.attrs["record"]) | {"process_names": names}
    file.attrs["record"] = np.bytes_(json.dumps(record))


def test_a_code_without_a_name_is_refused_before_the_words_are_read(events, tmp_path):
    path = tmp_path / "events.h5"
    write_events(path, events)
    with h5py.File(path, "a") as file:
        rename(file, ["W"])
    with pytest.raises(DataError, match="process code 7 has no name"):
        list(EventFile(path).labels())


def test_nothing_is_left_behind_when_writing_fails(events, tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(h5py.File, "create_dataset", full)
    with pytest.raises(RunFolderError, match="No space left on device"):
        write_events(tmp_path / "events.h5", events)
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_fills_at_the_very_end_is_an_error_too(events, tmp_path, monkeypatch):
    def full(*_):
        raise RuntimeError("Unable to flush: No space left on device")

    monkeypatch.setattr(h5py.File, "close", full)
    with pytest.raises(RunFolderError, match=r"cannot write .*: Unable to flush"):
        write_events(tmp_path / "events.h5", events)
    monkeypatch.undo()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [3.5, "text", np.zeros((4, 19))])
def test_words_of_another_kind_are_refused(events, tmp_path, content):
    path = tmp_path / "events.h5"
    write_events(path, events)
    with h5py.File(path, "a") as file:
        del file["words"]
        file["words"] = content
    with pytest.raises(DataError):
        read_events(path)


def test_a_group_in_the_place_of_a_dataset_is_refused(events, tmp_path):
    path = tmp_path / "events.h5"
    write_events(path, events)
    with h5py.File(path, "a") as file:
        del file["words"]
        file.create_group("words")
    with pytest.raises(DataError, match="lacks words"):
        read_events(path)


def test_process_names_that_are_none_are_refused(events, tmp_path):
    path = tmp_path / "events.h5"
    write_events(path, events)
    with h5py.File(path, "a") as file:
        rename(file, 3)
    with pytest.raises(DataError, match="cannot be read"):
        read_events(path)


def test_pile_up_is_kept(crowded, tmp_path):
    path = tmp_path / "events.h5"
    write_events(path, crowded)
    file = EventFile(path)
    assert file.pile_up
    assert file.read().pile_up.dtype == np.uint16
    for size in (1, 64, BLOCK):
        assert (np.concatenate([chunk.pile_up for chunk in file.chunks(size)]) == crowded.pile_up).all()
    write_events(path, replace(crowded, pile_up=crowded.pile_up.astype(np.uint8)))
    assert (read_events(path).pile_up == crowded.pile_up).all()


def test_a_file_without_pile_up_holds_no_trace_of_it(events, tmp_path):
    """So it is what it always was, and files that were written before there were pile-up counts are read like it."""
    path = tmp_path / "events.h5"
    write_events(path, events)
    with h5py.File(path) as file:
        assert list(file) == ["event_id", "process", "words"]
        assert list(file.attrs) == ["format", "record"]
        assert list(json.loads(file.attrs["record"])) == ["layout", "process_names", "metadata"]
    assert not EventFile(path).pile_up
    assert read_events(path).pile_up is None


def test_the_shipped_sample_is_older_than_pile_up_counts():
    file = EventFile(sample_path())
    assert not file.pile_up
    assert file.read(0, 10).pile_up is None


def test_events_with_and_without_pile_up_do_not_go_into_one_file(events, crowded, tmp_path):
    for holds, other, message in (
        (False, crowded, "events with pile-up counts cannot be added to a file without them"),
        (True, events, "events without pile-up counts cannot be added to a file with them"),
    ):
        with (
            pytest.raises(DataError, match=message),
            EventWriter(tmp_path / "events.h5", events.process_names, pile_up=holds) as writer,
        ):
            writer.append(other)
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda counts: None, "lacks pile_up"),
        (lambda counts: counts.astype(float), "pile_up are float64, expected uint16"),
        (lambda counts: counts[:-1], "300 events with 300 labels and 300 event ids and 299 pile-up counts"),
    ],
)
def test_a_damaged_pile_up_is_refused(crowded, tmp_path, change, message):
    path = tmp_path / "events.h5"
    write_events(path, crowded)
    with h5py.File(path, "a") as file:
        changed = change(file["pile_up"][:])
        del file["pile_up"]
        if changed is not None:
            file["pile_up"] = changed
    with pytest.raises(DataError, match=message):
        EventFile(path)


def test_a_flipped_byte_inside_the_pile_up_is_noticed(crowded, tmp_path):
    path = tmp_path / "events.h5"
    write_events(path, crowded)
    with h5py.File(path) as file:
        place = file["pile_up"].id.get_chunk_info(0)
    content = bytearray(path.read_bytes())
    content[place.byte_offset + place.size // 2] ^= 0x10
    path.write_bytes(content)
    with pytest.raises(DataError):
        read_events(path)
