import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from l1ae.errors import DataError
from l1ae.evaluation import Auc, auc, auc_difference, roc

words = arrays(np.int64, st.integers(1, 60), elements=st.integers(0, 12))


def brute_force(background, signal):
    pairs = [(s > b) + 0.5 * (s == b) for s in signal for b in background]
    return sum(pairs) / len(pairs)


@settings(deadline=None)
@given(words, words)
def test_auc_counts_pairs_and_ties_half(background, signal):
    value, error = auc(background, signal)
    assert value == pytest.approx(brute_force(background, signal), abs=1e-12)
    assert 0 <= value <= 1
    assert error >= 0


@settings(deadline=None)
@given(words, words)
def test_auc_is_antisymmetric(background, signal):
    forth, back = auc(background, signal), auc(signal, background)
    assert forth.value == pytest.approx(1 - back.value, abs=1e-12)
    assert forth.error == pytest.approx(back.error, abs=1e-12)


@settings(deadline=None)
@given(words, words)
def test_auc_depends_on_ranks_only(background, signal):
    assert auc(background, signal) == auc(background**3 + 7, signal**3 + 7)
    assert auc(background, signal) == auc(np.exp(background / 4), np.exp(signal / 4))


@settings(deadline=None)
@given(words, words, st.randoms(use_true_random=False))
def test_auc_does_not_depend_on_positions(background, signal, random):
    order = random.sample(range(len(background)), len(background))
    assert auc(background[order], signal).value == pytest.approx(auc(background, signal).value, abs=1e-12)


@settings(deadline=None)
@given(words, words)
def test_curve_is_the_count_at_each_threshold_and_its_area_is_the_auc(background, signal):
    curve = roc(background, signal)
    for threshold, b, s in zip(curve.thresholds, curve.background_passed, curve.signal_passed, strict=True):
        assert (b, s) == ((background >= threshold).sum(), (signal >= threshold).sum())
    assert (curve.fpr[-1], curve.tpr[-1]) == (1, 1)
    # Straight lines between the points are what "ties count half" means.
    area = np.trapezoid([0, *curve.tpr], [0, *curve.fpr])
    assert area == pytest.approx(auc(background, signal).value, abs=1e-12)


def test_a_constant_score_separates_nothing():
    assert auc(np.zeros(1000, int), np.zeros(50, int)) == Auc(0.5, 0.0)


def test_separated_samples():
    assert auc([1, 2, 3], [4, 5]) == Auc(1.0, 0.0)
    assert auc([4, 5], [1, 2, 3]) == Auc(0.0, 0.0)


@pytest.mark.parametrize("shift", [0.0, 1.0, 2.5])
def test_error_agrees_with_the_bootstrap(shift):
    rng = np.random.default_rng(3)
    background = np.floor(4 * rng.normal(size=400)).astype(int)
    signal = np.floor(4 * rng.normal(shift, size=150)).astype(int)
    copies = [auc(rng.choice(background, 400), rng.choice(signal, 150)).value for _ in range(1500)]
    # 1,500 copies know the spread to 1/sqrt(3000) = 1.8 %.
    assert auc(background, signal).error == pytest.approx(np.std(copies), rel=0.08)


def test_error_covers_the_true_area():
    rng = np.random.default_rng(4)
    pulls = []
    for _ in range(400):
        value, error = auc(rng.normal(size=200), rng.normal(1, size=100))
        pulls.append((value - 0.7602499389) / error)  # Phi(1/sqrt(2))
    assert np.std(pulls) == pytest.approx(1, abs=0.12)
    assert np.mean(pulls) == pytest.approx(0, abs=0.15)


def test_difference_is_the_difference_and_pairing_matters():
    rng = np.random.default_rng(5)
    background, signal = rng.normal(size=3000), rng.normal(1, size=500)
    other_background, other_signal = background + 0.1 * rng.normal(size=3000), signal + 0.1 * rng.normal(size=500)
    gain = auc_difference(background, signal, other_background, other_signal)
    first, second = auc(background, signal), auc(other_background, other_signal)
    assert gain.value == pytest.approx(first.value - second.value)
    assert gain.error < 0.3 * np.hypot(first.error, second.error)
    assert auc_difference(background, signal, background, signal) == Auc(0.0, 0.0)


def test_error_of_the_difference_agrees_with_the_bootstrap():
    rng = np.random.default_rng(6)
    b, s = rng.normal(size=(2, 300)), rng.normal([[1.0], [0.6]], size=(2, 120))
    b[1] += b[0]
    s[1] += s[0]
    copies = []
    for _ in range(1500):
        i, j = rng.integers(300, size=300), rng.integers(120, size=120)
        copies.append(auc(b[0, i], s[0, j]).value - auc(b[1, i], s[1, j]).value)
    assert auc_difference(b[0], s[0], b[1], s[1]).error == pytest.approx(np.std(copies), rel=0.08)


def test_a_single_event_has_a_bounded_error():
    value, error = auc([1, 2, 3, 4], [3])
    assert value == 0.625
    assert np.sqrt(value * (1 - value)) <= error < 0.6


@settings(max_examples=20, deadline=None)
@given(st.sampled_from([np.int8, np.int16, np.uint32, np.int64, np.uint64]))
def test_any_integer_type(dtype):
    assert auc(np.array([100, 3], dtype), np.array([101, 3], dtype)).value == 0.625


@pytest.mark.parametrize(
    ("background", "signal", "message"),
    [
        ([], [1], "background has no events"),
        ([1], [], "signal has no events"),
        ([1.0, float("nan"), 2.0], [1.0], "1 of 3 background scores are NaN or infinite, first at event 1"),
        ([1.0], [float("inf")], "signal scores are NaN or infinite"),
        ([[1, 2]], [1], r"shape \(1, 2\), expected one number per event"),
        ([True, False], [True], "are bool"),
        (["a"], [1], "expected integer score words or floats"),
        ([1, 2], [1.5], "background scores are int64 but signal scores are float64"),
        (np.array([2**63], np.uint64), [1], "beyond 63 bits"),
    ],
)
def test_scores_that_cannot_be_ranked_are_refused(background, signal, message):
    with pytest.raises(DataError, match=message):
        auc(background, signal)


def test_areas_of_different_events_cannot_be_compared():
    with pytest.raises(DataError, match="same events"):
        auc_difference([1, 2], [3], [1, 2, 3], [3])


def test_trigger_sized_samples_are_fast(rng):
    background, signal = rng.integers(0, 5000, 100_000), rng.integers(0, 6000, 10_000)
    assert auc(background, signal).error < 0.005
