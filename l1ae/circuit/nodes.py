"""The operations a circuit is made of: frozen records, one class per operation, integers and exact formats only.

The words of a node are its exact result with `raw_fraction` bits below the point, brought to `node.format`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import singledispatch
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ae.circuit.formats import FixedFormat
from l1ae.errors import ConversionError

#: Placeholder of an accumulator whose format `Circuit.derive` is to find.
UNDECIDED = FixedFormat(signed=False, width=1, integer=1)


@dataclass(frozen=True, eq=False)
class Node:
    """One operation: the name of its layer, the names of its operands, the shape of one event, and its format.

    Tensors of more than one dimension count their elements in C order, as the arrays of the firmware do.
    """

    name: str
    inputs: tuple[str, ...]
    shape: tuple[int, ...]
    format: FixedFormat

    @property
    def size(self) -> int:
        """Elements of one event."""
        return math.prod(self.shape)

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def _key(self) -> tuple[Any, ...]:
        values = (getattr(self, field.name) for field in fields(self))
        return tuple((v.shape, v.tobytes()) if isinstance(v, np.ndarray) else v for v in values)


@dataclass(frozen=True, eq=False)
class Input(Node):
    """The input port: hardware words of `format`; anything else is brought to the format on the way in."""


@dataclass(frozen=True, eq=False)
class Quantize(Node):
    """Round and saturate to `format`; with an unsigned format this is a rectifier too."""


@dataclass(frozen=True, eq=False)
class Scale(Node):
    """(x - offset) * 2**-shift, one integer of each per element; no bit is lost."""

    offset: tuple[int, ...]
    shift: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Dense(Node):
    """x @ kernel + bias: kernel words (n, m) of `kernel_format`, bias words (m,) of `bias_format` or no bias at all."""

    kernel: NDArray[np.int64]
    kernel_format: FixedFormat
    bias: NDArray[np.int64] | None
    bias_format: FixedFormat | None

    def __post_init__(self) -> None:
        for field in ("kernel", "bias"):
            array = getattr(self, field)
            if array is not None:
                array = np.array(array, dtype=np.int64)
                array.setflags(write=False)
                object.__setattr__(self, field, array)

    @property
    def matrix(self) -> NDArray[np.int64]:
        """Weight words (elements of the operand, elements of the result): what the rules of this operation work on."""
        return self.kernel

    def sums(self, words: NDArray[Any], kernel: NDArray[Any]) -> NDArray[Any]:
        """Words (N, n) of the operand times `kernel` in the place of its own, (N, m), in the arithmetic of both."""
        return words @ kernel


@dataclass(frozen=True, eq=False)
class Subtract(Node):
    """First operand minus second, element by element."""


@dataclass(frozen=True, eq=False)
class Add(Node):
    """Sum of both operands, element by element."""


@dataclass(frozen=True, eq=False)
class Multiply(Node):
    """Product of both operands, element by element."""


@dataclass(frozen=True, eq=False)
class Sum(Node):
    """Sum over the last axis: one element."""


@dataclass(frozen=True, eq=False)
class Lookup(Node):
    """Element i of the input is a word with `fraction_in` bits below the point, the result tables[i][word - low].

    `tables`: words of `format`, (n, size), or (1, size) for one table that all elements share.
    """

    tables: NDArray[np.int64]
    low: int
    fraction_in: int

    def __post_init__(self) -> None:
        tables = np.array(self.tables, dtype=np.int64)
        tables.setflags(write=False)
        object.__setattr__(self, "tables", tables)


@dataclass(frozen=True, eq=False)
class Clip(Node):
    """The value, or the nearest of two limits: words with `fraction` bits below the point, None for no limit.

    A rectifier is a clip at 0 from below. No bit is lost.
    """

    low: int | None
    high: int | None
    fraction: int


@dataclass(frozen=True, eq=False)
class Leaky(Node):
    """x where x >= 0, x * 2**-shift elsewhere; no bit is lost."""

    shift: int


@dataclass(frozen=True, eq=False)
class Dot(Node):
    """Sum over the last axis of the product of both operands; the sum of squares when they are the same tensor."""


#: Operations on one element at a time, which leave a tensor of up to three dimensions in its shape.
ELEMENTWISE: tuple[type[Node], ...] = (Input, Quantize, Subtract, Add, Multiply, Lookup, Clip, Leaky)


@singledispatch
def raw_fraction(node: Node, operands: Sequence[FixedFormat]) -> int:
    """Bits below the point of the exact result of a node, before its format is applied."""
    raise TypeError(f"no rule for {type(node).__name__}")


@raw_fraction.register
def _(node: Input, operands: Sequence[FixedFormat]) -> int:
    return node.format.fraction


@raw_fraction.register
def _(node: Quantize, operands: Sequence[FixedFormat]) -> int:
    return operands[0].fraction


@raw_fraction.register
def _(node: Scale, operands: Sequence[FixedFormat]) -> int:
    return operands[0].fraction + max(node.shift)


@raw_fraction.register
def _(node: Clip, operands: Sequence[FixedFormat]) -> int:
    return max(operands[0].fraction, node.fraction)


@raw_fraction.register
def _(node: Leaky, operands: Sequence[FixedFormat]) -> int:
    return operands[0].fraction + node.shift


@raw_fraction.register
def _(node: Dense, operands: Sequence[FixedFormat]) -> int:
    product = operands[0].fraction + node.kernel_format.fraction
    return product if node.bias_format is None else max(product, node.bias_format.fraction)


@raw_fraction.register
def _(node: Subtract | Add, operands: Sequence[FixedFormat]) -> int:
    return max(operand.fraction for operand in operands)


@raw_fraction.register
def _(node: Sum, operands: Sequence[FixedFormat]) -> int:
    return operands[0].fraction


@raw_fraction.register
def _(node: Lookup, operands: Sequence[FixedFormat]) -> int:
    if operands[0].fraction != node.fraction_in:
        raise ConversionError(
            f"layer {node.name}: its tables are for words with {node.fraction_in} bits below the point and its input "
            f"has {operands[0].fraction}; build them for such words, with fraction_in={operands[0].fraction}"
        )
    return node.format.fraction


@raw_fraction.register
def _(node: Dot | Multiply, operands: Sequence[FixedFormat]) -> int:
    return operands[0].fraction + operands[1].fraction


def check(node: Node, operands: Sequence[Node]) -> None:
    """Refuse a node whose parts do not fit together; the message names the node."""
    found = problem(node, [operand.shape for operand in operands])
    if found:
        raise ConversionError(f"layer {node.name}: {found}")


@singledispatch
def problem(node: Node, shapes: Sequence[tuple[int, ...]]) -> str | None:
    """What does not fit in a node whose operands have these shapes; None when all is well."""
    wanted = {Input: 0, Subtract: 2, Add: 2, Multiply: 2, Dot: 2}.get(type(node), 1)
    if len(shapes) != wanted:
        return f"{len(shapes)} operands where {wanted} are needed"
    if min(node.shape, default=0) < 1:
        return f"shape {node.shape} holds nothing"
    if not isinstance(node, ELEMENTWISE) and any(len(shape) != 1 for shape in (node.shape, *shapes)):
        return f"shapes {(*shapes, node.shape)} where vectors are needed; put a Flatten in front of it"
    if len(set(shapes)) > 1:
        return f"operands of different shapes {shapes}"
    result: tuple[int, ...] = node.shape
    if isinstance(node, (Dot, Sum)):
        result = (1,)
    elif isinstance(node, Dense):
        if node.kernel.ndim != 2 or node.kernel.shape[0] != shapes[0][0]:
            return f"kernel of shape {node.kernel.shape} on an input of shape {shapes[0]}"
        result = (node.kernel.shape[1],)
        if weights := weights_problem(node):
            return weights
    elif shapes:
        result = shapes[0]
    if isinstance(node, Scale) and not len(node.offset) == len(node.shift) == node.shape[0]:
        return f"{len(node.offset)} offsets and {len(node.shift)} shifts for {node.shape[0]} inputs"
    if isinstance(node, Clip) and node.low is not None and node.high is not None and node.low > node.high:
        return f"limits from {node.low} to {node.high} leave nothing"
    if isinstance(node, Leaky) and node.shift < 0:
        return f"shift {node.shift}: a leaky rectifier makes negative values smaller; give 0 or more"
    return None if result == node.shape else f"shape {node.shape} where {result} is computed"


def weights_problem(node: Dense) -> str | None:
    """What is wrong with the weights of a node: their last axis counts its units."""
    units = node.kernel.shape[-1:]
    if (node.bias is None) != (node.bias_format is None) or (node.bias is not None and node.bias.shape != units):
        return "the bias does not fit the kernel"
    for words, format_ in ((node.kernel, node.kernel_format), (node.bias, node.bias_format)):
        if (
            words is not None
            and format_ is not None
            and not np.array_equal(np.clip(words, format_.low, format_.high), words)
        ):
            return f"a weight does not fit {format_}"
    return None


@problem.register
def _(node: Lookup, shapes: Sequence[tuple[int, ...]]) -> str | None:
    tables = node.tables
    wanted = {1, node.shape[0]} if len(node.shape) == 1 else {1}
    if tables.ndim != 2 or tables.shape[0] not in wanted or not tables.size:
        return f"tables of shape {tables.shape} for an input of shape {node.shape}; give one per input, or one for all"
    if not np.array_equal(np.clip(tables, node.format.low, node.format.high), tables):
        return f"an entry of its tables does not fit {node.format}"
    generic: str | None = problem.dispatch(Node)(node, shapes)
    return generic
