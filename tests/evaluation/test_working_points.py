import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import binomtest

from l1ae.errors import DataError
from l1ae.evaluation import LEVEL, clopper_pearson, target_label, threshold, working_point

words = arrays(np.int64, st.integers(1, 300), elements=st.integers(0, 25))
targets = st.one_of(st.sampled_from([1e-2, 1e-3, 0.1, 0.29, 0.07]), st.floats(1e-4, 0.9))


@settings(deadline=None)
@given(words, targets)
def test_threshold_is_the_smallest_that_keeps_the_target(background, target):
    cut = threshold(background, target)
    if cut is None:
        assert target < 1 / len(background)
        return
    assert isinstance(cut, int)
    assert np.mean(background >= cut) <= target
    assert np.mean(background >= cut - 1) > target


@settings(deadline=None)
@given(arrays(np.float64, st.integers(1, 100), elements=st.floats(-5, 5)), targets)
def test_threshold_of_other_scores(background, target):
    cut = threshold(background, target)
    if cut is not None:
        assert np.mean(background >= cut) <= target
        assert np.mean(background >= np.nextafter(cut, -np.inf)) > target


@pytest.mark.parametrize("events", [100, 1000, 99, 101, 28_573, 100_000])
def test_round_targets_are_not_lost_to_rounding(events):
    background = np.arange(events)
    for allowed in range(1, min(events, 200)):
        assert threshold(background, allowed / events) == events - allowed


def test_ties_are_all_in_or_all_out():
    background = np.array([0] * 950 + [7] * 45 + [9] * 5)
    point = working_point(background, np.array([7, 9, 9, 10]), 1e-2)
    assert (point.threshold, point.fpr, point.background_passed) == (8, 0.005, 5)
    assert (point.value, point.signal_passed, point.signal_events) == (0.75, 3, 4)


@pytest.mark.parametrize(("passed", "total"), [(0, 1), (1, 1), (0, 50), (50, 50), (3, 50), (1, 100_000), (250, 300)])
def test_interval_is_that_of_scipy(passed, total):
    expected = binomtest(passed, total).proportion_ci(LEVEL, method="exact")
    assert clopper_pearson(passed, total) == pytest.approx((expected.low, expected.high), rel=1e-9)


def test_interval_covers_at_least_its_level():
    assert pytest.approx(0.6827, abs=1e-4) == LEVEL
    total, truth = 80, 0.13
    low, high = clopper_pearson(np.arange(total + 1), total)
    counts = np.random.default_rng(2).binomial(total, truth, 20_000)
    assert np.mean((low[counts] <= truth) & (truth <= high[counts])) > LEVEL


def test_point_holds_its_own_intervals():
    background, signal = np.arange(10_000), np.full(40, 9_999)
    point = working_point(background, signal, 1e-3)
    assert (point.background_passed, point.background_events) == (10, 10_000)
    assert (point.fpr_low, point.fpr_high) == clopper_pearson(10, 10_000)
    assert (point.low, point.high) == clopper_pearson(40, 40)
    assert point.reason is None


def test_less_than_one_expected_background_event_is_not_reachable():
    point = working_point(np.arange(9_999), np.arange(10), 1e-4)
    assert point.value is None
    assert point.threshold is None
    assert point.reason == "not reachable with 9999 background events"
    assert (point.background_events, point.signal_events) == (9_999, 10)
    assert working_point(np.arange(10_000), np.arange(10), 1e-4).value is not None


def test_constant_scores_are_called_collapsed():
    point = working_point(np.zeros(1000, int), np.zeros(10, int), 1e-2)
    assert point.value is None
    assert point.reason == "collapsed: every event has the score 0"


def test_constant_background_alone_has_a_threshold():
    point = working_point(np.zeros(1000, int), np.array([0, 1]), 1e-2)
    assert (point.threshold, point.value, point.fpr) == (1, 0.5, 0.0)
    assert point.fpr_high > 0


def test_a_threshold_above_the_largest_word_could_never_fire():
    background = np.array([3] * 900 + [255] * 100)
    point = working_point(background, np.full(9, 255), 1e-2, highest_word=255)
    assert point.value is None
    assert point.reason == "not reachable: 100 background events have the largest score word, 255"
    assert working_point(background, np.full(9, 255), 0.2, highest_word=255).value == 1


@pytest.mark.parametrize("target", [0.0, 1.0, -1e-3, float("nan")])
def test_impossible_targets(target):
    with pytest.raises(DataError, match="not between 0 and 1"):
        threshold([1, 2], target)


@pytest.mark.parametrize(
    ("target", "label"), [(1e-2, "1e-2"), (1e-5, "1e-5"), (2.5e-4, "2.5e-4"), (0.5, "5e-1"), (0.1, "1e-1")]
)
def test_labels(target, label):
    assert target_label(target) == label
    assert float(label) == target
