import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from l1ae.events.split import PARTS, hash_fraction, part_codes


def test_the_parts_are_a_half_a_tenth_and_the_rest():
    share = np.bincount(part_codes(np.arange(200_000, dtype=np.uint64)), minlength=len(PARTS)) / 200_000
    assert PARTS == ("training", "validation", "test")
    np.testing.assert_allclose(share, [0.5, 0.1, 0.4], atol=0.005)  # four standard errors


def test_consecutive_ids_are_spread_evenly():
    fraction = hash_fraction(np.arange(100_000, dtype=np.uint64))
    counts = np.histogram(fraction, bins=20, range=(0, 1))[0]
    assert ((counts - 5000) ** 2 / 5000).sum() < 43.8  # chi2 of 19 degrees of freedom, p = 0.001


def test_an_id_has_the_same_part_whatever_stands_beside_it():
    """Known answers: files that were split before must be split the same way for ever."""
    assert part_codes(np.arange(16, dtype=np.uint64)).tolist() == [2, 1, 1, 0, 0, 0, 2, 0, 2, 2, 0, 0, 1, 2, 0, 1]


@given(st.integers(min_value=0, max_value=2**64 - 1))
def test_the_fraction_is_below_one_and_decides_the_part(event_id):
    fraction = hash_fraction(np.array([event_id], dtype=np.uint64))[0]
    assert 0 <= fraction < 1
    expected = "training" if fraction < 0.5 else "validation" if fraction < 0.6 else "test"
    assert PARTS[part_codes(np.array([event_id], dtype=np.uint64))[0]] == expected
