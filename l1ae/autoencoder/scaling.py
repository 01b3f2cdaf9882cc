"""Input scaling learned from the training events: an offset and a power-of-two shift per input."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from l1ae.errors import DataError

#: A shift left of more than this would let one count of a nearly constant input fill the whole range.
LOWEST_SHIFT, HIGHEST_SHIFT = -2, 11


@dataclass(frozen=True)
class Scaling:
    """One integer `offset` and one `shift` per input: scaled = (word - offset) * 2**-shift."""

    offset: tuple[int, ...]
    shift: tuple[int, ...]


def learn_scaling(words: NDArray[np.integer]) -> Scaling:
    """Offset = rounded mean, 2**shift = the power of two nearest to the standard deviation of (N, n) words."""
    if len(words) < 2:
        raise DataError(f"{len(words)} training events: at least 2 are needed to scale the inputs")
    mean = words.mean(axis=0, dtype=np.float64)
    deviation = words.std(axis=0, dtype=np.float64)
    constant = deviation == 0
    shift = np.rint(np.log2(np.where(constant, 1.0, deviation))).astype(int)
    return Scaling(
        offset=tuple(int(value) for value in np.rint(mean)),
        shift=tuple(int(value) for value in np.clip(shift, LOWEST_SHIFT, HIGHEST_SHIFT)),
    )
