"""Variational autoencoders: the evidence lower bound, with a weight and a prior of its own."""

import math
from typing import Any

from keras import ops


def kl_divergence(mean: Any, log_variance: Any, prior_width: float = 1.0) -> Any:
    """KL divergence of N(mean, variance) from N(0, prior_width**2), mean over the code, shape (batch,).

    Kingma and Welling, Auto-Encoding Variational Bayes, arXiv:1312.6114, appendix B, in units of the prior's width.
    """
    scaled_log_variance = log_variance - 2.0 * math.log(prior_width)
    spread = ops.square(mean / prior_width) + ops.exp(scaled_log_variance)
    return -0.5 * ops.mean(1.0 + scaled_log_variance - spread, axis=-1)


def beta_elbo(reconstruction: Any, divergence: Any, beta: Any) -> Any:
    """(1 - beta) * reconstruction error + beta * KL divergence, shape (batch,), as in arXiv:2108.03986."""
    return (1.0 - beta) * reconstruction + beta * divergence
