"""Input scaling learned from the training events: an offset and a power-of-two shift per input."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from l1ae.errors import DataError
from l1ae.events.scales import FEATURES

#: A left shift would let one count of a nearly constant input, such as the fourth muon, fill the whole range.
LOWEST_SHIFT, HIGHEST_SHIFT = 0, 11


@dataclass(frozen=True)
class Scaling:
    """One integer `offset` and one `shift` per input: scaled = (word - offset) * 2**-shift."""

    offset: tuple[int, ...]
    shift: tuple[int, ...]


def learn_scaling(words: NDArray[np.integer], direction_shift: int = 0) -> Scaling:
    """Offset = rounded mean, 2**shift = the power of two nearest to the standard deviation of (N, n) words.

    `direction_shift` is added to the shift of eta and phi: a direction is noise to the score, since rare events point
    nowhere in particular, and unweighted it drowns the momenta. Inputs come in the order pT, eta, phi of each object.
    """
    if len(words) < 2:
        raise DataError(f"{len(words)} training events: at least 2 are needed to scale the inputs")
    mean = words.mean(axis=0, dtype=np.float64)
    deviation = words.std(axis=0, dtype=np.float64)
    constant = deviation == 0
    shift = np.rint(np.log2(np.where(constant, 1.0, deviation))).astype(int)
    direction = np.arange(words.shape[1]) % len(FEATURES) != FEATURES.index("pt")
    shift = np.clip(shift, LOWEST_SHIFT, HIGHEST_SHIFT) + np.where(direction, direction_shift, 0)
    return Scaling(
        offset=tuple(int(value) for value in np.rint(mean)),
        shift=tuple(int(value) for value in shift),
    )
