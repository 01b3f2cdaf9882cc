"""Sparse autoencoders: a penalty that leaves most dimensions of the code at rest."""

from typing import Any

from keras import ops


def laplace(code: Any) -> Any:
    """Mean absolute value of a code (batch, k), shape (batch,): -ln of a Laplace prior, up to a constant.

    Olshausen and Field, Nature 381 (1996) 607.
    """
    return ops.mean(ops.absolute(code), axis=-1)


def kl_sparsity(code: Any, target: float) -> Any:
    """KL divergence of the mean activity of each dimension from `target`, mean over the code: a number per batch.

    The activity of an event is the sigmoid of its code; sum of t ln(t/a) + (1-t) ln((1-t)/(1-a)), a the mean over the
    batch (Lee, Ekanadham and Ng, NIPS 20 (2007); Ng, CS294A lecture notes, 2011).
    """
    activity = ops.clip(ops.mean(ops.sigmoid(code), axis=0), 1e-6, 1 - 1e-6)
    terms = target * ops.log(target / activity) + (1 - target) * ops.log((1 - target) / (1 - activity))
    return ops.mean(terms)
