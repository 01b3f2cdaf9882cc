"""What may be ranked: one finite number per event, integers kept as integers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from l1ae.errors import DataError


@dataclass(frozen=True)
class Scores:
    """Scores of one kind on the test sample: background (N,) and each signal (M,), large meaning anomalous."""

    background: NDArray[Any]
    signals: Mapping[str, NDArray[Any]]

    def against(self, signal: str) -> NDArray[Any]:
        """The scores (N,) of the background that this signal is judged against: the same for all."""
        return self.background


@dataclass(frozen=True)
class SignalScores:
    """Scores that know the signal: each signal (M,) has scores of the background (N,) of its own."""

    backgrounds: Mapping[str, NDArray[Any]]
    signals: Mapping[str, NDArray[Any]]

    def against(self, signal: str) -> NDArray[Any]:
        """The scores (N,) of the background that this signal is judged against."""
        return self.backgrounds[signal]


def as_scores(scores: ArrayLike, sample: str) -> NDArray[Any]:
    """Scores (N,) of one sample as int64 (score words) or float64, at least one event.

    Raises `DataError` naming `sample` when it is empty, not one number per event, not finite or beyond int64.
    """
    array = np.asarray(scores)
    if array.ndim != 1:
        raise DataError(f"{sample} scores have shape {array.shape}, expected one number per event; flatten them")
    if not array.size:
        raise DataError(f"{sample} has no events to evaluate; check the process names and the split")
    if np.issubdtype(array.dtype, np.integer):
        if array.dtype == np.uint64 and int(array.max()) > np.iinfo(np.int64).max:
            raise DataError(f"{sample} scores reach {int(array.max())}, beyond 63 bits")
        return array.astype(np.int64)
    if not np.issubdtype(array.dtype, np.floating):
        raise DataError(f"{sample} scores are {array.dtype}, expected integer score words or floats")
    bad = np.flatnonzero(~np.isfinite(array))
    if bad.size:
        raise DataError(f"{bad.size} of {array.size} {sample} scores are NaN or infinite, first at event {bad[0]}")
    return array.astype(np.float64)


def same_kind(background: NDArray[Any], signal: NDArray[Any], sample: str) -> None:
    """Raise `DataError` when one sample holds integer words and the other floats: they would not be comparable."""
    if background.dtype != signal.dtype:
        raise DataError(f"background scores are {background.dtype} but {sample} scores are {signal.dtype}")
