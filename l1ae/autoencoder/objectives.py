"""What training minimises: one small function per term, on tensors of shape (batch, n)."""

from typing import Any

from keras import ops


def squared_error(target: Any, output: Any) -> Any:
    """Mean over inputs of the squared error, shape (batch,)."""
    return ops.mean(ops.square(target - output), axis=-1)


def kl_divergence(mean: Any, log_variance: Any) -> Any:
    """KL divergence of N(mean, variance) from N(0, 1), mean over the code, shape (batch,).

    Kingma and Welling, Auto-Encoding Variational Bayes, arXiv:1312.6114, appendix B.
    """
    return -0.5 * ops.mean(1.0 + log_variance - ops.square(mean) - ops.exp(log_variance), axis=-1)


def beta_elbo(target: Any, output: Any, mean: Any, log_variance: Any, beta: Any) -> Any:
    """(1 - beta) * squared error + beta * KL divergence, shape (batch,), as in arXiv:2108.03986."""
    return (1.0 - beta) * squared_error(target, output) + beta * kl_divergence(mean, log_variance)
