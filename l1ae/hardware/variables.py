"""Helpers on da4ml's variables: rounding to a format, squares and tables, one variable at a time."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ae.circuit.formats import FixedFormat, Overflow, Rounding

#: da4ml 0.6.0 gets constants wrong, silently, where its internal numbering of bits passes 31.
_MAX_DRIFT = 24
_TABLE_BITS = 12  # a square of more bits never pays as a table


def elements(tensor: Any) -> list[Any]:
    """The variables of a vector."""
    return [tensor[index] for index in range(len(tensor))]


def array(variables: list[Any], like: Any) -> Any:
    """Variables as a vector of the same kind as `like`."""
    return type(like)(np.array(variables, dtype=object), hwconf=like.hwconf, solver_options=like.solver_options)


def quantize(x: Any, format_: FixedFormat, *, ties: bool = True) -> Any:
    """One variable brought to a format; `ties`: whether it can ever lie exactly between two words of the format.

    What is added before the bits are cut off is one constant, which da4ml joins with a bias in front of it.
    """
    step = -int(math.log2(x.step))
    if x.low == x.high:
        word = format_.quantize(np.array([round(math.ldexp(float(x.low), step))]), step)[0]
        return x.from_const(math.ldexp(float(word), -format_.fraction), hwconf=x.hwconf)
    rounds = format_.rounding is not Rounding.TRN and step > format_.fraction
    if rounds and format_.rounding is Rounding.RND_CONV and _drift(x, format_.fraction) > _MAX_DRIFT:
        x, rounds = add_for_even(x, format_.fraction, step), False
    # From here on 0 stands for the lowest word, so that the lower limit of a signed format is that of a rectifier.
    low = math.ldexp(format_.low, -format_.fraction)
    lifted = format_.overflow is Overflow.SAT and format_.width > 1 and x.low < low < 0
    x = x + ((format_.lsb / 2 if rounds else 0.0) - (low if lifted else 0.0))
    whole = _truncate(x, format_.fraction)
    if rounds and format_.rounding is Rounding.RND_CONV and ties:
        # Half was added to all; where nothing is left below the last bit it was a tie, and the even word is below.
        rest, even = x.quantize(0, -format_.fraction, step), _truncate(x, format_.fraction - 1)
        whole = even if rest.low == rest.high else (rest - rest.step).msb_mux(even, whole)
    return _limit(whole, format_, low if lifted else None)


def add_for_even(x: Any, fraction: int, step: int) -> Any:
    """What has to be truncated for ties to even: x + 1/2 - eps + eps * the last bit that stays, eps = 2**-step."""
    eps = 2.0**-step
    last_bit = x.quantize(0, 1 - fraction, fraction)
    if _drift(x, fraction) > _MAX_DRIFT:
        # A sum takes the internal binary point of its first term, and that of a table is the true one.
        x = last_bit.lookup(np.array([0.0, eps])) + x
    else:
        x = x + (last_bit >> (step - fraction))
    return x + (2.0 ** (-fraction - 1) - eps)


def _drift(x: Any, fraction: int) -> int:
    """Position of the last bit that stays, in da4ml's internal numbering, which never goes back after a rounding."""
    return -fraction - round(math.log2(abs(x._factor)))


def _truncate(x: Any, fraction: int) -> Any:
    signed, integer, _ = x.kif
    return x.quantize(int(signed), max(integer, -fraction), fraction)


def _limit(x: Any, format_: FixedFormat, lowest: float | None) -> Any:
    """The overflow of a format, for a variable on its grid; `lowest`: of the format, when it was subtracted before."""
    low, high = (math.ldexp(end, -format_.fraction) for end in (format_.low, format_.high))
    if format_.overflow is not Overflow.WRAP:
        if lowest is not None:
            low, high = 0.0, high - lowest
        x = x.max_of(low)
        if x.high > high:
            # Compared with the first value beyond, a power of two: its few upper bits tell, and no carry runs.
            ends = float(min(x.low, high)), high, float(min(x.step, format_.lsb))
            x = (x - (high + format_.lsb)).msb_mux(x, high, qint=ends) if x.low < high else x.min_of(high)
        x = x + (lowest or 0.0)
    elif not format_.signed and x.low < 0:
        # da4ml takes the bits of a negative number as they are, without repeating its sign.
        turn = math.ldexp(1.0, format_.integer)
        x = x + turn * math.ceil(-float(x.low) / turn)
    return x.quantize(int(format_.signed), format_.integer - format_.signed, format_.fraction)


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
        magnitude = _absolute(x)
        choices += [(_square_table(x), 0.0), (_square_table(magnitude), magnitude.cost if magnitude is not x else 0.0)]
    return min(choices, key=lambda choice: choice[0].cost + choice[1])[0]


def _absolute(x: Any) -> Any:
    """The absolute value of one variable."""
    if x.low >= 0:
        return x
    # abs() of da4ml 0.6.0 asks a sum in front of a rounding for its sign, which may be another one.
    return x.msb_mux(-x, x, (0.0, float(max(-x.low, x.high)), float(x.step)))


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
