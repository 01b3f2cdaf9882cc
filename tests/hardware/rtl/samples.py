"""Small circuits, and words for their ports."""

import numpy as np

from l1ae.circuit import (
    UNDECIDED,
    Circuit,
    Dense,
    Dot,
    FixedFormat,
    Input,
    Lookup,
    Overflow,
    Quantize,
    Rounding,
    Scale,
)

PART = "xcvu13p-flga2577-2-e"


def scored(seed: int = 0, inputs: int = 5, address: int = 5) -> Circuit:
    """Words, scaling, a table of so many address bits per input, two layers, and a sum of squares as score."""
    rng = np.random.default_rng(seed)
    word = FixedFormat(True, address + 3, address + 3, Rounding.RND_CONV, Overflow.SAT)
    index = FixedFormat(True, address, address, Rounding.RND_CONV, Overflow.SAT)
    entry = FixedFormat(True, 6, 2)
    hidden = FixedFormat(False, 6, 3, Rounding.RND_CONV, Overflow.SAT)
    weight = FixedFormat(True, 5, 1)

    def dense(name: str, source: str, shape: tuple[int, int]) -> Dense:
        kernel = rng.integers(weight.low, weight.high + 1, shape) * (rng.random(shape) < 0.8)
        bias = rng.integers(weight.low, weight.high + 1, shape[1])
        return Dense(name, (source,), shape[1:], UNDECIDED, kernel, weight, bias, weight)

    shape = (inputs,)
    return Circuit.derive(
        [
            Input("words", (), shape, word),
            Scale("scaling", ("words",), shape, UNDECIDED, tuple(rng.integers(-9, 9, inputs).tolist()), (3,) * inputs),
            Quantize("address", ("scaling",), shape, index),
            Lookup("scaled", ("address",), shape, entry, rng.integers(-32, 32, (inputs, 2**address)), index.low, 0),
            dense("first", "scaled", (inputs, 4)),
            Quantize("hidden", ("first",), (4,), hidden),
            dense("latent", "hidden", (4, 2)),
            Quantize("narrow", ("latent",), (2,), FixedFormat(True, 8, 5, Rounding.RND, Overflow.SAT)),
            Dot("score", ("narrow", "narrow"), (1,), UNDECIDED),
        ]
    )


def negative() -> Circuit:
    """A score that is mostly negative, two ports, no adder in front of it but one."""
    word = FixedFormat(True, 6, 6)
    weight = FixedFormat(True, 4, 4)
    kernel = np.array([[-7], [-3], [5]])
    return Circuit.derive(
        [
            Input("words", (), (3,), word),
            Dense("score", ("words",), (1,), UNDECIDED, kernel, weight, np.array([-8]), weight),
        ]
    )


def port_words(circuit: Circuit, count: int, seed: int = 1) -> np.ndarray:
    """Words (N, n) on the ports: everything zero, both ends, then any."""
    low, high = circuit.port_range
    words = np.random.default_rng(seed).integers(low, high + 1, (count, circuit.n_inputs))
    words[:3] = np.stack([np.clip(0, low, high), low, high])
    return words
