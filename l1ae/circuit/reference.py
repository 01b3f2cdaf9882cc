"""The golden meaning of a circuit: int64 arithmetic, event by event, independent of hls4ml, da4ml and float32."""

from collections.abc import Iterable, Mapping, Sequence
from functools import singledispatch

import numpy as np
from numpy.typing import NDArray

from l1ae.circuit.bounds import aligned_bias, clipped
from l1ae.circuit.formats import FixedFormat
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
from l1ae.circuit.ranges import FLOAT32_BITS, NodeRange
from l1ae.circuit.tensors import MaxPool, Wire
from l1ae.errors import DataError

Words = NDArray[np.int64]
Values = NDArray[np.number]

#: Events per batch: a few hundred tensors of this many words stay within some ten megabytes.
BATCH = 8192
_FLOAT64_LIMIT = 2**53


def as_keras_reads(values: Values, port: FixedFormat) -> Values:
    """Values as float32 where that holds all words of a port; a wider port gets them as they are."""
    with np.errstate(over="ignore"):
        return values.astype(np.float32) if port.width <= FLOAT32_BITS else values


def port_words(values: Values, port: FixedFormat) -> Words:
    """Integers as words of `port`, floats as values, both brought to the port as its format says."""
    values = np.asarray(values)
    if np.issubdtype(values.dtype, np.floating):
        return port.quantize_values(as_keras_reads(values, port).astype(np.float64))
    if not np.issubdtype(values.dtype, np.integer):
        raise DataError(f"inputs of type {values.dtype}: give integers (hardware words) or floats (values)")
    if values.dtype == np.uint64:
        values = np.minimum(values, np.uint64(2**63 - 1))
    return port.quantize(values.astype(np.int64), port.fraction)


def input_words(ports: Sequence[Node], values: Values | Sequence[Values]) -> Words:
    """Words (N, n) of all `ports` side by side, see `Circuit.input_words`."""
    sizes = [port.size for port in ports]
    if isinstance(values, (list, tuple)) and len(values) == len(ports) and np.ndim(values[0]) > 1:
        arrays = [np.asarray(array) for array in values]
    else:
        whole = np.asarray(values)
        if len(ports) == 1:
            arrays = [whole]
        elif whole.ndim == 2 and whole.shape[1] == sum(sizes):
            arrays = np.split(whole, np.cumsum(sizes)[:-1], axis=1)
        else:
            shapes = ", ".join(f"(events, {', '.join(map(str, port.shape))})" for port in ports)
            raise DataError(f"inputs of shape {whole.shape}: give one array per input, {shapes}")
    words = []
    for array, port in zip(arrays, ports, strict=True):
        if array.ndim < 2 or array.shape[1:] not in (port.shape, (port.size,)):
            shape = ", ".join(map(str, port.shape))
            raise DataError(f"inputs of shape {array.shape}: {port.name} takes (events, {shape})")
        words.append(port_words(array.reshape(len(array), port.size), port.format))
    if len({len(array) for array in words}) > 1:
        raise DataError(f"{' and '.join(str(len(array)) for array in words)} events: give as many to each input")
    return np.concatenate(words, axis=1)


def trace(
    nodes: Sequence[Node],
    ranges: Mapping[str, NodeRange],
    values: Values | Sequence[Values],
    names: Iterable[str],
) -> dict[str, Words]:
    """Words (N, *shape) of the named nodes for inputs as `input_words` takes them, computed in batches."""
    ports = [node for node in nodes if isinstance(node, Input)]
    given = input_words(ports, values)
    parts = np.split(given, np.cumsum([port.size for port in ports])[:-1], axis=1)
    columns = {port.name: part for port, part in zip(ports, parts, strict=True)}
    names = tuple(names)
    needed = _ancestors(nodes, names)
    by_name = {node.name: node for node in nodes}
    result = {name: np.empty((len(given), *by_name[name].shape), dtype=np.int64) for name in names}
    for start in range(0, len(given), BATCH):
        part = slice(start, start + BATCH)
        words: dict[str, Words] = {}
        for node in needed:
            if isinstance(node, Input):
                words[node.name] = columns[node.name][part]
            else:
                proved = ranges[node.name]
                raw = compute(
                    node, [words[name] for name in node.inputs], [ranges[name] for name in node.inputs], proved
                )
                # An accumulator that is proved to hold its sum needs no more work.
                fits = proved.overflow == "never" and proved.fraction == node.format.fraction
                words[node.name] = raw if fits else node.format.quantize(raw, proved.fraction)
        for name in names:
            result[name][part] = words[name].reshape(-1, *by_name[name].shape)
    return result


def _ancestors(nodes: Sequence[Node], names: Iterable[str]) -> list[Node]:
    wanted = set(names)
    chosen = []
    for node in reversed(nodes):
        if node.name in wanted:
            chosen.append(node)
            wanted.update(node.inputs)
    return chosen[::-1]


@singledispatch
def compute(node: Node, operands: Sequence[Words], sources: Sequence[NodeRange], proved: NodeRange) -> Words:
    """Exact result (N, size) of a node for operands (N, size), as words with `proved.fraction` bits below the point."""
    raise TypeError(f"no rule for {type(node).__name__}")


@compute.register
def _(node: Quantize, operands: Sequence[Words], sources: Sequence[NodeRange], proved: NodeRange) -> Words:
    return operands[0]


@compute.register
def _(node: Scale, operands: Sequence[Words], sources: Sequence[NodeRange], proved: NodeRange) -> Words:
    fraction = sources[0].format.fraction
    offset = np.array([value << fraction if fraction >= 0 else value >> -fraction for value in node.offset])
    up = proved.fraction - fraction - np.array(node.shift, dtype=np.int64)
    return (operands[0] - offset) << up


@compute.register
def _(node: Dense, operands: Sequence[Words], sources: Sequence[NodeRange], proved: NodeRange) -> Words:
    up = np.int64(proved.fraction - sources[0].format.fraction - node.kernel_format.fraction)
    if proved.raw.magnitude < _FLOAT64_LIMIT:
        # Proved: every partial sum is an integer below 2**53, so the fast float64 product is exact.
        sums = node.sums(operands[0].astype(np.float64), node.kernel.astype(np.float64)).astype(np.int64)
    else:
        sums = node.sums(operands[0], node.kernel)
    return (sums << up) + aligned_bias(node, proved.fraction)


@compute.register
def _(node: Subtract | Add, operands: Sequence[Words], sources: Sequence[NodeRange], proved: NodeRange) -> Words:
    a, b = (
        operand << np.int64(proved.fraction - source.format.fraction)
        for operand, source in zip(operands, sources, strict=True)
    )
    return a + b if isinstance(node, Add) else a - b


@compute.register
def _(node: Multiply, operands: Sequence[Words], sources: Sequence[NodeRange], proved: NodeRange) -> Words:
    return operands[0] * operands[1]


@compute.register
def _(node: Sum, operands: Sequence[Words], sources: Sequence[NodeRange], proved: NodeRange) -> Words:
    return operands[0].sum(axis=-1, keepdims=True)


@compute.register
def _(node: Lookup, operands: Sequence[Words], sources: Sequence[NodeRange], proved: NodeRange) -> Words:
    rows = np.arange(node.size) % len(node.tables)  # one table of its own per element, or the first for all
    return node.tables[rows, operands[0] - node.low]


@compute.register
def _(node: Dot, operands: Sequence[Words], sources: Sequence[NodeRange], proved: NodeRange) -> Words:
    return (operands[0] * operands[1]).sum(axis=-1, keepdims=True)


@compute.register
def _(node: Clip, operands: Sequence[Words], sources: Sequence[NodeRange], proved: NodeRange) -> Words:
    words = operands[0] << np.int64(proved.fraction - sources[0].format.fraction)
    return clipped(node, words, proved.fraction)


@compute.register
def _(node: Leaky, operands: Sequence[Words], sources: Sequence[NodeRange], proved: NodeRange) -> Words:
    (x,) = operands
    return np.where(x < 0, x, x << np.int64(node.shift))


@compute.register
def _(node: Wire, operands: Sequence[Words], sources: Sequence[NodeRange], proved: NodeRange) -> Words:
    up = (np.int64(proved.fraction - source.format.fraction) for source in sources)
    zero = np.zeros((len(operands[0]), 1), dtype=np.int64)  # the last one, where the index -1 finds it
    # Inside of a batch every tensor is flat.
    inputs = [words << shift for words, shift in zip(operands, up, strict=True)]
    return np.concatenate([*inputs, zero], axis=1)[:, list(node.indices)]


@compute.register
def _(node: MaxPool, operands: Sequence[Words], sources: Sequence[NodeRange], proved: NodeRange) -> Words:
    largest: Words = operands[0][:, node.windows].max(axis=-1)
    return largest
