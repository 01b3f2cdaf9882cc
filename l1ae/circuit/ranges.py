"""Interval arithmetic over the trained weights: the words every tensor can reach, and the proof that no sum overflows.

Every bound is an exact integer (Moore, Interval Analysis, 1966; the weights are constants, so a sum of products of
independent inputs reaches its bounds). A sum is proved by its final value: two's complement wraps in partial sums
cancel when the final value fits.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import singledispatch
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from l1ae.circuit.formats import FixedFormat, Overflow
from l1ae.circuit.nodes import (
    Add,
    Clip,
    Dense,
    Dot,
    Input,
    Leaky,
    Lookup,
    Multiply,
    Node,
    Quantize,
    Scale,
    Subtract,
    Sum,
    raw_fraction,
)
from l1ae.circuit.tensors import MaxPool, Wire
from l1ae.errors import ConversionError

#: Integers up to 2**24 are exact in float32, whatever the order of a sum.
FLOAT32_LIMIT = 2**24
_LIMIT = 2**61  # a signed word of 62 bits, the widest format


@dataclass(frozen=True, eq=False)
class Bounds:
    """Exact result of an operation before its format: words from `low` to `high` (int64, one per element).

    `magnitude` is the largest integer that a float32 evaluation of the operation meets, in units of its last bit.
    """

    low: NDArray[np.int64]
    high: NDArray[np.int64]
    magnitude: int


@dataclass(frozen=True, eq=False)
class NodeRange:
    """What is proved about one node.

    `low`, `high`: reachable words per element (flattened), int64, in `format`. `raw`, `fraction`: the same before the
    format is applied. `float32_exact`: Keras, computing in float32, gets this tensor exactly for every input.
    """

    name: str
    format: FixedFormat
    low: NDArray[np.int64]
    high: NDArray[np.int64]
    raw: Bounds
    fraction: int
    overflow: Literal["never", "saturates", "wraps"]
    float32_exact: bool

    @property
    def lost_bits(self) -> int:
        """Bits that the format rounds away."""
        return max(self.fraction - self.format.fraction, 0)

    @property
    def significant_bits(self) -> int:
        """Bits that a float needs to evaluate this node exactly; float32 has 24."""
        return (self.raw.magnitude - 1).bit_length() if self.raw.magnitude else 0

    def __str__(self) -> str:
        lsb = 2.0**-self.fraction
        reach = f"values from {int(self.raw.low.min()) * lsb:g} to {int(self.raw.high.max()) * lsb:g}"
        fate = {
            "never": "no overflow for any input",
            "saturates": "saturates as intended",
            "wraps": "WRAPS for some input",
        }[self.overflow]
        lost = f", {self.format.rounding} of {self.lost_bits} bits" if self.lost_bits else ""
        float32 = "" if self.float32_exact else f", not exact in float32 ({self.significant_bits} bits here)"
        return f"{self.name}: {self.format}, {reach}, {fate}{lost}{float32}"


def node_range(node: Node, known: Mapping[str, NodeRange]) -> NodeRange:
    """Range of one node whose operands are `known`."""
    operands = [known[name] for name in node.inputs]
    fraction = raw_fraction(node, [operand.format for operand in operands])
    raw = bounds(node, operands, fraction)
    low, high, overflow = _apply(node.format, raw, fraction)
    exact = raw.magnitude <= FLOAT32_LIMIT and all(operand.float32_exact for operand in operands)
    return NodeRange(node.name, node.format, low, high, raw, fraction, overflow, exact)


def exact_format(node: Node, known: Mapping[str, NodeRange]) -> FixedFormat:
    """The smallest format that holds every exact result of a node."""
    fraction = raw_fraction(node, [known[name].format for name in node.inputs])
    raw = bounds(node, [known[name] for name in node.inputs], fraction)
    return FixedFormat.holding(int(raw.low.min()), int(raw.high.max()), fraction)


def _apply(
    format_: FixedFormat, raw: Bounds, fraction: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], Literal["never", "saturates", "wraps"]]:
    # Rounding is monotone, so the ends of an interval stay its ends unless it wraps.
    shift = fraction - format_.fraction
    if shift > 0:
        wide = FixedFormat(True, 62, 62 - format_.fraction, format_.rounding, Overflow.SAT)
        low, high = wide.quantize(raw.low, fraction), wide.quantize(raw.high, fraction)
    else:
        # Python's integers, because the shift may pass 64 bits.
        low, high = raw.low.astype(object) << -shift, raw.high.astype(object) << -shift
    inside = (low >= format_.low) & (high <= format_.high)
    if format_.overflow is Overflow.WRAP and not inside.all():
        low, high = np.where(inside, low, format_.low), np.where(inside, high, format_.high)
        return low.astype(np.int64), high.astype(np.int64), "wraps"
    low, high = np.clip(low, format_.low, format_.high), np.clip(high, format_.low, format_.high)
    return low.astype(np.int64), high.astype(np.int64), "never" if inside.all() else "saturates"


@singledispatch
def bounds(node: Node, operands: Sequence[NodeRange], fraction: int) -> Bounds:
    """Bounds of the exact result of a node, in words with `fraction` bits below the point."""
    raise TypeError(f"no rule for {type(node).__name__}")


@bounds.register
def _(node: Input, operands: Sequence[NodeRange], fraction: int) -> Bounds:
    low, high = np.full(node.size, node.format.low), np.full(node.size, node.format.high)
    return Bounds(low.astype(np.int64), high.astype(np.int64), _largest(low, high))


@bounds.register
def _(node: Quantize, operands: Sequence[NodeRange], fraction: int) -> Bounds:
    (x,) = operands
    # QKeras returns x + (rounded - x): exact while one LSB of the format is not below the float32 spacing at x.
    magnitude = _largest(x.low, x.high)
    shift = fraction - node.format.fraction
    magnitude = -(-magnitude >> shift) if shift > 0 else magnitude << -shift
    return Bounds(x.low, x.high, magnitude)


@bounds.register
def _(node: Scale, operands: Sequence[NodeRange], fraction: int) -> Bounds:
    (x,) = operands
    low, high, magnitude = [], [], 0
    for x_low, x_high, offset, shift in zip(x.low.tolist(), x.high.tolist(), node.offset, node.shift, strict=True):
        offset = _shifted(offset, x.format.fraction, node)
        up = fraction - x.format.fraction - shift
        low.append((x_low - offset) << up)
        high.append((x_high - offset) << up)
        magnitude = max(magnitude, abs(x_low - offset), abs(x_high - offset))
    _check_width(max(abs(value) for value in low + high), node)
    return Bounds(np.array(low, dtype=np.int64), np.array(high, dtype=np.int64), magnitude)


@bounds.register
def _(node: Dense, operands: Sequence[NodeRange], fraction: int) -> Bounds:
    (x,) = operands
    up = fraction - x.format.fraction - node.kernel_format.fraction
    matrix = node.matrix
    weight_sums = np.abs(matrix).astype(object).sum(axis=0)
    bias = aligned_bias(node, fraction)
    largest = _largest(x.low, x.high) * int(max(weight_sums)) << up
    _check_width(largest + _largest(bias, bias), node)  # nothing below can pass 63 bits
    positive, negative = np.maximum(matrix, 0), np.minimum(matrix, 0)
    low = ((x.low @ positive + x.high @ negative) << np.int64(up)) + bias
    high = ((x.high @ positive + x.low @ negative) << np.int64(up)) + bias
    terms = (np.maximum(np.abs(x.low), np.abs(x.high)) @ np.abs(matrix)) << np.int64(up)
    return Bounds(low, high, int((terms + np.abs(bias)).max()))


@bounds.register
def _(node: Subtract | Add, operands: Sequence[NodeRange], fraction: int) -> Bounds:
    shifts = [fraction - operand.format.fraction for operand in operands]
    _check_width(sum(_largest(o.low, o.high) << s for o, s in zip(operands, shifts, strict=True)), node)
    (a_low, a_high), (b_low, b_high) = (
        (operand.low << np.int64(shift), operand.high << np.int64(shift))
        for operand, shift in zip(operands, shifts, strict=True)
    )
    if isinstance(node, Subtract):
        b_low, b_high = -b_high, -b_low
    low, high = a_low + b_low, a_high + b_high
    return Bounds(low, high, _largest(low, high))


@bounds.register
def _(node: Sum, operands: Sequence[NodeRange], fraction: int) -> Bounds:
    (x,) = operands
    _check_width(_largest(x.low, x.high) * len(x.low), node)
    magnitude = int(np.maximum(np.abs(x.low), np.abs(x.high)).sum())
    return Bounds(x.low.sum(keepdims=True), x.high.sum(keepdims=True), magnitude)


@bounds.register
def _(node: Lookup, operands: Sequence[NodeRange], fraction: int) -> Bounds:
    (x,) = operands
    first, last = int(x.low.min()), int(x.high.max())
    size = node.tables.shape[1]
    if first < node.low or last >= node.low + size:
        raise ConversionError(
            f"layer {node.name}: its input reaches words from {first} to {last} and its tables hold {node.low} to "
            f"{node.low + size - 1}; put a QActivation of that range in front, or build it with low={first} and "
            f"{last - first + 1} entries"
        )
    tables = np.broadcast_to(node.tables, (len(x.low), size))
    spans = zip(tables, (x.low - node.low).tolist(), (x.high - node.low + 1).tolist(), strict=True)
    low, high = np.array([(part.min(), part.max()) for part in (row[a:b] for row, a, b in spans)]).T
    # Keras finds the entry by the input's word and by its distance from `low`.
    return Bounds(low, high, max(_largest(low, high), abs(first), abs(last), size))


@bounds.register
def _(node: Dot, operands: Sequence[NodeRange], fraction: int) -> Bounds:
    a, b = operands
    low, high = _products(node, a, b, terms=len(a.low))
    magnitude = int(np.maximum(np.abs(low), np.abs(high)).sum())
    return Bounds(low.sum(keepdims=True), high.sum(keepdims=True), magnitude)


@bounds.register
def _(node: Multiply, operands: Sequence[NodeRange], fraction: int) -> Bounds:
    a, b = operands
    low, high = _products(node, a, b, terms=1)
    return Bounds(low, high, _largest(low, high))


def _products(node: Node, a: NodeRange, b: NodeRange, terms: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Bounds of the products of two operands, element by element; tighter for squares. `terms` are to be summed."""
    _check_width(_largest(a.low, a.high) * _largest(b.low, b.high) * terms, node)
    products = np.stack([a.low * b.low, a.low * b.high, a.high * b.low, a.high * b.high])
    if node.inputs[0] != node.inputs[1]:
        return products.min(axis=0), products.max(axis=0)
    crosses_zero = (a.low < 0) & (a.high > 0)
    return np.where(crosses_zero, 0, products[[0, 3]].min(axis=0)), products[[0, 3]].max(axis=0)


@bounds.register
def _(node: Wire, operands: Sequence[NodeRange], fraction: int) -> Bounds:
    low, high = (
        np.concatenate([*(_aligned(end, x, fraction, node) for end, x in zip(ends, operands, strict=True)), [0]])
        for ends in ([x.low for x in operands], [x.high for x in operands])
    )
    chosen = list(node.indices)  # the zero stands last, where the index -1 finds it
    magnitude = max(_largest(x.low, x.high) for x in operands)  # a wire moves no bit: each operand has its own last one
    return Bounds(low[chosen], high[chosen], magnitude)


@bounds.register
def _(node: Clip, operands: Sequence[NodeRange], fraction: int) -> Bounds:
    (x,) = operands
    low, high = (_aligned(end, x, fraction, node) for end in (x.low, x.high))
    limits = [None if end is None else end << fraction - node.fraction for end in (node.low, node.high)]
    _check_width(max(abs(end) for end in (*limits, 0) if end is not None), node)
    low, high = (np.clip(end, *limits) if limits != [None, None] else end for end in (low, high))
    return Bounds(low, high, max(_largest(x.low, x.high), *(abs(end) for end in (node.low, node.high, 0) if end)))


@bounds.register
def _(node: Leaky, operands: Sequence[NodeRange], fraction: int) -> Bounds:
    (x,) = operands
    _check_width(_largest(x.low, x.high) << node.shift, node)
    low, high = (np.where(end < 0, end, end << np.int64(node.shift)) for end in (x.low, x.high))
    return Bounds(low, high, _largest(x.low, x.high))


def _aligned(words: NDArray[np.int64], x: NodeRange, fraction: int, node: Node) -> NDArray[np.int64]:
    """Words of an operand with `fraction` bits below the point."""
    shift = fraction - x.format.fraction
    _check_width(_largest(words, words) << shift, node)
    return words << np.int64(shift)


@bounds.register
def _(node: MaxPool, operands: Sequence[NodeRange], fraction: int) -> Bounds:
    (x,) = operands
    low, high = x.low[node.windows].max(axis=1), x.high[node.windows].max(axis=1)
    return Bounds(low, high, _largest(low, high))


def aligned_bias(node: Dense, fraction: int) -> NDArray[np.int64]:
    """Bias words, one per element, with `fraction` bits below the point; zeros where there is no bias."""
    if node.bias is None or node.bias_format is None:
        return np.zeros(node.size, dtype=np.int64)
    every_position = np.tile(node.bias, node.size // len(node.bias))
    return every_position << np.int64(fraction - node.bias_format.fraction)


def _shifted(offset: int, fraction: int, node: Node) -> int:
    if fraction < 0 and offset % (1 << -fraction):
        raise ConversionError(f"layer {node.name}: offset {offset} is no multiple of the input's last bit")
    return offset << fraction if fraction >= 0 else offset >> -fraction


def _largest(low: NDArray[np.int64], high: NDArray[np.int64]) -> int:
    return max(abs(int(low.min())), abs(int(high.max())), abs(int(high.min())), abs(int(low.max())))


def _check_width(magnitude: int, node: Node) -> None:
    if magnitude >= _LIMIT:
        raise ConversionError(
            f"layer {node.name}: its sums need {magnitude.bit_length() + 1} bits and 62 are supported; use fewer bits"
        )
