"""The circuit: a graph of integer operations with exact formats, the golden meaning of a quantized model."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from l1ae.circuit import reference, storage
from l1ae.circuit.builder import Builder
from l1ae.circuit.formats import FixedFormat
from l1ae.circuit.nodes import UNDECIDED, Clip, Input, Leaky, Lookup, Node, Quantize
from l1ae.circuit.ranges import NodeRange
from l1ae.circuit.reference import Values, Words
from l1ae.circuit.tensors import MaxPool, Wire
from l1ae.circuit.ties import possible_ties
from l1ae.errors import ConversionError, RunFolderError


@dataclass(frozen=True)
class Circuit:
    """Operations in topological order, of which the nodes `Input` are the input ports, in this order.

    `outputs`: names of the nodes whose words leave the circuit; the last node when none are given.
    Wherever words of all ports stand in one array, they stand side by side, flattened: (N, `n_inputs`).
    """

    nodes: tuple[Node, ...]
    outputs: tuple[str, ...] = ()
    #: The words every tensor can reach and what follows from them, per node; `str` of each is one sentence.
    ranges: dict[str, NodeRange] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self.outputs and self.nodes:
            object.__setattr__(self, "outputs", (self.nodes[-1].name,))
        builder = Builder()
        for node in self.nodes:
            if node.format is UNDECIDED:
                raise ConversionError(f"layer {node.name} has no format yet: build the circuit with Circuit.derive")
            builder.add(node)
        if not self.inputs or len(self.nodes) == len(self.inputs):
            raise ConversionError("a circuit needs an input and at least one operation")
        missing = next((name for name in self.outputs if name not in builder.nodes), None)
        if missing is not None or len(set(self.outputs)) < len(self.outputs):
            raise ConversionError(f"outputs {', '.join(self.outputs)}: name different layers of the circuit")
        object.__setattr__(self, "ranges", builder.ranges)

    @classmethod
    def derive(cls, nodes: Iterable[Node], outputs: Sequence[str] = ()) -> "Circuit":
        """Give every node with the format `UNDECIDED` the smallest one that holds its exact result for every input."""
        builder = Builder()
        return cls(tuple(builder.add(node) for node in nodes), tuple(outputs))

    def __getitem__(self, name: str) -> Node:
        for node in self.nodes:
            if node.name == name:
                return node
        raise KeyError(name)

    @property
    def inputs(self) -> tuple[Input, ...]:
        """The input ports; their formats are those of the hardware words."""
        return tuple(node for node in self.nodes if isinstance(node, Input))

    @property
    def input(self) -> Input:
        """The only input port; raises `ConversionError` when there are several."""
        ports = self.inputs
        if len(ports) > 1:
            raise ConversionError(f"the circuit has {len(ports)} inputs ({', '.join(port.name for port in ports)})")
        return ports[0]

    @property
    def output(self) -> Node:
        """The only node whose words leave the circuit, value = word * `output.format.lsb`; raises like `input`."""
        if len(self.outputs) > 1:
            raise ConversionError(f"the circuit has {len(self.outputs)} outputs ({', '.join(self.outputs)})")
        return self[self.outputs[0]]

    @property
    def n_inputs(self) -> int:
        """Words of one event that go in, through all ports."""
        return sum(port.size for port in self.inputs)

    @cached_property
    def port_range(self) -> tuple[Words, Words]:
        """Smallest and largest word of each input, two arrays (n_inputs,)."""
        ends = [np.full(port.size, end) for port in self.inputs for end in (port.format.low, port.format.high)]
        return np.concatenate(ends[::2]).astype(np.int64), np.concatenate(ends[1::2]).astype(np.int64)

    @cached_property
    def columns(self) -> dict[str, slice]:
        """Where the words of each port stand in an array of all inputs, by name."""
        ends = np.cumsum([0, *(port.size for port in self.inputs)]).tolist()
        return {port.name: slice(*ends[index : index + 2]) for index, port in enumerate(self.inputs)}

    @property
    def proved(self) -> bool:
        """No sum can overflow: whatever leaves a format is saturated on purpose, nothing wraps."""
        return all(known.overflow != "wraps" for known in self.ranges.values())

    @cached_property
    def ties(self) -> dict[str, NDArray[np.bool_]]:
        """Per node and element (size,): may rounding to the node's format meet a tie to even for some input?"""
        return possible_ties(self.nodes, self.ranges)

    @property
    def float32_exact(self) -> dict[str, bool]:
        """Per node: does Keras, computing in float32, get this tensor exactly for every input?"""
        return {name: known.float32_exact for name, known in self.ranges.items()}

    def replace(self, node: Node) -> "Circuit":
        """The circuit with the node of the same name exchanged, everything else as it was."""
        self[node.name]
        return Circuit(tuple(node if other.name == node.name else other for other in self.nodes), self.outputs)

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
        port = Input(first.name, (), first.shape, first.format)
        kept = tuple(port if node is first else node for node in self.nodes if node.name in needed)
        return Circuit(kept, (last.name,))

    def input_words(self, values: Values | Sequence[Values]) -> Words:
        """Words (N, n_inputs) of all ports side by side: integers are words, floats are values.

        `values`: one array (N, *shape) or (N, size) per port, or one array (N, n_inputs) for all; what does not fit a
        port is rounded and saturated, as its format says. Raises `DataError` for anything else.
        """
        return reference.input_words(self.inputs, values)

    def trace(self, values: Values | Sequence[Values], names: Sequence[str] | None = None) -> dict[str, Words]:
        """Words (N, *shape) of every node, or of those in `names`; `values` as for `input_words`."""
        wanted = [node.name for node in self.nodes] if names is None else [self[name].name for name in names]
        return reference.trace(self.nodes, self.ranges, values, wanted)

    def reference(self, values: Values | Sequence[Values]) -> Words | tuple[Words, ...]:
        """Output words (N, *shape), a tuple of them for several outputs: what every implementation must give.

        `values` as for `input_words`.
        """
        traced = self.trace(values, self.outputs)
        found = tuple(traced[name] for name in self.outputs)
        return found if len(found) > 1 else found[0]

    def output_words(self, values: Values | Sequence[Values]) -> Words:
        """Words (N, m) of all outputs side by side, flattened."""
        traced = self.trace(values, self.outputs)
        return np.concatenate(
            [traced[name].reshape(len(traced[name]), self[name].size) for name in self.outputs], axis=1
        )

    def value(self, name: str, words: Words) -> NDArray[np.float64]:
        """Real values of the words of a node, exact up to 53 bits."""
        return np.ldexp(words.astype(np.float64), -self[name].format.fraction)

    def accumulators(self) -> dict[str, FixedFormat]:
        """Formats of the sums, which interval arithmetic has found."""
        others = (Input, Quantize, Lookup, Clip, Leaky, Wire, MaxPool)
        return {node.name: node.format for node in self.nodes if not isinstance(node, others)}

    def save(self, path: Path) -> None:
        """Write the circuit, weights included, as JSON for people and programs; whole or not at all."""
        storage.save(self.nodes, self.outputs, Path(path))

    @classmethod
    def load(cls, path: Path) -> "Circuit":
        """Read what `save` wrote; raises `RunFolderError` when the file is missing or damaged."""
        nodes, outputs = storage.load(Path(path))
        try:
            return cls(nodes, outputs)
        except ConversionError as error:
            raise RunFolderError(f"{path} is damaged ({error}): convert the model again") from error
