"""Input scaling learned from the training events: an offset and a power-of-two shift per input."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from l1ae.errors import DataError

#: A left shift would let one count of a nearly constant input, such as the fourth muon, fill the whole range.
LOWEST_SHIFT, HIGHEST_SHIFT = 0, 11


@dataclass(frozen=True)
class Scaling:
    """One integer `offset` and one `shift` per input: scaled = (word - offset) * 2**-shift."""

    offset: tuple[int, ...]
    shift: tuple[int, ...]


def learn_scaling(
    chunks: Iterable[NDArray[np.integer]], direction: NDArray[np.bool_] | None = None, direction_shift: int = 0
) -> Scaling:
    """Offset = rounded mean, 2**shift = the power of two nearest to the standard deviation of words in (N, n) chunks.

    `direction_shift` is added to the shift of the inputs marked in `direction` (n,), eta and phi: a direction is noise
    to the score, since rare events point nowhere in particular, and unweighted it drowns the momenta. Sums are
    integers, so the chunks do not matter.
    """
    count, total, squares = 0, 0, 0
    for chunk in chunks:
        words = np.asarray(chunk, dtype=np.int64)
        count += len(words)
        # Python's integers from here on: N times the sum of squares passes 64 bits at some ten million events.
        total = total + words.sum(axis=0).astype(object)
        squares = squares + np.square(words).sum(axis=0).astype(object)
    if count < 2:
        raise DataError(f"{count} training events: at least 2 are needed to scale the inputs")
    mean = np.asarray(total / count, dtype=np.float64)
    variance = np.asarray((count * squares - total * total) / count**2, dtype=np.float64)
    shift = np.rint(np.log2(np.sqrt(np.where(variance == 0, 1.0, variance)))).astype(int)
    shift = np.clip(shift, LOWEST_SHIFT, HIGHEST_SHIFT)
    if direction is not None:
        shift = shift + np.where(direction, direction_shift, 0)
    return Scaling(
        offset=tuple(int(value) for value in np.rint(mean)),
        shift=tuple(int(value) for value in shift),
    )
