"""The layer that differs, with the layers in front of it that the firmware does not show, under altered rules."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from l1ae.circuit.formats import FixedFormat
from l1ae.circuit.graph import Circuit
from l1ae.circuit.nodes import Clip, Input, Leaky, Node, Quantize, raw_fraction
from l1ae.circuit.ranges import Bounds
from l1ae.circuit.reference import Words, compute
from l1ae.errors import ConversionError, DataError

Values = NDArray[np.float64]


class Tensor(NamedTuple):
    """Words (N, ...) with `fraction` bits below the point."""

    words: Words
    fraction: int

    @property
    def format(self) -> FixedFormat:
        """The widest format of that many bits below the point."""
        return FixedFormat(True, 62, 62 - self.fraction)


@dataclass(frozen=True)
class Hypothesis:
    """One node, `origin`, that follows another rule; `text` completes "every word equals what ... gives".

    `node`: what stands in its place; `raw`: its exact result from its operands; `finish`: what its format does.
    """

    cause: str
    origin: str
    text: str
    node: Node | None = None
    raw: Callable[[list[Tensor]], Tensor] | None = None
    finish: Callable[[Tensor], Tensor] | None = None


class Score(NamedTuple):
    """Of the words that are not as expected, or would not be under a hypothesis: how many come out as found."""

    explained: int
    affected: int

    @property
    def share(self) -> float:
        """From 0 to 1; 0 when the hypothesis changes nothing."""
        return self.explained / self.affected if self.affected else 0.0

    @property
    def whole(self) -> bool:
        """Every word comes out as found, and not all of them are as expected."""
        return 0 < self.affected == self.explained


class Region:
    """`target`, the first layer that differs, and `nodes`, what leads to it from layers whose words are known.

    `expected`, `found`: words (N, size) of the target, float64 because changed firmware may show values between two
    words. `tensors`, `raws`: words of every node of the region and its operands, and its result before its format.
    """

    def __init__(
        self, circuit: Circuit, target: Node, nodes: Sequence[Node], words: Mapping[str, Words], found: Values
    ):
        self.circuit, self.target, self.nodes = circuit, target, tuple(nodes)
        self.given, self.found = dict(words), found
        self.tensors = {name: Tensor(array, circuit[name].format.fraction) for name, array in words.items()}
        self.raws: dict[str, Tensor] = {}
        for node in self.nodes:
            self.raws[node.name] = raw = self.compute(node, self.operands(node))
            self.tensors[node.name] = finished(node, raw)
        self.expected = self.on_grid(self.tensors[target.name])
        self.wrong = self.found != self.expected

    @classmethod
    def around(
        cls, circuit: Circuit, target: Node, shown: Collection[str], known: Mapping[str, Words], found: Values
    ) -> Region:
        """The region of a target, up to the nodes that are `shown` and the ports; `known`: the reference's words."""
        nodes, wanted = [], {target.name}
        for node in reversed(circuit.nodes):
            hidden = node.name not in shown and not isinstance(node, Input)
            if node.name in wanted and (node is target or hidden):
                nodes.append(node)
                wanted |= set(node.inputs)
        own = {node.name for node in nodes}
        missing = next((name for name in sorted(wanted - own) if name not in known), None)
        if missing is not None:
            raise DataError(f"the reference shows no words of {missing}, which {target.name} is computed from")
        return cls(circuit, target, nodes[::-1], {name: known[name] for name in known if name not in own}, found)

    def part(self, rows: NDArray[np.int64]) -> Region:
        """The same for some of the events."""
        words = {name: array[rows] for name, array in self.given.items()}
        return Region(self.circuit, self.target, self.nodes, words, self.found[rows])

    @property
    def elements(self) -> list[int]:
        """Elements of the target that differ."""
        return [int(element) for element in np.flatnonzero(self.wrong.any(axis=0))]

    def operands(self, node: Node) -> list[Tensor]:
        """Words of the operands of a node."""
        return [self.tensors[name] for name in node.inputs]

    def behind(self, origin: Node) -> tuple[Node, ...]:
        """Nodes of the region that come after one of them."""
        return self.nodes[[node.name for node in self.nodes].index(origin.name) + 1 :]

    def compute(self, node: Node, operands: Sequence[Tensor]) -> Tensor:
        """Exact result of a node of the circuit, or of one that stands in its place."""
        formats = [operand.format for operand in operands]
        proved = self.circuit.ranges[node.name]
        # An altered rule may pass what is proved; far below 2**53 the fast product is exact all the same.
        bounds = Bounds(proved.raw.low, proved.raw.high, proved.raw.magnitude << 8)
        proved = replace(proved, fraction=raw_fraction(node, formats), raw=bounds)
        sources = [replace(self.circuit.ranges[node.name], format=format_) for format_ in formats]
        return Tensor(compute(node, [operand.words for operand in operands], sources, proved), proved.fraction)

    def settle(self, origin: Node, raw: Tensor) -> Values | None:
        """Words of the target from raw results of `origin`, any shape; None unless each element goes its own way."""
        tensor, name = finished(origin, raw), origin.name
        for node in self.behind(origin):
            if node.inputs != (name,) or not isinstance(node, (Quantize, Clip, Leaky)):
                return None
            tensor, name = finished(node, self.compute(node, [tensor])), node.name
        return self.on_grid(tensor)

    def on_grid(self, tensor: Tensor) -> Values:
        """Words of the target's format, between two of them where the tensor is finer."""
        return np.ldexp(tensor.words.astype(np.float64), self.target.format.fraction - tensor.fraction)

    def predict(self, hypothesis: Hypothesis) -> Values | None:
        """Words (N, size) of the target under a hypothesis; None when nothing can be computed under it."""
        names = [node.name for node in self.nodes]
        first = names.index(hypothesis.origin)
        changed: dict[str, Tensor] = {}
        try:
            for node in self.nodes[first:]:
                altered = node.name == hypothesis.origin
                used = hypothesis.node or node if altered else node
                operands = [changed.get(name, self.tensors[name]) for name in used.inputs]
                if altered and hypothesis.raw is not None:
                    raw = hypothesis.raw(operands)
                elif altered and hypothesis.node is None:
                    raw = self.raws[node.name]
                else:
                    raw = self.compute(used, operands)
                finish = hypothesis.finish if altered else None
                changed[node.name] = finished(used, raw) if finish is None else finish(raw)
        except (ConversionError, IndexError):  # a table that is not made for such words
            return None
        return self.on_grid(changed[self.target.name])

    def score(self, hypothesis: Hypothesis) -> Score:
        """How well a hypothesis gives the words that were found, also where they are as expected."""
        predicted = self.predict(hypothesis)
        if predicted is None:
            return Score(0, int(self.wrong.sum()))
        affected = self.wrong | (predicted != self.expected)
        return Score(int((affected & (predicted == self.found)).sum()), int(affected.sum()))


def finished(node: Node, raw: Tensor) -> Tensor:
    """The result of a node, brought to its format."""
    return Tensor(node.format.quantize(raw.words, raw.fraction), node.format.fraction)
