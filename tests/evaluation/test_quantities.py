import pytest

from l1ae.evaluation import ht, leading_pt, object_count
from l1ae.events.layout import LEPTON


@pytest.fixture
def three(events):
    """Three events: MET, 2 e/gamma, 1 muon, 2 jets; MET alone; nothing."""
    words = events.take(slice(3)).words.copy()
    words[:] = 0
    words[0, [0, 1, 2, 5, 9, 10], 0] = [900, 60, 20, 130, 100, 41]
    words[1, 0, 0] = 300
    from dataclasses import replace

    return replace(events.take(slice(3)), words=words)


def test_quantities(three):
    assert leading_pt(three).tolist() == [65.0, 0.0, 0.0]
    assert ht(three).tolist() == [70.5, 0.0, 0.0]
    assert object_count(three).tolist() == [5, 0, 0]


def test_without_jets_ht_sums_all_objects_and_of_sums_alone_those(three):
    assert ht(three.select(LEPTON.select({"e/gamma": 4, "muon": 4}))).tolist() == [105.0, 0.0, 0.0]
    assert ht(three.select(LEPTON.select({"MET": 1}))).tolist() == [450.0, 150.0, 0.0]
    assert leading_pt(three.select(LEPTON.select({"MET": 1}))).tolist() == [450.0, 150.0, 0.0]
