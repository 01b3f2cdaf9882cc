"""The bits that each element of a tensor needs: before the point from the proved ranges, below it from how words come.

A node may share a format with elements that need fewer bits below the point: an adder tree behind it gets smaller, and
a type of hls4ml that leaves them out is no fault.
"""

from collections.abc import Mapping, Sequence
from functools import singledispatch
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from l1ae.circuit.formats import FixedFormat
from l1ae.circuit.graph import Circuit
from l1ae.circuit.nodes import Clip, Dense, Dot, Input, Leaky, Lookup, Multiply, Node, Scale, Sum
from l1ae.circuit.ranges import NodeRange
from l1ae.circuit.tensors import MaxPool, Wire

Counts = NDArray[np.int64]
#: Stands for the bits below the point of an element that is always zero; a few of them added stay below any other.
_NONE = -(2**20)


class Bits(NamedTuple):
    """Per element (flattened): 1 for signed, bits before the point without a sign, bits below it; zeros for a zero."""

    signed: Counts
    integer: Counts
    fraction: Counts


def needed_bits(circuit: Circuit) -> dict[str, tuple[Bits, Bits]]:
    """What each node needs, by name: its exact result, and its words once its format is applied."""
    found: dict[str, tuple[Bits, Bits]] = {}
    kept: dict[str, Counts] = {}
    for node in circuit.nodes:
        known = circuit.ranges[node.name]
        fraction = np.broadcast_to(fractions(node, [kept[name] for name in node.inputs], circuit.ranges), node.size)
        exact = _constants(fraction, known.raw.low, known.raw.high, known.fraction)
        if changes(known):  # what saturates or is rounded may need every bit
            fraction = np.full(node.size, known.format.fraction)
        kept[node.name] = _constants(fraction, known.low, known.high, known.format.fraction)
        found[node.name] = (
            _bits(known.raw.low, known.raw.high, known.fraction, exact),
            _bits(known.low, known.high, known.format.fraction, kept[node.name]),
        )
    return found


def format_bits(fixed: FixedFormat, size: int) -> Bits:
    """All bits of a format, for each of `size` elements."""
    parts = (int(fixed.signed), fixed.integer - fixed.signed, fixed.fraction)
    return Bits(*(np.full(size, part) for part in parts))


def changes(known: NodeRange) -> bool:
    """Does the format of a node round, saturate or wrap its exact result for some input?"""
    return known.overflow != "never" or known.lost_bits > 0


def _bits(low: Counts, high: Counts, unit: int, fraction: Counts) -> Bits:
    """Bits of words from `low` to `high` with `unit` bits below the point, of which `fraction` are in use."""
    ends = zip(low.tolist(), high.tolist(), strict=True)
    width = np.array([max(max(last, 0).bit_length(), max(-first - 1, 0).bit_length()) for first, last in ends])
    something = (low != 0) | (high != 0)
    return Bits(
        ((low < 0) & something).astype(np.int64),
        np.where(something, width - unit, 0),
        np.where(something, fraction, 0),
    )


def _constants(fraction: Counts, low: Counts, high: Counts, unit: int) -> Counts:
    """The same where elements vary; where they do not, what their one word needs."""
    return np.where(low == high, needed_fraction(low, unit), fraction)


def needed_fraction(words: NDArray[np.int64], unit: int) -> Counts:
    """Bits below the point that words with `unit` of them need."""
    lowest = words & -words
    zeros = np.round(np.log2(np.maximum(np.abs(lowest.astype(np.float64)), 1.0))).astype(np.int64)
    return np.where(words == 0, _NONE, unit - zeros)


@singledispatch
def fractions(node: Node, operands: Sequence[Counts], known: Mapping[str, NodeRange]) -> Counts:
    """Bits below the point that the exact result of a node needs, given those of its operands.

    This rule is that of sums of two operands and of quantizers before they round: what any operand needs.
    """
    return np.max(operands, axis=0)


@fractions.register
def _(node: Input, operands: Sequence[Counts], known: Mapping[str, NodeRange]) -> Counts:
    return np.array(node.format.fraction)


@fractions.register
def _(node: Scale, operands: Sequence[Counts], known: Mapping[str, NodeRange]) -> Counts:
    offset = needed_fraction(np.array(node.offset, dtype=np.int64), 0)
    return np.maximum(operands[0], offset) + np.array(node.shift)


@fractions.register
def _(node: Dense, operands: Sequence[Counts], known: Mapping[str, NodeRange]) -> Counts:
    weights = needed_fraction(node.matrix, node.kernel_format.fraction)
    found = (operands[0][:, None] + weights).max(axis=0)
    if node.bias is not None and node.bias_format is not None:
        bias = needed_fraction(node.bias, node.bias_format.fraction)
        found = np.maximum(found, np.tile(bias, node.size // len(bias)))
    return found


@fractions.register
def _(node: Multiply, operands: Sequence[Counts], known: Mapping[str, NodeRange]) -> Counts:
    return operands[0] + operands[1]


@fractions.register
def _(node: Dot, operands: Sequence[Counts], known: Mapping[str, NodeRange]) -> Counts:
    return (operands[0] + operands[1]).max(keepdims=True)


@fractions.register
def _(node: Sum, operands: Sequence[Counts], known: Mapping[str, NodeRange]) -> Counts:
    return operands[0].max(keepdims=True)


@fractions.register
def _(node: Lookup, operands: Sequence[Counts], known: Mapping[str, NodeRange]) -> Counts:
    return needed_fraction(node.tables, node.format.fraction).max(axis=1)


@fractions.register
def _(node: Clip, operands: Sequence[Counts], known: Mapping[str, NodeRange]) -> Counts:
    limits = [needed_fraction(np.array(limit), node.fraction) for limit in (node.low, node.high) if limit is not None]
    return np.max([operands[0], *(np.broadcast_to(limit, node.size) for limit in limits)], axis=0)


@fractions.register
def _(node: Leaky, operands: Sequence[Counts], known: Mapping[str, NodeRange]) -> Counts:
    return operands[0] + np.where(known[node.inputs[0]].low < 0, node.shift, 0)


@fractions.register
def _(node: Wire, operands: Sequence[Counts], known: Mapping[str, NodeRange]) -> Counts:
    return np.concatenate([*operands, [_NONE]])[list(node.indices)]


@fractions.register
def _(node: MaxPool, operands: Sequence[Counts], known: Mapping[str, NodeRange]) -> Counts:
    return operands[0][node.windows].max(axis=1)
