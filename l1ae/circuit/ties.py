"""Which roundings can meet a tie: what the last bits of every word are known to be.

All words of an element are congruent to a residue r modulo a power of two 2**s. Half of the last bit that a rounding
keeps is 2**(n - 1) in units of the word, n bits being lost: no word is a tie unless r is congruent to it modulo 2**s.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import singledispatch

import numpy as np
from numpy.typing import NDArray

from l1ae.circuit.bounds import aligned_bias
from l1ae.circuit.formats import Rounding
from l1ae.circuit.nodes import Add, Clip, Dense, Dot, Leaky, Lookup, Multiply, Node, Quantize, Scale, Subtract, Sum
from l1ae.circuit.ranges import NodeRange
from l1ae.circuit.tensors import Wire

_KNOWN = 20  # last bits that are followed at most; a constant counts as known in all of them
_MODULUS = 2**_KNOWN


@dataclass(frozen=True, eq=False)
class LastBits:
    """The last `known` bits of each element are those of `residue`, which is less than 2**known."""

    known: NDArray[np.int64]
    residue: NDArray[np.int64]

    @classmethod
    def of(cls, known: NDArray[np.int64], residue: NDArray[np.int64]) -> "LastBits":
        """With the residue brought below 2**known."""
        known = np.clip(known, 0, _KNOWN)
        return cls(known, residue & ((np.int64(1) << known) - 1))

    @classmethod
    def unknown(cls, size: int) -> "LastBits":
        """Nothing is known."""
        return cls(np.zeros(size, dtype=np.int64), np.zeros(size, dtype=np.int64))

    def shifted(self, shift: NDArray[np.int64] | int) -> "LastBits":
        """Of the words with `shift` more bits below the point."""
        shift = np.minimum(shift, _KNOWN)
        return LastBits.of(self.known + shift, self.residue << shift)

    def either(self, other: "LastBits") -> "LastBits":
        """What holds for both."""
        return LastBits.of(
            np.minimum(np.minimum(self.known, other.known), _zeros(self.residue - other.residue)), self.residue
        )


def possible_ties(nodes: Sequence[Node], ranges: Mapping[str, NodeRange]) -> dict[str, NDArray[np.bool_]]:
    """Per node and element, (size,): whether rounding to the node's format may meet a tie to even; True when unsure."""
    found: dict[str, NDArray[np.bool_]] = {}
    bits: dict[str, LastBits] = {}
    for node in nodes:
        known = ranges[node.name]
        raw = last_bits(node, [bits[name] for name in node.inputs], [ranges[name] for name in node.inputs], known)
        found[node.name], bits[node.name] = _rounded(raw, known)
    return found


def _rounded(raw: LastBits, range_: NodeRange) -> tuple[NDArray[np.bool_], LastBits]:
    """Possible ties, and the last bits of the words in the format."""
    lost, size = range_.lost_bits, len(raw.known)
    ties = np.zeros(size, dtype=bool)
    if lost:
        half = np.int64(1) << min(lost - 1, _KNOWN)
        if range_.format.rounding is Rounding.RND_CONV:
            ties = ((raw.residue - half) & ((np.int64(1) << np.minimum(raw.known, lost)) - 1)) == 0
        up = np.int64(0) if range_.format.rounding is Rounding.TRN else half
        kept = np.where(ties, 0, raw.known - lost)
        bits = LastBits.of(kept, (raw.residue + up) >> min(lost, _KNOWN))
    else:
        bits = raw.shifted(range_.format.fraction - range_.fraction)
    if range_.overflow == "saturates":
        bits = LastBits.unknown(size)
    elif range_.overflow == "wraps":
        bits = LastBits.of(np.minimum(bits.known, range_.format.width), bits.residue)
    return ties, bits


@singledispatch
def last_bits(node: Node, operands: Sequence[LastBits], given: Sequence[NodeRange], result: NodeRange) -> LastBits:
    """The last bits of the exact result of a node; nothing for operations without a rule."""
    return LastBits.unknown(node.size)


@last_bits.register
def _(node: Quantize, operands: Sequence[LastBits], given: Sequence[NodeRange], result: NodeRange) -> LastBits:
    return operands[0]


@last_bits.register
def _(node: Scale, operands: Sequence[LastBits], given: Sequence[NodeRange], result: NodeRange) -> LastBits:
    fraction = given[0].format.fraction
    offset = np.array([_low_bits(value, fraction) for value in node.offset])
    moved = LastBits.of(operands[0].known, operands[0].residue - offset)
    return moved.shifted(result.fraction - fraction - np.array(node.shift, dtype=np.int64))


@last_bits.register
def _(node: Dense, operands: Sequence[LastBits], given: Sequence[NodeRange], result: NodeRange) -> LastBits:
    (x,), matrix = operands, node.matrix
    known = np.where(matrix == 0, _KNOWN, x.known[:, None] + _zeros(matrix)).min(axis=0, initial=_KNOWN)
    sums = LastBits.of(known, (x.residue[:, None] * (matrix % _MODULUS) % _MODULUS).sum(axis=0))
    sums = sums.shifted(result.fraction - given[0].format.fraction - node.kernel_format.fraction)
    bias = np.resize(aligned_bias(node, result.fraction) % _MODULUS, node.size)  # that of each filter, at each position
    return LastBits.of(sums.known, sums.residue + bias)


@last_bits.register
def _(node: Subtract | Add, operands: Sequence[LastBits], given: Sequence[NodeRange], result: NodeRange) -> LastBits:
    a, b = (x.shifted(result.fraction - y.format.fraction) for x, y in zip(operands, given, strict=True))
    sign = -1 if isinstance(node, Subtract) else 1
    return LastBits.of(np.minimum(a.known, b.known), a.residue + sign * b.residue)


@last_bits.register
def _(node: Sum, operands: Sequence[LastBits], given: Sequence[NodeRange], result: NodeRange) -> LastBits:
    return _summed(operands[0])


@last_bits.register
def _(node: Dot, operands: Sequence[LastBits], given: Sequence[NodeRange], result: NodeRange) -> LastBits:
    return _summed(_product(*operands))


@last_bits.register
def _(node: Multiply, operands: Sequence[LastBits], given: Sequence[NodeRange], result: NodeRange) -> LastBits:
    return _product(*operands)


@last_bits.register
def _(node: Lookup, operands: Sequence[LastBits], given: Sequence[NodeRange], result: NodeRange) -> LastBits:
    first = node.tables[:, 0]
    known = _zeros(node.tables - first[:, None]).min(axis=1)
    return LastBits.of(np.resize(known, node.size), np.resize(first % _MODULUS, node.size))


@last_bits.register
def _(node: Clip, operands: Sequence[LastBits], given: Sequence[NodeRange], result: NodeRange) -> LastBits:
    bits = operands[0].shifted(result.fraction - given[0].format.fraction)
    for end in (node.low, node.high):
        if end is not None:
            limit = _low_bits(end, result.fraction - node.fraction)
            bits = bits.either(LastBits(np.full(node.size, _KNOWN), np.full(node.size, limit)))
    return bits


@last_bits.register
def _(node: Leaky, operands: Sequence[LastBits], given: Sequence[NodeRange], result: NodeRange) -> LastBits:
    return operands[0].shifted(node.shift).either(operands[0])


@last_bits.register
def _(node: Wire, operands: Sequence[LastBits], given: Sequence[NodeRange], result: NodeRange) -> LastBits:
    every = [x.shifted(result.fraction - y.format.fraction) for x, y in zip(operands, given, strict=True)]
    indices = np.array(node.indices)  # the zero stands last, where the index -1 finds it
    known, residue = (
        np.concatenate([*(getattr(x, name) for x in every), [last]])[indices].astype(np.int64)
        for name, last in (("known", _KNOWN), ("residue", 0))
    )
    return LastBits.of(known, residue)


def _product(a: LastBits, b: LastBits) -> LastBits:
    known = np.minimum(np.minimum(a.known + _zeros(b.residue), b.known + _zeros(a.residue)), a.known + b.known)
    return LastBits.of(known, a.residue * b.residue % _MODULUS)


def _summed(terms: LastBits) -> LastBits:
    return LastBits.of(terms.known.min(keepdims=True), terms.residue.sum(keepdims=True))


def _zeros(words: NDArray[np.int64]) -> NDArray[np.int64]:
    """Zero bits at the end of each word; all that are followed for a 0."""
    low = words & (_MODULUS - 1)
    lowest = np.where(low == 0, _MODULUS, low & -low)
    return np.log2(lowest).astype(np.int64)


def _low_bits(value: int, shift: int) -> int:
    """The last bits of an integer with `shift` more, or fewer, bits below the point."""
    return (value << shift if shift >= 0 else value >> -shift) % _MODULUS
