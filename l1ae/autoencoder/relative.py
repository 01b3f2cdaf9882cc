"""Angles relative to the missing momentum: differences of phi in whole counts, and their cosine in a table.

An event may be turned around the beam without becoming another event, so phi itself tells nothing; the difference to
the missing momentum does. An absent object has no phi: a presence bit moves it out of the range of all differences.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from l1ae.errors import ConfigError
from l1ae.events.layout import Layout

#: Counts of the coarse scale that an absent object is moved up by, past every difference.
_AWAY = 1024


@dataclass(frozen=True, eq=False)
class Relative:
    """difference = words @ `kernel` + `bias` - presence @ `absence`, for the inputs whose `ratio` is not 0.

    `ratio`: counts of this input's phi per count of the phi of the missing momentum; 0 where an input is no phi, or
    is the phi of the missing momentum itself, which becomes 0. The other inputs pass unchanged.
    """

    kernel: NDArray[np.int64]
    bias: NDArray[np.int64]
    absence: NDArray[np.int64]
    ratio: tuple[int, ...]
    period: int

    @classmethod
    def of(cls, layout: Layout) -> "Relative":
        """Kernels for a layout with an energy sum that has a phi; raises `ConfigError` for scales that do not match."""
        n, width = layout.n_inputs, len(layout.features)
        column = layout.features.index("phi")
        reference = next((kind for kind in layout.kinds if kind.sum and kind.scale("phi") is not None), None)
        if reference is None or (period := reference.fields["phi"].period) is None:
            raise ConfigError("inputs.angles: relative needs an energy sum with a phi, and these events have none")
        origin = layout.rows(reference.name).start * width + column
        kernel, bias, absence = np.eye(n, dtype=np.int64), np.zeros(n, dtype=np.int64), np.zeros((n, n), dtype=np.int64)
        ratio = [0] * n
        kernel[origin, origin] = 0
        for kind in layout.kinds:
            scale = kind.scale("phi")
            if scale is None or kind is reference:
                continue
            if scale.period is None or scale.period % period:
                raise ConfigError(
                    f"inputs.angles: one count of the phi of {reference.name} is no whole number of counts of "
                    f"{kind.name}; take absolute"
                )
            factor = scale.period // period
            rows = layout.rows(kind.name)
            for row in range(rows.start, rows.stop):
                index = row * width + column
                ratio[index] = factor
                kernel[origin, index] = -factor
                bias[index] = _AWAY * factor
                absence[row * width, index] = _AWAY * factor
        return cls(kernel, bias, absence, tuple(ratio), period)

    def apply(self, words: NDArray[np.int64]) -> NDArray[np.int64]:
        """Words (N, n) with each phi replaced by its difference."""
        present = (words > 0).astype(np.int64)
        return words @ self.kernel + self.bias - present @ self.absence

    def cosine(self, differences: NDArray[np.int64], index: int) -> NDArray[np.float64]:
        """Cosine of differences of input `index`; 0 for the words that only an absent object reaches."""
        turn = self.ratio[index] * self.period
        away = np.abs(differences)
        # The short way around, so that a full turn changes not even the last bit; an address may be rounded up to it.
        return np.where(away <= turn, np.cos(2 * np.pi * np.minimum(away, turn - away) / turn), 0.0)

    def first_word(self, ratio: int) -> int:
        """The smallest difference, rounded down to a power of two of the coarse scale."""
        return -ratio * 2 ** (self.period - 1).bit_length()

    def bits(self, ratio: int) -> int:
        """Bits of the differences, both ways around."""
        return (2 * ratio * 2 ** (self.period - 1).bit_length() - 1).bit_length()
