"""A circuit as C: the operations one after the other, neighbours on single elements in one loop, weights as tables."""

import itertools
import re
from collections.abc import Iterator, Sequence
from functools import singledispatchmethod
from importlib import resources

import numpy as np

from l1ae.circuit.graph import Circuit
from l1ae.circuit.nodes import (
    Dense,
    Dot,
    Node,
    Sum,
)
from l1ae.circuit.tensors import MaxPool, Wire
from l1ae.hardware.emulator.arithmetic import Value, bits_for
from l1ae.hardware.emulator.elements import FUSED, Elements
from l1ae.hardware.emulator.linear import Linear, choose

_HELPER = re.compile(r"\bstatic inline [\w<> ]+?\b(\w+)\(")


def template(name: str) -> str:
    """A file of the templates folder."""
    return resources.files("l1ae.hardware.emulator").joinpath("templates", name).read_text(encoding="utf-8")


def event_code(circuit: Circuit, prefix: str) -> str:
    """C99, valid as C++ too, that needs <stdint.h> and defines `static void PREFIX_event(const int64_t *, int64_t *)`.

    The words of all ports, inside of their formats, come in side by side, and the words of all outputs go out so. Every
    name begins with the prefix. Raises `ConversionError` for what 64 bits cannot compute.
    """
    prelude = template("scalar.h")
    body = Printer(circuit).text("static void event(const int64_t *words, int64_t *out)")
    text = f"{prelude}\n{body}"
    names = {*_HELPER.findall(prelude), "event", *re.findall(r"\b[ck]\d+(?=\[)", body)}
    return re.sub(rf"\b({'|'.join(sorted(names))})\b", rf"{prefix}_\1", text)


class Printer(Elements):
    """Prints one circuit."""

    def text(self, signature: str, opening: Sequence[str] = ()) -> str:
        """The tables, then the function with this signature; it or `opening` declares `words` and `out`."""
        self._constants, self._lines = [], list(opening)
        for group in self._groups():
            if isinstance(group[0], FUSED):
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
            if group and (not isinstance(node, FUSED) or not isinstance(group[0], FUSED) or group[0].size != node.size):
                yield group
                group = []
            group.append(node)
            if not isinstance(node, FUSED):
                yield group
                group = []
        if group:
            yield group

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
        self._lines.append(f"{self.dialect.types[bits]} {copy}[{source.size}];")
        self._lines.append(f"for (int i = 0; i < {source.size}; ++i) {copy}[i] = {value.to(bits)};")
        return copy

    def _store(self, node: Node, index: str, raw: Value) -> str:
        return f"{self.array(node)}[{index}] = {self._formatted(node, raw).to(self.bits(node))};"

    @_print.register
    def _print_dense(self, node: Dense) -> None:
        ranges = self.circuit.ranges
        layer = choose(node, ranges[node.inputs[0]], ranges[node.name], self.dialect.kinds)
        bits, sums = layer.bits, f"{self.array(node)}_sums"
        source = self._source(node, bits)
        self._lines += [
            f"{self.dialect.types[bits]} {sums}[{node.size}];",
            self._call(layer, source, sums),
            f"for (int i = 0; i < {node.size}; ++i) {self._store(node, 'i', self._raw(node, f'{sums}[i]', bits))}",
        ]

    def _call(self, layer: Linear, source: str, sums: str) -> str:
        """The statement that computes the sums of a layer."""
        windows = "0" if layer.windows is None else self.constant(layer.windows, 32)
        weights, start = self.constant(layer.kernel, layer.bits), self.constant(layer.start, layer.bits)
        sizes = ", ".join(map(str, (layer.positions, *layer.kernel.shape)))
        return f"linear{layer.bits}({source}, {windows}, {weights}, {start}, {sizes}, {sums});"

    @_print.register
    def _print_sum(self, node: Sum) -> None:
        self._sum(node, self._loaded(self.circuit[node.inputs[0]]))

    @_print.register
    def _print_dot(self, node: Dot) -> None:
        a, b = (self._loaded(self.circuit[name]) for name in node.inputs)
        magnitude = self.circuit.ranges[node.name].raw.magnitude
        bits = max(a.bits, b.bits, bits_for(magnitude, -magnitude))
        self._sum(node, Value(f"({a.to(bits)} * {b.to(bits)})", bits, 0, 0))

    def _sum(self, node: Node, term: Value) -> None:
        """The sum of a term over the elements `i` of the operand."""
        raw = self.circuit.ranges[node.name].raw
        bits = max(term.bits, bits_for(raw.magnitude, -raw.magnitude))
        name = f"{self.array(node)}_sum"
        size = self.circuit[node.inputs[0]].size
        self._lines.append(f"{self.dialect.types[bits]} {name} = zero{bits}();")
        self._lines.append(f"for (int i = 0; i < {size}; ++i) {name} += {term.to(bits)};")
        self._lines.append(self._store(node, "0", self._raw(node, name, bits)))

    @_print.register
    def _print_wire(self, node: Wire) -> None:
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
    def _print_maxpool(self, node: MaxPool) -> None:
        source = self.circuit[node.inputs[0]]
        size, bits = node.windows.shape[1], self.bits(source)
        places = self.constant(node.windows, 32)
        largest = f"{self.array(node)}_max"
        self._lines += [
            f"for (int i = 0; i < {node.size}; ++i) {{",
            f"  {self.dialect.types[bits]} {largest} = {self.array(source)}[{places}[i * {size}]];",
            f"  for (int j = 1; j < {size}; ++j)",
            f"    {largest} = max{bits}({largest}, {self.array(source)}[{places}[i * {size} + j]]);",
            f"  {self._store(node, 'i', self._raw(node, largest, bits))}",
            "}",
        ]

    def _results(self) -> None:
        start = 0
        for node in (self.circuit[name] for name in self.circuit.outputs):
            value = self._loaded(node)
            text = value.to(self.dialect.output_bits or value.bits)
            statement = self.dialect.output.format(place=f"{start} + i" if start else "i", value=text)
            self._lines.append(f"for (int i = 0; i < {node.size}; ++i) {statement}")
            start += node.size
