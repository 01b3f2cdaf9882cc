import numpy as np
import pytest

from l1ae.evaluation import BACKGROUND, QUANTITIES, Efficiencies, Quantity, Scores, efficiencies, share

SIZE = Quantity("size", "GeV", (0.0, 10.0, 100.0), lambda events: events)


@pytest.fixture
def background():
    return np.arange(2000)


def test_each_bin_counts_its_own_events(background):
    scores = Scores(background, {"LQ": np.array([1999, 5, 1998, 1999])})
    sizes = Scores(np.repeat([5.0, 50.0], 1000), {"LQ": np.array([9.99, 0.0, 10.0, 1e6])})
    found = efficiencies(scores, {"size": sizes}, [SIZE])
    assert (found.target, found.threshold, found.reason) == (1e-3, 1998, None)
    (curve,) = found.curves
    assert (curve.quantity, curve.unit, curve.edges) == ("size", "GeV", (0, 10, 100))
    assert [bin_ and (bin_.passed, bin_.events) for bin_ in curve.processes["LQ"]] == [(1, 2), (1, 1), (1, 1)]
    assert [bin_ and (bin_.passed, bin_.events) for bin_ in curve.processes[BACKGROUND]] == [(0, 1000), (2, 1000), None]
    assert curve.processes[BACKGROUND][1] == share(background[1000:] >= 1998)


def test_bins_add_up_to_the_working_point(background, rng):
    scores = Scores(background, {"LQ": rng.integers(0, 4000, 500)})
    sizes = Scores(rng.exponential(20, 2000), {"LQ": rng.exponential(30, 500)})
    (curve,) = efficiencies(scores, {"size": sizes}, [SIZE]).curves
    for name, values in ((BACKGROUND, background), ("LQ", scores.signals["LQ"])):
        bins = [found for found in curve.processes[name] if found is not None]
        assert sum(found.events for found in bins) == len(values)
        assert sum(found.passed for found in bins) == (values >= 1998).sum()


@pytest.mark.parametrize(("events", "target"), [(1000, 1e-3), (999, 1e-2), (100, 1e-2)])
def test_few_events_take_the_smallest_target_they_can_reach(events, target):
    scores = Scores(np.arange(events), {"LQ": np.array([1])})
    sizes = Scores(np.zeros(events), {"LQ": np.zeros(1)})
    assert efficiencies(scores, {"size": sizes}, [SIZE]).target == target


def test_without_a_threshold_there_are_no_curves():
    found = efficiencies(Scores(np.arange(99), {"LQ": np.array([1])}), {}, [SIZE])
    assert (found.target, found.threshold, found.curves) == (None, None, ())
    assert found.reason == "not reachable with 99 background events"


def test_the_quantities_of_a_report_have_few_bins_from_zero(events):
    for quantity in QUANTITIES:
        assert len(quantity.edges) <= 12
        assert list(quantity.edges) == sorted(set(quantity.edges))
        assert quantity.edges[0] == 0
        assert (quantity.function(events) >= 0).all()


def test_records_survive_json(background):
    scores = Scores(background, {"LQ": background})
    found = efficiencies(scores, {"size": Scores(background / 100, {"LQ": background / 50})}, [SIZE])
    assert Efficiencies.model_validate_json(found.model_dump_json()) == found
