"""A circuit as C: the operations one after the other, neighbours on single elements in one loop, weights as tables."""

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import singledispatchmethod
from importlib import resources

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
from l1ae.circuit.tensors import MaxPool, Wire
from l1ae.errors import ConversionError
from l1ae.hardware.emulator.arithmetic import Value, bits_for, literal, smallest
from l1ae.hardware.emulator.linear import Dialect, choose

_FUSED = (Input, Quantize, Scale, Clip, Leaky, Lookup, Subtract, Add, Multiply)
_HELPER = re.compile(r"\bstatic (?:inline|ALWAYS) [\w<> ]+?\b(\w+)\(")


def template(name: str) -> str:
    """A file of the templates folder."""
    return resources.files("l1ae.hardware.emulator").joinpath("templates", name).read_text(encoding="utf-8")


def event_code(circuit: Circuit, prefix: str) -> str:
    """C99, valid as C++ too, that needs <stdint.h> and defines `static void PREFIX_event(const int64_t *, int64_t *)`.

    The words of all ports, inside of their formats, come in side by side, and the words of all outputs go out so. Every
    name begins with the prefix. Raises `ConversionError` for what 64 bits cannot compute.
    """
    prelude = template("scalar.h")
    body = Printer(circuit, Dialect("int32_t", "int64_t", input_bits=64, output_bits=64)).text(
        "static void event(const int64_t *words, int64_t *out)"
    )
    text = f"{prelude}\n{body}"
    names = {*_HELPER.findall(prelude), "event", *re.findall(r"\b[ck]\d+(?=\[)", body)}
    return re.sub(rf"\b({'|'.join(sorted(names))})\b", rf"{prefix}_\1", text)


@dataclass
class Printer:
    """Prints one circuit in one dialect; every tensor is an array of one type, 32 or 64 bits by its proved range."""

    circuit: Circuit
    dialect: Dialect
    _constants: list[str] = field(default_factory=list)
    _lines: list[str] = field(default_factory=list)

    def text(self, signature: str) -> str:
        """The tables, then the function with this signature, which has the parameters `words` and `out`."""
        self._constants, self._lines = [], []
        for group in self._groups():
            if isinstance(group[0], _FUSED):
                self._loop(group)
            else:
                self._declare(group[0])
                self._print(group[0])
        self._results()
        body = "\n".join(f"  {line}" for line in self._lines)
        return "\n".join([*self._constants, signature, "{", body, "}", ""])

    def _groups(self) -> Iterator[list[Node]]:
        """Nodes that share a loop: operations on single elements of tensors of one size, one after the other."""
        group: list[Node] = []
        for node in self.circuit.nodes:
            if group and (
                not isinstance(node, _FUSED) or not isinstance(group[0], _FUSED) or group[0].size != node.size
            ):
                yield group
                group = []
            group.append(node)
            if not isinstance(node, _FUSED):
                yield group
                group = []
        if group:
            yield group

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

    def type(self, bits: int) -> str:
        """The type of single words, of one event or of a block."""
        return self.dialect.narrow if bits == 32 else self.dialect.wide

    def _declare(self, node: Node) -> None:
        self._lines.append(f"{self.type(self.bits(node))} {self.array(node)}[{node.size}];")

    def constant(self, words: Sequence[int] | NDArray[np.int64], bits: int | None = None) -> str:
        """Name of a new table of these words, in the narrowest type when no bits are given."""
        values = [int(word) for word in np.asarray(words).ravel()]
        name = f"c{len(self._constants)}"
        suffix = "LL" if (bits or smallest(values)) == 64 else ""
        lines = [", ".join(f"{v}{suffix}" for v in values[i : i + 24]) for i in range(0, len(values), 24)]
        text = ",\n  ".join(lines)
        self._constants.append(f"static const int{bits or smallest(values)}_t {name}[{len(values)}] = {{\n  {text}}};")
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
            self._lines.append(f"  {self.type(bits)} {name} = {result.to(bits)};")
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
        bits = self.bits(node)
        given = Value(f"words[{start} + i]" if start else "words[i]", self.dialect.input_bits, 0, 0)
        return self._raw(node, given.to(bits), bits)

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

    # Operations on whole tensors

    @singledispatchmethod
    def _print(self, node: Node) -> None:
        raise TypeError(f"no rule for {type(node).__name__}")

    def _source(self, node: Node, bits: int) -> str:
        """Array of the operand of a node in words of so many bits, copied where its own are others."""
        source = self.circuit[node.inputs[0]]
        value = self._loaded(source)
        if value.bits == bits:
            return self.array(source)
        copy = f"{self.array(node)}_in"
        self._lines.append(f"{self.type(bits)} {copy}[{source.size}];")
        self._lines.append(f"for (int i = 0; i < {source.size}; ++i) {copy}[i] = {value.to(bits)};")
        return copy

    def _store(self, node: Node, index: str, raw: Value) -> str:
        return f"{self.array(node)}[{index}] = {self._formatted(node, raw).to(self.bits(node))};"

    @_print.register
    def _(self, node: Dense) -> None:
        known = self.circuit.ranges[node.name]
        layer = choose(node, self.circuit.ranges[node.inputs[0]], known, self.dialect.kinds)
        bits = 64 if layer.kind == "words64" else 32
        (k, f), source = layer.kernel.shape, self._source(node, bits)
        windows = "0" if layer.windows is None else self.constant(layer.windows, 32)
        start = self.constant(layer.start_words(), bits)
        raw = self._raw(node, f"{self.array(node)}_sums[i]", bits)
        self._lines.append(f"{self.type(bits)} {self.array(node)}_sums[{node.size}];")
        sizes = (layer.positions, k, f)
        if layer.kind in ("quads", "pairs"):
            weights = self.constant(layer.packed(), 32)
            flip = int(layer.offset != 0)
            call = f"{layer.kind}<{layer.positions}, {k}, {f}, {flip}>({source}, {windows}, {weights}, {start}"
        elif layer.kind == "floats":
            weights = self.constant(layer.kernel, 32)
            call = f"floats<{layer.positions}, {k}, {f}>({source}, {windows}, {weights}, {start}"
        else:
            weights = self.constant(layer.kernel, bits)
            call = f"linear{bits}({source}, {windows}, {weights}, {start}, {', '.join(map(str, sizes))}"
        self._lines.append(f"{call}, {self.array(node)}_sums);")
        self._lines.append(f"for (int i = 0; i < {node.size}; ++i) {self._store(node, 'i', raw)}")

    @_print.register
    def _(self, node: Sum) -> None:
        self._sum(node, self._loaded(self.circuit[node.inputs[0]]))

    @_print.register
    def _(self, node: Dot) -> None:
        a, b = (self._loaded(self.circuit[name]) for name in node.inputs)
        low, high = (
            known for known in (self.circuit.ranges[node.name].raw.low, self.circuit.ranges[node.name].raw.high)
        )
        bits = max(
            a.bits, b.bits, bits_for(int(low.min()), int(high.max()), self.circuit.ranges[node.name].raw.magnitude)
        )
        self._sum(node, Value(f"({a.to(bits)} * {b.to(bits)})", bits, 0, 0))

    def _sum(self, node: Node, term: Value) -> None:
        """The sum of a term over the elements `i` of the operand."""
        raw = self.circuit.ranges[node.name].raw
        bits = max(term.bits, bits_for(raw.magnitude, -raw.magnitude))
        name = f"{self.array(node)}_sum"
        size = self.circuit[node.inputs[0]].size
        self._lines.append(f"{self.type(bits)} {name} = zero{bits}();")
        self._lines.append(f"for (int i = 0; i < {size}; ++i) {name} += {term.to(bits)};")
        self._lines.append(self._store(node, "0", self._raw(node, name, bits)))

    @_print.register
    def _(self, node: Wire) -> None:
        bits = self.bits(node)
        sources = [self.circuit[name] for name in node.inputs]
        values = [self._loaded(source, "{}") for source in sources]
        ends = np.cumsum([0, *(source.size for source in sources)]).tolist()
        indices = np.array(node.indices)
        # One loop for each run of elements that come from one operand.
        owner = np.where(indices < 0, -1, np.searchsorted(ends, indices, side="right") - 1)
        cuts = [0, *(np.flatnonzero(np.diff(owner)) + 1).tolist(), len(indices)]
        for first, last in itertools.pairwise(cuts):
            which = int(owner[first])
            if which < 0:
                self._lines.append(f"for (int i = {first}; i < {last}; ++i) {self.array(node)}[i] = zero{bits}();")
                continue
            places = self.constant(indices[first:last] - ends[which], 32)
            value = values[which]
            known = self.circuit.ranges[node.name]
            loaded = Value(value.text.format(f"{places}[i - {first}]"), value.bits, value.low, value.high)
            up = known.fraction - sources[which].format.fraction
            self._lines.append(f"for (int i = {first}; i < {last}; ++i) {self._store(node, 'i', loaded.shifted(up))}")

    @_print.register
    def _(self, node: MaxPool) -> None:
        source = self.circuit[node.inputs[0]]
        size, bits = node.windows.shape[1], self.bits(source)
        places = self.constant(node.windows, 32)
        largest = f"{self.array(node)}_max"
        self._lines += [
            f"for (int i = 0; i < {node.size}; ++i) {{",
            f"  {self.type(bits)} {largest} = {self.array(source)}[{places}[i * {size}]];",
            f"  for (int j = 1; j < {size}; ++j)",
            f"    {largest} = max{bits}({largest}, {self.array(source)}[{places}[i * {size} + j]]);",
            f"  {self._store(node, 'i', self._raw(node, largest, bits))}",
            "}",
        ]

    def _results(self) -> None:
        start = 0
        for node in (self.circuit[name] for name in self.circuit.outputs):
            value = self._loaded(node)
            place = f"out[{start} + i]" if start else "out[i]"
            self._lines.append(f"for (int i = 0; i < {node.size}; ++i) {place} = {value.to(self.dialect.output_bits)};")
            start += node.size
