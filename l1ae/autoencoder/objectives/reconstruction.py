"""Reconstruction errors that know the physics: absent objects, the period of phi, weights per feature."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from keras import ops
from numpy.typing import NDArray

from l1ae.errors import ConfigError
from l1ae.events.layout import Layout


class Reconstruction:
    """Error of a reconstruction, a weighted mean over the inputs of an event: the likelihood of the noise assumed.

    `squared` is a Gaussian likelihood, `absolute` a Laplace one, which large values pull less. `weights` (n,): of the
    inputs; `periods` (n,): after which an input repeats itself, 0 for never.
    """

    def __init__(
        self,
        kind: Literal["squared", "absolute"],
        weights: NDArray[np.floating] | None = None,
        periods: NDArray[np.floating] | None = None,
    ) -> None:
        self.size = ops.square if kind == "squared" else ops.absolute
        self.weights = None if weights is None else np.asarray(weights, dtype=np.float32)
        self.periods = None if periods is None or not np.any(periods) else np.asarray(periods, dtype=np.float32)

    def __call__(self, target: Any, output: Any, mask: Any = None) -> Any:
        """Errors (batch,) of outputs (batch, n); `mask` (batch, n): 1 where an input counts, 0 where it does not."""
        difference = target - output
        if self.periods is not None:
            turns = ops.round(difference / np.where(self.periods > 0, self.periods, 1.0))
            difference = difference - ops.stop_gradient(turns) * self.periods
        error = self.size(difference)
        if mask is None and self.weights is None:
            return ops.mean(error, axis=-1)
        weights = ops.ones_like(error) if self.weights is None else ops.ones_like(error) * self.weights
        if mask is not None:
            weights = weights * mask
        return ops.sum(error * weights, axis=-1) / ops.maximum(ops.sum(weights, axis=-1), 1e-6)


def input_weights(weights: Mapping[str, float], layout: Layout) -> NDArray[np.float32] | None:
    """Weight of each input (n,), 1 for features without one; None when all are 1."""
    if not weights:
        return None
    row = [weights.get(feature, 1.0) for feature in layout.features]
    return np.tile(np.array(row, dtype=np.float32), layout.n_objects)


def phi_periods(layout: Layout, shift: Sequence[int], tables: bool) -> NDArray[np.float32]:
    """A full turn of each input that is a phi, in units of the scaled inputs; 0 for all others.

    Raises `ConfigError` when look-up tables have changed the unit of the angles.
    """
    if tables:
        raise ConfigError("training.periodic: inputs that pass through tables have lost their period; leave it out")
    periods = []
    for kind in layout.kinds:
        scales = [kind.scale(feature) for feature in layout.features]
        periods += [0 if scale is None or scale.period is None else scale.period for scale in scales] * kind.count
    return np.ldexp(np.array(periods, dtype=np.float64), -np.asarray(shift)).astype(np.float32)
