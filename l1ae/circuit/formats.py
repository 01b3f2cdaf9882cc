"""Fixed-point formats and the one meaning of rounding and saturation, on integers.

A value v of format f is the integer word w = v * 2**f.fraction. Formats are written as in HLS:
`ap_fixed<10,5,RND_CONV,SAT>` has 10 bits, 5 of them before the binary point (sign included).
"""

import re
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from l1ae.errors import ConversionError, DataError

_TEXT = re.compile(r"ap_(u?)fixed<(\d+),(-?\d+)(?:,(TRN|RND|RND_CONV),(WRAP|SAT|SAT_SYM))?>")

#: Bits of the widest format: sums and differences of its words stay within int64.
WIDEST = 62


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
        if not 1 <= self.width <= WIDEST:
            raise ConversionError(f"format of {self.width} bits: widths from 1 to {WIDEST} are supported")
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
        return int(self.overflow is Overflow.SAT_SYM) - int(2 ** (self.width - 1))

    @property
    def high(self) -> int:
        """Largest word."""
        return int(2 ** (self.width - self.signed)) - 1

    def quantize(self, words: NDArray[np.int64], fraction: int) -> NDArray[np.int64]:
        """Words with `fraction` bits below the point (any shape) brought to this format, exactly as `ap_fixed` does."""
        words = np.asarray(words, dtype=np.int64)
        shift = fraction - self.fraction
        if shift > 0:
            words = _shift_right(words, shift, self.rounding)
        elif shift < 0:
            if self.overflow is not Overflow.WRAP:
                # Anything that would leave 63 bits is far past the range: clip first, so that the sign survives.
                limit = 2 ** max(62 + shift, 0)
                words = np.clip(words, -limit, limit)
            words = words << np.int64(min(-shift, 62))
        return self._wrap(words) if self.overflow is Overflow.WRAP else np.clip(words, self.low, self.high)

    def quantize_values(self, values: NDArray[np.floating]) -> NDArray[np.int64]:
        """Words of values (any shape, float32 or float64), rounded, then saturated or wrapped, without float error."""
        exact = np.asarray(values, dtype=np.float64)
        if np.isnan(exact).any():
            raise DataError(f"a value is not a number and cannot become {self}: remove such events")
        with np.errstate(over="ignore"):
            scaled = np.ldexp(exact, self.fraction)
        if self.overflow is Overflow.WRAP:
            if scaled.size and not np.abs(scaled).max() < 2.0**62:
                raise DataError(f"a value is too large to be wrapped into {self}: bring it below 2**62 LSB")
        else:
            scaled = np.clip(scaled, self.low - 1.0, self.high + 1.0)
        floor = np.floor(scaled)
        rest = scaled - floor
        words = floor.astype(np.int64)
        if self.rounding is Rounding.RND:
            words += rest >= 0.5
        elif self.rounding is Rounding.RND_CONV:
            words += (rest > 0.5) | ((rest == 0.5) & (words & 1 == 1))
        return self._wrap(words) if self.overflow is Overflow.WRAP else np.clip(words, self.low, self.high)

    def _wrap(self, words: NDArray[np.int64]) -> NDArray[np.int64]:
        # The subtraction may pass 64 bits; the bits that the mask keeps are right all the same.
        low = np.int64(-(2 ** (self.width - 1)) if self.signed else 0)
        with np.errstate(over="ignore"):
            return ((words - low) & np.int64(2**self.width - 1)) + low

    @classmethod
    def parse(cls, text: str) -> "FixedFormat":
        """Read what `str` writes: `ap_ufixed<8,3>` or `ap_fixed<10,5,RND_CONV,SAT>`."""
        match = _TEXT.fullmatch(text.replace(" ", ""))
        if match is None:
            raise ConversionError(f"{text!r} is not a format: write it as ap_fixed<10,5,RND_CONV,SAT>")
        unsigned, width, integer, rounding, overflow = match.groups()
        modes = (Rounding(rounding), Overflow(overflow)) if rounding else (Rounding.TRN, Overflow.WRAP)
        return cls(not unsigned, int(width), int(integer), *modes)

    @classmethod
    def holding(cls, low: int, high: int, fraction: int) -> "FixedFormat":
        """The smallest format with `fraction` bits below the point that holds every word from `low` to `high`."""
        signed = low < 0
        bits = max(int(max(high, 0)).bit_length(), int(-low - 1).bit_length() if signed else 0)
        width = max(bits + signed, 1)
        return cls(signed, width, width - fraction)


def _shift_right(words: NDArray[np.int64], shift: int, rounding: Rounding) -> NDArray[np.int64]:
    if shift > 63:
        # Less than half of the last bit, or exactly half for -2**63, where both rules give 0.
        return words >> np.int64(63) if rounding is Rounding.TRN else np.zeros_like(words)
    floor = words >> np.int64(shift)
    if rounding is Rounding.TRN:
        return floor
    rest = words - (floor << np.int64(shift))
    half = np.int64(1 << (shift - 1))
    if rounding is Rounding.RND:
        return floor + (rest >= half)
    return floor + ((rest > half) | ((rest == half) & (floor & 1 == 1)))
