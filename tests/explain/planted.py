"""Small circuits, and what firmware with a fault would show of them."""

from dataclasses import replace

import numpy as np

from l1ae.circuit import (
    UNDECIDED,
    Add,
    Circuit,
    Clip,
    Convolution,
    Dense,
    Dot,
    FixedFormat,
    Input,
    Leaky,
    Lookup,
    MaxPool,
    Multiply,
    Overflow,
    Quantize,
    Rounding,
    Scale,
    Subtract,
    Wire,
)

PORT = FixedFormat(True, 10, 10, Rounding.RND_CONV, Overflow.SAT)
SCALED = FixedFormat(True, 8, 4, Rounding.RND_CONV, Overflow.SAT)
RELU = FixedFormat(False, 8, 3, Rounding.RND_CONV, Overflow.SAT)
WEIGHTS, BIASES = FixedFormat(True, 6, 2), FixedFormat(True, 6, 3)


def shown(circuit):
    """Names of what hls4ml shows: no inputs, and no sum that a quantizer is fused into."""
    names = []
    for node in circuit.nodes:
        readers = [other for other in circuit.nodes if node.name in other.inputs]
        fused = len(readers) == 1 and isinstance(readers[0], Quantize) and node.name not in circuit.outputs
        if not isinstance(node, Input) and not (fused and not isinstance(node, (Quantize, Lookup, Wire))):
            names.append(node.name)
    return names


def words(circuit, count=1500, seed=3):
    low, high = circuit.port_range
    return np.random.default_rng(seed).integers(low, high + 1, (count, circuit.n_inputs))


def traces(circuit, *altered, names=None, given=None):
    """Words of the circuit, and of one with other nodes as its firmware would show them, on the grid of the first."""
    broken = circuit
    for node in altered:
        broken = broken.replace(node)
    given = words(circuit) if given is None else given
    found = broken.trace(given, shown(circuit) if names is None else names)
    return circuit.trace(given), {name: on_grid(circuit, broken, name, array) for name, array in found.items()}


def on_grid(circuit, broken, name, array):
    by = circuit[name].format.fraction - broken[name].format.fraction
    values = np.ldexp(array.astype(np.float64), by)
    return values.astype(np.int64) if np.array_equal(values, np.rint(values)) else values


def dense(name, source, inputs, units, rng, bias=True):
    kernel = rng.integers(-20, 21, (inputs, units))
    words_ = rng.integers(-30, 31, units) if bias else None
    return Dense(name, (source,), (units,), UNDECIDED, kernel, WEIGHTS, words_, BIASES if bias else None)


def network(seed=0, n=6, hidden=5):
    """Scaling, a hidden layer, a square one, its difference to the input, and the squared error as score."""
    rng = np.random.default_rng(seed)
    return Circuit.derive(
        [
            Input("words", (), (n,), PORT),
            Scale("scaling", ("words",), (n,), UNDECIDED, tuple(rng.integers(-90, 90, n).tolist()), (5, 6) * (n // 2)),
            Quantize("scaled", ("scaling",), (n,), SCALED),
            dense("hidden", "scaled", n, hidden, rng),
            Quantize("hidden_relu", ("hidden",), (hidden,), RELU),
            dense("square", "hidden_relu", hidden, hidden, rng),
            Quantize("square_bits", ("square",), (hidden,), SCALED),
            dense("decoded", "square_bits", hidden, n, rng, bias=False),
            Subtract("residual", ("scaled", "decoded"), (n,), UNDECIDED),
            Dot("score", ("residual", "residual"), (1,), UNDECIDED),
        ]
    )


def images(seed=0):
    """A convolution, its rectifier, a flattening in firmware's order, and a dense layer, whose sums are shown."""
    rng = np.random.default_rng(seed)
    kernel = rng.integers(-20, 21, (2, 2, 2, 2))
    bias = np.array([9, -14])
    shape = (3, 4, 2)
    return Circuit.derive(
        [
            Input("image", (), (4, 5, 2), FixedFormat(True, 6, 3, Rounding.RND_CONV, Overflow.SAT)),
            Convolution("conv", ("image",), shape, UNDECIDED, kernel, WEIGHTS, bias, BIASES, (4, 5, 2), (1, 1), (0, 0)),
            Quantize("conv_relu", ("conv",), shape, RELU),
            Wire("flat", ("conv_relu",), (24,), UNDECIDED, tuple(range(24))),
            dense("code", "flat", 24, 3, rng),
        ]
    )


def elementwise(seed=0):
    """Tables, a leaky rectifier, limits, a product, a difference and the largest of a window, all of them shown."""
    rng = np.random.default_rng(seed)
    address = FixedFormat(True, 5, 5, Rounding.RND_CONV, Overflow.SAT)
    tables = rng.integers(-100, 100, (4, 32))
    return Circuit.derive(
        [
            Input("words", (), (4,), PORT),
            Scale("scaling", ("words",), (4,), UNDECIDED, (3, -7, 20, 1), (4, 5, 4, 3)),
            Quantize("address", ("scaling",), (4,), address),
            Lookup("table", ("address",), (4,), SCALED, tables, -16, 0),
            Leaky("leaky", ("table",), (4,), UNDECIDED, 2),
            Clip("clipped", ("leaky",), (4,), UNDECIDED, -10, 40, 4),
            Multiply("product", ("clipped", "table"), (4,), UNDECIDED),
            Add("total", ("product", "clipped"), (4,), UNDECIDED),
            Wire("image", ("total",), (2, 2, 1), UNDECIDED, (0, 1, 2, 3)),
            MaxPool("largest", ("image",), (1, 2, 1), UNDECIDED, (2, 2, 1), (2, 1), (1, 1), (0, 0)),
        ]
    )


def altered(node, **changes):
    return replace(node, **changes)


def with_format(node, **changes):
    return replace(node, format=replace(node.format, **changes))


def with_word(array, place, word):
    array = array.copy()
    array[place] = word
    return array
