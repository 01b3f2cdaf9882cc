"""Operations on tensors of rows, columns and channels: convolution, maximum pooling, and wires.

The firmware unrolls all of them, so each works on the flattened tensors: a convolution is a dense layer whose matrix
holds its kernel once for every position.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ae.circuit.formats import FixedFormat
from l1ae.circuit.nodes import Dense, Node, problem, raw_fraction, weights_problem

_MAX_DIMENSIONS = 3
#: Elements of windows that are copied at once, some ten megabytes.
_AT_ONCE = 2**21


@dataclass(frozen=True, eq=False)
class Wire(Node):
    """Elements of one or more operands in another order, shape or number: out[j] = in[indices[j]], all flattened.

    `in` is one operand behind the other; index -1 stands for a zero.
    """

    indices: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Convolution(Dense):
    """The kernel (rows, columns, channels, filters) times the window of the operand at each position, plus the bias.

    `input_shape`: rows, columns and channels of the operand; `strides`: rows and columns from one position to the
    next; `padding`: rows above and columns left of the operand that count as zeros, as does all that lies beyond it.
    """

    input_shape: tuple[int, ...]
    strides: tuple[int, int]
    padding: tuple[int, int]

    @cached_property
    def windows(self) -> NDArray[np.int64]:
        """Element of the operand under each weight of a filter, (positions, weights); -1 where there is none."""
        pixels = _windows(self.input_shape, self.shape, self.kernel.shape, self.strides, self.padding)
        channels = self.input_shape[2]
        elements = pixels[:, :, None] * channels + np.arange(channels)
        return np.where(pixels[:, :, None] < 0, -1, elements).reshape(len(pixels), -1)

    @cached_property
    def matrix(self) -> NDArray[np.int64]:
        """Weight words (elements of the operand, elements of the result) of the unrolled firmware."""
        filters = self.kernel.shape[-1]
        kernel = self.kernel.reshape(-1, filters)
        unrolled = np.zeros((math.prod(self.input_shape), len(self.windows), filters), dtype=np.int64)
        for position, elements in enumerate(self.windows):
            inside = elements >= 0
            unrolled[elements[inside], position] = kernel[inside]
        unrolled.setflags(write=False)
        return unrolled.reshape(len(unrolled), -1)

    def sums(self, words: NDArray[Any], kernel: NDArray[Any]) -> NDArray[Any]:
        """As of a `Dense`, window by window: the matrix of a large image would not fit into the memory."""
        weights = kernel.reshape(-1, kernel.shape[-1])
        padded = np.concatenate([words, np.zeros((len(words), 1), words.dtype)], axis=1)  # -1 finds the zero
        result = np.empty((len(words), self.size), dtype=np.result_type(words, kernel))
        events = max(_AT_ONCE // self.windows.size, 1)
        for start in range(0, len(words), events):
            part = padded[start : start + events][:, self.windows].reshape(-1, len(weights))
            result[start : start + events] = (part @ weights).reshape(-1, self.size)
        return result


@dataclass(frozen=True, eq=False)
class MaxPool(Node):
    """The largest element of each window of `pool` rows and columns, per channel.

    `input_shape`: rows, columns and channels of the operand; `strides` and `padding` as for a `Convolution`, but what
    lies beyond the operand is never the largest.
    """

    input_shape: tuple[int, ...]
    pool: tuple[int, int]
    strides: tuple[int, int]
    padding: tuple[int, int]

    @cached_property
    def windows(self) -> NDArray[np.int64]:
        """Elements of the operand that each element of the result is chosen from, (elements, pool size).

        A place beyond the operand repeats another one of its window.
        """
        pixels = _windows(self.input_shape, self.shape, self.pool, self.strides, self.padding)
        pixels = np.where(pixels < 0, pixels.max(axis=1, keepdims=True), pixels)
        channels = self.input_shape[2]
        return (pixels[:, None, :] * channels + np.arange(channels)[:, None]).reshape(self.size, -1)


def _windows(
    input_shape: Sequence[int],
    output_shape: Sequence[int],
    window: Sequence[int],
    strides: Sequence[int],
    padding: Sequence[int],
) -> NDArray[np.int64]:
    """Pixel under each place of the window, (positions, rows * columns of the window); -1 beyond the operand."""
    rows, columns = (
        (np.arange(output_shape[axis]) * strides[axis] - padding[axis])[:, None] + np.arange(window[axis])
        for axis in (0, 1)
    )
    rows, columns = rows[:, None, :, None], columns[None, :, None, :]
    inside = (rows >= 0) & (rows < input_shape[0]) & (columns >= 0) & (columns < input_shape[1])
    return np.where(inside, rows * input_shape[1] + columns, -1).reshape(output_shape[0] * output_shape[1], -1)


@raw_fraction.register
def _(node: MaxPool, operands: Sequence[FixedFormat]) -> int:
    return operands[0].fraction


@raw_fraction.register
def _(node: Wire, operands: Sequence[FixedFormat]) -> int:
    return max(operand.fraction for operand in operands)


@problem.register
def _(node: Wire, shapes: Sequence[tuple[int, ...]]) -> str | None:
    if not shapes:
        return "no operands where at least 1 is needed"
    if not _whole(node.shape, 1) or not 1 <= len(node.shape) <= _MAX_DIMENSIONS:
        return f"shape {node.shape}: vectors, rows of channels, and rows and columns of channels are supported"
    if len(node.indices) != node.size:
        return f"{len(node.indices)} indices for shape {node.shape}"
    elements = sum(map(math.prod, shapes))
    if not _whole(node.indices, -1) or max(node.indices) >= elements:
        return f"an index lies outside of its operands, which have {elements} elements"
    return None


@problem.register
def _(node: Convolution, shapes: Sequence[tuple[int, ...]]) -> str | None:
    if found := _images_problem(node, node.input_shape, shapes):
        return found
    channels = node.input_shape[2]
    if node.kernel.ndim != 4 or node.kernel.shape[2] != channels or node.kernel.shape[3] != node.shape[2]:
        return f"kernel of shape {node.kernel.shape} from {node.input_shape} to {node.shape}"
    return _positions_problem(node, node.kernel.shape[:2]) or weights_problem(node)


@problem.register
def _(node: MaxPool, shapes: Sequence[tuple[int, ...]]) -> str | None:
    if found := _images_problem(node, node.input_shape, shapes):
        return found
    if not _pair(node.pool, 1):
        return f"pool {node.pool}: give two whole numbers"
    if node.shape[2] != node.input_shape[2]:
        return f"{node.shape[2]} channels where {node.input_shape[2]} are pooled"
    return _positions_problem(node, node.pool)


def _positions_problem(node: Convolution | MaxPool, window: Sequence[int]) -> str | None:
    """What is wrong with the places of the windows: each has to lie on the operand, at least with one element."""
    if not (_pair(node.strides, 1) and _pair(node.padding, 0)):
        return f"strides {node.strides} and padding {node.padding}: give two whole numbers of each"
    for axis, length in enumerate(node.input_shape[:2]):
        last = (node.shape[axis] - 1) * node.strides[axis] - node.padding[axis]
        if node.padding[axis] >= window[axis] or last >= length:
            return f"a window of {window[0]} x {window[1]} has positions beyond its operand {node.input_shape}"
    return None


def _images_problem(node: Node, input_shape: tuple[int, ...], shapes: Sequence[tuple[int, ...]]) -> str | None:
    if len(shapes) != 1:
        return f"{len(shapes)} operands where 1 is needed"
    if shapes[0] != input_shape or len(input_shape) != _MAX_DIMENSIONS:
        return f"input of shape {shapes[0]} where rows, columns and channels {input_shape} are needed; use a Reshape"
    if len(node.shape) != _MAX_DIMENSIONS or not _whole(node.shape, 1):
        return f"shape {node.shape}: its window is larger than its input {input_shape}"
    return None


def _whole(values: Any, low: int) -> bool:
    return all(isinstance(value, int) and value >= low for value in values)


def _pair(values: Any, low: int) -> bool:
    return len(values) == 2 and _whole(values, low)
