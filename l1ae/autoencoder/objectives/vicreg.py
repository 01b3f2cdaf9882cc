"""VICReg: an embedding learned from pairs of views of one event, without labels and without collapsing.

Bardes, Ponce and LeCun, VICReg: Variance-Invariance-Covariance Regularization for Self-Supervised Learning, ICLR 2022,
arXiv:2105.04906, equations 1 to 6, with its weights as defaults.
"""

from typing import Any

from keras import ops

_EPSILON = 1e-4


def invariance(one: Any, two: Any) -> Any:
    """Mean squared distance of two embeddings (batch, d) of the same events."""
    return ops.mean(ops.square(one - two))


def variance(embedding: Any) -> Any:
    """How far the spread of each dimension falls short of 1, mean over the dimensions."""
    return ops.mean(ops.maximum(1.0 - ops.sqrt(ops.var(embedding, axis=0) + _EPSILON), 0.0))


def covariance(embedding: Any) -> Any:
    """Sum of the squared covariances of different dimensions, divided by their number."""
    count, size = ops.shape(embedding)[0], embedding.shape[-1]
    centred = embedding - ops.mean(embedding, axis=0)
    matrix = ops.matmul(ops.transpose(centred), centred) / ops.cast(ops.maximum(count - 1, 1), centred.dtype)
    diagonal = ops.sum(ops.square(ops.diagonal(matrix)))
    return (ops.sum(ops.square(matrix)) - diagonal) / size
