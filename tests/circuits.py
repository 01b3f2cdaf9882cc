"""Random circuits with every kind of node, for properties that hold for all of them."""

import math
from typing import Any

import numpy as np
from hypothesis import strategies as st

from l1ae.circuit import (
    UNDECIDED,
    Add,
    Builder,
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
    Node,
    Overflow,
    Quantize,
    Rounding,
    Scale,
    Subtract,
    Sum,
    Wire,
)

#: Sums of more bits than this are quantized before anything else reads them.
_WIDE = 20
_TABLE = 2**10
_VECTORS = ("dense", "dense", "dense", "scale", "sum", "dot")
_IMAGES = ("convolution", "convolution", "pool")
_ANY = ("quantize", "clip", "leaky", "lookup", "subtract", "add", "multiply", "square", "wire", "join")


@st.composite
def formats(draw: Any, widest: int = 8, *, wraps: bool = False) -> FixedFormat:
    """A format of a quantizer: any sign, point, rounding, and saturation."""
    signed, width = draw(st.booleans()), draw(st.integers(2, widest))
    overflow = draw(st.sampled_from([Overflow.SAT, Overflow.SAT_SYM, *([Overflow.WRAP] if wraps else [])]))
    return FixedFormat(signed, width, draw(st.integers(-2, width + 2)), draw(st.sampled_from(list(Rounding))), overflow)


@st.composite
def circuits(draw: Any, *, nodes: int = 7, ports: int = 2, widest: int = 8) -> Circuit:
    """A circuit of up to `nodes` operations behind up to `ports` inputs, with one or two outputs."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    builder = Builder()
    for index in range(draw(st.integers(1, ports))):
        shape = draw(st.sampled_from([(3,), (4,), (2, 2, 1), (1, 3, 2)]))
        signed, width = draw(st.booleans()), draw(st.integers(2, widest))
        port = FixedFormat(signed, width, draw(st.integers(-1, width + 1)), Rounding.RND_CONV, Overflow.SAT)
        builder.add(Input(f"words_{index}", (), shape, port))
    for index in range(draw(st.integers(1, nodes))):
        name = f"node_{index}"
        source = _narrow(draw, builder, draw(st.sampled_from(list(builder.nodes))), f"{name}_narrow", widest)
        rank = len(builder.shape(source))
        kinds = [*_ANY, *(_VECTORS if rank == 1 else ()), *(_IMAGES if rank == 3 else ())]
        builder.add(_node(draw, rng, builder, draw(st.sampled_from(kinds)), name, source, widest))
    last = list(builder.nodes)[-1]
    others = [name for name, node in builder.nodes.items() if not isinstance(node, Input) and name != last]
    more = draw(st.sampled_from([None, *others])) if others else None
    return Circuit(tuple(builder.nodes.values()), (last,) if more is None else (more, last))


def _narrow(draw: Any, builder: Builder, source: str, name: str, widest: int) -> str:
    """The source, or a quantizer behind it where it has grown wide."""
    if builder.format(source).width <= _WIDE:
        return source
    format_ = draw(formats(widest))
    # Around the middle of what it holds, so that it neither saturates always nor keeps nothing.
    format_ = FixedFormat(
        format_.signed,
        format_.width,
        builder.format(source).integer - draw(st.integers(0, 4)),
        format_.rounding,
        format_.overflow,
    )
    return builder.add(Quantize(name, (source,), builder.shape(source), format_)).name


def _node(
    draw: Any, rng: np.random.Generator, builder: Builder, kind: str, name: str, source: str, widest: int
) -> Node:
    shape, format_ = builder.shape(source), builder.format(source)
    twins = [other for other in builder.nodes if builder.shape(other) == shape and builder.format(other).width <= _WIDE]
    pair = (source, draw(st.sampled_from(twins)))
    known = builder.ranges[source]
    match kind:
        case "quantize":
            return Quantize(name, (source,), shape, draw(formats(widest)))
        case "clip":
            ends = sorted(rng.integers(-20, 21, 2).tolist())
            low, high = draw(st.sampled_from([(0, None), (None, ends[1]), tuple(ends)]))
            return Clip(name, (source,), shape, UNDECIDED, low, high, draw(st.integers(-1, 3)))
        case "leaky":
            return Leaky(name, (source,), shape, UNDECIDED, draw(st.integers(0, 3)))
        case "lookup" if int(known.high.max() - known.low.min()) < _TABLE:
            low, size = int(known.low.min()), int(known.high.max() - known.low.min()) + 1
            rows = 1 if len(shape) > 1 else draw(st.sampled_from([1, math.prod(shape)]))
            entry = draw(formats(widest))
            tables = rng.integers(entry.low, entry.high + 1, (rows, size))
            return Lookup(name, (source,), shape, entry, tables, low, format_.fraction)
        case "subtract":
            return Subtract(name, pair, shape, UNDECIDED)
        case "add":
            return Add(name, pair, shape, UNDECIDED)
        case "multiply":
            return Multiply(name, pair, shape, UNDECIDED)
        case "square":
            return Multiply(name, (source, source), shape, UNDECIDED)
        case "dot":
            return Dot(name, pair, (1,), UNDECIDED)
        case "sum":
            return Sum(name, (source,), (1,), UNDECIDED)
        case "scale":
            unit = max(-format_.fraction, 0)  # an offset is a multiple of the last bit
            offset = tuple((rng.integers(-9, 10, shape[0]) << unit).tolist())
            return Scale(name, (source,), shape, UNDECIDED, offset, tuple(rng.integers(-2, 4, shape[0]).tolist()))
        case "dense":
            return _weighted(draw, rng, name, source, shape, (shape[0], draw(st.integers(1, 4))))
        case "convolution":
            return _convolution(draw, rng, name, source, shape)
        case "pool":
            pool, padding = (min(2, shape[0]), min(2, shape[1])), (0, draw(st.integers(0, min(2, shape[1]) - 1)))
            result = (shape[0] - pool[0] + 1, shape[1] + padding[1] - pool[1] + 1, shape[2])
            return MaxPool(name, (source,), result, UNDECIDED, shape, pool, (1, 1), padding)
        case _:
            operands = (source,) if kind == "wire" else pair
            elements = sum(math.prod(builder.shape(operand)) for operand in operands)
            count = draw(st.integers(1, 5))
            return Wire(name, operands, (count,), UNDECIDED, tuple(rng.integers(-1, elements, count).tolist()))


def _weighted(
    draw: Any,
    rng: np.random.Generator,
    name: str,
    source: str,
    shape: tuple[int, ...],
    kernel_shape: tuple[int, ...],
) -> Dense:
    kernel, kernel_format, bias, bias_format = _weights(draw, rng, kernel_shape)
    units = kernel_shape[-1:]
    return Dense(name, (source,), units, UNDECIDED, kernel, kernel_format, bias, bias_format)


def _weights(draw: Any, rng: np.random.Generator, shape: tuple[int, ...]) -> tuple[Any, FixedFormat, Any, Any]:
    format_, bias_format = draw(formats(6)), draw(st.none() | formats(6))
    kernel = rng.integers(format_.low, format_.high + 1, shape) * (rng.random(shape) < 0.8)
    if bias_format is None:
        return kernel, format_, None, None
    return kernel, format_, rng.integers(bias_format.low, bias_format.high + 1, shape[-1]), bias_format


def _convolution(draw: Any, rng: np.random.Generator, name: str, source: str, shape: tuple[int, ...]) -> Convolution:
    window = (draw(st.integers(1, shape[0])), draw(st.integers(1, shape[1])))
    strides = (draw(st.integers(1, 2)), draw(st.integers(1, 2)))
    padding = (draw(st.integers(0, window[0] - 1)), draw(st.integers(0, window[1] - 1)))
    filters = draw(st.integers(1, 2))
    result = tuple((shape[axis] + padding[axis] - window[axis]) // strides[axis] + 1 for axis in (0, 1))
    weights = _weights(draw, rng, (*window, shape[2], filters))
    return Convolution(name, (source,), (*result, filters), UNDECIDED, *weights, shape, strides, padding)


def awkward_words(circuit: Circuit, count: int, seed: int = 0) -> Any:
    """Values (N, n_inputs) on the grid of the ports, between its words, at ties, and past both ends."""
    rng = np.random.default_rng(seed)
    low, high = circuit.port_range
    lsb = np.concatenate([np.full(port.size, port.format.lsb) for port in circuit.inputs])
    words = rng.integers(2 * low - 2, 2 * high + 3, (count, circuit.n_inputs)).astype(np.float64)
    words[: count // 2] = rng.integers(low, high + 1, (count // 2, circuit.n_inputs))
    words += rng.choice([0.0, 0.0, 0.0, 0.25, 0.5, -0.5], words.shape)
    return words * lsb
