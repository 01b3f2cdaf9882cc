"""Columns in HDF5: whole, checked, or not there."""

import errno
import itertools
import json
import os
import time

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from l1ae.errors import RunFolderError
from l1ae.events.columns import _STRIPE, BLOCK, ColumnWriter

COLUMNS = {"code": (np.int8, (2,)), "event_id": (np.uint64, ())}


def rows(count, start=0):
    numbers = np.arange(start, start + count)
    return {"code": np.stack([numbers, -numbers], axis=1) % 100, "event_id": numbers}


def test_what_was_added_piece_by_piece_is_in_the_file(tmp_path):
    written = {}
    with ColumnWriter(tmp_path / "codes.h5", "codes-1", COLUMNS, lambda: written) as writer:
        writer.append(rows(5000))
        writer.append(rows(30, 5000))
        written["rows"] = writer.rows  # the record is asked for at the end
    with h5py.File(tmp_path / "codes.h5") as file:
        assert bytes(file.attrs["format"]) == b"codes-1"
        assert json.loads(bytes(file.attrs["record"])) == {"rows": 5030}
        assert (file["code"][()] == rows(5030)["code"]).all()
        assert (file["code"].dtype, file["event_id"].dtype) == (np.int8, np.uint64)
        assert file["event_id"].fletcher32


def test_the_same_rows_give_the_same_bytes_at_any_time(tmp_path):
    for name in ("first.h5", "second.h5"):
        with ColumnWriter(tmp_path / name, "codes-1", COLUMNS, dict) as writer:
            writer.append(rows(5000))
        time.sleep(1.1)  # HDF5 counts whole seconds
    assert (tmp_path / "first.h5").read_bytes() == (tmp_path / "second.h5").read_bytes()


def test_a_flipped_byte_is_noticed(tmp_path):
    with ColumnWriter(tmp_path / "codes.h5", "codes-1", COLUMNS, dict) as writer:
        writer.append(rows(5000))
    with h5py.File(tmp_path / "codes.h5") as file:
        place = file["code"].id.get_chunk_info(0)
    content = bytearray((tmp_path / "codes.h5").read_bytes())
    content[place.byte_offset + place.size // 2] ^= 1
    (tmp_path / "codes.h5").write_bytes(content)
    with h5py.File(tmp_path / "codes.h5") as file, pytest.raises(OSError):
        file["code"][()]


@pytest.mark.parametrize("error", [KeyboardInterrupt, RunFolderError])
def test_whoever_is_interrupted_leaves_the_old_file_and_nothing_else(tmp_path, error):
    (tmp_path / "codes.h5").write_text("old")
    with pytest.raises(error), ColumnWriter(tmp_path / "codes.h5", "codes-1", COLUMNS, dict) as writer:
        writer.append(rows(10))
        raise error
    assert [path.name for path in tmp_path.iterdir()] == ["codes.h5"]
    assert (tmp_path / "codes.h5").read_text() == "old"


def test_a_full_disk_is_one_error_and_no_file(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    with (
        pytest.raises(RunFolderError, match=r"cannot write .*codes.h5: No space left"),
        ColumnWriter(tmp_path / "codes.h5", "codes-1", COLUMNS, dict) as writer,
    ):
        writer.append(rows(10))
    assert list(tmp_path.iterdir()) == []


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.lists(st.integers(0, _STRIPE + 2 * BLOCK + 9), max_size=8))
def test_the_same_rows_give_the_same_bytes_however_they_are_cut(cuts, tmp_path):
    def written(name, ends):
        with ColumnWriter(tmp_path / name, "codes-1", COLUMNS, dict) as writer:
            for first, last in itertools.pairwise(ends):
                writer.append(rows(last - first, first))
                assert writer.rows == last
        return (tmp_path / name).read_bytes()

    end = _STRIPE + 2 * BLOCK + 9
    assert written("cut.h5", [0, *sorted(cuts), end]) == written("whole.h5", [0, end])
