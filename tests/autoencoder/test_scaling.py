import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from l1ae.autoencoder.scaling import HIGHEST_SHIFT, LOWEST_SHIFT, learn_scaling
from l1ae.errors import DataError


def test_offset_is_the_mean_and_the_shift_the_nearest_power_of_two():
    rng = np.random.default_rng(0)
    words = np.stack([rng.normal(100, 30, 5000), rng.normal(-7, 9, 5000)], axis=1).round().astype(np.int16)
    scaling = learn_scaling([words])
    assert scaling.offset == (100, -7)
    assert scaling.shift == (5, 3)


def test_directions_can_be_made_small_and_momenta_stay():
    words = np.random.default_rng(0).normal(0, 32, (5000, 6)).round().astype(np.int16)
    assert learn_scaling([words], np.array([False, True, True] * 2), 3).shift == (5, 8, 8, 5, 8, 8)


def test_a_constant_input_is_only_centred():
    scaling = learn_scaling([np.full((10, 1), 5, dtype=np.int16)])
    assert (scaling.offset, scaling.shift) == ((5,), (0,))


@given(arrays(np.int16, (20, 3), elements=st.integers(-4096, 4095)))
@settings(max_examples=50)
def test_any_words_give_shifts_the_hardware_has(words):
    scaling = learn_scaling([words])
    assert all(LOWEST_SHIFT <= shift <= HIGHEST_SHIFT for shift in scaling.shift)
    assert all(-4096 <= offset <= 4095 for offset in scaling.offset)


def test_without_events_there_is_nothing_to_learn():
    with pytest.raises(DataError, match="at least 2"):
        learn_scaling([np.zeros((1, 57), dtype=np.int16)])


@given(arrays(np.int16, (20, 3), elements=st.integers(-4096, 4095)), st.integers(1, 19))
@settings(max_examples=50)
def test_the_chunks_do_not_matter(words, cut):
    assert learn_scaling([words[:cut], words[cut:]]) == learn_scaling([words])


def test_the_sums_of_ten_million_large_words_do_not_overflow():
    block = np.tile(np.array([[4095], [-4096]], dtype=np.int16), (50_000, 1))
    scaling = learn_scaling(block for _ in range(100))
    assert (scaling.offset, scaling.shift) == ((0,), (11,))  # mean -0.5, deviation 4095.5, the highest shift
