"""The CMS Level-1 parquet dataset: a folder per object, lists of hardware integers."""

import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from l1ae.errors import ConfigError, DataError
from l1ae.events.layout import GLOBAL_TRIGGER
from l1ae.events.readers.formats import Choice, detect, open_reader
from l1ae.events.readers.layouts import load_layout
from l1ae.events.readers.screen import Screen


@pytest.fixture
def words(make):
    return make.words(GLOBAL_TRIGGER, 40)


@pytest.fixture
def folders(make, words):
    return make.cms_columns(words)


def test_the_words_of_one_event_one_by_one(make, tmp_path):
    folders = {
        "muons": {"muonIEt": [[9, 12]], "muonIEtaAtVtx": [[-211, 7]], "muonIPhiAtVtx": [[575, 0]]},
        "jets": {"jetIEt": [[2047, 60, 20]], "jetIEta": [[-115, 0, 3]], "jetIPhi": [[143, 1, 2]]},
        "egammas": {"egIEt": [[]], "egIEta": [[]], "egIPhi": [[]]},
        "taus": {"tauIEt": [[30]], "tauIEta": [[-5]], "tauIPhi": [[100]]},
        "MET": {"Et": [[77]], "phi": [[140]]},
        "event_info": {"run": [[1]], "lumi": [[2]], "event": [[3]]},
    }
    events = make.read(make.cms(tmp_path / "sample", folders))
    layout = GLOBAL_TRIGGER
    assert events.layout == layout
    assert events.words[0, 0].tolist() == [77, 0, 140]
    # Muons stay in the order of the Global Muon Trigger, which is not that of pT.
    assert events.words[0, layout.rows("muon")][:3].tolist() == [[9, -211, 575], [12, 7, 0], [0, 0, 0]]
    assert events.words[0, layout.rows("jet")][:3].tolist() == [[2047, -115, 143], [60, 0, 1], [20, 3, 2]]
    assert events.words[0, layout.rows("tau")][0].tolist() == [30, -5, 100]
    assert not events.words[0, layout.rows("e/gamma")].any()


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(1, 30), size=st.integers(1, 40), files=st.integers(1, 4))
def test_words_come_out_as_they_went_in_however_the_files_are_cut(make, tmp_path, seed, count, size, files):
    words = make.words(GLOBAL_TRIGGER, count, seed)
    shutil.rmtree(tmp_path / "sample", ignore_errors=True)
    path = make.cms(tmp_path / "sample", make.cms_columns(words), min(files, count))
    np.testing.assert_array_equal(make.read(path, size).words, words)


def test_a_single_table_is_read_like_the_folders(make, tmp_path, words, folders):
    path = make.flat(tmp_path / "train-00000-of-00001.parquet", folders)
    events, other = make.read(path), make.read(make.cms(tmp_path / "sample", folders))
    assert detect(path) == detect(tmp_path / "sample") == "cms"
    np.testing.assert_array_equal(events.words, words)
    np.testing.assert_array_equal(events.event_id, other.event_id)


def test_ids_are_hashes_of_run_lumi_and_event(make, tmp_path, folders):
    ids = make.read(make.cms(tmp_path / "sample", folders)).event_id
    assert len(set(ids.tolist())) == 40
    folders["event_info"]["event"][0] = [17]
    again = make.read(make.cms(tmp_path / "sample", folders)).event_id
    assert again[0] == again[17]
    np.testing.assert_array_equal(again[1:], ids[1:])


def test_taus_and_how_many_of_each_object_are_a_choice(make, tmp_path, words, folders):
    del folders["taus"]
    path = make.cms(tmp_path / "sample", folders)
    with pytest.raises(DataError, match="no folder taus, its folders are: HT, MET, egammas"):
        make.read(path)
    events = make.read(path, objects={"jet": 4, "muon": 1})
    np.testing.assert_array_equal(events.words[:, :1], words[:, GLOBAL_TRIGGER.rows("muon")][:, :1])
    np.testing.assert_array_equal(events.words[:, 1:], words[:, GLOBAL_TRIGGER.rows("jet")][:, :4])


def test_more_sums_are_a_matter_of_the_layout(make, tmp_path, words, folders):
    layout = load_layout("configs/layouts/global_trigger_sums.yaml")
    folders |= dict.fromkeys(("MHT", "FET", "FHT"), folders["MET"]) | {"ET": {"Et": folders["MET"]["Et"]}}
    events = make.read(make.cms(tmp_path / "sample", folders), layout=layout)
    np.testing.assert_array_equal(events.words[:, layout.rows("HT"), 0], 7)
    np.testing.assert_array_equal(events.words[:, layout.rows("ET"), 0], words[:, :1, 0])
    np.testing.assert_array_equal(events.words[:, layout.rows("METHF")], words[:, :1])


@pytest.mark.parametrize(
    ("folder", "column", "value", "reason"),
    [
        ("jets", "jetIEt", 2048, "pt is outside its range"),
        ("jets", "jetIEt", -1, "pt is outside its range"),
        ("jets", "jetIPhi", 144, "phi is outside its range"),
        ("jets", "jetIEta", -129, "eta is outside its range"),
        ("muons", "muonIPhiAtVtx", 576, "phi is outside its range"),
    ],
)
def test_a_word_that_no_hardware_sends_makes_a_bad_event(make, tmp_path, words, folders, folder, column, value, reason):
    event = next(i for i, entries in enumerate(folders[folder][column]) if entries)
    folders[folder][column][event][0] = value
    path = make.cms(tmp_path / "sample", folders)
    with pytest.raises(DataError, match=rf"1 because {reason} \(first event {event}\)"):
        make.read(path)
    np.testing.assert_array_equal(make.read(path, skip_bad=True).words, np.delete(words, event, axis=0))


def test_unsorted_jets_make_a_bad_event_and_are_sorted_on_request(make, tmp_path, folders):
    for column, entries in (("jetIEt", [10, 30, 20]), ("jetIEta", [1, 2, 3]), ("jetIPhi", [4, 5, 6])):
        folders["jets"][column][5] = entries
    path = make.cms(tmp_path / "sample", folders)
    with pytest.raises(DataError, match=r"objects are not ordered by pT \(first event 5\)"):
        make.read(path)
    jets = make.read(path, sort=True).words[5, GLOBAL_TRIGGER.rows("jet")]
    assert jets[:4].tolist() == [[30, 2, 5], [20, 3, 6], [10, 1, 4], [0, 0, 0]]


def test_two_sums_in_one_event_make_a_bad_event(make, tmp_path, folders):
    folders["MET"] = {"Et": [[9, 8]] + [[1]] * 39, "phi": [[0, 0]] + [[0]] * 39}
    with pytest.raises(DataError, match="a sum stands more than once"):
        make.read(make.cms(tmp_path / "sample", folders))


def test_rows_that_do_not_belong_together_are_refused(make, tmp_path, folders):
    folders["jets"] = {name: entries[:-1] for name, entries in folders["jets"].items()}
    with pytest.raises(DataError, match="MET holds 40 events and jets 39, they cannot be joined row by row"):
        make.read(make.cms(tmp_path / "sample", folders))


def test_files_of_one_name_with_other_counts_are_refused(make, tmp_path, folders):
    path = make.cms(tmp_path / "sample", folders, files=2)
    first, second = (path / "jets" / f"ntuple_{index}.parquet" for index in (0, 1))
    table = pa.concat_tables([pq.read_table(first), pq.read_table(second)])
    pq.write_table(table.slice(0, 5), first)
    pq.write_table(table.slice(5), second)
    with pytest.raises(DataError, match=r"ntuple_0.parquet has another number of events in MET than in jets"):
        make.read(path)


def test_columns_of_different_lengths_are_refused(make, tmp_path, folders):
    folders["jets"]["jetIEta"][3] = folders["jets"]["jetIEta"][3] + [1]
    with pytest.raises(DataError, match="jetIEta and jetIEt have different numbers of entries"):
        make.read(make.cms(tmp_path / "sample", folders))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([[1.5]] * 40, "Et are float64, expected integers"),
        ([["a"]] * 40, "Et are (large_)?string, expected numbers"),
    ],
)
def test_columns_of_another_type_are_refused(make, tmp_path, folders, values, message):
    folders["MET"]["Et"] = values
    with pytest.raises(DataError, match=message):
        make.read(make.cms(tmp_path / "sample", folders))


@pytest.mark.parametrize("values", [[None] + [[1]] * 39, [[None]] + [[1]] * 39])
def test_missing_values_are_refused(make, tmp_path, folders, values):
    path = make.cms(tmp_path / "sample", folders)
    pq.write_table(pa.table({"Et": pa.array(values), "phi": folders["MET"]["phi"]}), path / "MET" / "ntuple_0.parquet")
    with pytest.raises(DataError, match="MET Et has 1 missing values"):
        make.read(path)


def test_a_missing_column_and_an_empty_folder_are_named(make, tmp_path, folders):
    del folders["jets"]["jetIPhi"]
    path = make.cms(tmp_path / "sample", folders)
    with pytest.raises(DataError, match=r"ntuple_0\.parquet has no column jetIPhi, it has jetIEt, jetIEta"):
        make.read(path)
    (path / "jets" / "ntuple_0.parquet").unlink()
    with pytest.raises(DataError, match="jets holds no parquet file"):
        make.read(path)


def test_without_event_numbers_ids_come_from_name_and_row(make, tmp_path, folders):
    mapping = tmp_path / "mapping.yaml"
    text = Path("configs/sources/cms_l1.yaml").read_text()
    mapping.write_text(text[: text.index("event:")])
    del folders["event_info"]
    path = make.cms(tmp_path / "sample", folders)
    ids = make.read(path, size=7, mapping=mapping).event_id
    np.testing.assert_array_equal(np.diff(ids.astype(np.int64)), 1)
    assert not open_reader(path, "x", Choice(mapping=mapping)).known_ids
    with pytest.raises(DataError, match="no folder event_info"):
        make.read(path)


def test_an_object_that_is_not_mapped_is_a_fault_of_the_choice(make, tmp_path, folders):
    mapping = tmp_path / "mapping.yaml"
    mapping.write_text("format: cms\nunits: words\nobjects: {jet: {source: jets, features: {pt: jetIEt}}}\n")
    path = make.cms(tmp_path / "sample", folders)
    with pytest.raises(ConfigError, match="the mapping has no MET, it has jet"):
        make.read(path, mapping=mapping)
    with pytest.raises(ConfigError, match="no column for jet eta"):
        make.read(path, mapping=mapping, objects={"jet": 2})
    assert make.read(path, mapping=mapping, objects={"jet": 2}, features=("pt",)).words.shape == (40, 2, 1)


def test_memory_is_bounded_by_the_size_of_a_block(make, tmp_path, folders):
    screen = Screen(open_reader(make.cms(tmp_path / "sample", folders, files=3), "x", Choice()))
    assert [len(events) for events in screen.events(9)] == [9, 9, 9, 9, 4]
