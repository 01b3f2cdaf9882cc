"""Interval arithmetic, operation by operation: the exact results that words between given ends can have.

Every bound is an exact integer (Moore, Interval Analysis, 1966). The weights are constants, so a sum of products of
independent inputs reaches its bounds.
"""

from collections.abc import Sequence
from functools import singledispatch
from typing import Any

import numpy as np
from numpy.typing import NDArray

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
)
from l1ae.circuit.ranges import Bounds, NodeRange
from l1ae.circuit.tensors import Convolution, MaxPool, Wire
from l1ae.errors import ConversionError

_LIMIT = 2**61  # a signed word of 62 bits, the widest format


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
    weights = np.abs(node.kernel).reshape(-1, node.kernel.shape[-1])
    if int(weights.max()) * len(weights) >= _LIMIT:
        weights = weights.astype(object)  # their sums may pass int64
    bias = aligned_bias(node, fraction)
    largest = _largest(x.low, x.high) * _most_weight(node, weights) << up
    _check_width(largest + _largest(bias, bias), node)  # nothing below can pass 63 bits
    positive, negative = np.maximum(node.kernel, 0), np.minimum(node.kernel, 0)
    lows, highs = x.low[None], x.high[None]
    low = ((node.sums(lows, positive) + node.sums(highs, negative))[0] << np.int64(up)) + bias
    high = ((node.sums(highs, positive) + node.sums(lows, negative))[0] << np.int64(up)) + bias
    terms = node.sums(np.maximum(np.abs(lows), np.abs(highs)), np.abs(node.kernel))[0] << np.int64(up)
    return Bounds(low, high, int((terms + np.abs(bias)).max()))


def _most_weight(node: Dense, weights: NDArray[Any]) -> int:
    """The largest sum of absolute weights of one element; weights that lie beyond the operand do not count."""
    if not isinstance(node, Convolution):
        return int(weights.sum(axis=0).max())
    # Windows at the border are alike: of each set of weights that lie inside one is enough.
    inside = np.unique(node.windows >= 0, axis=0)
    return max(int(weights[places].sum(axis=0).max(initial=0)) for places in inside)


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
    low, high = (clipped(node, _aligned(end, x, fraction, node), fraction) for end in (x.low, x.high))
    limits = (abs(end) for end in (node.low, node.high, 0) if end is not None)
    return Bounds(low, high, max(_largest(x.low, x.high), *limits))


def clipped(node: Clip, words: NDArray[np.int64], fraction: int) -> NDArray[np.int64]:
    """Words with `fraction` bits below the point, or the nearest limit of the node."""
    for limit, pick in ((node.low, np.maximum), (node.high, np.minimum)):
        if limit is not None:
            _check_width(abs(limit) << fraction - node.fraction, node)
            words = pick(words, np.int64(limit << fraction - node.fraction))
    return words


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
