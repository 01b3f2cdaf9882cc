"""What a baseline is trained on: finite inputs, and at most so many of them, drawn at random but always the same."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from l1ae.errors import DataError


def as_inputs(x: ArrayLike) -> NDArray[np.float64]:
    """Inputs (N, F) as float64; raises `DataError` for another shape, no events, and values that are not finite."""
    values = np.asarray(x, dtype=np.float64)
    if values.ndim != 2 or not values.size:
        raise DataError(f"inputs have shape {values.shape}, expected (events, features) with at least one event")
    if not np.isfinite(values).all():
        raise DataError("inputs hold NaN or infinite values; drop those events")
    return values


def draw(batches: Iterable[ArrayLike], limit: int, seed: int) -> NDArray[np.float64]:
    """At most `limit` rows (M, F) of batches (N, F), each with the same chance, in their order.

    Every row gets a random number and the smallest ones stay, so memory is bounded and the choice does not depend on
    how the rows are cut into batches. Without batches the result is empty, of shape (0, 0).
    """
    rng = np.random.default_rng(seed)
    rows, keys = np.zeros((0, 0)), np.zeros(0)
    for batch in batches:
        values = as_inputs(batch)
        rows = np.concatenate([rows, values]) if len(rows) else values
        keys = np.concatenate([keys, rng.random(len(values))])
        if len(rows) > limit:
            kept = np.sort(np.argpartition(keys, limit)[:limit])
            rows, keys = rows[kept], keys[kept]
    return rows
