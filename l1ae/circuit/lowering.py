"""From a Keras model to a circuit: every layer becomes one exact node, or the model is refused by name."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import qkeras
from numpy.typing import NDArray

from l1ae.autoencoder.layers import InputScaling, Select, SumOver, TableLookup
from l1ae.circuit.formats import FixedFormat, Overflow
from l1ae.circuit.graph import Circuit
from l1ae.circuit.lowering_tensors import INEXACT, convolution, max_pool, wire
from l1ae.circuit.nodes import (
    UNDECIDED,
    Add,
    Dense,
    Dot,
    Input,
    Lookup,
    Multiply,
    Node,
    Quantize,
    Scale,
    Subtract,
    Sum,
)
from l1ae.circuit.quantizers import read_quantizer, read_weights
from l1ae.errors import ConversionError

_SUPPORTED = (
    "QActivation, InputScaling, TableLookup, QDense, QConv2D, MaxPooling2D, Add, Subtract, Multiply, SumOver, Dot, "
    "Reshape, Flatten, UpSampling2D, Cropping2D, Select"
)


def lower(model: keras.Model) -> Circuit:
    """The circuit of a functional Keras model with one input vector and one output.

    Raises `ConversionError`, naming the layer and the option, for anything that has no exact integer meaning.
    """
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise ConversionError(
            f"model {model.name}: {len(model.inputs)} inputs and {len(model.outputs)} outputs; "
            "convert a model with one of each"
        )
    layers = _sorted_layers(model.outputs[0])
    source, port = layers[0][0], _port(layers, model.name)
    nodes: list[Node] = [Input(source.name, (), _shape(model.inputs[0], source.name), port)]
    for layer, inputs, output in layers[1:]:
        kind = type(layer)
        if kind not in _CONVERTERS and kind not in _TENSOR_CONVERTERS:
            reason = INEXACT.get(kind.__name__, f"supported are {_SUPPORTED}")
            raise ConversionError(f"layer {layer.name}: {kind.__name__} has no exact integer meaning; {reason}")
        if getattr(layer, "compute_dtype", "float32") != "float32":
            raise ConversionError(
                f"layer {layer.name}: it computes in {layer.compute_dtype}; build the model in float32"
            )
        shape = _shape(output, layer.name)
        if kind in _CONVERTERS:
            nodes.append(_CONVERTERS[kind](layer, inputs, shape))
        else:
            operand = next(node.shape for node in nodes if node.name == inputs[0])
            nodes.append(_TENSOR_CONVERTERS[kind](layer, inputs, shape, operand, _weights_of))
    return Circuit.derive(nodes)


_Step = tuple[Any, tuple[str, ...], Any]  # layer, names of its inputs, output tensor


def _sorted_layers(output: Any) -> list[_Step]:
    """Layers that the output depends on, inputs first."""
    steps: list[_Step] = []
    node_of: dict[str, Any] = {}

    def visit(tensor: Any) -> str:
        layer, node_index, _ = tensor._keras_history  # the one record Keras keeps of how a tensor was made
        node = layer._inbound_nodes[node_index]
        if node_of.get(layer.name, node) is not node:
            raise ConversionError(f"layer {layer.name} is used twice in the model; use two layers with a name each")
        if layer.name not in node_of:
            node_of[layer.name] = node
            inputs = tuple(visit(source) for source in node.input_tensors)
            steps.append((layer, inputs, tensor))
        return str(layer.name)

    visit(output)
    return steps


def _port(layers: Sequence[_Step], model_name: str) -> FixedFormat:
    source = layers[0][0]
    readers = [layer for layer, inputs, _ in layers if source.name in inputs]
    if len(readers) != 1 or type(readers[0]) is not qkeras.QActivation:
        raise ConversionError(
            f"model {model_name}: the input must go into one QActivation(quantized_bits(..., alpha=1)), its port; "
            f"found {', '.join(f'{layer.name} ({type(layer).__name__})' for layer in readers) or 'nothing'}"
        )
    quantizer = readers[0].activation
    port = read_quantizer(quantizer, readers[0].name)
    if type(quantizer) is not qkeras.quantized_bits or port.overflow is not Overflow.SAT:
        raise ConversionError(
            f"layer {readers[0].name}: an input port is quantized_bits(..., alpha=1) that is not symmetric"
        )
    return port


def _shape(tensor: Any, name: str) -> tuple[int, ...]:
    shape = tuple(tensor.shape[1:])
    if not 1 <= len(shape) <= 3 or None in shape:
        raise ConversionError(f"layer {name}: shape {shape}; one to three dimensions of a known length are supported")
    return tuple(int(length) for length in shape)


def _activation(layer: Any, inputs: tuple[str, ...], shape: tuple[int, ...]) -> Node:
    return Quantize(layer.name, inputs, shape, read_quantizer(layer.activation, layer.name))


def _scaling(layer: Any, inputs: tuple[str, ...], shape: tuple[int, ...]) -> Node:
    return Scale(layer.name, inputs, shape, UNDECIDED, tuple(layer.offset), tuple(layer.shift))


def _dense(layer: Any, inputs: tuple[str, ...], shape: tuple[int, ...]) -> Node:
    kernel, kernel_format = _weights_of(layer, "kernel")
    bias, bias_format = _weights_of(layer, "bias") if layer.use_bias else (None, None)
    return Dense(layer.name, inputs, shape, UNDECIDED, kernel, kernel_format, bias, bias_format)


def _weights_of(layer: Any, part: str) -> tuple[NDArray[np.int64], FixedFormat]:
    if layer.activation is not keras.activations.linear:
        raise ConversionError(
            f"layer {layer.name}: activation= on a {type(layer).__name__}; put a QActivation layer behind it instead"
        )
    return _weights(getattr(layer, f"{part}_quantizer_internal"), getattr(layer, part), layer.name, part)


def _weights(quantizer: Any, variable: Any, layer_name: str, part: str) -> tuple[NDArray[np.int64], FixedFormat]:
    """Words of quantized weights; by the format's own rule, which must give what QKeras multiplies with."""
    if quantizer is None:
        raise ConversionError(
            f"layer {layer_name}: no {part}_quantizer; set {part}_quantizer=quantized_bits(..., alpha=1)"
        )
    values = np.asarray(keras.ops.convert_to_numpy(variable))
    if not np.isfinite(values).all():
        raise ConversionError(f"layer {layer_name}: its {part} holds values that are not finite; train the model again")
    words, format_ = read_weights(quantizer, values, f"{layer_name} ({part}_quantizer)")
    used = np.asarray(keras.ops.convert_to_numpy(quantizer(variable)), dtype=np.float64)
    if not np.array_equal(np.ldexp(words.astype(np.float64), -format_.fraction), used):
        raise ConversionError(
            f"layer {layer_name}: the values of its {part} are not on the grid of {format_}; retrain it"
        )
    return words, format_


def _lookup(layer: Any, inputs: tuple[str, ...], shape: tuple[int, ...]) -> Node:
    tables = layer.tables.astype(np.int64)
    format_ = FixedFormat.holding(int(tables.min()), int(tables.max()), layer.fraction_out)
    return Lookup(layer.name, inputs, shape, format_, tables, layer.low, layer.fraction_in)


def _plain(kind: type[Node]) -> Callable[[Any, tuple[str, ...], tuple[int, ...]], Node]:
    """The converter to a node that has nothing but its operands."""
    return lambda layer, inputs, shape: kind(layer.name, inputs, shape, UNDECIDED)


def _dot(layer: Any, inputs: tuple[str, ...], shape: tuple[int, ...]) -> Node:
    axes = layer.axes if isinstance(layer.axes, (tuple, list)) else (layer.axes, layer.axes)
    if any(axis not in (1, -1) for axis in axes):
        raise ConversionError(
            f"layer {layer.name}: axes={layer.axes}; only a sum over the last axis is supported, set axes=1"
        )
    if layer.normalize:
        raise ConversionError(f"layer {layer.name}: normalize=True divides by a square root; set normalize=False")
    return Dot(layer.name, inputs, shape, UNDECIDED)


_CONVERTERS: dict[type, Callable[[Any, tuple[str, ...], tuple[int, ...]], Node]] = {
    qkeras.QActivation: _activation,
    InputScaling: _scaling,
    qkeras.QDense: _dense,
    TableLookup: _lookup,
    SumOver: _plain(Sum),
    keras.layers.Subtract: _plain(Subtract),
    keras.layers.Add: _plain(Add),
    keras.layers.Multiply: _plain(Multiply),
    keras.layers.Dot: _dot,
}
#: Layers of which the shape of the operand has to be known too.
_TENSOR_CONVERTERS: dict[type, Callable[..., Node]] = {
    qkeras.QConv2D: convolution,
    keras.layers.MaxPooling2D: max_pool,
    **dict.fromkeys(
        (keras.layers.Reshape, keras.layers.Flatten, keras.layers.UpSampling2D, keras.layers.Cropping2D, Select), wire
    ),
}
