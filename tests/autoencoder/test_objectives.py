import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from keras import ops

from l1ae.autoencoder.objectives import absolute_error, beta_elbo, kl_divergence, squared_error

RNG = np.random.default_rng(0)
TARGET, OUTPUT = RNG.normal(size=(2, 4, 5)).astype(np.float32)


def test_errors_are_means_over_the_inputs():
    assert np.allclose(squared_error(TARGET, OUTPUT), ((TARGET - OUTPUT) ** 2).mean(axis=1), rtol=1e-6)
    assert np.allclose(absolute_error(TARGET, OUTPUT), np.abs(TARGET - OUTPUT).mean(axis=1), rtol=1e-6)


@given(st.floats(-3, 3), st.floats(-3, 2), st.floats(0.5, 8))
def test_kl_divergence_is_the_integral_it_stands_for(mean, log_variance, prior_width):
    x = np.linspace(-30, 30, 60001)
    sigma = np.exp(log_variance / 2)
    log_ratio = -0.5 * ((x - mean) / sigma) ** 2 - np.log(sigma) + 0.5 * (x / prior_width) ** 2 + np.log(prior_width)
    density = np.exp(-0.5 * ((x - mean) / sigma) ** 2) / sigma / np.sqrt(2 * np.pi)
    integral = np.trapezoid(density * log_ratio, x)
    arguments = ops.array([[mean]], "float64"), ops.array([[log_variance]], "float64")
    value = float(kl_divergence(*arguments, prior_width)[0])
    assert abs(value - integral) < 1e-6


def test_beta_shifts_the_weight_between_the_terms():
    assert beta_elbo(3.0, 5.0, 0.0) == 3.0
    assert beta_elbo(3.0, 5.0, 1.0) == 5.0
    assert beta_elbo(3.0, 5.0, 0.25) == 3.5
