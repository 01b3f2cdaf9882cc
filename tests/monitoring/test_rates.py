"""Rates before and now: exact intervals, exact p-values, limits that can fail."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from l1ae.errors import DataError, DifferenceError
from l1ae.monitoring.plot import bin_edges
from l1ae.monitoring.rates import check_rates, threshold_rates

COUNTS = st.integers(0, 300)


def one(first, before, second, now, khz=1000.0):
    (found,) = threshold_rates({7: ("x",)}, ({7: first}, before), ({7: second}, now), khz)
    return found


def test_a_rate_is_the_share_times_the_rate_of_all_events():
    found = one(10, 1000, 60, 2000, khz=500.0)
    assert (found.reference_rate.value, found.rate.value) == (5.0, 15.0)
    assert found.ratio == pytest.approx(3.0)
    assert found.ratio_low < 3 < found.ratio_high
    assert found.rate.low < 15 < found.rate.high


@given(COUNTS, COUNTS, st.integers(300, 10**6), st.integers(300, 10**6))
def test_ratio_interval_and_p_value(first, second, before, now):
    found = one(first, before, second, now)
    if first + second:
        assert found.p == pytest.approx(stats.binomtest(second, first + second, now / (before + now)).pvalue)
    if first and second:
        assert found.ratio_low < found.ratio < found.ratio_high
        # the 68.27 % interval holds the ratio of equal rates unless the p-value is small
        if not found.ratio_low <= 1 <= found.ratio_high:
            assert found.p < 0.45
    if not first:
        assert found.ratio is None
        assert found.ratio_high is None


def test_the_interval_is_the_one_of_poisson_counts_when_events_are_many():
    found = one(10_000, 10**8, 10_000, 10**8)
    assert found.ratio_high == pytest.approx(1 + math.sqrt(2 / 10_000), rel=1e-3)
    assert found.ratio_low == pytest.approx(1 - math.sqrt(2 / 10_000), rel=1e-3)


def test_nothing_that_passed_is_no_change():
    found = one(0, 100, 0, 100)
    assert (found.ratio, found.p, found.p_holm) == (None, 1.0, 1.0)


def test_p_values_are_corrected_for_the_number_of_thresholds():
    passed = ({1: 50, 2: 50, 3: 50}, 1000), ({1: 50, 2: 90, 3: 50}, 1000)
    found = threshold_rates({1: (), 2: (), 3: ()}, *passed, 1.0)
    assert found[1].p_holm == pytest.approx(3 * found[1].p)
    assert found[0].p_holm == 1


def test_a_limit_is_exceeded_only_by_what_is_no_accident():
    small, large = (one(2, 1000, 8, 1000),), (one(200, 10**5, 800, 10**5),)
    check_rates(small, 2)
    check_rates(large, None)
    check_rates(large, 4.1)
    with pytest.raises(
        DifferenceError, match="1 of 1 rates changed by more than a factor 2; that of score >= 7 by a fac"
    ):
        check_rates(large, 2)
    with pytest.raises(DifferenceError, match=r"by a factor 0\.25"):
        check_rates((one(800, 10**5, 200, 10**5),), 2)
    with pytest.raises(DifferenceError, match="from nothing, from 0 of 1000 events to 90 of 1000"):
        check_rates((one(0, 1000, 90, 1000),), 2)
    with pytest.raises(DataError, match="no threshold"):
        check_rates((), 2)


@given(st.lists(st.integers(-(2**40), 2**40), min_size=1, max_size=20))
def test_bins_hold_every_word_and_lie_between_words(words):
    edges = bin_edges(words)
    assert edges[0] < min(words)
    assert max(words) < edges[-1]
    assert len(edges) <= 62
    assert len(set(np.diff(edges))) == 1
    assert (edges % 1 == 0.5).all()
