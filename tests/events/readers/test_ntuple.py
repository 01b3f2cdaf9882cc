"""ROOT trees, among them those of the CMS L1 ntuples."""

import awkward as ak
import numpy as np
import pytest

from l1ae.errors import DataError
from l1ae.events.layout import GLOBAL_TRIGGER, LEPTON
from l1ae.events.readers.formats import detect

MAPPING = """
format: root
source: Events
units: physical
objects:
  MET: {features: {pt: met_pt, phi: met_phi}}
  jet: {features: {pt: jet_pt, eta: jet_eta, phi: jet_phi}}
"""


@pytest.fixture
def words(make):
    return make.words(GLOBAL_TRIGGER, 30)


@pytest.fixture
def trees(make, words):
    return make.trees(words)


@pytest.mark.parametrize("size", [7, 30, 100])
def test_an_l1_ntuple_is_read_without_a_mapping(make, tmp_path, words, trees, size):
    path = make.root(tmp_path / "L1Ntuple.root", trees)
    assert detect(path) == "root"
    events = make.read(path, size)
    np.testing.assert_array_equal(events.words, words)
    assert len(set(events.event_id.tolist())) == 30


def test_ids_agree_with_those_of_the_parquet_files_made_from_it(make, tmp_path, words, trees):
    root = make.read(make.root(tmp_path / "L1Ntuple.root", trees))
    parquet = make.read(make.cms(tmp_path / "sample", make.cms_columns(words)))
    np.testing.assert_array_equal(root.event_id, parquet.event_id)


@pytest.fixture
def physical(make, tmp_path):
    """A plain tree of GeV and radians: scalars, lists, and an array of fixed length."""
    words = make.words(LEPTON, 25)
    values = make.physical(words, LEPTON)
    present = [event[:, 0] > 0 for event in words[:, 9:]]
    jets = [
        ak.Array([event[there, column] for event, there in zip(values[:, 9:], present, strict=True)])
        for column in range(3)
    ]
    tree = {"met_pt": values[:, 0, 0], "met_phi": values[:, 0, 2], "fixed": values[:, 1:5, 0]}
    tree |= {"jet_pt": jets[0], "jet_eta": jets[1], "jet_phi": jets[2]}
    (tmp_path / "mapping.yaml").write_text(MAPPING)
    return words, {"Events": tree}


def write(path, trees):
    import uproot

    with uproot.recreate(path) as file:
        for name, branches in trees.items():
            file[name] = branches
    return path


def test_a_tree_of_physical_values_is_read_with_a_mapping(make, tmp_path, physical):
    words, trees = physical
    path = write(tmp_path / "events.root", trees)
    chosen = {"layout": LEPTON, "objects": {"MET": 1, "jet": 10}, "mapping": tmp_path / "mapping.yaml"}
    np.testing.assert_array_equal(make.read(path, 8, **chosen).words, words[:, [0, *range(9, 19)]])


def test_an_array_of_fixed_length_has_gaps_that_are_closed(make, tmp_path, physical):
    words, trees = physical
    (tmp_path / "mapping.yaml").write_text(MAPPING + "  e/gamma: {features: {pt: fixed}}\n")
    chosen = {"layout": LEPTON, "objects": {"e/gamma": 4}, "features": ("pt",), "mapping": tmp_path / "mapping.yaml"}
    events = make.read(write(tmp_path / "events.root", trees), **chosen)
    np.testing.assert_array_equal(events.words[..., 0], words[:, 1:5, 0])


@pytest.mark.parametrize(
    ("value", "reason"), [(np.nan, "a value is NaN"), (np.inf, "a value is infinite"), (-3.0, "a pT is negative")]
)
def test_a_bad_value_is_named(make, tmp_path, physical, value, reason):
    _, trees = physical
    trees["Events"]["met_pt"][11] = value
    path = write(tmp_path / "events.root", trees)
    chosen = {"layout": LEPTON, "objects": {"MET": 1}, "mapping": tmp_path / "mapping.yaml"}
    with pytest.raises(DataError, match=rf"1 because {reason} \(first event 11\)"):
        make.read(path, 8, **chosen)
    assert len(make.read(path, 8, skip_bad=True, **chosen)) == 24


def test_missing_trees_and_branches_are_named(make, tmp_path, trees):
    path = make.root(tmp_path / "a.root", {"l1UpgradeTree/L1UpgradeTree": trees["l1UpgradeTree/L1UpgradeTree"]})
    with pytest.raises(DataError, match=r"no tree l1EventTree/L1EventTree, it has .*l1UpgradeTree/L1UpgradeTree"):
        make.read(path)
    del trees["l1UpgradeTree/L1UpgradeTree"]["jetIEta"]
    with pytest.raises(DataError, match="l1UpgradeTree/L1UpgradeTree has no branch jetIEta"):
        make.read(make.root(tmp_path / "b.root", trees))


def test_trees_of_different_length_are_refused(make, tmp_path, trees):
    trees["l1EventTree/L1EventTree"] = {name: values[:-1] for name, values in trees["l1EventTree/L1EventTree"].items()}
    with pytest.raises(DataError, match="different numbers of entries: l1UpgradeTree/L1UpgradeTree 30"):
        make.read(make.root(tmp_path / "a.root", trees))


def test_floats_where_words_are_expected_are_refused(make, tmp_path, trees):
    tree = trees["l1UpgradeTree/L1UpgradeTree"]
    tree["jetIEt"] = ak.values_astype(tree["jetIEt"], np.float32)
    with pytest.raises(DataError, match="jetIEt are float32, expected integers"):
        make.read(make.root(tmp_path / "a.root", trees))


def test_branches_of_different_length_are_refused(make, tmp_path, trees):
    tree = trees["l1UpgradeTree/L1UpgradeTree"]
    tree["jetIEt"] = ak.Array([[*event, 1] for event in tree["jetIEt"].to_list()])
    with pytest.raises(DataError, match="have different numbers of entries"):
        make.read(make.root(tmp_path / "a.root", trees))


@pytest.mark.parametrize("length", [0, 3, 100, 2000, -1])
def test_a_truncated_file_is_refused(make, tmp_path, trees, length):
    path = make.root(tmp_path / "a.root", trees)
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(DataError, match=r"a\.root"):
        make.read(path, form="root")
