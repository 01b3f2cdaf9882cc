"""What a converter is given: one use of a Keras layer, the circuit so far, and small helpers that most of them need."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ae.circuit.builder import Builder
from l1ae.circuit.nodes import UNDECIDED, Node, Scale
from l1ae.circuit.tensors import Wire
from l1ae.errors import ConversionError

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Site:
    """One use of `layer`: the nodes it reads, the shape that Keras says it has, and the name of its last node."""

    builder: Builder
    layer: Any
    name: str
    inputs: tuple[str, ...]
    shape: Shape

    @property
    def source(self) -> str:
        """The only operand."""
        if len(self.inputs) != 1:
            raise self.refused(f"{len(self.inputs)} inputs where 1 is supported; call it with one tensor")
        return self.inputs[0]

    @property
    def source_shape(self) -> Shape:
        """Shape of the only operand."""
        return self.builder.shape(self.source)

    def part(self, word: str) -> str:
        """Name of a node on the way to the last one."""
        return self.builder.unused(f"{self.name}__{word}")

    def refused(self, reason: str) -> ConversionError:
        """The error that says why this layer cannot be converted, to be raised."""
        return ConversionError(f"layer {self.layer.name}: {reason}")

    def add(self, node: Node) -> str:
        """Add a node to the circuit; gives its name."""
        return self.builder.add(node).name

    def wire(self, name: str, sources: Sequence[str], indices: NDArray[np.int64]) -> str:
        """A `Wire` of the shape of `indices`, which count through the elements of all sources."""
        return self.add(Wire(name, tuple(sources), indices.shape, UNDECIDED, tuple(indices.ravel().tolist())))

    def elements(self, source: str, first: int = 0) -> NDArray[np.int64]:
        """Numbers of the elements of a node in its shape, counted from `first`."""
        shape = self.builder.shape(source)
        return np.arange(first, first + int(np.prod(shape)), dtype=np.int64).reshape(shape)

    def reshaped(self, source: str, shape: Shape, word: str) -> str:
        """The node in another shape: itself, or a `Wire` on the way to the last node."""
        if self.builder.shape(source) == shape:
            return source
        return self.wire(self.part(word), [source], self.elements(source).reshape(shape))

    def image(self, source: str) -> str:
        """The node as rows, columns and channels: a sequence is one row, a vector one pixel."""
        return self.reshaped(source, self.image_shape(source), "image")

    def image_shape(self, source: str) -> tuple[int, int, int]:
        """Rows, columns and channels of the node as an image."""
        rows, columns, channels = (1, 1, *self.builder.shape(source))[-3:]
        return rows, columns, channels

    def last(self, name: str, shape: Shape, make: Callable[[str], str], made: Shape) -> str:
        """What `make` adds under a given name, brought from the shape `made` to `shape`, under `name`."""
        if made == shape:
            return make(name)
        inner = make(self.part("result"))
        return self.wire(name, [inner], self.elements(inner).reshape(shape))

    def shifted(self, name: str, source: str, shift: int) -> str:
        """The node times 2**-shift."""
        shape, size = self.builder.shape(source), int(np.prod(self.builder.shape(source)))
        flat = self.reshaped(source, (size,), "flat")
        return self.last(
            name,
            shape,
            lambda inner: self.add(Scale(inner, (flat,), (size,), UNDECIDED, (0,) * size, (shift,) * size)),
            (size,),
        )


Converter = Callable[[Site], str]


def identifier(name: str) -> str:
    """A layer's name as the name of a node, which becomes a variable of the firmware."""
    word = re.sub(r"\W", "_", name, flags=re.ASCII)
    return f"_{word}" if word[:1].isdigit() else word
