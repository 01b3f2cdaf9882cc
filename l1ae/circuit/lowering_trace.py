"""A model beside its circuit: what Keras computes, for every node that is the result of a layer."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from l1ae.circuit.graph import Circuit
from l1ae.circuit.reference import Values

#: Events that Keras computes at once.
BATCH = 4096


@dataclass(frozen=True)
class Step:
    """One use of a Keras layer, Keras' record of it, and the nodes that it reads and makes; no layer for a wire."""

    layer: Any
    node: Any
    operands: tuple[str, ...]
    result: str

    def __call__(self, values: dict[str, Any]) -> Any:
        """What the layer makes of the tensors by node name, in inference."""
        if self.layer is None:
            return values[self.operands[0]]
        tensors = zip(self.node.input_tensors, self.operands, strict=True)
        args, kwargs = self.node.arguments.fill_in({id(tensor): values[name] for tensor, name in tensors})
        return self.layer(*args, **kwargs)


@dataclass(frozen=True)
class Lowered:
    """A Keras model, its circuit, and the layers in the order in which they compute."""

    model: Any
    circuit: Circuit
    steps: tuple[Step, ...]

    def trace(self, inputs: Values | Sequence[Values], names: Sequence[str] | None = None) -> dict[str, NDArray[Any]]:
        """Values (N, *shape), float64, that Keras computes for every node that is the result of a layer.

        `inputs` as for `Circuit.input_words`: Keras gets the values of the words at the ports. `names`: only these.
        """
        wanted = {step.result for step in self.steps} if names is None else set(names)
        found: dict[str, list[NDArray[Any]]] = {step.result: [] for step in self.steps if step.result in wanted}
        for batch in self._batches(inputs):
            values = dict(zip((port.name for port in self.circuit.inputs), batch, strict=True))
            for step in self.steps:
                values[step.result] = step(values)
            for name, parts in found.items():
                parts.append(_array(values[name]))
        return {name: np.concatenate(parts) for name, parts in found.items()}

    def outputs(self, inputs: Values | Sequence[Values]) -> NDArray[Any]:
        """Values (N, m), float64, of all outputs side by side, flattened: what the model as a whole gives."""
        function = getattr(self.model, "_functional", self.model)  # what a Sequential model holds inside
        parts = []
        for batch in self._batches(inputs):
            results = self.model(keras.tree.pack_sequence_as(function.input, batch), training=False)
            arrays = [_array(result) for result in keras.tree.flatten(results)]
            flat = [array.reshape(len(array), math.prod(array.shape[1:])) for array in arrays]
            parts.append(np.concatenate(flat, axis=1))
        return np.concatenate(parts)

    def _batches(self, inputs: Values | Sequence[Values]) -> Iterator[list[Any]]:
        """The tensors of all ports, batch by batch; one empty batch when there are no events."""
        words = self.circuit.input_words(inputs)
        for start in range(0, max(len(words), 1), BATCH):
            part = words[start : start + BATCH]
            yield [
                keras.ops.convert_to_tensor(
                    self.circuit.value(port.name, part[:, self.circuit.columns[port.name]])
                    .reshape(-1, *port.shape)
                    .astype(np.float32)
                )
                for port in self.circuit.inputs
            ]


def _array(tensor: Any) -> NDArray[Any]:
    return np.asarray(keras.ops.convert_to_numpy(tensor), dtype=np.float64)
