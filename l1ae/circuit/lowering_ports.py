"""The formats of the input ports: those of the quantizers behind the inputs, or those that the user gives."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import keras
import qkeras

from l1ae.circuit.formats import FixedFormat
from l1ae.circuit.lowering_graph import Call, Graph
from l1ae.circuit.lowering_tensors import MOVING
from l1ae.circuit.quantizers import read_port
from l1ae.errors import ConversionError

Formats = FixedFormat | Sequence[FixedFormat] | Mapping[str, FixedFormat] | None

#: Layers that do nothing at inference.
NOTHING: tuple[type, ...] = (
    keras.layers.Dropout,
    keras.layers.SpatialDropout1D,
    keras.layers.SpatialDropout2D,
    keras.layers.AlphaDropout,
    keras.layers.GaussianDropout,
    keras.layers.GaussianNoise,
    keras.layers.ActivityRegularization,
    keras.layers.Identity,
)
_FIX = (
    "put a QActivation(quantized_bits(..., alpha=1)) behind it, or give its format "
    "(--input-format 'ap_fixed<16,6,RND_CONV,SAT>', input_format in Python)"
)


def port_formats(graph: Graph, given: Formats) -> list[FixedFormat]:
    """The format of each input; what is `given` wins over the quantizers behind it."""
    names = [graph.tensors[number].name for number in graph.inputs]
    by_name = _by_name(names, given)
    return [
        by_name[name] if name in by_name else _read(graph, number, name)
        for number, name in zip(graph.inputs, names, strict=True)
    ]


def _by_name(names: list[str], given: Formats) -> Mapping[str, FixedFormat]:
    if given is None:
        return {}
    if isinstance(given, FixedFormat):
        return dict.fromkeys(names, given)
    if isinstance(given, Mapping):
        unknown = [name for name in given if name not in names]
        if unknown:
            raise ConversionError(f"a format for {unknown[0]}: the inputs are {', '.join(names)}")
        return given
    if len(given) != len(names):
        raise ConversionError(f"{len(given)} formats for {len(names)} inputs ({', '.join(names)}): give one each")
    return dict(zip(names, given, strict=True))


def _read(graph: Graph, number: int, name: str) -> FixedFormat:
    """The format that everything behind an input rounds it to."""
    found: dict[FixedFormat, str] = {}
    for reader in _readers(graph, number):
        layer: Any = None if reader is None else reader.layer
        quantized = type(layer) in (qkeras.QActivation, keras.layers.Activation)
        format_ = read_port(layer.activation, layer.name) if quantized else None
        if format_ is None:
            who = "the output" if layer is None else f"layer {layer.name} ({type(layer).__name__})"
            raise ConversionError(f"model {graph.model.name}: {who} reads floats from input {name}; {_FIX}")
        found[format_] = layer.name
    if len(found) > 1:
        listed = ", ".join(f"{layer} ({format_})" for format_, layer in found.items())
        raise ConversionError(f"model {graph.model.name}: input {name} goes into different formats, {listed}; {_FIX}")
    if not found:
        raise ConversionError(f"model {graph.model.name}: nothing reads input {name}; leave it out, or give its format")
    return next(iter(found))


def _readers(graph: Graph, number: int) -> Iterator[Call | None]:
    """What reads a tensor, behind layers that only move or join elements; None is the outside of the model."""
    waiting = [number]
    while waiting:
        number = waiting.pop(0)
        if number in graph.outputs:
            yield None
        for call in graph.readers(number):
            if type(call.layer) in (*MOVING, *NOTHING, keras.layers.Concatenate):
                waiting.append(call.output)
            else:
                yield call
