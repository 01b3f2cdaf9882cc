"""C expressions for the operations on single words, each in the narrowest of 32 and 64 bits that is proved to do.

The expressions call the helpers of `scalar.h`.
"""

from dataclasses import dataclass

from l1ae.circuit.formats import FixedFormat, Overflow, Rounding

_NARROW = 2**31


def bits_for(*words: int) -> int:
    """Bits of the type, 32 or 64, that holds all these words."""
    return 32 if all(-_NARROW <= word < _NARROW for word in words) else 64


def literal(word: int) -> str:
    """A C constant of this value."""
    if -(2**31) < word < 2**31:
        return str(word) if word >= 0 else f"({word})"
    return f"{word}LL" if word >= 0 else f"({word}LL)"


@dataclass(frozen=True)
class Value:
    """A C expression without side effects, the bits of its type, and the words from `low` to `high` it can reach."""

    text: str
    bits: int
    low: int
    high: int

    def to(self, bits: int) -> str:
        """The expression in a type of so many bits, 32 only where its words fit."""
        if bits == self.bits:
            return self.text
        return f"{'narrow' if bits == 32 else 'wide'}({self.text})"

    def shifted(self, up: int) -> "Value":
        """Times 2**up."""
        if not up:
            return self
        low, high = self.low << up, self.high << up
        bits = max(bits_for(low, high), self.bits)
        return Value(f"times{bits}({self.to(bits)}, {up})", bits, low, high)

    def at_least(self, limit: int) -> "Value":
        """The larger of the value and a limit."""
        if self.low >= limit:
            return self
        return Value(f"max{self.bits}({self.text}, {literal(limit)})", self.bits, limit, max(self.high, limit))

    def at_most(self, limit: int) -> "Value":
        """The smaller of the value and a limit."""
        if self.high <= limit:
            return self
        return Value(f"min{self.bits}({self.text}, {literal(limit)})", self.bits, min(self.low, limit), limit)

    def rounded(self, lost: int, rounding: Rounding, ties: bool) -> "Value":
        """Without the last `lost` bits; `ties`: whether a tie can be met at all."""
        if not lost:
            return self
        # Words have at most 62 bits: with as many lost, only the sign is left, and half of the last bit is 2**61.
        if lost > 62:
            if rounding is not Rounding.TRN:
                return Value("zero32()", 32, 0, 0)
            lost = 62
        half = 0 if rounding is Rounding.TRN else 1 << (lost - 1)
        bits = max(bits_for(self.low, self.high + half, half), self.bits, 64 if lost > 30 else 32)
        text = self.to(bits)
        if rounding is Rounding.RND_CONV and ties:
            return Value(f"even{bits}({text}, {lost})", bits, self.low >> lost, (self.high + half) >> lost)
        added = f"{text} + {literal(half)}" if half else text
        return Value(f"down{bits}({added}, {lost})", bits, (self.low + half) >> lost, (self.high + half) >> lost)

    def wrapped(self, format_: FixedFormat) -> "Value":
        """The last bits only, as a word of the format."""
        signed = int(format_.signed)
        bits = max(self.bits, bits_for(format_.low, format_.high, 2**format_.width - 1))
        return Value(f"wrap{bits}({self.to(bits)}, {format_.width}, {signed})", bits, format_.low, format_.high)

    def quantized(self, fraction: int, format_: FixedFormat, *, ties: bool) -> "Value":
        """A word with `fraction` bits below the point, brought to a format as `FixedFormat.quantize` does."""
        wrap, up = format_.overflow is Overflow.WRAP, format_.fraction - fraction
        value = self
        if up > 0 and wrap:
            up = min(up, 62)
            bits = max(bits_for(self.low << up, self.high << up), self.bits)
            value = Value(f"times{bits}({self.to(bits)}, {up})", bits, self.low << up, self.high << up)
        elif up > 0:
            # What would leave 62 bits is far past the range of the format.
            limit = 2 ** max(62 - up, 0)
            value = self.at_least(-limit).at_most(limit).shifted(min(up, 62))
        else:
            value = value.rounded(-up, format_.rounding, ties)
        if value.low >= format_.low and value.high <= format_.high:
            return value
        return value.wrapped(format_) if wrap else value.at_least(format_.low).at_most(format_.high)
