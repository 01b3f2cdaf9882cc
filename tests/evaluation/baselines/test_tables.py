import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from l1ae.errors import DataError
from l1ae.evaluation import TableBaseline
from l1ae.evaluation.baselines.tables import density, first_words
from l1ae.events.layout import LEPTON


@settings(deadline=None)
@given(st.integers(1, 4095), st.integers(0, 10_000), st.integers(0, 5))
def test_the_density_is_one_in_sum_and_nowhere_zero(high, events, seed):
    counts = np.bincount(np.random.default_rng(seed).integers(0, high + 1, events), minlength=high + 1)
    found = density(counts)
    assert found.shape == (high + 1,)
    assert found.sum() == pytest.approx(1)
    assert (found > 0).all()


@pytest.mark.parametrize("high", [1, 2, 3, 511, 2047, 4095])
def test_bins_grow_in_proportion_and_absent_and_saturated_stand_alone(high):
    starts = first_words(high)
    assert starts[0] == 0
    assert starts[-1] == high
    inner = np.diff(starts[1:])
    assert (inner[:-1] <= np.maximum(1, np.ceil(starts[1:-2] * 0.2))).all() if len(inner) > 1 else True
    assert (np.diff(starts) >= 1).all()


def test_the_density_is_the_count_where_there_are_many():
    counts = np.zeros(512, np.int64)
    counts[[0, 1, 511]] = 600_000, 300_000, 100_000
    np.testing.assert_allclose(density(counts)[[0, 1, 511]], [0.6, 0.3, 0.1], rtol=1e-3)


def test_the_score_is_the_sum_of_surprises_slot_by_slot(make_events, rng):
    columns = {1: rng.integers(0, 40, 5000), 9: rng.integers(0, 300, 5000)}
    events = make_events(columns)
    tables = TableBaseline().fit([events])
    expected = np.zeros(5000)
    for row, high in enumerate([4095, *[511] * 8, *[2047] * 10]):
        words = events.words[:, row, 0]
        expected -= np.log(density(np.bincount(words, minlength=high + 1))[words])
    np.testing.assert_allclose(tables.score(events), expected)


def test_what_the_background_never_had_is_surprising_but_finite(make_events):
    tables = TableBaseline().fit([make_events({1: np.full(1000, 20)})])
    usual, rare = tables.score(make_events({1: [20, 400]}))
    assert np.isfinite(rare)
    assert rare > usual + 5


def test_batches_make_no_difference(make_events, rng):
    events = make_events({10: rng.integers(0, 2048, 900)})
    pieces = [events.take(slice(start, start + 100)) for start in range(0, 900, 100)]
    assert (TableBaseline().fit(pieces).score(events) == TableBaseline().fit([events]).score(events)).all()


def test_misuse(make_events):
    with pytest.raises(DataError, match="there are none"):
        TableBaseline().fit([])
    with pytest.raises(DataError, match="there are none"):
        TableBaseline().fit([make_events({0: []})])
    with pytest.raises(DataError, match="call fit"):
        TableBaseline().score(make_events({0: [1]}))
    other = LEPTON.select({"jet": 2})
    with pytest.raises(DataError, match="another layout"):
        TableBaseline().fit([make_events({0: [1]})]).score(make_events({0: [1]}, other))
