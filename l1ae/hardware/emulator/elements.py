"""The operations of a circuit on single elements, printed as loops in C; neighbours share a loop."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import singledispatchmethod

import numpy as np
from numpy.typing import NDArray

from l1ae.circuit.graph import Circuit
from l1ae.circuit.nodes import (
    Add,
    Clip,
    Input,
    Leaky,
    Lookup,
    Multiply,
    Node,
    Quantize,
    Scale,
    Subtract,
)
from l1ae.errors import ConversionError
from l1ae.hardware.emulator.arithmetic import Value, bits_for, literal

#: Operations on single elements, which can share a loop.
FUSED = (Input, Quantize, Scale, Clip, Leaky, Lookup, Subtract, Add, Multiply)


@dataclass(frozen=True)
class Dialect:
    """What the text is written for.

    `types`: of words of 32 and 64 bits. `input`: range of the words that come in, which are brought to that of their
    port, or None for 64-bit words that are in it. `output`: a statement with `{place}` and `{value}`, of `output_bits`
    or, for 0, of any. `kinds`: of sums, the fastest first.
    """

    types: Mapping[int, str]
    input: tuple[int, int] | None
    output: str
    output_bits: int
    kinds: tuple[str, ...]


#: One event in plain C.
SCALAR = Dialect({32: "int32_t", 64: "int64_t"}, None, "out[{place}] = {value};", 64, kinds=("words32", "words64"))


@dataclass
class Elements:
    """Names, types and single elements of one circuit.

    Every tensor is an array of one type, 32 or 64 bits by its proved range.
    """

    circuit: Circuit
    dialect: Dialect = SCALAR
    _constants: list[str] = field(default_factory=list)
    _lines: list[str] = field(default_factory=list)

    # Names and types

    def _index(self, node: Node) -> int:
        return next(index for index, other in enumerate(self.circuit.nodes) if other is node)

    def array(self, node: Node) -> str:
        """Name of the array that holds the words of a node."""
        return f"t{self._index(node)}"

    def bits(self, node: Node) -> int:
        """Bits of the words of a node in its array."""
        known = self.circuit.ranges[node.name]
        return bits_for(int(known.low.min()), int(known.high.max()))

    def _declare(self, node: Node) -> None:
        self._lines.append(f"{self.dialect.types[self.bits(node)]} {self.array(node)}[{node.size}];")

    def constant(self, words: Sequence[int] | NDArray[np.int64], bits: int, type_: str | None = None) -> str:
        """Name of a new table of these words, integers of so many bits or of another type."""
        values = [int(word) for word in np.asarray(words).ravel()]
        name = f"c{len(self._constants)}"
        lines = [", ".join(map(literal, values[i : i + 24])) for i in range(0, len(values), 24)]
        text = ",\n  ".join(lines)
        self._constants.append(f"static const {type_ or f'int{bits}_t'} {name}[{len(values)}] = {{\n  {text}}};")
        return name

    def _element(self, words: Sequence[int], bits: int) -> str:
        """The word of element `i`: a literal where all are the same."""
        if len(set(words)) == 1:
            return literal(words[0])
        return f"{self.constant(words, bits)}[i]"

    # Operations on single elements

    def _loop(self, group: Sequence[Node]) -> None:
        """One loop over the elements; a tensor that nothing outside reads gets no array."""
        inside = {node.name for node in group}
        read_later = {name for node in self.circuit.nodes if node.name not in inside for name in node.inputs} | set(
            self.circuit.outputs
        )
        kept = [node for node in group if node.name in read_later]
        for node in kept:
            self._declare(node)
        self._lines.append(f"for (int i = 0; i < {group[0].size}; ++i) {{")
        local: dict[str, Value] = {}
        for node in group:
            operands = [local.get(name) or self._loaded(self.circuit[name]) for name in node.inputs]
            known = self.circuit.ranges[node.name]
            raw = self.word(node, operands)
            result = raw if isinstance(node, Input) else self._formatted(node, raw)
            name = f"x{self._index(node)}"
            bits = self.bits(node)
            self._lines.append(f"  {self.dialect.types[bits]} {name} = {result.to(bits)};")
            local[node.name] = Value(name, bits, int(known.low.min()), int(known.high.max()))
            if node in kept:
                self._lines.append(f"  {self.array(node)}[i] = {name};")
        self._lines.append("}")

    def _formatted(self, node: Node, raw: Value) -> Value:
        """The exact result of a node in its format."""
        known = self.circuit.ranges[node.name]
        if known.overflow == "never" and known.fraction == node.format.fraction:
            return raw
        return raw.quantized(known.fraction, node.format, ties=bool(self.circuit.ties[node.name].any()))

    def _loaded(self, node: Node, index: str = "i") -> Value:
        known = self.circuit.ranges[node.name]
        return Value(f"{self.array(node)}[{index}]", self.bits(node), int(known.low.min()), int(known.high.max()))

    def _aligned(self, node: Node, operands: Sequence[Value]) -> list[Value]:
        """Operands with as many bits below the point as the result."""
        fraction = self.circuit.ranges[node.name].fraction
        sources = [self.circuit[name].format.fraction for name in node.inputs]
        return [value.shifted(fraction - source) for value, source in zip(operands, sources, strict=True)]

    @singledispatchmethod
    def word(self, node: Node, operands: Sequence[Value]) -> Value:
        """The exact result of one element."""
        raise TypeError(f"no rule for {type(node).__name__}")

    def _raw(self, node: Node, text: str, bits: int) -> Value:
        raw = self.circuit.ranges[node.name].raw
        return Value(text, bits, int(raw.low.min()), int(raw.high.max()))

    @word.register
    def _(self, node: Input, operands: Sequence[Value]) -> Value:
        start = self.circuit.columns[node.name].start
        text, bits = f"words[{start} + i]" if start else "words[i]", self.bits(node)
        if self.dialect.input is None:
            return self._raw(node, Value(text, 64, 0, 0).to(bits), bits)
        given = Value(text, bits_for(*self.dialect.input), *self.dialect.input)
        return self._raw(node, given.at_least(node.format.low).at_most(node.format.high).to(bits), bits)

    @word.register
    def _(self, node: Quantize, operands: Sequence[Value]) -> Value:
        return operands[0]

    @word.register
    def _(self, node: Scale, operands: Sequence[Value]) -> Value:
        known, (x,) = self.circuit.ranges[node.name], operands
        fraction = self.circuit[node.inputs[0]].format.fraction
        offsets = [offset << fraction if fraction >= 0 else offset >> -fraction for offset in node.offset]
        up = [known.fraction - fraction - shift for shift in node.shift]
        ends = [
            *known.raw.low.tolist(),
            *known.raw.high.tolist(),
            *(x.low - o for o in offsets),
            *(x.high - o for o in offsets),
        ]
        bits = max(x.bits, bits_for(*ends, *offsets, *(1 << n for n in up)))
        text = x.to(bits)
        if any(offsets):
            text = f"({text} - {self._element(offsets, bits)})"
        if any(up):
            text = f"times{bits}({text}, {self._element(up, 32)})"
        return self._raw(node, text, bits)

    @word.register
    def _(self, node: Subtract | Add, operands: Sequence[Value]) -> Value:
        a, b = self._aligned(node, operands)
        raw = self.circuit.ranges[node.name].raw
        bits = max(a.bits, b.bits, bits_for(int(raw.low.min()), int(raw.high.max())))
        return self._raw(node, f"({a.to(bits)} {'+' if isinstance(node, Add) else '-'} {b.to(bits)})", bits)

    @word.register
    def _(self, node: Multiply, operands: Sequence[Value]) -> Value:
        raw = self.circuit.ranges[node.name].raw
        bits = max(*(x.bits for x in operands), bits_for(int(raw.low.min()), int(raw.high.max())))
        return self._raw(node, f"({operands[0].to(bits)} * {operands[1].to(bits)})", bits)

    @word.register
    def _(self, node: Lookup, operands: Sequence[Value]) -> Value:
        bits, size = bits_for(int(node.tables.min()), int(node.tables.max())), node.tables.shape[1]
        table = self.constant(node.tables, bits)
        row = f" + {size} * i" if len(node.tables) > 1 else ""
        if not -(2**31) < node.low < 2**31 or operands[0].bits != 32:
            raise ConversionError(f"layer {node.name}: its tables begin at word {node.low}; 32 bits are supported")
        return self._raw(node, f"lookup{bits}({table}{row}, {operands[0].text} - {literal(node.low)})", bits)

    @word.register
    def _(self, node: Clip, operands: Sequence[Value]) -> Value:
        (x,) = self._aligned(node, operands)
        up = self.circuit.ranges[node.name].fraction - node.fraction
        if node.low is not None:
            x = x.at_least(node.low << up)
        return x if node.high is None else x.at_most(node.high << up)

    @word.register
    def _(self, node: Leaky, operands: Sequence[Value]) -> Value:
        (x,) = operands
        bits = max(x.bits, bits_for(x.low << node.shift, x.high << node.shift))
        return self._raw(node, f"leaky{bits}({x.to(bits)}, {node.shift})", bits)
