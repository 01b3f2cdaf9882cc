"""Layers that float32 does not hold: how far Keras is from the reference there, and how far rounding can take it."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from l1ae.circuit import (
    Add,
    Circuit,
    Dense,
    Dot,
    Lookup,
    Multiply,
    Node,
    NodeRange,
    Quantize,
    Scale,
    Subtract,
    Sum,
)
from l1ae.circuit.ranges import FLOAT32_BITS, FLOAT32_LIMIT

#: Safety of the limits: convolutions may be computed in other ways than as sums of products.
_SAFETY = 16


@dataclass(frozen=True)
class KerasRounding:
    """A layer of which float32 does not hold every word, so that the reference is the judge and Keras is not.

    `bits` that its evaluation needs (24 or fewer behind a layer that needs more); `differing` of the compared `events`
    have another value in Keras, `largest_lsb` away at most.
    """

    layer: str
    bits: int
    events: int
    differing: int
    largest_lsb: int | float

    def __str__(self) -> str:
        here = f"here (needs {self.bits} bits, float32 holds {FLOAT32_BITS})"
        why = here if self.bits > FLOAT32_BITS else "in front of it"
        count = f"{self.differing} of {self.events} events"
        return f"layer {self.layer}: Keras rounds {why}: {count}, at most {self.largest_lsb} LSB"


def float32_limits(circuit: Circuit, shown: Collection[str] | None = None) -> dict[str, float]:
    """How many LSB Keras may be away from the reference, by layer: none where float32 is exact.

    For layers of which each gets the words of the reference from the layers in `shown` (None: all), so that nothing
    adds up but in what lies hidden between two of them. A sum is off by at most its terms times 2**-24 of the sum of
    their magnitudes (Higham, Accuracy and Stability of Numerical Algorithms, 2002, section 4.2).
    """
    limits: dict[str, float] = {}
    errors: dict[str, float] = {}
    for node in circuit.nodes:
        given = [
            errors[name]
            if shown is not None and name not in shown and circuit[name].inputs
            else _float32(circuit, name)
            for name in node.inputs
        ]
        errors[node.name] = _error(circuit, node, given)
        limits[node.name] = float(np.ceil(errors[node.name] / node.format.lsb))
    return limits


def _float32(circuit: Circuit, name: str) -> float:
    """How far float32 is from a word of a node: nothing up to 24 bits."""
    known = circuit.ranges[name]
    largest = max(abs(int(known.low.min())), abs(int(known.high.max())))
    return 0.0 if largest <= FLOAT32_LIMIT else largest * 2.0**-FLOAT32_BITS * known.format.lsb


def _error(circuit: Circuit, node: Node, given: Sequence[float]) -> float:
    """How far the value of a node may be, when its operands are off by what is `given`."""
    known = circuit.ranges[node.name]
    if not node.inputs or (not any(given) and known.raw.magnitude <= FLOAT32_LIMIT):
        return 0.0
    operands = [circuit.ranges[name] for name in node.inputs]
    ends = [max(abs(int(x.low.min())), abs(int(x.high.max()))) * x.format.lsb for x in operands]
    match node:
        case Lookup():  # another entry
            return (int(node.tables.max()) - int(node.tables.min())) * node.format.lsb
        case Quantize():  # the next word, and what subtracting and adding the input loses
            return node.format.lsb + given[0] + _SAFETY * ends[0] * 2.0**-FLOAT32_BITS
        case Dense():
            gain = float(np.abs(node.matrix).sum(axis=0).max()) * node.kernel_format.lsb
        case Sum():
            gain = float(operands[0].low.size)
        case Dot() | Multiply():
            terms = operands[0].low.size if isinstance(node, Dot) else 1
            products = given[0] * ends[1] + given[1] * ends[0] + given[0] * given[1]
            return terms * products + _rounded(node, terms + 2, known)
        case Add() | Subtract():
            return sum(given) + _rounded(node, 2, known)
        case Scale():
            gain = 2.0 ** -min(node.shift)
        case _:
            return max(given) + _SAFETY * max(ends) * 2.0**-FLOAT32_BITS
    return gain * given[0] + _rounded(node, operands[0].low.size + 2, known)


def _rounded(node: Node, terms: int, known: NodeRange) -> float:
    return _SAFETY * terms * known.raw.magnitude * 2.0 ** -(FLOAT32_BITS + known.fraction)


def keras_rounding(
    circuit: Circuit, keras: Mapping[str, NDArray], reference: Mapping[str, NDArray]
) -> Iterator[KerasRounding]:
    """What Keras makes of the layers that float32 does not hold, of words (N, ...) by layer as far as it shows them.

    A layer counts only what it rounds itself; an output what has come together on the way to it.
    """
    for layer, known in circuit.ranges.items():
        if not known.float32_exact and layer in keras:
            distance = np.abs(keras[layer] - reference[layer]).reshape(len(keras[layer]), -1)
            differing, largest = int((distance > 0).any(axis=1).sum()), number(distance.max(initial=0))
            yield KerasRounding(layer, known.significant_bits, len(distance), differing, largest)


def number(value: int | float | np.number) -> int | float:
    """A word as an integer; what lies between two words stays a float."""
    return int(value) if np.isfinite(value) and value == int(value) else float(value)
