"""How far float32 can be from the exact words of a layer: never further than the limit, which says something."""

import numpy as np
import pytest

from l1ae.circuit import UNDECIDED, Circuit, Dense, Dot, FixedFormat, Input, Overflow, Quantize, Rounding, Sum
from l1ae.rounding import float32_limits, keras_rounding


def port(width, size=64):
    return Input("words", (), (size,), FixedFormat(True, width, width, Rounding.RND_CONV, Overflow.SAT))


def dense(width, kernel_width, size=64):
    limit = 2 ** (kernel_width - 1)
    kernel = np.random.default_rng(0).integers(-limit, limit, (size, 4))
    format_ = FixedFormat(True, kernel_width, kernel_width)
    return Circuit.derive([port(width, size), Dense("sums", ("words",), (4,), UNDECIDED, kernel, format_, None, None)])


def extremes(circuit, count=4000):
    """Words at both ends of the port, which make the largest sums, and any others."""
    rng = np.random.default_rng(1)
    low, high = circuit.port_range
    ends = np.where(rng.random((count, circuit.n_inputs)) < 0.5, low, high)
    return np.concatenate([ends, rng.integers(low, high + 1, (count, circuit.n_inputs))])


@pytest.mark.parametrize(("width", "kernel"), [(16, 8), (18, 12), (23, 14)])
def test_sums_in_float32_stay_within_the_limit(width, kernel):
    circuit = dense(width, kernel)
    words = extremes(circuit)
    floats = words.astype(np.float32) @ circuit["sums"].kernel.astype(np.float32)
    distance = np.abs(floats.astype(np.float64) - circuit.reference(words))
    limit = float32_limits(circuit)["sums"]
    assert 0 < distance.max() <= limit
    assert limit < 1e-3 * np.abs(circuit.reference(words)).max(), "a wrong sign or a lost term is more than that"


def test_where_float32_is_exact_nothing_is_allowed():
    assert float32_limits(dense(8, 6)) == {"words": 0, "sums": 0}


def behind(overflow=Overflow.SAT):
    sums = dense(18, 12).nodes
    cut = Quantize("cut", ("sums",), (4,), FixedFormat(True, 8, 30, Rounding.RND_CONV, overflow))
    return Circuit.derive([*sums, cut, Sum("total", ("cut",), (1,), UNDECIDED)])


def test_a_layer_behind_a_rounded_one_is_judged_alone():
    limits = float32_limits(behind())
    assert limits["words"] == 0 < limits["sums"]
    assert limits["cut"] == 2  # the next word, and what is lost in front of it
    assert limits["total"] == 0  # given the words of the reference, it has few bits


def test_what_hides_between_two_shown_layers_adds_up():
    shown, hidden = float32_limits(behind(), ["sums", "cut", "total"]), float32_limits(behind(), ["total"])
    assert shown["total"] == 0
    assert hidden["total"] >= 4  # four words, each of which may be the next one
    assert np.isfinite(hidden["total"])


@pytest.mark.parametrize("seed", range(5))
def test_each_layer_in_float32_stays_within_its_limit(seed):
    """Every operation once, with the words of the reference as they are in float32."""
    rng = np.random.default_rng(seed)
    circuit = behind()
    words = circuit.trace(rng.integers(-(2**17), 2**17, (2000, 64)))
    limits = float32_limits(circuit)
    values = {name: circuit.value(name, found).astype(np.float32) for name, found in words.items()}
    lsb = np.float32(circuit["cut"].format.lsb)
    scaled = np.clip(np.rint(values["sums"] / lsb), -128, 127) * lsb
    cut = values["sums"] + (scaled - values["sums"])
    distance = np.abs(cut.astype(np.float64) / lsb - words["cut"])
    assert distance.max() <= limits["cut"]
    np.testing.assert_array_equal(values["cut"].sum(axis=1, keepdims=True), values["total"])


def test_only_layers_that_keras_shows_are_reported():
    circuit = Circuit.derive([port(16, 3), Dot("score", ("words", "words"), (1,), UNDECIDED)])
    words = circuit.trace(extremes(circuit, 10))
    assert list(keras_rounding(circuit, {"words": words["words"]}, words)) == []
    (found,) = keras_rounding(circuit, words, words)
    assert (found.layer, found.events, found.differing, found.largest_lsb) == ("score", 20, 0, 0)
