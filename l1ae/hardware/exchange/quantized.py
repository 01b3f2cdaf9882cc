"""A circuit as QONNX: float32 values and nodes `Quant`, as Brevitas, FINN and hls4ml exchange networks.

A float32 holds integers of 24 bits. What a circuit proves about its ranges decides whether every operation stays below
that, whatever the order of a sum; a circuit with a layer that does not is refused.
"""

from collections.abc import Sequence
from functools import singledispatch

import numpy as np
from numpy.typing import NDArray

from l1ae.circuit import Circuit
from l1ae.circuit.formats import FixedFormat, Overflow, Rounding
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
from l1ae.circuit.ranges import FLOAT32_BITS, FLOAT32_LIMIT, NodeRange
from l1ae.circuit.tensors import Convolution, MaxPool, Wire
from l1ae.errors import ConversionError
from l1ae.hardware.exchange.graph import QONNX_DOMAIN, Graph, output_names

#: Powers of two up to this one, and their inverses, times 24 bits are far from the ends of float32.
_LARGEST_POWER = 96
#: The number of int64 among the types of ONNX.
_INT64 = 7
#: RND has no name in QONNX, whose HALF_UP is away from zero: half of the last bit is added in front of a FLOOR.
_ROUNDING = {Rounding.TRN: "FLOOR", Rounding.RND: "FLOOR", Rounding.RND_CONV: "ROUND"}


def quantized_model(circuit: Circuit, name: str) -> bytes:
    """A QONNX file: float32 values (events, *shape) in and out; raises `ConversionError` where float32 would round."""
    for node in circuit.nodes:
        if reason := problem(circuit, node):
            raise ConversionError(f"layer {node.name}: {reason}; or export --format onnx, which is exact for all")
    graph = Graph(circuit, np.float32)
    tensors: dict[str, str] = {}
    for node in circuit.nodes:
        graph.layer(node)
        known = circuit.ranges[node.name]
        if isinstance(node, Input):
            tensors[node.name] = _quant(graph, node.name, node.format, halves=True)
            continue
        raw = values(node, graph, [tensors[source] for source in node.inputs], [circuit[n] for n in node.inputs])
        as_it_is = known.overflow == "never" and not known.lost_bits and not isinstance(node, Quantize)
        tensors[node.name] = raw if as_it_is else _quant(graph, raw, node.format, halves=known.lost_bits > 0)
    for output, label in zip(circuit.outputs, output_names(circuit), strict=True):
        graph.layer(circuit[output])
        graph.op("Identity", tensors[output], output=label)
    return graph.finish(name, "values: word = value / lsb")


def problem(circuit: Circuit, node: Node) -> str | None:
    """Why a node would not be exact in float32 for every input; None when it is, by its proved ranges."""
    known = circuit.ranges[node.name]
    if node.format.overflow is Overflow.WRAP and (known.overflow == "wraps" or isinstance(node, Input)):
        return f"{node.format} wraps around, which QONNX does not know; use a saturating format"
    # QKeras adds its input to what it has rounded, which this does not: only the operand has to be exact.
    magnitude = max(_largest(circuit.ranges[node.inputs[0]]), 1) if isinstance(node, Quantize) else known.raw.magnitude
    if node.format.rounding is Rounding.RND and known.lost_bits:
        magnitude += 1 << (known.lost_bits - 1)
    weights = [array for array in (getattr(node, "kernel", None), getattr(node, "bias", None)) if array is not None]
    magnitude = max([magnitude, *(int(np.abs(array).max()) for array in weights)])
    if magnitude > FLOAT32_LIMIT:
        bits = (magnitude - 1).bit_length()
        return f"it needs {bits} bits, and QONNX computes in float32, which has {FLOAT32_BITS}; use fewer bits"
    powers = [known.fraction, node.format.fraction, *(node.shift if isinstance(node, Scale) else ())]
    if max(map(abs, powers)) > _LARGEST_POWER:
        return f"its last bit counts 2**{-max(powers, key=abs)}, which is near the ends of float32; use another point"
    return None


def _largest(known: NodeRange) -> int:
    return max(abs(int(known.low.min())), abs(int(known.high.max())))


def _quant(graph: Graph, x: str, format_: FixedFormat, *, halves: bool) -> str:
    """Values rounded and saturated to a format; `halves`: there are values between its words."""
    if halves and format_.rounding is Rounding.RND:
        x = graph.op("Add", x, graph.constant(format_.lsb / 2))
    width = format_.width
    if format_.signed and width == 1:
        # One bit with a sign means -1 and 1 in QONNX, and -1 and 0 here.
        x = graph.op("Min", x, graph.constant(0))
        width = 2
    narrow = format_.signed and (format_.overflow is Overflow.SAT_SYM or format_.width == 1)
    return graph.op(
        "Quant",
        x,
        graph.constant(format_.lsb),
        graph.constant(0),
        graph.constant(width),
        domain=QONNX_DOMAIN,
        signed=int(format_.signed),
        narrow=int(narrow),
        rounding_mode=_ROUNDING[format_.rounding],
    )


def _weights(graph: Graph, words: NDArray[np.int64], format_: FixedFormat) -> str:
    """Weights as values behind a `Quant`, which tells other tools their format."""
    return _quant(graph, graph.constant(np.ldexp(words.astype(np.float64), -format_.fraction)), format_, halves=False)


@singledispatch
def values(node: Node, graph: Graph, operands: Sequence[str], sources: Sequence[Node]) -> str:
    """Exact values (events, *shape) of a node, before its format."""
    raise TypeError(f"no rule for {type(node).__name__}")


@values.register
def _(node: Quantize, graph: Graph, operands: Sequence[str], sources: Sequence[Node]) -> str:
    return operands[0]


@values.register
def _(node: Scale, graph: Graph, operands: Sequence[str], sources: Sequence[Node]) -> str:
    factor = np.ldexp(1.0, -np.array(node.shift))
    return graph.op("Mul", graph.op("Sub", operands[0], graph.constant(node.offset)), graph.constant(factor))


@values.register
def _(node: Dense, graph: Graph, operands: Sequence[str], sources: Sequence[Node]) -> str:
    sums = graph.op("MatMul", operands[0], _weights(graph, node.kernel, node.kernel_format))
    return _with_bias(node, graph, sums)


def _with_bias(node: Dense, graph: Graph, sums: str) -> str:
    if node.bias is None or node.bias_format is None:
        return sums
    return graph.op("Add", sums, _weights(graph, node.bias, node.bias_format))


@values.register
def _(node: Convolution, graph: Graph, operands: Sequence[str], sources: Sequence[Node]) -> str:
    rows, columns, _, _ = node.kernel.shape
    image, pads = _image(node, graph, operands[0], (rows, columns))
    kernel = _weights(graph, node.kernel.transpose(3, 2, 0, 1), node.kernel_format)  # filters, channels, rows, columns
    found = graph.op("Conv", image, kernel, kernel_shape=[rows, columns], strides=list(node.strides), pads=pads)
    return _with_bias(node, graph, graph.op("Transpose", found, perm=[0, 2, 3, 1]))


@values.register
def _(node: MaxPool, graph: Graph, operands: Sequence[str], sources: Sequence[Node]) -> str:
    image, pads = _image(node, graph, operands[0], node.pool)
    found = graph.op("MaxPool", image, kernel_shape=list(node.pool), strides=list(node.strides), pads=pads)
    return graph.op("Transpose", found, perm=[0, 2, 3, 1])


def _image(node: Convolution | MaxPool, graph: Graph, x: str, window: Sequence[int]) -> tuple[str, list[int]]:
    """An operand with its channels first, as ONNX wants it, and the padding above, left, below and right of it."""
    used = [(node.shape[axis] - 1) * node.strides[axis] + window[axis] - node.padding[axis] for axis in (0, 1)]
    below = [max(used[axis] - node.input_shape[axis], 0) for axis in (0, 1)]
    if any(used[axis] < node.input_shape[axis] for axis in (0, 1)):
        x = graph.op(  # rows and columns that no window reaches
            "Slice", x, *(graph.constant(ends, np.int64) for ends in ([0, 0], used, [1, 2]))
        )
    return graph.op("Transpose", x, perm=[0, 3, 1, 2]), [*node.padding, *below]


@values.register
def _(node: Subtract | Add, graph: Graph, operands: Sequence[str], sources: Sequence[Node]) -> str:
    return graph.op("Add" if isinstance(node, Add) else "Sub", *operands)


@values.register
def _(node: Multiply, graph: Graph, operands: Sequence[str], sources: Sequence[Node]) -> str:
    return graph.op("Mul", *operands)


@values.register
def _(node: Sum, graph: Graph, operands: Sequence[str], sources: Sequence[Node]) -> str:
    return graph.op("ReduceSum", operands[0], graph.constant([1], np.int64), keepdims=1)


@values.register
def _(node: Dot, graph: Graph, operands: Sequence[str], sources: Sequence[Node]) -> str:
    return graph.op("ReduceSum", graph.op("Mul", *operands), graph.constant([1], np.int64), keepdims=1)


@values.register
def _(node: Lookup, graph: Graph, operands: Sequence[str], sources: Sequence[Node]) -> str:
    rows, size = node.tables.shape
    word = graph.op("Mul", operands[0], graph.constant(2.0**node.fraction_in))
    first = graph.constant(np.arange(rows) * size - node.low, np.int64)  # one table behind the other
    entry = graph.op("Add", graph.op("Cast", word, to=_INT64), first)
    entries = np.ldexp(node.tables.reshape(-1).astype(np.float64), -node.format.fraction)
    return graph.op("Gather", graph.constant(entries), entry, axis=0)


@values.register
def _(node: Clip, graph: Graph, operands: Sequence[str], sources: Sequence[Node]) -> str:
    if node.low == 0 and node.high is None:
        return graph.op("Relu", operands[0])
    x = operands[0]
    for kind, limit in (("Max", node.low), ("Min", node.high)):
        if limit is not None:
            x = graph.op(kind, x, graph.constant(limit * 2.0**-node.fraction))
    return x


@values.register
def _(node: Leaky, graph: Graph, operands: Sequence[str], sources: Sequence[Node]) -> str:
    return graph.op("LeakyRelu", operands[0], alpha=2.0**-node.shift)


@values.register
def _(node: Wire, graph: Graph, operands: Sequence[str], sources: Sequence[Node]) -> str:
    flat = [graph.reshape(x, [source.size]) for x, source in zip(operands, sources, strict=True)]
    whole = graph.op("Concat", *flat, axis=1) if len(flat) > 1 else flat[0]
    indices = np.array(node.indices)
    if not np.array_equal(indices, np.arange(sum(source.size for source in sources))):
        whole = graph.op("Gather", whole, graph.constant(np.maximum(indices, 0), np.int64), axis=1)
        if (indices < 0).any():
            whole = graph.op("Mul", whole, graph.constant(indices >= 0))
    return graph.reshape(whole, node.shape)
