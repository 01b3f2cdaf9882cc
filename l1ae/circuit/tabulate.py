"""Look-up tables of functions of QKeras: what it computes for every word that can come, in as few entries as possible.

A table has to be the same in each way in which TensorFlow can run a model; where these differ there is nothing that
firmware could be equal to.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ae.circuit.evaluate import MAX_WIDTH, MODES, Floats, Mode, Words, evaluate, name_of, on_grid
from l1ae.circuit.formats import FixedFormat, Overflow, Rounding
from l1ae.errors import ConversionError

#: Entries of one look-up table.
MAX_ENTRIES = 2**16
#: Words of the input of a table that are tried one by one; as many as float32 tells apart.
MAX_WORDS = 2**24
#: A table of so many entries is one look-up table of the device per bit; nothing is gained by fewer.
_SMALL = 2**6
_CHUNK = 2**20


@dataclass(frozen=True, eq=False)
class Table:
    """Entries in `format` for the words from `first` on of an input that is brought to `address`, if there is one."""

    address: FixedFormat | None
    words: Words
    first: int
    format: FixedFormat


def tabulate(function: Any, low: int, high: int, fraction: int, layer_name: str) -> Table:
    """The table of a function for words from `low` to `high` with `fraction` bits below the point.

    Raises `ConversionError` when there is none that is always right, or none of at most 2**16 entries.
    """
    name = name_of(function)
    front = (
        f"layer {layer_name}: {name} needs a look-up table and its input has {high - low + 1} words; "
        "put a QActivation(quantized_bits(...)) of at most 16 bits in front"
    )
    if max(high - low + 1, -low, high) > MAX_WORDS:
        raise ConversionError(front)
    words = np.arange(low, high + 1, dtype=np.int64)
    values = np.ldexp(words.astype(np.float64), -fraction).astype(np.float32)
    found = on_grid(_in_parts(function, values, layer_name, "eager"))
    if found is None:
        raise ConversionError(
            f"layer {layer_name}: {name} gives values that are on no grid of {MAX_WIDTH} bits; take fewer bits, or "
            "another quantizer, as quantized_bits"
        )
    table, format_ = found
    wanted = np.ldexp(table.astype(np.float64), -format_.fraction)
    for mode in MODES:
        wrong = _in_parts(function, values, layer_name, mode, offset=3) != wanted
        if wrong.any():
            raise ConversionError(
                f"layer {layer_name}: TensorFlow itself does not always give the same for {name}, as at "
                f"{values[wrong][0]:g}, when it compiles a model; take fewer bits"
            )
    address, entries, first = shortened(table, low, fraction)
    if len(entries) > MAX_ENTRIES:
        raise ConversionError(front)
    return Table(address, entries, first, format_)


def _in_parts(function: Any, values: NDArray[np.float32], layer_name: str, mode: Mode, offset: int = 0) -> Floats:
    """What a function gives for each of many values; `offset` values are put in front, which shifts all others."""
    values = np.concatenate([values[:1].repeat(offset), values])
    parts = [values[start : start + _CHUNK] for start in range(0, len(values), _CHUNK)]
    results = [evaluate(function, part[None, :] if offset else part[:, None], layer_name, mode) for part in parts]
    if any(result.size != part.size for result, part in zip(results, parts, strict=True)):
        raise ConversionError(
            f"layer {layer_name}: {name_of(function)} has an option with a value per channel; set it to one number"
        )
    return np.concatenate([result.ravel() for result in results])[offset:]


def shortened(table: Words, low: int, fraction: int) -> tuple[FixedFormat | None, Words, int]:
    """The shortest table behind a Quantize that gives what `table` gives for each word from `low` on.

    `fraction`: bits of the words below the point. Returns the format of the Quantize (None: none is needed), the
    entries and the word of the first one. That nothing changes is checked for every word.
    """
    changes = low + np.flatnonzero(np.diff(table))
    words = np.arange(low, low + len(table), dtype=np.int64)
    best, bits = None, 0 if len(table) <= _SMALL else (len(table) - 1).bit_length()
    for rounding in (Rounding.TRN, Rounding.RND_CONV, Rounding.RND):
        for lost in range(0 if rounding is Rounding.TRN else 1, len(table).bit_length() + 1):
            format_ = _address(changes, fraction, lost, rounding)
            if format_ is not None:
                first, last = format_.quantize(words[[0, -1]], fraction).tolist()
                if (last - first).bit_length() < bits:
                    best, bits = format_, (last - first).bit_length()
    if best is None:
        return None, table, low
    rounded = best.quantize(words, fraction)
    entries = table[np.flatnonzero(np.diff(rounded, prepend=rounded[0] - 1))]
    first = int(rounded[0])
    if not np.array_equal(entries[rounded - first], table):
        raise AssertionError(f"a table behind {best} is not the table without it")
    return best, entries, first


def _address(changes: Words, fraction: int, lost: int, rounding: Rounding) -> FixedFormat | None:
    """The smallest format with `lost` bits less that tells apart the two words around each change of a table."""
    wide = FixedFormat(True, 62, 62 - (fraction - lost), rounding, Overflow.SAT)
    before, after = wide.quantize(changes, fraction), wide.quantize(changes + 1, fraction)
    if np.any(before == after):
        return None
    smallest = FixedFormat.holding(
        min(int(before.min(initial=0)), 0), max(int(after.max(initial=1)), 1), fraction - lost
    )
    return FixedFormat(smallest.signed, smallest.width, smallest.integer, rounding, Overflow.SAT)
