"""Building a circuit node by node, each with the words it can reach and the proof that no sum overflows.

A sum is proved by its final value: two's complement wraps in partial sums cancel when the final value fits.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from l1ae.circuit.bounds import bounds
from l1ae.circuit.formats import FixedFormat, Overflow
from l1ae.circuit.nodes import UNDECIDED, Node, check, raw_fraction
from l1ae.circuit.ranges import FLOAT32_LIMIT, Bounds, NodeRange
from l1ae.errors import ConversionError


class Builder:
    """Nodes in the order in which they are added; what is `UNDECIDED` gets the smallest format that loses nothing.

    `ranges`: what is proved about each node so far, by name.
    """

    def __init__(self) -> None:
        self.nodes: dict[str, Node] = {}
        self.ranges: dict[str, NodeRange] = {}

    def add(self, node: Node) -> Node:
        """Check a node against its operands, which have to be there, and keep it; returns it with its format."""
        if node.name in self.nodes:
            raise ConversionError(f"two layers are named {node.name}: give every layer its own name")
        missing = next((name for name in node.inputs if name not in self.nodes), None)
        if missing is not None:
            raise ConversionError(f"layer {node.name}: its input {missing} does not come before it")
        check(node, [self.nodes[name] for name in node.inputs])
        if node.format is UNDECIDED:
            node = replace(node, format=exact_format(node, self.ranges))
        self.nodes[node.name] = node
        self.ranges[node.name] = node_range(node, self.ranges)
        return node

    def format(self, name: str) -> FixedFormat:
        """The format of a node."""
        return self.nodes[name].format

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of one event of a node."""
        return self.nodes[name].shape

    def unused(self, name: str) -> str:
        """`name`, or the first of name_2, name_3 and so on that no node has."""
        count, found = 1, name
        while found in self.nodes:
            count += 1
            found = f"{name}_{count}"
        return found


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
