"""Layers that float32 does not hold: how far Keras is from the reference there, and how far rounding can take it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from l1ae.circuit import Add, Circuit, Convolution, Dense, Dot, Multiply, Node, Scale, Subtract, Sum

#: Bits that float32 holds.
FLOAT32_BITS = 24
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


def float32_limits(circuit: Circuit) -> dict[str, float]:
    """How many LSB Keras may be away from the reference, by layer: none where float32 is exact.

    A sum of exact numbers is off by at most its terms times 2**-24 of the sum of their magnitudes (Higham, Accuracy and
    Stability of Numerical Algorithms, 2002, section 4.2). Behind such a layer anything can follow: infinity.
    """
    return {node.name: _limit(circuit, node) for node in circuit.nodes}


def _limit(circuit: Circuit, node: Node) -> float:
    known = circuit.ranges[node.name]
    if known.float32_exact:
        return 0.0
    sums = (Add, Convolution, Dense, Dot, Multiply, Scale, Subtract, Sum)
    if not isinstance(node, sums) or not all(circuit.ranges[name].float32_exact for name in node.inputs):
        return float("inf")
    terms = circuit[node.inputs[0]].size + 2 if isinstance(node, (Convolution, Dense, Dot, Sum)) else 2
    raw = _SAFETY * terms * known.raw.magnitude * 2.0**-FLOAT32_BITS
    return float(np.ceil(np.ldexp(raw, node.format.fraction - known.fraction)))


def keras_rounding(
    circuit: Circuit, keras: Mapping[str, NDArray], reference: Mapping[str, NDArray]
) -> Iterator[KerasRounding]:
    """What Keras makes of the layers that float32 does not hold, of words (N, ...) by layer as far as it shows them."""
    for layer, known in circuit.ranges.items():
        if not known.float32_exact and layer in keras:
            distance = np.abs(keras[layer] - reference[layer]).reshape(len(keras[layer]), -1)
            differing, largest = int((distance > 0).any(axis=1).sum()), number(distance.max(initial=0))
            yield KerasRounding(layer, known.significant_bits, len(distance), differing, largest)


def number(value: int | float | np.number) -> int | float:
    """A word as an integer; what lies between two words stays a float."""
    return int(value) if value == int(value) else float(value)
