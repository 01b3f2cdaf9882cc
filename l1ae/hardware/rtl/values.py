"""Logic as signals of bits and one operation for each: what Verilog and VHDL are printed from, and how it is evaluated.

A signal is a pattern of `width` bits, in two's complement where it is signed. Every operation works modulo
2**width of its result, on operands that are brought to this width first.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from l1ae.errors import ConversionError

#: Bits of the widest signal: what 64-bit integers hold with their sign.
WIDEST = 63

Kind = Literal[
    "copy", "add", "subtract", "rectify", "mux", "multiply", "table", "not", "any", "all", "and", "or", "xor"
]


@dataclass(frozen=True)
class Signal:
    """`width` bits by the name of a wire, or a constant where `constant` holds the bits."""

    name: str
    width: int
    signed: bool
    constant: int | None = None

    def __post_init__(self) -> None:
        if self.width > WIDEST:
            raise ConversionError(
                f"the logic needs a signal of {self.width} bits and {WIDEST} are supported: use fewer bits per layer"
            )


@dataclass(frozen=True)
class Operand:
    """A signal times 2**shift (bits that fall below the point are dropped), brought to `width` bits."""

    signal: Signal
    shift: int
    width: int


@dataclass(frozen=True)
class Operation:
    """`result` from its operands.

    rectify: the first where the sign bit of the second, one bit, is 0, else 0. mux: the second where the first, one
    bit, is 1, else the third. table: entry of table number `table`; multiply: factors with their own signs. The rest
    is what the name says, bit by bit where it has bits, modulo 2**width where it has numbers.
    """

    kind: Kind
    result: Signal
    operands: tuple[Operand, ...]
    table: int = -1


@dataclass(frozen=True)
class Table:
    """A look-up table: entry of `width` bits for each pattern of `address` bits."""

    address: int
    width: int
    entries: tuple[int, ...]


@dataclass(frozen=True)
class Stage:
    """Operations between two layers of registers: signals that come in, and what goes out, each lowest bits first.

    `levels`: adders that follow one another in it, the comparison with the threshold behind the last one included.
    """

    inputs: tuple[Signal, ...]
    operations: tuple[Operation, ...]
    outputs: tuple[Operand, ...]
    levels: int

    @property
    def input_bits(self) -> int:
        """Bits that come in."""
        return sum(signal.width for signal in self.inputs)

    @property
    def output_bits(self) -> int:
        """Bits that go into the registers behind it."""
        return sum(operand.width for operand in self.outputs)


@dataclass(frozen=True)
class Design:
    """A pipeline: stages with a layer of registers behind each, and the tables that they share.

    `levels`: adders that follow one another in the whole logic, without the comparison with the threshold.
    """

    stages: tuple[Stage, ...]
    tables: tuple[Table, ...]
    levels: int

    @property
    def register_bits(self) -> int:
        """Register bits of all layers, without those of the valid bits and of the trigger."""
        return sum(stage.output_bits for stage in self.stages)

    def evaluate(self, words: NDArray[np.integer]) -> NDArray[np.int64]:
        """Bit patterns (N, m) of the outputs for input words (N, n): every stage sees what the one before gives."""
        patterns = [np.asarray(column, dtype=np.int64) for column in words.T]
        for stage in self.stages:
            known = {
                signal.name: pattern & _mask(signal.width)
                for signal, pattern in zip(stage.inputs, patterns, strict=True)
            }
            for operation in stage.operations:
                known[operation.result.name] = _result(operation, known, self.tables)
            patterns = [np.broadcast_to(_bits(operand, known), len(words)) for operand in stage.outputs]
        return np.stack(patterns, axis=1)


def _mask(width: int) -> np.int64:
    return np.int64((1 << width) - 1)


def _number(signal: Signal, known: Mapping[str, NDArray[np.int64]]) -> NDArray[np.int64]:
    """The value of a signal as a signed number."""
    bits = known[signal.name] if signal.constant is None else np.array(signal.constant, dtype=np.int64)
    if not signal.signed or not signal.width:
        return bits
    return bits - ((bits >> np.int64(signal.width - 1)) << np.int64(signal.width))


def _bits(operand: Operand, known: Mapping[str, NDArray[np.int64]]) -> NDArray[np.int64]:
    number = _number(operand.signal, known)
    moved = number << np.int64(operand.shift) if operand.shift >= 0 else number >> np.int64(-operand.shift)
    return moved & _mask(operand.width)


def _result(
    operation: Operation, known: Mapping[str, NDArray[np.int64]], tables: tuple[Table, ...]
) -> NDArray[np.int64]:
    bits = [_bits(operand, known) for operand in operation.operands]
    with np.errstate(over="ignore"):
        match operation.kind:
            case "copy":
                found = bits[0]
            case "add":
                found = bits[0] + bits[1]
            case "subtract":
                found = bits[0] - bits[1]
            case "rectify":
                found = np.where(bits[1] != 0, 0, bits[0])
            case "mux":
                found = np.where(bits[0] != 0, bits[1], bits[2])
            case "multiply":
                a, b = (_number(operand.signal, known) for operand in operation.operands)
                found = a * b
            case "table":
                found = np.array(tables[operation.table].entries, dtype=np.int64)[bits[0]]
            case "not":
                found = ~bits[0]
            case "any":
                found = (bits[0] != 0).astype(np.int64)
            case "all":
                found = (bits[0] == _mask(operation.operands[0].width)).astype(np.int64)
            case "and":
                found = bits[0] & bits[1]
            case "or":
                found = bits[0] | bits[1]
            case "xor":
                found = bits[0] ^ bits[1]
    return found & _mask(operation.result.width)


@dataclass(frozen=True)
class Piece:
    """`count` bits of an operand: bits from `low` of a signal upward, or its bit `low` again and again, or constants.

    `name` is that of the signal; where it is empty, `bits` holds the constant.
    """

    count: int
    name: str = ""
    low: int = 0
    repeated: bool = False
    bits: int = 0


def pieces(operand: Operand) -> list[Piece]:
    """The bits of an operand, highest first: its sign or zeros, then those of the signal, then zeros."""
    signal, width = operand.signal, operand.width
    if signal.constant is not None:
        return [Piece(width, bits=int(_bits(operand, {})))]
    below = min(max(operand.shift, 0), width)
    dropped = max(-operand.shift, 0)
    taken = max(min(signal.width - dropped, width - below), 0)
    above = width - below - taken
    found = []
    if above and signal.signed and (taken == signal.width - dropped or not taken):
        found.append(Piece(above, signal.name, signal.width - 1, repeated=True))
    elif above:
        found.append(Piece(above))
    if taken:
        found.append(Piece(taken, signal.name, dropped))
    if below:
        found.append(Piece(below))
    return found
