"""Plain numpy files: integers are hardware words, floats GeV and radians."""

import zipfile

import numpy as np
import pytest

from l1ae.errors import DataError
from l1ae.events.layout import GLOBAL_TRIGGER, LEPTON
from l1ae.events.readers.formats import detect


@pytest.fixture
def words(make):
    return make.words(LEPTON, 30)


@pytest.fixture
def save(tmp_path):
    def write(array):
        np.save(tmp_path / "events.npy", array)
        return tmp_path / "events.npy"

    return write


@pytest.mark.parametrize("kind", [np.int16, np.int64, np.uint16, ">i4"])
def test_integers_are_words(make, save, words, kind):
    words[..., 1] = np.clip(words[..., 1], 0, None)
    path = save(words.astype(kind))
    assert detect(path) == "numpy"
    np.testing.assert_array_equal(make.read(path, 7).words, words)


@pytest.mark.parametrize("kind", [np.float64, np.float32, ">f8"])
def test_floats_are_gev_and_radians(make, save, words, kind):
    np.testing.assert_array_equal(make.read(save(make.physical(words, LEPTON).astype(kind)), 7).words, words)


@pytest.mark.parametrize("pack", [np.savez, np.savez_compressed])
def test_an_archive_has_processes_and_ids(make, tmp_path, words, pack):
    process = np.arange(30) % 2
    ids = np.arange(30, dtype=np.uint64) * 5
    pack(tmp_path / "a.npz", words=words, process=process, event_id=ids, process_names=np.array(["QCD", "h+"]))
    events = make.read(tmp_path / "a.npz", 8)
    np.testing.assert_array_equal(events.words, words)
    np.testing.assert_array_equal(events.process, process)
    np.testing.assert_array_equal(events.event_id, ids)
    assert events.process_names == ("QCD", "h+")


def test_an_archive_of_physical_values_alone_will_do(make, tmp_path, words):
    np.savez(tmp_path / "a.npz", physical=make.physical(words, LEPTON))
    events = make.read(tmp_path / "a.npz")
    np.testing.assert_array_equal(events.words, words)
    assert events.process_names == ("signal",)


def test_another_layout_is_named_and_chosen_from(make, save):
    words = make.words(GLOBAL_TRIGGER, 9)
    path = save(words)
    with pytest.raises(DataError, match=r"shape \(9, 45, 3\), expected \(N, 19, 3\); name their layout with --layout"):
        make.read(path)
    np.testing.assert_array_equal(make.read(path, layout=GLOBAL_TRIGGER).words, words)
    events = make.read(path, layout=GLOBAL_TRIGGER, objects={"tau": 2}, features=("pt", "phi"))
    np.testing.assert_array_equal(events.words, words[:, GLOBAL_TRIGGER.rows("tau")][:, :2][..., [0, 2]])


@pytest.mark.parametrize(
    ("value", "reason"), [(np.nan, "NaN"), (np.inf, "infinite"), (-1.0, "negative"), (1e9, "not ordered by pT")]
)
def test_bad_values_are_named(make, save, words, value, reason):
    values = make.physical(words, LEPTON)
    values[4, 9:, 0], values[4, 12, 0] = 5.0, value
    with pytest.raises(DataError, match=rf"{reason} \(first event 4\)"):
        make.read(save(values))


def test_words_outside_their_field_are_named(make, save, words):
    words[3, 0, 0] = 4096
    with pytest.raises(DataError, match=r"pt is outside its range \(first event 3\)"):
        make.read(save(words))


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((4, 57)), "expected"),
        (np.zeros((4, 19, 3), dtype=complex), "complex128, expected numbers"),
        (np.array([{"a": 1}]), "object, expected numbers"),
        (np.zeros((4, 19, 3), dtype=bool), "bool, expected numbers"),
        (np.zeros((4, 19, 3), dtype="S3"), "expected floating|S3, expected"),
        (np.asfortranarray(np.zeros((4, 19, 3))), "column by column"),
    ],
)
def test_other_arrays_are_refused(make, tmp_path, array, message):
    np.save(tmp_path / "a.npy", array, allow_pickle=True)
    with pytest.raises(DataError, match=message):
        make.read(tmp_path / "a.npy")


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({}, "expected one of words and physical"),
        ({"words": 0, "physical": 0}, "expected one of words and physical"),
        ({"words": 0, "jets": 0}, "has an array jets"),
        ({"words": 0.5}, "words are float64, expected integers"),
        ({"physical": 1}, "physical are int64, expected floating"),
    ],
)
def test_archives_with_other_arrays_are_refused(make, tmp_path, arrays, message):
    np.savez(tmp_path / "a.npz", **{name: np.full((4, 19, 3), value) for name, value in arrays.items()})
    with pytest.raises(DataError, match=message):
        make.read(tmp_path / "a.npz")


@pytest.mark.parametrize(
    ("others", "message"),
    [
        ({"process": np.zeros(30, dtype=int)}, "process codes and no process_names"),
        (
            {"process": np.full(30, 2), "process_names": np.array(["a", "b"])},
            "process codes run to 2, there are 2 names",
        ),
        ({"process": np.full(30, -1), "process_names": np.array(["a", "b"])}, "process codes run"),
        ({"process_names": np.array(["a", "b"])}, "several process_names and no array process"),
        ({"process": np.zeros(29, dtype=int), "process_names": np.array(["a"])}, "process are int64"),
        ({"event_id": np.zeros(30)}, "event_id are float64"),
        ({"process": np.zeros(30, dtype=int), "process_names": np.array([1, 2])}, "expected 1 to 255 texts"),
    ],
)
def test_labels_that_do_not_fit_are_refused(make, tmp_path, words, others, message):
    np.savez(tmp_path / "a.npz", words=words, **others)
    with pytest.raises(DataError, match=message):
        make.read(tmp_path / "a.npz")


@pytest.mark.parametrize("cut", [-1, -100, 200, 10])
def test_a_truncated_array_is_refused(make, save, words, cut):
    path = save(words)
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(DataError, match=r"events\.npy"):
        make.read(path)


def test_more_than_the_header_says_is_refused(make, save, words):
    path = save(words)
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(DataError, match="more than their header says"):
        make.read(path)


def test_a_damaged_archive_is_refused(make, tmp_path, words):
    path = tmp_path / "a.npz"
    np.savez(path, words=words)
    with zipfile.ZipFile(path) as archive:
        offset = archive.getinfo("words.npy").header_offset
    content = bytearray(path.read_bytes())
    content[offset + 500] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"a.npz.*(CRC|bad)"):
        make.read(path)
