"""Hypotheses about single weights and biases, solved from the words: which one, and what it has become."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from l1ae.circuit.formats import FixedFormat, Rounding
from l1ae.circuit.nodes import Dense, Quantize
from l1ae.circuit.reference import Words
from l1ae.circuit.tensors import Convolution
from l1ae.explain.region import Hypothesis, Region, Tensor, Values

_PROBED = 4096  # words of a unit that every candidate is tried on
_FITTED = 20_000  # words of a unit that the least squares see
_UNITS = 6  # more units that differ are no matter of single weights
_ENUMERATED_BITS = 10
_PER_UNIT = 8
_LISTED = 3


class Change(NamedTuple):
    """One weight (`input`, counted inside of a filter) or the bias (None) of a unit, before and after."""

    unit: int
    input: int | None
    old: int
    new: int


@dataclass(frozen=True)
class Units:
    """A dense layer or a convolution as units: `x` (N, positions, inputs), `raw` (N, positions, units)."""

    region: Region
    node: Dense
    x: Words
    raw: Words
    fraction: int
    found: Values
    wrong: NDArray[np.bool_]
    finer: int = 0  # bits that the weights have below their own last one

    @classmethod
    def of(cls, region: Region, node: Dense) -> "Units | None":
        """None when the words that are seen do not follow unit by unit from the sums."""
        whole = region.raws[node.name]
        if region.settle(node, Tensor(whole.words[:1], whole.fraction)) is None:
            return None
        (operand,) = region.operands(node)
        words = operand.words
        x = words[:, None, :]
        if isinstance(node, Convolution):
            x = np.concatenate([words, np.zeros_like(words[:, :1])], axis=1)[:, node.windows]
        shape = (len(words), x.shape[1], node.kernel.shape[-1])
        found, wrong = region.found.reshape(shape), region.wrong.reshape(shape)
        return cls(region, node, x, whole.words.reshape(shape), whole.fraction, found, wrong)

    @property
    def differing(self) -> list[int]:
        """Units of which any word differs."""
        return [int(unit) for unit in np.flatnonzero(self.wrong.any(axis=(0, 1)))]

    @property
    def up(self) -> np.int64:
        """Bits from a product of words to the result."""
        operand = self.region.tensors[self.node.inputs[0]].fraction
        return np.int64(self.fraction - operand - self.node.kernel_format.fraction)

    @property
    def kernel(self) -> NDArray[np.int64]:
        """Weight words (inputs, units)."""
        return self.node.kernel.reshape(-1, self.node.kernel.shape[-1])

    @property
    def bias(self) -> tuple[NDArray[np.int64], FixedFormat]:
        """Bias words and their format; zeros on the grid of the result where there is none."""
        if self.node.bias is not None and self.node.bias_format is not None:
            return self.node.bias, self.node.bias_format
        return np.zeros(self.kernel.shape[1], dtype=np.int64), FixedFormat(True, 62, 62 - self.fraction)

    def words(self, raw: Words) -> Values:
        """What is seen of results of the layer."""
        seen = self.region.settle(self.node, Tensor(raw, self.fraction))
        assert seen is not None  # `of` has tried
        return seen

    def with_changes(self, changes: list[Change]) -> Dense:
        """The layer with other weights."""
        kernel = self.kernel.copy()
        bias, bias_format = self.bias[0].copy(), self.bias[1]
        for change in changes:
            if change.input is None:
                bias[change.unit] = change.new
            else:
                kernel[change.input, change.unit] = change.new
        node = replace(self.node, kernel=kernel.reshape(self.node.kernel.shape))
        if any(change.input is None for change in changes):
            node = replace(node, bias=bias, bias_format=bias_format)
        return node


def one(region: Region) -> Iterator[Hypothesis]:
    """One bias or one weight, where a single unit differs."""
    yield from _single(region, range(1, 2))


def some(region: Region) -> Iterator[Hypothesis]:
    """One bias or one weight in each unit that differs, where a few do."""
    yield from _single(region, range(2, _UNITS + 1))


def _single(region: Region, counts: range) -> Iterator[Hypothesis]:
    for node in _sums(region):
        whole = Units.of(region, node)
        if whole is None or len(whole.differing) not in counts:
            continue
        units = Units.of(_spread(region, max(_PROBED // whole.x.shape[1], 16)), node)
        assert units is not None
        found = [_changes(units, unit) for unit in whole.differing]
        if not all(found):
            continue
        if len(found) == 1:
            for change in found[0]:
                yield _hypothesis(units, [change])
        else:
            yield _hypothesis(units, [changes[0] for changes in found])


def _sums(region: Region) -> Iterator[Dense]:
    """Layers with weights, each with its own accumulator and with one that holds whatever other weights give."""
    for node in reversed(region.nodes):
        if isinstance(node, Dense):
            yield node
            yield replace(node, format=region.raws[node.name].format)


def _spread(region: Region, count: int) -> Region:
    """At most `count` events, half of them such that differ, from every unit some."""
    if count >= len(region.found):
        return region
    wrong = np.flatnonzero(region.wrong.any(axis=1))
    first = [np.flatnonzero(region.wrong[:, element])[:4] for element in region.elements[:64]]
    rows = np.concatenate([*first, wrong[:: max(len(wrong) * 2 // count, 1)], np.arange(0, len(region.found), 8)])
    return region.part(np.unique(rows)[:: max(len(np.unique(rows)) // count, 1)])


def _changes(units: Units, unit: int) -> list[Change]:
    """The likeliest single changes that give the words of a unit: of its bias, else of a weight."""
    found, wrong, raw = units.found[:, :, unit], units.wrong[:, :, unit], units.raw[:, :, unit]
    if not wrong.any():
        return []
    bias, bias_format = units.bias
    step = np.int64(1 << max(units.fraction - bias_format.fraction, 0))
    guess = int(np.rint(np.median((_centres(units, found) - raw)[wrong]) / step))
    news = _candidates(int(bias[unit]), bias_format, guess)
    changes = []
    for new in _fitting(units, raw, np.ones_like(raw), (news - bias[unit]) * step, found):
        changes.append(Change(unit, None, int(bias[unit]), int(news[new])))
    for place, old in enumerate(units.kernel[:, unit].tolist()):
        x = units.x[:, :, place] << units.up
        if not x[wrong].all():
            continue
        guess = int(np.rint(np.median((_centres(units, found) - raw)[wrong] / x[wrong])))
        news = _candidates(old, units.node.kernel_format, guess)
        changes += [Change(unit, place, old, int(news[new])) for new in _fitting(units, raw, x, news - old, found)[:1]]
        if len(changes) >= _PER_UNIT:
            break
    return changes


def _fitting(units: Units, raw: Words, x: Words, deltas: NDArray[np.int64], found: Values) -> list[int]:
    """Which multiples of `x` on top of the results give the words that were found."""
    few = slice(None, None, max(len(raw) // 32, 1))
    kept = np.flatnonzero(_fits(units, raw[few], x[few], deltas, found[few]))
    return [int(place) for place in kept[_fits(units, raw, x, deltas[kept], found)]] if len(kept) else []


def _fits(units: Units, raw: Words, x: Words, deltas: NDArray[np.int64], found: Values) -> NDArray[np.bool_]:
    fits: NDArray[np.bool_] = (units.words(raw + x * deltas[:, None, None]) == found).all(axis=(1, 2))
    return fits


def _candidates(old: int, format_: FixedFormat, guess: int) -> NDArray[np.int64]:
    """Words that a weight may have become, likeliest first: one bit flipped, negated, zero, then all the others."""
    width = min(format_.width, 24)
    bits = [_flipped(old, bit, format_) for bit in range(width)]
    every = range(format_.low, format_.high + 1) if format_.width <= _ENUMERATED_BITS else range(0)
    near = [old + guess + by for by in (0, -1, 1, -2, 2)]
    words = dict.fromkeys([*bits, -old, 0, *near, *sorted(every, key=lambda word: abs(word - old))])
    words.pop(old, None)
    return np.array(list(words), dtype=np.int64)


def _flipped(word: int, bit: int, format_: FixedFormat) -> int:
    """A two's complement word with one bit flipped."""
    turned = (word ^ (1 << bit)) & ((1 << format_.width) - 1)
    return turned - (1 << format_.width) if format_.signed and turned >> (format_.width - 1) else turned


def _centres(units: Units, found: Values) -> NDArray[np.float64]:
    """Results that would show as the words that were found, as well as rounding lets one know."""
    last = units.region.target.format
    lost = units.fraction - last.fraction
    return np.ldexp(found + 0.5 if lost > 0 and last.rounding is Rounding.TRN else found, lost)


def fitted(region: Region) -> Iterator[Hypothesis]:
    """All weights of the units that differ, by least squares over the events that are not saturated."""
    for node in _sums(region):
        units = Units.of(region, node)
        if units is None:
            continue
        for finer in (0, 2):
            found = [change for unit in units.differing for change in _solved(units, unit, finer)]
            if found:
                yield _hypothesis(_refined(units, finer), found)


def _refined(units: Units, finer: int) -> Units:
    """The same with kernel and bias on a finer grid."""
    node = units.node
    if not finer:
        return units
    grid = node.kernel_format
    grid = FixedFormat(True, min(grid.width + finer, 62), min(grid.width + finer, 62) - grid.fraction - finer)
    bias, format_ = units.bias
    wide = FixedFormat(True, 62, 62 - format_.fraction - finer)
    kernel = node.kernel << np.int64(finer)
    finest = replace(node, kernel=kernel, kernel_format=grid, bias=bias << np.int64(finer), bias_format=wide)
    if node.format.width == 62:
        finest = replace(finest, format=FixedFormat(True, 62, node.format.integer - finer))
    return replace(units, node=finest, finer=finer)


def _solved(units: Units, unit: int, finer: int) -> list[Change]:
    """What has to be added to the weights of a unit, rounded to their grid; then the bias, exactly."""
    found, raw = units.found[:, :, unit], units.raw[:, :, unit]
    inside = np.ones(found.shape, dtype=bool)
    last = units.region.target
    if isinstance(last, Quantize):
        inside = (found > last.format.low) & (found < last.format.high)
    rows, positions = np.nonzero(inside)
    every = max(len(rows) // _FITTED, 1)
    rows, positions = rows[::every], positions[::every]
    if not len(rows):
        return []
    x = (units.x[rows, positions] << units.up).astype(np.float64)
    step = 1 << max(units.fraction - units.bias[1].fraction, 0)
    missing = (_centres(units, found) - raw)[rows, positions]
    solution, *_ = np.linalg.lstsq(np.column_stack([x, np.full(len(x), float(step))]), missing, rcond=None)
    deltas = np.rint(np.ldexp(solution, finer)).astype(np.int64)
    # Rounding hides more of a constant than of a slope, so the bias is tried word by word.
    raw = (raw << np.int64(finer)) + (units.x << units.up) @ deltas[:-1]
    reach = min(int(2.0 ** max(units.fraction - last.format.fraction, 0)) // step, 64) + 2
    tried = sorted({0, *range(int(deltas[-1]) - reach, int(deltas[-1]) + reach + 1)}, key=abs)
    steps = np.array(tried, dtype=np.int64) * np.int64(step)
    few = slice(None, None, max(len(raw) // 256, 1))
    shown = replace(units, fraction=units.fraction + finer).words(raw[few] + steps[:, None, None])
    deltas[-1] = tried[int((shown == found[few]).sum(axis=(1, 2)).argmax())]
    old = np.append(units.kernel[:, unit], units.bias[0][unit]) << np.int64(finer)
    return [
        Change(unit, None if place == len(old) - 1 else int(place), int(old[place]), int(old[place] + deltas[place]))
        for place in np.flatnonzero(deltas)
    ]


def _hypothesis(units: Units, changes: list[Change]) -> Hypothesis:
    """Names what has changed: a bias, its sign, a weight, an order, or too much to be named."""
    node, name = units.with_changes(changes), units.node.name
    weights = [change for change in changes if change.input is not None]
    shown = " and ".join(_told(units, change) for change in changes[:_LISTED])
    more = f" and {len(changes) - _LISTED} more changed" if len(changes) > _LISTED else ""
    text = f"{name} with {shown}{more}"
    if not weights:
        return Hypothesis("bias sign" if _negated(changes) else "bias", name, text, node)
    if len(weights) > 1 and _permuted(units.kernel, node.kernel.reshape(units.kernel.shape)):
        return Hypothesis("inputs permuted", name, f"{name} with the inputs of its kernel in another order", node)
    used = np.isin(np.arange(units.kernel.shape[1]), units.differing)
    if len(weights) > max(_LISTED, used.sum() * len(units.kernel) // 2):
        text = f"{name} with other weights ({len(weights)} of {units.kernel.size} changed)"
        return Hypothesis("other weights", name, text, node)
    return Hypothesis("weight" if len(weights) == len(changes) else "weight and bias", name, text, node)


def _negated(changes: list[Change]) -> bool:
    """Is every word the negative of what it was, also where that has wrapped in a type without room for it?"""
    sums = {change.old + change.new for change in changes}
    most = max(abs(change.old) for change in changes)
    return sums == {0} or (len(changes) > 1 and sums <= {0, 1 << most.bit_length()})


def _permuted(old: NDArray[np.int64], new: NDArray[np.int64]) -> bool:
    return sorted(map(tuple, old.tolist())) == sorted(map(tuple, new.tolist()))


def _told(units: Units, change: Change) -> str:
    """One change in words."""
    format_ = units.bias[1] if change.input is None else units.node.kernel_format
    part = "bias" if change.input is None else "weight"
    place = f"of unit {change.unit}"
    if change.input is not None:
        place = f"from {_input(units, change.input)} to unit {change.unit}"
    bits = (change.old ^ change.new) & ((1 << format_.width) - 1)
    flipped = bits.bit_count() == 1 and format_.low <= change.new <= format_.high
    how = f", bit {bits.bit_length() - 1} flipped" if flipped else ""
    old, new = (f"{word / 2**units.finer:g}" if units.finer else str(word) for word in (change.old, change.new))
    return f"the {part} {place} {new} instead of {old}{how}"


def _input(units: Units, place: int) -> str:
    if not isinstance(units.node, Convolution):
        return f"input {place}"
    row, column, channel = np.unravel_index(place, units.node.kernel.shape[:3])
    return f"row {row}, column {column}, channel {channel}"
