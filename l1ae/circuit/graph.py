"""The circuit: a chain of integer operations with exact formats, the golden meaning of a quantized model."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from l1ae.circuit import nodes as operations
from l1ae.circuit import ranges as proofs
from l1ae.circuit import reference, storage
from l1ae.circuit.formats import FixedFormat
from l1ae.circuit.nodes import UNDECIDED, Input, Node
from l1ae.circuit.ranges import NodeRange
from l1ae.circuit.reference import Values, Words
from l1ae.circuit.tensors import MaxPool, Wire
from l1ae.errors import ConversionError, RunFolderError


@dataclass(frozen=True)
class Circuit:
    """Operations in topological order: the first is the input port, the last the output."""

    nodes: tuple[Node, ...]

    def __post_init__(self) -> None:
        known: dict[str, Node] = {}
        for node in self.nodes:
            if node.name in known:
                raise ConversionError(f"two layers are named {node.name}: give every layer its own name")
            missing = [name for name in node.inputs if name not in known]
            if missing:
                raise ConversionError(f"layer {node.name}: its input {missing[0]} does not come before it")
            if isinstance(node, Input) != (not known):
                raise ConversionError(f"layer {node.name}: a circuit has exactly one input, and it comes first")
            if node.format is UNDECIDED:
                raise ConversionError(f"layer {node.name} has no format yet: build the circuit with Circuit.derive")
            operations.check(node, [known[name] for name in node.inputs])
            known[node.name] = node
        if len(self.nodes) < 2:
            raise ConversionError("a circuit needs an input and at least one operation")
        if len(self.output.shape) != 1:
            raise ConversionError(
                f"layer {self.output.name}: an output of shape {self.output.shape}; put a Flatten behind it"
            )

    @classmethod
    def derive(cls, nodes: Iterable[Node]) -> "Circuit":
        """Give every node with the format `UNDECIDED` the smallest one that holds its exact result for every input."""
        done: list[Node] = []
        known: dict[str, NodeRange] = {}
        for node in nodes:
            if all(name in known for name in node.inputs):
                operands = [other for name in node.inputs for other in done if other.name == name]
                operations.check(node, operands)
                node = proofs.with_exact_format(node, known)
                known[node.name] = proofs.node_range(node, known)
            done.append(node)
        return cls(tuple(done))

    def __getitem__(self, name: str) -> Node:
        for node in self.nodes:
            if node.name == name:
                return node
        raise KeyError(name)

    @property
    def input(self) -> Node:
        """The input port; its format is that of the hardware words."""
        return self.nodes[0]

    @property
    def output(self) -> Node:
        """The node whose words leave the circuit; value = word * `output.format.lsb`."""
        return self.nodes[-1]

    @cached_property
    def ranges(self) -> dict[str, NodeRange]:
        """The words every tensor can reach and what follows from them, per node; `str` of each is one sentence."""
        return proofs.propagate(self.nodes)

    @property
    def proved(self) -> bool:
        """No sum can overflow: whatever leaves a format is saturated on purpose, nothing wraps."""
        return all(known.overflow != "wraps" for known in self.ranges.values())

    @property
    def float32_exact(self) -> dict[str, bool]:
        """Per node: does Keras, computing in float32, get this tensor exactly for every input?"""
        return {name: known.float32_exact for name, known in self.ranges.items()}

    def replace(self, node: Node) -> "Circuit":
        """The circuit with the node of the same name exchanged, everything else as it was."""
        self[node.name]
        return Circuit(tuple(node if other.name == node.name else other for other in self.nodes))

    def between(self, source: str, target: str | None = None) -> "Circuit":
        """What leads from the node `source`, which becomes the input port, to `target` (None: the output).

        For every word that `source` can reach (see `ranges`) it gives what the whole circuit gives. Raises
        `ConversionError` when `target` needs more than `source`, and `KeyError` for a node that does not exist.
        """
        first, last = self[source], self.output if target is None else self[target]
        needed: dict[str, Node] = {last.name: last}
        for node in reversed(self.nodes):
            if node.name in needed and node is not first:
                needed |= {name: self[name] for name in node.inputs}
        more = next((name for name, node in needed.items() if isinstance(node, Input) and node is not first), None)
        if more is not None or first.name not in needed:
            reason = "does not follow from" if first.name not in needed else f"needs {more} too, not only"
            raise ConversionError(f"layer {last.name} {reason} {source}: choose two layers with nothing beside them")
        if len(first.shape) != 1:
            raise ConversionError(f"layer {source}: an input of shape {first.shape}; choose a layer that is a vector")
        port = Input(first.name, (), first.shape, first.format)
        return Circuit(tuple(port if node is first else node for node in self.nodes if node.name in needed))

    def input_words(self, values: Values) -> Words:
        """Input port words (N, n): integers are words, floats are values; the port rounds and saturates both."""
        return reference.port_words(values, self.input.format)

    def trace(self, words: Values, names: Sequence[str] | None = None) -> dict[str, Words]:
        """Words (N, *shape) of every node, or of those in `names`, for inputs (N, n)."""
        wanted = [node.name for node in self.nodes] if names is None else [self[name].name for name in names]
        return reference.trace(self.nodes, self.ranges, words, wanted)

    def reference(self, words: Values) -> Words:
        """Output words (N, 1) for inputs (N, n): what every implementation must give."""
        return self.trace(words, [self.output.name])[self.output.name]

    def value(self, name: str, words: Words) -> NDArray[np.float64]:
        """Real values of the words of a node, exact up to 53 bits."""
        return np.ldexp(words.astype(np.float64), -self[name].format.fraction)

    def accumulators(self) -> dict[str, FixedFormat]:
        """Formats of the sums, which interval arithmetic has found."""
        others = (Input, operations.Quantize, operations.Lookup, Wire, MaxPool)
        return {node.name: node.format for node in self.nodes if not isinstance(node, others)}

    def save(self, path: Path) -> None:
        """Write the circuit, weights included, as JSON for people and programs; whole or not at all."""
        storage.save(self.nodes, Path(path))

    @classmethod
    def load(cls, path: Path) -> "Circuit":
        """Read what `save` wrote; raises `RunFolderError` when the file is missing or damaged."""
        nodes = storage.load(Path(path))
        try:
            return cls(nodes)
        except ConversionError as error:
            raise RunFolderError(f"{path} is damaged ({error}): convert the model again") from error
