import numpy as np
import pytest
from scipy.stats import spearmanr

from l1ae.errors import DataError
from l1ae.evaluation import pile_up_dependence


def test_the_correlation_is_that_of_scipy_ties_included(rng):
    counts = rng.poisson(40, 3000)
    scores = counts // 10 + rng.integers(0, 6, 3000)
    found = pile_up_dependence(scores, counts, threshold=8)
    assert found.correlation == pytest.approx(spearmanr(scores, counts).statistic, abs=1e-12)
    assert found.events == 3000


def test_the_error_covers(rng):
    pulls = []
    for _ in range(500):
        counts = rng.poisson(40, 200)
        found = pile_up_dependence(rng.normal(size=200), counts, threshold=0.0)
        pulls.append(found.correlation / found.error)
    assert np.std(pulls) == pytest.approx(1, abs=0.1)


def test_a_score_that_follows_pile_up_is_seen_in_both(rng):
    counts = rng.poisson(40, 5000)
    found = pile_up_dependence(counts, counts, threshold=45)
    assert (found.correlation, found.error) == (1.0, 0.0)
    assert found.bins[0].passing.value == 0
    assert found.bins[-1].passing.value == 1
    assert sum(one.passing.events for one in found.bins) == 5000
    assert sum(one.passing.passed for one in found.bins) == (counts >= 45).sum()
    assert 4 <= len(found.bins) <= 8
    for one, following in zip(found.bins, found.bins[1:], strict=False):
        assert one.low <= one.high < following.low


def test_constant_scores_or_counts_have_no_correlation():
    found = pile_up_dependence(np.zeros(50, int), np.arange(50), threshold=1)
    assert found.correlation == 0
    assert found.error > 0.1
    assert len(pile_up_dependence(np.arange(50), np.full(50, 7), threshold=1).bins) == 1


@pytest.mark.parametrize(
    ("scores", "counts", "message"),
    [
        (np.arange(9), np.arange(8), "9 scores need as many integer pile-up counts"),
        (np.arange(9), np.arange(9.0), "integer pile-up counts, found float64"),
    ],
)
def test_misuse(scores, counts, message):
    with pytest.raises(DataError, match=message):
        pile_up_dependence(scores, counts, threshold=1)


def test_too_few_events_have_bins_and_a_reason_in_the_place_of_a_correlation():
    found = pile_up_dependence(np.arange(3), np.arange(3), threshold=1)
    assert (found.correlation, found.error) == (None, None)
    assert found.reason == "a correlation with pile-up needs 4 events, found 3"
    assert sum(one.passing.passed for one in found.bins) == 2
    assert pile_up_dependence(np.arange(4), np.arange(4), threshold=1).reason is None


def test_without_a_threshold_there_are_no_bins():
    found = pile_up_dependence(np.arange(50), np.arange(50), threshold=None)
    assert (found.threshold, found.bins) == (None, ())
    assert found.correlation == 1


def test_small_unsigned_counts_are_counts_like_any(rng):
    counts = rng.poisson(40, 300)
    scores = counts + rng.integers(0, 30, 300)
    expected = pile_up_dependence(scores, counts, threshold=60)
    for kind in (np.uint8, np.uint16):
        assert pile_up_dependence(scores, counts.astype(kind), threshold=60) == expected


def test_a_bin_names_its_counts():
    found = pile_up_dependence(np.arange(80), np.repeat([3, 5, 6], [30, 30, 20]), threshold=0, bins=2)
    assert [one.text for one in found.bins] == ["3", "5 to 6"]
