import numpy as np
import pytest

from l1ae.errors import DataError
from l1ae.evaluation import IsolationForestBaseline, auc


def test_what_lies_apart_scores_higher(rng):
    forest = IsolationForestBaseline().fit([rng.normal(size=(3000, 4))])
    usual, rare = forest.score(rng.normal(size=(500, 4))), forest.score(rng.normal(6, 1, size=(500, 4)))
    assert auc(usual, rare).value > 0.99
    assert 0 < usual.min() < rare.max() < 1


def test_the_same_events_give_the_same_forest_however_they_are_cut(rng):
    train, x = rng.integers(0, 500, (900, 6)), rng.integers(0, 500, (50, 6))
    scores = [IsolationForestBaseline(limit=400).fit(np.split(train, cuts)).score(x) for cuts in ([], [100, 850])]
    assert (scores[0] == scores[1]).all()
    assert (IsolationForestBaseline(limit=400, seed=2).fit([train]).score(x) != scores[0]).any()


def test_misuse(rng):
    with pytest.raises(DataError, match="needs 256 training events of the background, has 255"):
        IsolationForestBaseline().fit([rng.normal(size=(255, 3))])
    with pytest.raises(DataError, match="call fit"):
        IsolationForestBaseline().score(np.ones((2, 3)))
    with pytest.raises(DataError, match="2 features, the forest knows 3"):
        IsolationForestBaseline(trees=5).fit([rng.normal(size=(300, 3))]).score(np.ones((2, 2)))
