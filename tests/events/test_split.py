import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from l1ae.errors import DataError
from l1ae.events.split import hash_fraction, split


def test_copies_of_an_event_stay_on_one_side(events):
    doubled = events.take(np.repeat(np.arange(len(events)), 3))
    parts = split(doubled)
    sides = [set(part.event_id.tolist()) for part in (parts.training, parts.validation, parts.test)]
    assert len(set.union(*sides)) == sum(len(side) for side in sides)
    assert sum(len(part) for part in (parts.training, parts.validation, parts.test)) == len(doubled)


def test_an_event_stays_where_it_is_when_the_file_grows(events):
    few = split(events.take(slice(0, 150)))
    many = split(events)
    assert set(few.test.event_id.tolist()) <= set(many.test.event_id.tolist())


def test_consecutive_ids_are_spread_evenly():
    fraction = hash_fraction(np.arange(100_000, dtype=np.uint64))
    counts = np.histogram(fraction, bins=20, range=(0, 1))[0]
    assert ((counts - 5000) ** 2 / 5000).sum() < 43.8  # chi2 of 19 degrees of freedom, p = 0.001


@given(st.integers(min_value=0, max_value=2**64 - 1))
def test_the_fraction_is_below_one(event_id):
    assert 0 <= hash_fraction(np.array([event_id], dtype=np.uint64))[0] < 1


def test_too_few_events_are_refused(events):
    with pytest.raises(DataError, match="too few"):
        split(events.take(slice(0, 1)))
