import json

import h5py
import numpy as np
import pytest

from l1ae.errors import DataError, RunFolderError
from l1ae.events.io import BLOCK, EventFile, EventWriter, read_events, write_events
from l1ae.events.layout import GLOBAL_TRIGGER


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
