"""Hardware scales: what one count of a Level-1 trigger word means."""

import math
from typing import Annotated

import numpy as np
import pydantic
from numpy.typing import NDArray
from pydantic import Field, PositiveInt

from l1ae.records import Record


class HardwareScale(Record):
    """One field of a trigger object: physical value = word * `lsb`.

    `width` counts all bits of the word, sign included. A field is either `signed` (eta), `cyclic` (phi, whose words run
    from 0 to `period` - 1) or plain unsigned (transverse momentum). Words saturate at their ends, phi wraps.
    """

    lsb: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    width: Annotated[int, Field(ge=1, le=16)]
    unit: str
    signed: bool = False
    period: PositiveInt | None = None

    @pydantic.model_validator(mode="after")
    def _possible(self) -> "HardwareScale":
        if self.period is not None and (self.signed or self.period > 2**self.width):
            raise ValueError(f"a period of {self.period} needs an unsigned word that holds it")
        if self.period is not None and not math.isclose(self.period * self.lsb, 2 * math.pi, rel_tol=1e-6):
            raise ValueError(f"a period of {self.period} words of {self.lsb:g} is no full turn of 2 pi")
        if self.width - self.signed > 15:
            raise ValueError("words are kept in 16 signed bits, an unsigned field has at most 15")
        return self

    @property
    def low(self) -> int:
        """Smallest word."""
        return -(2 ** (self.width - 1)) if self.signed else 0

    @property
    def high(self) -> int:
        """Largest word."""
        if self.period is not None:
            return self.period - 1
        return 2 ** (self.width - self.signed) - 1

    def to_words(self, values: NDArray[np.floating]) -> NDArray[np.int16]:
        """Round physical values (any shape, in `unit`) to the nearest word, saturating (or wrapping in phi)."""
        counts = np.rint(np.asarray(values, dtype=np.float64) / self.lsb)
        counts = np.mod(counts, self.period) if self.period is not None else np.clip(counts, self.low, self.high)
        return counts.astype(np.int16)

    def to_physical(self, words: NDArray[np.integer]) -> NDArray[np.float64]:
        """Physical value (in `unit`) of each word; phi comes back in [-pi, pi)."""
        values = np.asarray(words, dtype=np.float64) * self.lsb
        if self.period is not None:
            values = np.where(values >= math.pi, values - 2 * math.pi, values)
        return values

    def saturated(self, words: NDArray[np.integer]) -> NDArray[np.bool_]:
        """Which words lie at an end where values saturate; phi has no such end."""
        if self.period is not None:
            return np.zeros(np.shape(words), dtype=bool)
        words = np.asarray(words)
        return (words == self.high) | ((words == self.low) if self.signed else False)
