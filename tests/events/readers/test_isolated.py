"""Foreign HDF5 files are read in a process of their own, which may crash."""

import gc
import sys

import h5py
import numpy as np
import pytest

from l1ae.errors import DataError
from l1ae.events.io import write_events
from l1ae.events.layout import LEPTON
from l1ae.events.readers import isolated
from l1ae.events.readers.formats import Choice, is_old_hdf5, open_reader
from l1ae.events.readers.isolated import IsolatedReader, open_safely
from l1ae.events.readers.screen import Screen


@pytest.fixture
def path(make, tmp_path):
    return make.public(tmp_path / "events.h5", make.particles(make.words(LEPTON, 30)))


def test_it_gives_what_the_reader_gives(path):
    near, far = open_reader(path, "x", Choice()), open_safely(path, "x", Choice())
    assert isinstance(far, IsolatedReader)
    for name in ("form", "units", "as_sent", "known_ids", "pile_up", "layout", "process_names", "metadata", "codes"):
        assert getattr(far, name) == getattr(near, name)
    assert len(far) == len(near) == 30
    for _ in range(2):
        for one, two in zip(Screen(near).events(7), Screen(far).events(7), strict=True):
            np.testing.assert_array_equal(one.words, two.words)
            np.testing.assert_array_equal(one.event_id, two.event_id)


def test_files_with_checksums_are_read_here(tmp_path, events, path):
    write_events(tmp_path / "own.h5", events)
    assert is_old_hdf5(path)
    assert not is_old_hdf5(tmp_path / "own.h5")
    assert not is_old_hdf5(tmp_path / "nothing.h5")
    assert not isinstance(open_safely(tmp_path / "own.h5", "x", Choice()), IsolatedReader)


def test_its_complaints_are_passed_on(make, tmp_path):
    path = make.public(tmp_path / "events.h5", np.zeros((3, 5, 4)))
    with pytest.raises(DataError, match=r"shape \(3, 5, 4\), expected"):
        open_safely(path, "x", Choice())


@pytest.mark.parametrize("script", ["import os; os.abort()", "pass", "print('noise')"])
def test_a_crash_is_an_explained_error(path, monkeypatch, script):
    monkeypatch.setattr(isolated, "COMMAND", [sys.executable, "-c", script])
    with pytest.raises(DataError, match=r"events\.h5 is damaged: the HDF5 library crashed on it"):
        open_safely(path, "x", Choice())


def test_a_crash_in_the_middle_is_an_explained_error(path, monkeypatch):
    script = (
        "import os; from l1ae.events.readers import isolated, public\n"
        "public.PublicReader._raw = lambda *_: os.abort()\nisolated.main()"
    )
    monkeypatch.setattr(isolated, "COMMAND", [sys.executable, "-c", script])
    reader = open_safely(path, "x", Choice())
    with pytest.raises(DataError, match="crashed on it"):
        next(iter(reader.chunks(10)))


def test_the_other_process_ends_with_the_reader(path):
    reader = open_safely(path, "x", Choice())
    process = reader._child._process
    del reader
    gc.collect()
    assert process.poll() is not None


def test_event_files_that_others_wrote_again_keep_their_pile_up(tmp_path, crowded):
    write_events(tmp_path / "own.h5", crowded)
    with h5py.File(tmp_path / "own.h5") as file, h5py.File(tmp_path / "old.h5", "w") as old:
        for name in file:
            file.copy(name, old)
        old.attrs.update(file.attrs)
    reader = open_safely(tmp_path / "old.h5", "x", Choice())
    assert isinstance(reader, IsolatedReader)
    assert reader.pile_up
    found = np.concatenate([events.pile_up for events in Screen(reader).events(64)])
    np.testing.assert_array_equal(found, crowded.pile_up)
