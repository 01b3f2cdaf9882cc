import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops

from l1ae.autoencoder.objectives.variational import beta_elbo, kl_divergence


@given(st.floats(-3, 3), st.floats(-3, 2), st.floats(0.5, 8))
@settings(deadline=None, max_examples=30)
def test_kl_divergence_is_the_integral_it_stands_for(mean, log_variance, prior_width):
    x = np.linspace(-30, 30, 60001)
    sigma = np.exp(log_variance / 2)
    log_ratio = -0.5 * ((x - mean) / sigma) ** 2 - np.log(sigma) + 0.5 * (x / prior_width) ** 2 + np.log(prior_width)
    density = np.exp(-0.5 * ((x - mean) / sigma) ** 2) / sigma / np.sqrt(2 * np.pi)
    integral = np.trapezoid(density * log_ratio, x)
    arguments = ops.array([[mean]], "float64"), ops.array([[log_variance]], "float64")
    value = float(kl_divergence(*arguments, prior_width)[0])
    assert abs(value - integral) < 1e-6


def test_kl_divergence_is_a_mean_over_the_code_and_nothing_at_the_prior():
    mean, log_variance = np.random.default_rng(0).normal(size=(2, 6, 4)).astype(np.float32)
    one_by_one = [np.asarray(kl_divergence(mean[:, [i]], log_variance[:, [i]], 2.0)) for i in range(4)]
    assert np.allclose(np.asarray(kl_divergence(mean, log_variance, 2.0)), np.mean(one_by_one, axis=0), rtol=1e-5)
    zero, width = np.zeros((1, 3), dtype=np.float32), 4.0  # ln(width**2) = 4 ln 2
    assert np.allclose(np.asarray(kl_divergence(zero, zero + np.float32(4 * np.log(2)), width)), 0, atol=1e-6)
    assert float(kl_divergence(zero, zero, width)[0]) > 0.1


def test_beta_shifts_the_weight_between_the_terms():
    assert beta_elbo(3.0, 5.0, 0.0) == 3.0
    assert beta_elbo(3.0, 5.0, 1.0) == 5.0
    assert beta_elbo(3.0, 5.0, 0.25) == 3.5
