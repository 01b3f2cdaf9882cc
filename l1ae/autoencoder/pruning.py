"""Magnitude pruning: the smallest weights of each layer become zero for good, more of them from epoch to epoch.

Zhu and Gupta, To prune, or not to prune, arXiv:1710.01878: sparsity grows with the cube of the remaining time.
"""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from l1ae.settings import PruningConfig


def sparsity_at(epoch: int, config: PruningConfig) -> float:
    """Share of zero weights in an epoch (counted from 1): s * (1 - (1 - progress)**3)."""
    progress = (epoch - config.begin_epoch) / (config.end_epoch - config.begin_epoch)
    return float(config.sparsity * (1 - (1 - min(max(progress, 0.0), 1.0)) ** 3))


class _Masked(keras.constraints.Constraint):
    """Multiply by a mask after every step, behind whatever constraint there was before."""

    def __init__(self, mask: Any, before: Any) -> None:
        self.mask, self.before = mask, before

    def __call__(self, value: Any) -> Any:
        value = value if self.before is None else self.before(value)
        return ops.multiply(value, self.mask)


class Pruner:
    """Masks on the kernels of `layers`; nothing is pruned before `update`."""

    def __init__(self, layers: Sequence[Any], config: PruningConfig) -> None:
        self.config = config
        self._kernels = [layer.kernel for layer in layers]
        self._masks = []
        for kernel in self._kernels:
            mask = keras.Variable(np.ones(kernel.shape, dtype=np.float32), trainable=False, dtype="float32")
            self._masks.append(mask)
            kernel.constraint = _Masked(mask, kernel.constraint)

    def update(self, epoch: int) -> None:
        """Set the masks for an epoch from the magnitudes of the weights; what is zero stays zero."""
        share = sparsity_at(epoch, self.config)
        for kernel, mask in zip(self._kernels, self._masks, strict=True):
            values = np.abs(ops.convert_to_numpy(kernel))
            keep = np.ones(values.size, dtype=np.float32)
            # A stable order, so that equal magnitudes are cut the same way on every machine.
            keep[np.argsort(values.ravel(), kind="stable")[: int(share * values.size)]] = 0.0
            mask.assign(keep.reshape(values.shape))
            kernel.assign(ops.multiply(kernel, mask))
