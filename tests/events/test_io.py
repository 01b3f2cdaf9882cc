import h5py
import numpy as np
import pytest

from l1ae.errors import DataError, RunFolderError
from l1ae.events.io import read_events, write_events


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
    with pytest.raises(DataError, match="not of format"):
        read_events(tmp_path / "other.h5")


def test_a_file_that_lacks_a_dataset_is_refused(events, tmp_path):
    path = tmp_path / "events.h5"
    write_events(path, events)
    with h5py.File(path, "a") as file:
        del file["event_id"]
    with pytest.raises(DataError, match="lacks event_id"):
        read_events(path)


def test_features_that_are_not_finite_are_refused(events, tmp_path):
    path = tmp_path / "events.h5"
    write_events(path, events)
    with h5py.File(path, "a") as file:
        words = file["words"][:].astype(float)
        words[3, 2, 1] = np.nan
        del file["words"]
        file["words"] = words
    with pytest.raises(DataError, match="NaN or infinite"):
        read_events(path)


def test_nothing_is_left_behind_when_writing_fails(events, tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(h5py.File, "create_dataset", full)
    with pytest.raises(RunFolderError, match="No space left on device"):
        write_events(tmp_path / "events.h5", events)
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
        file.attrs["process_names"] = 3
    with pytest.raises(DataError, match="cannot be read"):
        read_events(path)
