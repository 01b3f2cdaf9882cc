"""Fixed-point formats and the one meaning of rounding and saturation, on integers.

A value v of format f is the integer word w = v * 2**f.fraction. Formats are written as in HLS:
`ap_fixed<10,5,RND_CONV,SAT>` has 10 bits, 5 of them before the binary point (sign included).
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from l1ae.errors import ConversionError


class Rounding(StrEnum):
    """What happens to bits below the last one (AMD UG1399, Vitis HLS user guide, arbitrary precision fixed-point)."""

    TRN = "TRN"  # towards minus infinity
    RND = "RND"  # nearest, ties towards plus infinity
    RND_CONV = "RND_CONV"  # nearest, ties to even


class Overflow(StrEnum):
    """What happens to values outside the range of the format (AMD UG1399)."""

    WRAP = "WRAP"
    SAT = "SAT"
    SAT_SYM = "SAT_SYM"  # like SAT, and the most negative word is not used


@dataclass(frozen=True)
class FixedFormat:
    """A fixed-point format: sign, width (bits), integer bits (sign included), rounding, overflow."""

    signed: bool
    width: int
    integer: int
    rounding: Rounding = Rounding.TRN
    overflow: Overflow = Overflow.WRAP

    def __post_init__(self) -> None:
        if not 1 <= self.width <= 62:
            raise ConversionError(f"format of {self.width} bits: widths from 1 to 62 are supported")
        if self.signed and self.width < 2 and self.overflow is Overflow.SAT_SYM:
            raise ConversionError("a symmetric format needs at least 2 bits")

    def __str__(self) -> str:
        modes = f",{self.rounding},{self.overflow}"
        plain = self.rounding is Rounding.TRN and self.overflow is Overflow.WRAP
        return f"{'ap_fixed' if self.signed else 'ap_ufixed'}<{self.width},{self.integer}{'' if plain else modes}>"

    @property
    def fraction(self) -> int:
        """Bits below the binary point; negative when the last bit counts more than one."""
        return self.width - self.integer

    @property
    def lsb(self) -> float:
        """Value of the last bit."""
        return 2.0**-self.fraction

    @property
    def low(self) -> int:
        """Smallest word."""
        if not self.signed:
            return 0
        return -(2 ** (self.width - 1)) + (self.overflow is Overflow.SAT_SYM)

    @property
    def high(self) -> int:
        """Largest word."""
        return int(2 ** (self.width - self.signed)) - 1

    def quantize(self, words: NDArray[np.int64], fraction: int) -> NDArray[np.int64]:
        """Words with `fraction` bits below the point (any shape) brought to this format, exactly as `ap_fixed` does."""
        words = np.asarray(words, dtype=np.int64)
        shift = fraction - self.fraction
        if shift <= 0:
            limit = 2 ** (62 + shift) if shift > -62 else 1
            if words.size and int(np.abs(words).max()) >= limit:
                raise ConversionError(f"a value does not fit 63 bits when brought to {self}")
            result = words << -shift
        else:
            result = _shift_right(words, min(shift, 62), self.rounding)
        if self.overflow is Overflow.WRAP:
            return self._wrap(result)
        return np.clip(result, self.low, self.high)

    def _wrap(self, words: NDArray[np.int64]) -> NDArray[np.int64]:
        low = -(2 ** (self.width - 1)) if self.signed else 0
        return ((words - low) & (2**self.width - 1)) + low

    @classmethod
    def holding(cls, low: int, high: int, fraction: int) -> "FixedFormat":
        """The smallest format with `fraction` bits below the point that holds every word from `low` to `high`."""
        signed = low < 0
        bits = max(int(high).bit_length(), int(-low - 1).bit_length() if signed else 0)
        width = max(bits + signed, 1)
        return cls(signed, width, width - fraction)


def _shift_right(words: NDArray[np.int64], shift: int, rounding: Rounding) -> NDArray[np.int64]:
    floor = words >> shift
    if rounding is Rounding.TRN:
        return floor
    rest = words - (floor << shift)
    half = np.int64(1) << (shift - 1)
    if rounding is Rounding.RND:
        return floor + (rest >= half)
    return floor + ((rest > half) | ((rest == half) & (floor & 1 == 1)))
