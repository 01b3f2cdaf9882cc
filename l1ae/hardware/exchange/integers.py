"""A circuit as ONNX on 64-bit integers: operations that are exact for every word, so that nothing is refused.

Inside of the graph every tensor is flat, (events, size), as in the reference. `Circuit` proves that no exact result
passes 62 bits; the rules below take care that nothing between does.
"""

from collections.abc import Sequence
from functools import singledispatch

import numpy as np
from numpy.typing import NDArray

from l1ae.circuit import Circuit
from l1ae.circuit.bounds import aligned_bias
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
from l1ae.circuit.ranges import NodeRange
from l1ae.circuit.tensors import Convolution, MaxPool, Wire
from l1ae.hardware.exchange.graph import Graph, output_names

#: With as many bits lost, a word of at most 62 bits is less than half of the last bit that is kept, or a tie to 0.
_ALL_LOST = 62


def integer_model(circuit: Circuit, name: str) -> bytes:
    """An ONNX file: int64 words (events, *shape) of each port in, int64 words of each output out."""
    graph = Graph(circuit, np.int64)
    tensors: dict[str, str] = {}
    for node in circuit.nodes:
        graph.layer(node)
        known = circuit.ranges[node.name]
        if isinstance(node, Input):
            tensors[node.name] = _quantized(graph, graph.reshape(node.name, [node.size]), 0, node.format)
            continue
        sources = [circuit.ranges[source] for source in node.inputs]
        raw = words(node, graph, [tensors[source] for source in node.inputs], sources, known)
        fits = known.overflow == "never" and known.fraction == node.format.fraction
        lost = known.fraction - node.format.fraction
        tensors[node.name] = raw if fits else _quantized(graph, raw, lost, node.format)
    for output, label in zip(circuit.outputs, output_names(circuit), strict=True):
        graph.layer(circuit[output])
        graph.reshape(tensors[output], circuit[output].shape, output=label)
    return graph.finish(name, "hardware words: value = word * lsb")


def _quantized(graph: Graph, x: str, lost: int, format_: FixedFormat) -> str:
    """Words without their last `lost` bits (more bits where it is negative), brought to a format, see `quantize`."""
    wrap = format_.overflow is Overflow.WRAP
    if lost > 0:
        x = _rounded(graph, x, lost, format_.rounding)
    elif lost < 0 and wrap:
        kept = max(format_.width + lost, 0)  # the other bits leave the format on the other side
        x = graph.op("Mod", x, graph.constant(2**kept))
        return _signed(graph, _times(graph, x, -lost if kept else 0), format_)
    elif lost < 0:
        up = min(-lost, _ALL_LOST)
        # What is one past an end is outside of the format, and fits 64 bits when it is shifted.
        x = _between(graph, x, (format_.low >> up) - 1, (format_.high >> up) + 1)
        x = _times(graph, x, up)
    if wrap:
        return _signed(graph, graph.op("Mod", x, graph.constant(2**format_.width)), format_)
    return _between(graph, x, format_.low, format_.high)


def _rounded(graph: Graph, x: str, lost: int, rounding: Rounding) -> str:
    if lost >= _ALL_LOST:
        return _between(graph, x, -1, 0) if rounding is Rounding.TRN else graph.op("Mul", x, graph.constant(0))
    half = 1 << (lost - 1)
    if rounding is Rounding.RND:
        x = graph.op("Add", x, graph.constant(half))
    elif rounding is Rounding.RND_CONV:
        # A tie goes up only from an odd word.
        odd = graph.op("Mod", _floor(graph, x, lost), graph.constant(2))
        x = graph.op("Add", graph.op("Add", x, graph.constant(half - 1)), odd)
    return _floor(graph, x, lost)


def _floor(graph: Graph, x: str, lost: int) -> str:
    """x / 2**lost towards minus infinity: Mod has the sign of the divisor, so the division has no rest."""
    unit = graph.constant(1 << lost)
    return graph.op("Div", graph.op("Sub", x, graph.op("Mod", x, unit)), unit)


def _signed(graph: Graph, x: str, format_: FixedFormat) -> str:
    """Words from 0 to 2**width - 1 as words of the format with the same bits."""
    if not format_.signed:
        return x
    half = graph.constant(2 ** (format_.width - 1))
    turned = graph.op("Mod", graph.op("Add", x, half), graph.constant(2**format_.width))
    return graph.op("Sub", turned, half)


def _between(graph: Graph, x: str, low: int | None, high: int | None) -> str:
    for kind, limit in (("Max", low), ("Min", high)):
        if limit is not None:
            x = graph.op(kind, x, graph.constant(limit))
    return x


def _times(graph: Graph, x: str, up: int) -> str:
    return graph.op("Mul", x, graph.constant(1 << up)) if up else x


@singledispatch
def words(node: Node, graph: Graph, operands: Sequence[str], sources: Sequence[NodeRange], known: NodeRange) -> str:
    """Exact result of a node, as words with `known.fraction` bits below the point."""
    raise TypeError(f"no rule for {type(node).__name__}")


@words.register
def _(node: Quantize, graph: Graph, operands: Sequence[str], sources: Sequence[NodeRange], known: NodeRange) -> str:
    return operands[0]


@words.register
def _(node: Scale, graph: Graph, operands: Sequence[str], sources: Sequence[NodeRange], known: NodeRange) -> str:
    fraction = sources[0].format.fraction
    offset = [value << fraction if fraction >= 0 else value >> -fraction for value in node.offset]
    factor = [1 << (known.fraction - fraction - shift) for shift in node.shift]
    return graph.op("Mul", graph.op("Sub", operands[0], graph.constant(offset)), graph.constant(factor))


@words.register
def _(node: Dense, graph: Graph, operands: Sequence[str], sources: Sequence[NodeRange], known: NodeRange) -> str:
    up = known.fraction - sources[0].format.fraction - node.kernel_format.fraction
    if isinstance(node, Convolution):
        windows = _gathered(graph, operands[0], node.windows)
        kernel = node.kernel.reshape(-1, node.kernel.shape[-1])
        sums = graph.reshape(graph.op("MatMul", windows, graph.constant(kernel)), [node.size])
    else:
        sums = graph.op("MatMul", operands[0], graph.constant(node.kernel))
    sums = _times(graph, sums, up)
    return sums if node.bias is None else graph.op("Add", sums, graph.constant(aligned_bias(node, known.fraction)))


@words.register
def _(
    node: Subtract | Add, graph: Graph, operands: Sequence[str], sources: Sequence[NodeRange], known: NodeRange
) -> str:
    a, b = (_aligned(graph, *pair, known) for pair in zip(operands, sources, strict=True))
    return graph.op("Add" if isinstance(node, Add) else "Sub", a, b)


@words.register
def _(node: Multiply, graph: Graph, operands: Sequence[str], sources: Sequence[NodeRange], known: NodeRange) -> str:
    return graph.op("Mul", *operands)


@words.register
def _(node: Sum, graph: Graph, operands: Sequence[str], sources: Sequence[NodeRange], known: NodeRange) -> str:
    return graph.op("ReduceSum", operands[0], graph.constant([1]), keepdims=1)


@words.register
def _(node: Dot, graph: Graph, operands: Sequence[str], sources: Sequence[NodeRange], known: NodeRange) -> str:
    return graph.op("ReduceSum", graph.op("Mul", *operands), graph.constant([1]), keepdims=1)


@words.register
def _(node: Lookup, graph: Graph, operands: Sequence[str], sources: Sequence[NodeRange], known: NodeRange) -> str:
    rows, size = node.tables.shape
    first = np.arange(rows) * size - node.low  # one table behind the other
    entry = graph.op("Add", operands[0], graph.constant(first))
    return graph.op("Gather", graph.constant(node.tables.reshape(-1)), entry, axis=0)


@words.register
def _(node: Clip, graph: Graph, operands: Sequence[str], sources: Sequence[NodeRange], known: NodeRange) -> str:
    up = known.fraction - node.fraction
    low, high = (None if limit is None else limit << up for limit in (node.low, node.high))
    return _between(graph, _aligned(graph, operands[0], sources[0], known), low, high)


@words.register
def _(node: Leaky, graph: Graph, operands: Sequence[str], sources: Sequence[NodeRange], known: NodeRange) -> str:
    positive = _times(graph, _between(graph, operands[0], 0, None), node.shift)
    return graph.op("Add", positive, _between(graph, operands[0], None, 0))


@words.register
def _(node: Wire, graph: Graph, operands: Sequence[str], sources: Sequence[NodeRange], known: NodeRange) -> str:
    parts = [_aligned(graph, *pair, known) for pair in zip(operands, sources, strict=True)]
    return _gathered(graph, graph.op("Concat", *parts, axis=1) if len(parts) > 1 else parts[0], np.array(node.indices))


@words.register
def _(node: MaxPool, graph: Graph, operands: Sequence[str], sources: Sequence[NodeRange], known: NodeRange) -> str:
    return graph.op("ReduceMax", _gathered(graph, operands[0], node.windows), graph.constant([2]), keepdims=0)


def _aligned(graph: Graph, x: str, source: NodeRange, known: NodeRange) -> str:
    return _times(graph, x, known.fraction - source.format.fraction)


def _gathered(graph: Graph, x: str, indices: NDArray[np.int64]) -> str:
    """Elements of a flat tensor, (events, *indices.shape); index -1 stands for a zero."""
    chosen = graph.op("Gather", x, graph.constant(np.maximum(indices, 0)), axis=1)
    inside = indices >= 0
    return chosen if inside.all() else graph.op("Mul", chosen, graph.constant(inside.astype(np.int64)))
