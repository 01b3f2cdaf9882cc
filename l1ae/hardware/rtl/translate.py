"""The logic of da4ml as operations on bits, each with the level at which its result is ready."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from l1ae.circuit.graph import Circuit
from l1ae.errors import ConversionError
from l1ae.hardware.rtl.values import Operand, Operation, Signal, Table

if TYPE_CHECKING:
    from da4ml.types import CombLogic, Op

_BITWISE = ("and", "or", "xor")
#: Operations of da4ml that read two values: sums, choices, products, bit by bit.
_OF_TWO = (0, 1, 6, -6, 7, 10)
#: Bits of a carry that one cell holds.
_SHORT_CARRY = 4
_ZERO = Signal("zero", 0, False, 0)


@dataclass(frozen=True)
class Logic:
    """Operations in order, the input words, and the outputs.

    `ready`: after how many adders a signal is known. `spans`: how many of these its own operation counts as.
    """

    inputs: tuple[Signal, ...]
    operations: tuple[Operation, ...]
    outputs: tuple[Operand, ...]
    tables: tuple[Table, ...]
    ready: dict[str, int]
    spans: dict[str, int]

    @property
    def levels(self) -> int:
        """Adders that follow one another from the inputs to the last output."""
        return max((self.ready.get(operand.signal.name, 0) for operand in self.outputs), default=0)


def translate(logic: "CombLogic", circuit: Circuit) -> Logic:
    """The operations of `logic` that its outputs need, with the ports of the circuit as inputs and outputs."""
    return _Translation(logic, circuit).run()


class _Translation:
    def __init__(self, logic: "CombLogic", circuit: Circuit) -> None:
        from da4ml.types import minimal_kif

        self.logic, self.circuit = logic, circuit
        formats = [minimal_kif(op.qint) for op in logic.ops]
        self.fractions = [int(fraction) for _, _, fraction in formats]
        self.signals = [
            Signal(f"v{index}", max(int(sign) + int(integer) + int(fraction), 0), bool(sign))
            for index, (sign, integer, fraction) in enumerate(formats)
        ]
        self.operations: list[Operation] = []
        self.ready: dict[str, int] = {}
        self.spans: dict[str, int] = {}
        self.tables: dict[Table, int] = {}
        self.negatives: dict[int, Signal] = {}

    def run(self) -> Logic:
        ports = [port for port in self.circuit.inputs for _ in range(port.size)]
        inputs = tuple(Signal(f"x{index}", port.format.width, port.format.signed) for index, port in enumerate(ports))
        self.ready |= {signal.name: 0 for signal in inputs}
        for index, (op, needed) in enumerate(zip(self.logic.ops, self.logic.ref_count, strict=True)):
            result = self.signals[index]
            if not needed:
                continue
            if not result.width or op.qint.min == op.qint.max:
                self._constant(index, op)
            elif op.opcode == -1:
                port = ports[op.id0].format
                shift = self.fractions[index] - port.fraction + self.logic.inp_shifts[op.id0]
                self._add("copy", result, (Operand(inputs[op.id0], shift, result.width),), 0)
            else:
                self._operation(index, op)
        outputs = tuple(self._outputs())
        needed_names = _needed(self.operations, outputs)
        kept = tuple(operation for operation in self.operations if operation.result.name in needed_names)
        return Logic(inputs, kept, outputs, tuple(self.tables), self.ready, self.spans)

    def _add(self, kind: str, result: Signal, operands: tuple[Operand, ...], level: int, table: int = -1) -> None:
        self.operations.append(Operation(kind, result, operands, table))  # type: ignore[arg-type]
        known = max(self.ready.get(operand.signal.name, 0) for operand in operands)
        self.ready[result.name] = max(level, known)
        self.spans[result.name] = self.ready[result.name] - known

    def _constant(self, index: int, op: "Op") -> None:
        number = round(op.qint.min / op.qint.step)
        self.signals[index] = _constant(f"v{index}", number) if number else _ZERO

    def _fit(self, index: int, target: int, width: int, shift: int = 0) -> Operand:
        """Value `index` times 2**shift on the grid of value `target`."""
        return Operand(self.signals[index], self.fractions[target] - self.fractions[index] + shift, width)

    def _negative(self, index: int, level: int) -> Signal:
        """Minus a value, with a width of its own."""
        if index not in self.negatives:
            from da4ml.types import QInterval, minimal_kif

            low, high, step = self.logic.ops[index].qint
            sign, integer, fraction = minimal_kif(QInterval(-high, -low, step))
            signal = Signal(f"v{index}_negative", int(sign) + int(integer) + int(fraction), bool(sign))
            operands = Operand(_ZERO, 0, signal.width), Operand(self.signals[index], 0, signal.width)
            self._add("subtract", signal, operands, level)
            self.negatives[index] = signal
        return self.negatives[index]

    def _operation(self, index: int, op: "Op") -> None:
        result, level = self.signals[index], self._level(op)
        width = result.width
        if op.opcode in (0, 1):
            operands = self._fit(op.id0, index, width), self._fit(op.id1, index, width, op.data)
            self._add(("add", "subtract")[op.opcode], result, operands, level)
        elif op.opcode in (2, -2, 3, -3):
            known = self.logic.ops[op.id0]
            source = self.signals[op.id0]
            if op.opcode < 0:
                # The negation is ready no later than what reads it, which da4ml counts as one level at most.
                source = self._negative(op.id0, level)
            operand = Operand(source, self.fractions[index] - self.fractions[op.id0], width)
            if abs(op.opcode) == 2 and source.signed and known.qint.min < known.qint.max:
                sign = Operand(source, 1 - source.width, 1)
                self._add("rectify", result, (operand, sign), level)
            else:
                self._add("copy", result, (operand,), level)
        elif op.opcode == 4:
            sign, size = op.data < 0, abs(op.data)
            operands = self._fit(op.id0, index, width), Operand(_constant(f"c{index}", size), 0, width)
            self._add("subtract" if sign else "add", result, operands, level)
        elif op.opcode in (6, -6):
            self._mux(index, op, level)
        elif op.opcode == 7:
            if self.fractions[index] != self.fractions[op.id0] + self.fractions[op.id1]:
                raise ConversionError(f"da4ml gives a product on another grid than its factors (operation {index})")
            factors = tuple(Operand(self.signals[i], 0, self.signals[i].width) for i in (op.id0, op.id1))
            self._add("multiply", result, factors, level)
        elif op.opcode == 8:
            key = Operand(self.signals[op.id0], 0, self.signals[op.id0].width)
            self._add("table", result, (key,), level, self._table(index, op))
        elif op.opcode in (9, -9):
            source = self._negative(op.id0, level) if op.opcode == -9 and op.data != 1 else self.signals[op.id0]
            self._add(("not", "any", "all")[op.data], result, (Operand(source, 0, source.width),), level)
        elif op.opcode == 10:
            shift = ((op.data & 0xFFFFFFFF) + (1 << 31)) % (1 << 32) - (1 << 31)
            operands = self._fit(op.id0, index, width), self._fit(op.id1, index, width, shift)
            for place, (i, negated) in enumerate(((op.id0, op.data >> 32 & 1), (op.id1, op.data >> 33 & 1))):
                if negated:
                    changed = Operand(self._negative(i, level), operands[place].shift, width)
                    operands = (changed, operands[1]) if place == 0 else (operands[0], changed)
            self._add(_BITWISE[op.data >> 56 & 0xFF], result, operands, level)
        else:
            raise ConversionError(f"da4ml gives an operation {op.opcode} that l1ae does not know: use da4ml 0.6.0")

    def _level(self, op: "Op") -> int:
        """The level at which the result of an operation is ready, its operands being ready when they are."""
        ids = [
            op.id0,
            *([op.id1] if op.opcode in _OF_TWO else []),
            *([op.data & 0xFFFFFFFF] if abs(op.opcode) == 6 else []),
        ]
        known = max(self.ready.get(self.signals[i].name, 0) for i in ids)
        return known + math.ceil(op.latency - max(self.logic.ops[i].latency for i in ids)) + _carries(op)

    def _mux(self, index: int, op: "Op", level: int) -> None:
        result = self.signals[index]
        key = self.signals[op.data & 0xFFFFFFFF]
        shift = ((op.data >> 32 & 0xFFFFFFFF) + (1 << 31)) % (1 << 32) - (1 << 31)
        first = self._fit(op.id0, index, result.width)
        second = self._fit(op.id1, index, result.width, shift)
        if op.opcode < 0:
            turned = Signal(f"{result.name}_turned", result.width, True)
            self._add("subtract", turned, (Operand(_ZERO, 0, result.width), second), level)
            second = Operand(turned, 0, result.width)
        self._add("mux", result, (Operand(key, 1 - key.width, 1), first, second), level)

    def _table(self, index: int, op: "Op") -> int:
        if self.logic.lookup_tables is None:
            raise ConversionError("da4ml gives a table without its entries: use da4ml 0.6.0")
        table = self.logic.lookup_tables[op.data]
        width = self.signals[index].width
        padded = table.padded_table(self.logic.ops[op.id0].qint)
        # Patterns that the address never has: any entry does.
        entries = np.where(np.isnan(padded), 0, padded).astype(np.int64) & ((1 << width) - 1)
        if table.spec.out_kif[2] != self.fractions[index]:
            raise ConversionError(f"da4ml gives a table on another grid than its result (operation {index})")
        found = Table(self.signals[op.id0].width, width, tuple(entries.tolist()))
        return self.tables.setdefault(found, len(self.tables))

    def _outputs(self) -> list[Operand]:
        nodes = [self.circuit[name] for name in self.circuit.outputs for _ in range(self.circuit[name].size)]
        found = []
        ends = zip(self.logic.out_idxs, self.logic.out_shifts, self.logic.out_negs, nodes, strict=True)
        for index, shift, negated, node in ends:
            width = node.format.width
            if index < 0 or not self.signals[index].width:
                found.append(Operand(_ZERO, 0, width))
                continue
            source = self.signals[index]
            moved = node.format.fraction - self.fractions[index] + int(shift)
            if negated and source.constant is not None:
                op = self.logic.ops[index]
                source = _constant(f"{source.name}_negative", -round(op.qint.min / op.qint.step))
            elif negated:
                source = self._negative(index, self.ready[source.name] + 1)
            found.append(Operand(source, moved, width))
        return found


def _carries(op: "Op") -> bool:
    """Whether a constant is added with a carry that runs over more than a few bits: da4ml counts it as no level."""
    from da4ml.types import minimal_kif

    if op.opcode != 4:
        return False
    size = abs(op.data)
    return sum(minimal_kif(op.qint)) - ((size & -size).bit_length() - 1) > _SHORT_CARRY


def _constant(name: str, number: int) -> Signal:
    width = (number if number >= 0 else -number - 1).bit_length() + (number < 0)
    return Signal(name, width, number < 0, number % (1 << width))


def _needed(operations: list[Operation], outputs: tuple[Operand, ...]) -> set[str]:
    needed = {operand.signal.name for operand in outputs}
    for operation in reversed(operations):
        if operation.result.name in needed:
            needed |= {operand.signal.name for operand in operation.operands}
    return needed
