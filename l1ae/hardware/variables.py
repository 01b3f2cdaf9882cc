"""Helpers on da4ml's variables: rounding to a format, squares and tables, one variable at a time."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ae.circuit.formats import FixedFormat, Rounding

#: da4ml 0.6.0 gets constants wrong, silently, where its internal numbering of bits passes 31.
_MAX_DRIFT = 20
_TABLE_BITS = 12  # a square of more bits never pays as a table


def elements(tensor: Any) -> list[Any]:
    """The variables of a vector."""
    return [tensor[index] for index in range(len(tensor))]


def array(variables: list[Any], like: Any) -> Any:
    """Variables as a vector of the same kind as `like`."""
    return type(like)(np.array(variables, dtype=object), hwconf=like.hwconf)


def quantize(x: Any, format_: FixedFormat) -> Any:
    """One variable brought to a format, with da4ml's truncation and one more adder for ties to even."""
    step = -int(math.log2(x.step))
    if x.low == x.high:
        word = format_.quantize(np.array([round(math.ldexp(float(x.low), step))]), step)[0]
        return x.from_const(math.ldexp(float(word), -format_.fraction), hwconf=x.hwconf)
    fraction = format_.fraction
    rounding = str(format_.rounding)
    if format_.rounding is Rounding.RND_CONV and step > fraction:
        # floor(x + 1/2 - eps + eps * last kept bit): a tie moves up only when the bit that stays is odd.
        eps = 2.0**-step
        last_bit = x.quantize(0, 1 - fraction, fraction)
        if _drift(x, fraction) > _MAX_DRIFT:
            # A sum takes the internal binary point of its first term, and that of a table is the true one.
            x = last_bit.lookup(np.array([0.0, eps])) + x
        else:
            x = x + (last_bit >> (step - fraction))
        x = x + (2.0 ** (-fraction - 1) - eps)
    if format_.rounding is not Rounding.RND:
        rounding = str(Rounding.TRN)
    integer = format_.integer - format_.signed
    return x.quantize(int(format_.signed), integer, fraction, str(format_.overflow), rounding)


def _drift(x: Any, fraction: int) -> int:
    """Position of the last bit that stays, in da4ml's internal numbering, which never goes back after a rounding."""
    return -fraction - round(math.log2(abs(x._factor)))


def largest(values: list[Any]) -> Any:
    """The maximum of some variables, by comparing two at a time."""
    while len(values) > 1:
        pairs = zip(values[::2], values[1::2], strict=False)
        values = [a.max_of(b) for a, b in pairs] + values[len(values) - len(values) % 2 :]
    return values[0]


def clip(x: Any, low: float | None, high: float | None) -> Any:
    """One variable, or the nearest of two limits; None for no limit."""
    x = x if low is None else x.max_of(low)
    return x if high is None else x.min_of(high)


def leaky(x: Any, shift: int) -> Any:
    """One variable where it is positive, 2**-shift of it where it is negative."""
    small = x >> shift
    if x.low >= 0 or x.high <= 0:
        return x if x.low >= 0 else small
    ends = float(small.low), float(x.high), float(small.step)
    return x.msb_mux(small, x, qint=ends)


def square(x: Any) -> Any:
    """The square of one variable: a multiplier, a table, or a table of the absolute value, whichever costs least."""
    choices = [(x * x, 0.0)]
    if x.low < x.high and (x.high - x.low) / x.step < 2**_TABLE_BITS:
        magnitude = abs(x)
        choices += [(_square_table(x), 0.0), (_square_table(magnitude), magnitude.cost if magnitude is not x else 0.0)]
    return min(choices, key=lambda choice: choice[0].cost + choice[1])[0]


def _square_table(x: Any) -> Any:
    low, step = float(x.low), float(x.step)
    size = round(float(x.high - x.low) / step) + 1
    return x.lookup((low + step * np.arange(size)) ** 2)


def lookup(x: Any, table: NDArray[np.float64], low: int, fraction: int) -> Any:
    """The entry of `table` for one variable, whose words with `fraction` bits below the point start at `low`."""
    first, step = float(x.low), float(x.step)
    if x.low == x.high:
        return x.from_const(float(table[round(math.ldexp(first, fraction)) - low]), hwconf=x.hwconf)
    values = first + step * np.arange(round(float(x.high - x.low) / step) + 1)
    # da4ml's interval may hold values that the circuit never reaches: any entry does for them.
    index = np.floor(np.ldexp(values, fraction)).astype(np.int64) - low
    return x.lookup(table[np.clip(index, 0, len(table) - 1)])
