"""The HDF5 format of arXiv:2107.02157, quirks included."""

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from l1ae.errors import ConfigError, DataError
from l1ae.events.layout import GLOBAL_TRIGGER, LEPTON
from l1ae.events.readers.formats import Choice, detect, open_reader
from l1ae.events.readers.screen import Screen


@pytest.fixture
def words(make):
    return make.words(LEPTON, 50)


def test_the_words_of_one_event_one_by_one(make, tmp_path):
    values = np.zeros((1, 19, 4))
    values[0, 0] = (40.2, 0.0, -np.pi, 1)
    values[0, 1] = (25.0, -1.5, 0.1, 2)
    values[0, 5] = (600.0, 2.05, 3.1, 3)
    values[0, 9] = (1023.4, 3.9, -0.02, 4)
    values[0, 10] = (30.3, -3.9, 1.0, 4)
    events = make.read(make.public(tmp_path / "one.h5", values))
    expected = np.zeros((19, 3), dtype=np.int16)
    expected[0] = (80, 0, 72)
    expected[1] = (50, -34, 2)
    expected[5] = (511, 189, 284)  # 600 GeV: a muon word has 9 bits, 255.5 GeV is where it saturates
    expected[9] = (2047, 90, 0)
    expected[10] = (61, -90, 23)
    np.testing.assert_array_equal(events.words[0], expected)
    assert events.process_names == ("signal",)
    assert events.layout == LEPTON


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(1, 40), size=st.integers(1, 50))
def test_words_survive_the_way_through_the_public_format(make, tmp_path, seed, count, size):
    words = make.words(LEPTON, count, seed)
    path = make.public(tmp_path / "events.h5", make.particles(words))
    np.testing.assert_array_equal(make.read(path, size).words, words)


def test_a_removed_jet_leaves_a_gap_that_is_closed_and_a_phi_that_is_cleaned(make, tmp_path):
    values = np.zeros((1, 19, 4))
    values[0, 9] = (100.0, 1.0, 1.0, 4)
    values[0, 10] = (0.0, 0.0, 2.5, 4)
    values[0, 11] = (0.0, 0.0, -1.5, 0)
    values[0, 12] = (50.0, -1.0, -1.0, 4)
    events = make.read(make.public(tmp_path / "gap.h5", values))
    np.testing.assert_array_equal(events.words[0, 9:12], [(200, 23, 23), (100, -23, 121), (0, 0, 0)])
    assert not events.words[0, 11:].any()


def test_an_object_below_half_a_count_is_absent(make, tmp_path):
    values = np.zeros((1, 19, 4))
    values[0, 9] = (0.2, 1.0, 1.0, 4)
    assert not make.read(make.public(tmp_path / "soft.h5", values)).words.any()


def test_ids_follow_from_the_name_and_the_row_and_stay_when_the_file_grows(make, tmp_path, words):
    values = make.particles(words)
    short = make.read(make.public(tmp_path / "events.h5", values[:20]))
    long = make.read(make.public(tmp_path / "events.h5", values))
    other = make.read(make.public(tmp_path / "others.h5", values))
    np.testing.assert_array_equal(short.event_id, long.event_id[:20])
    np.testing.assert_array_equal(np.diff(long.event_id.astype(np.int64)), 1)
    assert not set(long.event_id.tolist()) & set(other.event_id.tolist())


def test_the_ids_of_the_black_box_are_kept(make, tmp_path, words):
    ids = np.arange(50, dtype=np.int64)[::-1] * 7
    path = make.public(tmp_path / "box.h5", make.particles(words), EvtId=ids)
    np.testing.assert_array_equal(make.read(path, size=13).event_id, ids)
    assert open_reader(path, "x", Choice()).known_ids


def test_names_and_classes_need_not_be_there(make, tmp_path, words):
    path = make.public(tmp_path / "bare.h5", make.particles(words), Particles_Names=None, Particles_Classes=None)
    np.testing.assert_array_equal(make.read(path).words, words)


def test_single_precision_is_read_too_and_pi_may_be_rounded_up(make, tmp_path):
    values = np.zeros((1, 19, 4), dtype=np.float32)
    values[0, 0] = (40.0, 0.0, np.pi, 1)  # 3.1415927 > pi
    assert make.read(make.public(tmp_path / "single.h5", values)).words[0, 0].tolist() == [80, 0, 72]


def test_objects_and_features_are_chosen(make, tmp_path, words):
    path = make.public(tmp_path / "events.h5", make.particles(words))
    events = make.read(path, objects={"jet": 3, "muon": 2}, features=("pt", "phi"))
    chosen = np.concatenate([words[:, 5:7], words[:, 9:12]], axis=1)[..., [0, 2]]
    np.testing.assert_array_equal(events.words, chosen)
    assert events.layout.object_names() == ("muon1", "muon2", "jet1", "jet2", "jet3")


def test_a_layout_with_more_room_gets_empty_slots(make, tmp_path, words):
    path = make.public(tmp_path / "events.h5", make.particles(words))
    wanted = GLOBAL_TRIGGER.select({"MET": 1, "e/gamma": 12, "muon": 8, "jet": 12})
    events = make.read(path, layout=wanted)
    np.testing.assert_array_equal(events.words[:, wanted.rows("jet")][:, :10], words[:, 9:])
    assert not events.words[:, wanted.rows("jet")][:, 10:].any()


def test_a_layout_with_taus_is_refused(make, tmp_path, words):
    path = make.public(tmp_path / "events.h5", make.particles(words))
    with pytest.raises(ConfigError, match="holds no tau"):
        make.read(path, layout=GLOBAL_TRIGGER)


def spoil(row, column, value):
    def change(values):
        values[7, row, column] = value

    return change


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (spoil(9, 0, np.nan), "a value is NaN"),
        (spoil(9, 3, np.nan), "a class code is unknown"),
        (spoil(3, 2, np.inf), "a value is infinite"),
        (spoil(18, 0, -1.0), "a pT is negative"),
        (spoil(9, 3, 5.0), "a class code is unknown"),
        (spoil(9, 3, 3.5), "a class code is unknown"),
        (spoil(9, 3, 3.0), "a class code stands in the wrong row"),
        (spoil(9, 3, 0.0), "a class code stands in the wrong row"),
        (spoil(9, 2, 3.2), "phi is outside its range"),
        (spoil(9, 1, 11.0), "eta is outside its range"),
        (spoil(10, 0, 1000.0), "objects are not ordered by pT"),
    ],
)
def test_a_bad_event_is_named_and_left_out_only_on_request(make, tmp_path, words, change, reason):
    words[7, 9:] = 0
    words[7, 9:12] = [(100, 1, 1), (90, 2, 2), (80, 3, 3)]
    values = make.particles(words)
    change(values)
    path = make.public(tmp_path / "events.h5", values)
    with pytest.raises(
        DataError, match=rf"1 bad among the first 10 events: 1 because {reason} \(first event 7\)"
    ) as error:
        make.read(path, size=10)
    assert str(path) in str(error.value)
    assert "--skip-bad" in str(error.value)
    screen = Screen(open_reader(path, "x", Choice()), skip_bad=True)
    kept = np.concatenate([events.words for events in screen.events(10)])
    np.testing.assert_array_equal(kept, np.delete(words, 7, axis=0))
    assert {name: (found.events, found.first) for name, found in screen.skipped.items()} == {reason: (1, 7)}
    assert (screen.read, screen.kept) == (50, 49)


def test_objects_are_ordered_on_request(make, tmp_path, words):
    values = make.particles(words)
    shuffled = values.copy()
    shuffled[:, 9:] = values[:, :8:-1]
    path = make.public(tmp_path / "events.h5", shuffled)
    np.testing.assert_array_equal(make.read(path, sort=True).words[:, 9:, 0], words[:, 9:, 0])
    with pytest.raises(DataError, match="order them with --sort or leave them out with --skip-bad"):
        make.read(path)


def test_an_event_with_two_faults_counts_once(make, tmp_path, words):
    values = make.particles(words)
    values[3, 9, 0], values[3, 2, 0], values[4, 9, 0] = np.nan, -1.0, -2.0
    screen = Screen(open_reader(make.public(tmp_path / "events.h5", values), "x", Choice()), skip_bad=True)
    assert sum(len(events) for events in screen.events(1000)) == 48
    assert {name: found.events for name, found in screen.skipped.items()} == {
        "a value is NaN": 1,
        "a pT is negative": 1,
    }


def test_saturated_words_are_counted(make, tmp_path):
    values = np.zeros((3, 19, 4))
    values[:, 1] = (25.0, 1.0, 1.0, 2)
    values[0, 1, 0], values[1, 1, 1], values[2, 0] = 1e6, -6.0, (5000.0, 0, 0, 1)
    screen = Screen(open_reader(make.public(tmp_path / "events.h5", values), "x", Choice()))
    events = next(screen.events(10))
    assert events.words[0, 1, 0] == 511
    assert events.words[1, 1, 1] == -128
    assert events.words[2, 0, 0] == 4095
    assert screen.saturated == {"MET pt": 1, "e/gamma pt": 1, "e/gamma eta": 1}


@pytest.mark.parametrize(
    ("others", "message"),
    [
        ({"Particles_Names": np.array([b"Pt", b"Phi", b"Eta", b"Class"])}, "Particles_Names are Pt, Phi, Eta, Class"),
        ({"Particles_Classes": np.array([b"MET", b"e", b"mu", b"jet"])}, "Particles_Classes are MET, e, mu, jet"),
        ({"EvtId": np.zeros(3, dtype=np.int64)}, "expected one integer per event"),
        ({"EvtId": np.zeros(50)}, "expected one integer per event"),
    ],
)
def test_what_does_not_fit_together_is_refused(make, tmp_path, words, others, message):
    path = make.public(tmp_path / "events.h5", make.particles(words), **others)
    with pytest.raises(DataError, match=message):
        make.read(path)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros((5, 19, 3)), r"shape \(5, 19, 3\), expected \(N, 19, 4\)"),
        (np.zeros((5, 57)), r"shape \(5, 57\)"),
        (np.zeros((5, 19, 4), dtype=np.int32), "int32, expected floating-point"),
    ],
)
def test_another_shape_or_type_is_refused(make, tmp_path, values, message):
    with pytest.raises(DataError, match=message):
        make.read(make.public(tmp_path / "events.h5", values))


def test_a_file_without_the_key_is_refused_and_its_keys_are_named(tmp_path, make):
    path = tmp_path / "events.h5"
    with h5py.File(path, "w") as file:
        file["jets"] = np.zeros(3)
    assert detect(path) == "public"
    with pytest.raises(DataError, match="no dataset Particles, it has jets"):
        make.read(path)
