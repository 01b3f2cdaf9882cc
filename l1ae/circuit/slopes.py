"""How much each element of a sum follows each input, with quantizers and tables taken as straight lines."""

from collections.abc import Collection, Mapping, Sequence
from functools import singledispatch

import numpy as np
from numpy.typing import NDArray

from l1ae.circuit.graph import Circuit
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
from l1ae.circuit.tensors import Convolution, MaxPool, Wire

#: Operations that add up what many inputs give.
SUMS = (Dense, Subtract, Add, Sum)
_MOST_DRIVEN = 512


def slopes(circuit: Circuit, target: Node, sources: Collection[str] = ()) -> dict[str, NDArray[np.float64]]:
    """Slope of the `driven` elements of `target` in each element of the nodes it depends on, (elements, n) by name.

    What the nodes in `sources` depend on in turn is not followed.
    """
    chosen = driven(target)
    start = np.zeros((len(chosen), target.size))
    start[np.arange(len(chosen)), chosen] = 1.0
    found: dict[str, NDArray[np.float64]] = {target.name: start}
    for node in reversed(circuit.nodes):
        if node.name in found and node.name not in sources:
            sizes = [circuit[name].size for name in node.inputs]
            for name, slope in zip(node.inputs, pull_back(node, found[node.name], sizes), strict=True):
                found[name] = found[name] + slope if name in found else slope
    return found


def driven(target: Node) -> NDArray[np.intp]:
    """Elements of a node whose bounds are worth an event: all, of a large one 512, the same ones every time."""
    if target.size <= _MOST_DRIVEN:
        return np.arange(target.size)
    # At random: even steps would meet some channels of an image only.
    return np.sort(np.random.default_rng(0).choice(target.size, _MOST_DRIVEN, replace=False))


def port_slopes(circuit: Circuit, found: Mapping[str, NDArray[np.float64]], targets: int) -> NDArray[np.float64]:
    """Of what `slopes` has found those in the inputs, all ports side by side, (targets, n_inputs)."""
    parts = [found.get(port.name, np.zeros((targets, port.size))) for port in circuit.inputs]
    return np.concatenate(parts, axis=1)


@singledispatch
def pull_back(node: Node, slope: NDArray[np.float64], sizes: Sequence[int]) -> Sequence[NDArray[np.float64]]:
    """Slopes in each operand, (targets, its size), from the slopes in the node's own elements."""
    raise TypeError(f"no rule for {type(node).__name__}")


@pull_back.register
def _(node: Input, slope: NDArray[np.float64], sizes: Sequence[int]) -> Sequence[NDArray[np.float64]]:
    return []


@pull_back.register
def _(node: Quantize | Clip | Leaky, slope: NDArray[np.float64], sizes: Sequence[int]) -> Sequence[NDArray[np.float64]]:
    return [slope]


@pull_back.register
def _(node: Scale, slope: NDArray[np.float64], sizes: Sequence[int]) -> Sequence[NDArray[np.float64]]:
    return [slope * np.exp2(-np.array(node.shift, dtype=np.float64))]


@pull_back.register
def _(node: Dense, slope: NDArray[np.float64], sizes: Sequence[int]) -> Sequence[NDArray[np.float64]]:
    return [slope @ (node.matrix.T * node.kernel_format.lsb)]


@pull_back.register
def _(node: Convolution, slope: NDArray[np.float64], sizes: Sequence[int]) -> Sequence[NDArray[np.float64]]:
    filters = node.kernel.shape[-1]
    weights = node.kernel.reshape(-1, filters) * node.kernel_format.lsb
    pixels = slope.reshape(len(slope), -1, filters)
    result = np.zeros((len(slope), sizes[0] + 1))  # the last one for what lies beyond the operand
    for elements, weight in zip(node.windows.T, weights, strict=True):
        result[:, elements] += pixels @ weight  # one weight meets an element at one position only
    return [result[:, :-1]]


@pull_back.register
def _(node: Subtract, slope: NDArray[np.float64], sizes: Sequence[int]) -> Sequence[NDArray[np.float64]]:
    return [slope, -slope]


@pull_back.register
def _(node: Add, slope: NDArray[np.float64], sizes: Sequence[int]) -> Sequence[NDArray[np.float64]]:
    return [slope, slope]


@pull_back.register
def _(node: Sum, slope: NDArray[np.float64], sizes: Sequence[int]) -> Sequence[NDArray[np.float64]]:
    return [np.repeat(slope, sizes[0], axis=1)]


@pull_back.register
def _(node: Lookup, slope: NDArray[np.float64], sizes: Sequence[int]) -> Sequence[NDArray[np.float64]]:
    # From the first entry to the last: the trend of a table that rises or falls, nothing for one that does both.
    trend = (node.tables[:, -1] - node.tables[:, 0]) * node.format.lsb * 2.0**node.fraction_in
    return [slope * trend / max(node.tables.shape[1] - 1, 1)]


@pull_back.register
def _(node: Multiply, slope: NDArray[np.float64], sizes: Sequence[int]) -> Sequence[NDArray[np.float64]]:
    return [np.zeros_like(slope)] * 2  # the sign of each factor is that of the other one


@pull_back.register
def _(node: Dot, slope: NDArray[np.float64], sizes: Sequence[int]) -> Sequence[NDArray[np.float64]]:
    return [np.zeros((len(slope), sizes[0]))] * 2  # no sign to follow through a square


@pull_back.register
def _(node: Wire, slope: NDArray[np.float64], sizes: Sequence[int]) -> Sequence[NDArray[np.float64]]:
    kept = np.array(node.indices) >= 0
    whole = _collected(slope[:, kept], np.array(node.indices)[kept, None], sum(sizes))
    return np.split(whole, np.cumsum(sizes)[:-1], axis=1)


@pull_back.register
def _(node: MaxPool, slope: NDArray[np.float64], sizes: Sequence[int]) -> Sequence[NDArray[np.float64]]:
    # A maximum is low only where the whole window is low, so all of it is driven the same way.
    return [_collected(slope, node.windows, sizes[0])]


def _collected(slope: NDArray[np.float64], sources: NDArray[np.int64], size: int) -> NDArray[np.float64]:
    """Slopes (targets, `size`) in the operand's elements, when each element of a node has several `sources` there."""
    # Each pair of source and element once, in the order of the sources.
    pairs = np.unique(sources * len(sources) + np.arange(len(sources))[:, None])
    found, first = np.unique(pairs // len(sources), return_index=True)
    result = np.zeros((len(slope), size))
    result[:, found] = np.add.reduceat(slope[:, pairs % len(sources)], first, axis=1)
    return result
