import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from l1ae.autoencoder.objectives.reconstruction import Reconstruction, input_weights, phi_periods
from l1ae.errors import ConfigError
from l1ae.events.layout import LEPTON

RNG = np.random.default_rng(0)
TARGET, OUTPUT = RNG.normal(size=(2, 4, 6)).astype(np.float32)
WEIGHTS = np.array([1, 0.5, 0.1] * 2, dtype=np.float32)
MASK = (RNG.random((4, 6)) < 0.6).astype(np.float32)
SIZE = {"squared": np.square, "absolute": np.abs}


@pytest.mark.parametrize("kind", SIZE)
def test_errors_are_means_over_the_inputs(kind):
    found = Reconstruction(kind)(TARGET, OUTPUT)
    assert np.allclose(found, SIZE[kind](TARGET - OUTPUT).mean(axis=1), rtol=1e-6)
    assert np.asarray(Reconstruction(kind)(TARGET, TARGET)).tolist() == [0.0] * 4


@pytest.mark.parametrize("mask", [None, MASK], ids=["all inputs", "masked"])
@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["equal", "weighted"])
@pytest.mark.parametrize("kind", SIZE)
def test_weights_and_masks_make_weighted_means(kind, weights, mask):
    every = np.ones((4, 6)) * (1 if weights is None else weights) * (1 if mask is None else mask)
    expected = [np.average(SIZE[kind](t - o), weights=w) for t, o, w in zip(TARGET, OUTPUT, every, strict=True)]
    assert np.allclose(Reconstruction(kind, weights)(TARGET, OUTPUT, mask), expected, rtol=1e-5)


def test_what_is_masked_does_not_matter():
    other = np.where(MASK > 0, OUTPUT, 1e3).astype(np.float32)
    error = Reconstruction("squared", WEIGHTS)
    assert np.allclose(error(TARGET, OUTPUT, MASK), error(TARGET, other, MASK), rtol=1e-6)
    assert np.asarray(error(TARGET, OUTPUT, np.zeros_like(MASK))).tolist() == [0.0] * 4, "an empty event costs nothing"


@given(st.integers(-3, 3), st.floats(-0.45, 0.45))
@settings(deadline=None, max_examples=30)
def test_a_full_turn_is_no_difference(turns, away):
    error = Reconstruction("squared", periods=np.array([0.0, 4.0]))
    target = np.array([[0.5, 1.0]], dtype=np.float32)
    output = np.array([[0.5, 1.0 + 4.0 * (turns + away)]], dtype=np.float32)
    assert float(error(target, output)[0]) == pytest.approx((4 * away) ** 2 / 2, abs=1e-4)


def test_an_input_without_a_period_has_none_and_half_a_turn_is_the_most():
    error = Reconstruction("absolute", periods=np.array([0.0, 4.0]))
    target = np.zeros((1, 2), dtype=np.float32)
    assert float(error(target, np.array([[8.0, 0.0]], dtype=np.float32))[0]) == 4.0
    worst = max(float(error(target, np.array([[0.0, x]], dtype=np.float32))[0]) for x in np.linspace(-9, 9, 73))
    assert worst == 1.0


def test_the_gradient_goes_the_short_way_around():
    import tensorflow as tf

    error = Reconstruction("squared", periods=np.array([4.0]))
    output = tf.Variable([[3.5]])
    with tf.GradientTape() as tape:
        loss = error(np.array([[0.0]], dtype=np.float32), output)
    assert float(tape.gradient(loss, output)[0, 0]) == -1.0, "on to 4, not back to 0"


def test_weights_of_features_reach_every_object():
    assert input_weights({}, LEPTON) is None
    found = input_weights({"phi": 0.25}, LEPTON).reshape(LEPTON.shape)
    assert (found == [1.0, 1.0, 0.25]).all()


def test_periods_are_full_turns_in_the_units_of_the_scaled_inputs():
    shift = np.arange(57) % 5
    found = phi_periods(LEPTON, shift, tables=False).reshape(LEPTON.shape)
    assert (found[:, :2] == 0).all()
    turns = np.where(LEPTON.class_codes == 3, 576, 144)
    assert (found[:, 2] == turns / 2.0 ** shift.reshape(LEPTON.shape)[:, 2]).all()
    with pytest.raises(ConfigError, match=r"training.periodic: .* leave it out"):
        phi_periods(LEPTON, shift, tables=True)
