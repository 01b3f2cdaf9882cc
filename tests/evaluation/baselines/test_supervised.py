import numpy as np
import pytest

from l1ae.errors import DataError
from l1ae.evaluation import SupervisedBaseline, auc


@pytest.fixture
def samples(rng):
    """Background, and two signals that differ from it in one input each."""
    shift = {"first": [3, 0, 0], "second": [0, -3, 0]}
    return rng.normal(size=(2000, 3)), {name: rng.normal(by, 1, size=(400, 3)) for name, by in shift.items()}


def test_each_signal_has_a_classifier_of_its_own(samples):
    background, signals = samples
    trees = SupervisedBaseline().fit([background], {name: [values] for name, values in signals.items()})
    for name, values in signals.items():
        assert auc(trees.score(name, background), trees.score(name, values)).value > 0.97
    other = auc(trees.score("first", background), trees.score("first", signals["second"]))
    assert other.value < 0.7


def test_the_same_events_give_the_same_classifier_however_they_are_cut(samples):
    background, signals = samples
    one = SupervisedBaseline().fit([background], {"first": [signals["first"]]})
    two = SupervisedBaseline().fit(np.split(background, [7, 900]), {"first": np.split(signals["first"], [150])})
    assert (one.score("first", background) == two.score("first", background)).all()


def test_no_more_events_than_the_limit_are_used(samples):
    background, signals = samples
    few = SupervisedBaseline(limit=100).fit([background], {"first": [signals["first"]]})
    all_of_them = SupervisedBaseline().fit([background], {"first": [signals["first"]]})
    assert (few.score("first", background) != all_of_them.score("first", background)).any()


def test_misuse(samples):
    background, signals = samples
    with pytest.raises(DataError, match="100 training events of each sample, background has 99"):
        SupervisedBaseline().fit([background[:99]], {"first": [signals["first"]]})
    with pytest.raises(DataError, match="100 training events of each sample, h0 has 0"):
        SupervisedBaseline().fit([background], {"first": [signals["first"]], "h0": []})
    with pytest.raises(DataError, match="no classifier was trained on h0"):
        SupervisedBaseline().score("h0", background)
