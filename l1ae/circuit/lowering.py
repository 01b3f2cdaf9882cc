"""From a Keras model to a circuit: every layer becomes one exact node, or the model is refused by name."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import qkeras
from numpy.typing import NDArray

from l1ae.autoencoder.layers import InputScaling
from l1ae.circuit.formats import FixedFormat, Overflow
from l1ae.circuit.graph import Circuit
from l1ae.circuit.nodes import UNDECIDED, Dense, Dot, Input, Node, Quantize, Scale, Subtract
from l1ae.circuit.quantizers import read_quantizer
from l1ae.errors import ConversionError

_SUPPORTED = "QActivation, InputScaling, QDense, Subtract, Dot"


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
        convert = _CONVERTERS.get(type(layer))
        if convert is None:
            raise ConversionError(
                f"layer {layer.name}: {type(layer).__name__} has no exact integer meaning; supported are {_SUPPORTED}"
            )
        if getattr(layer, "compute_dtype", "float32") != "float32":
            raise ConversionError(
                f"layer {layer.name}: it computes in {layer.compute_dtype}; build the model in float32"
            )
        nodes.append(convert(layer, inputs, _shape(output, layer.name)))
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
    if len(shape) != 1 or shape[0] is None:
        raise ConversionError(f"layer {name}: shape {shape}; only vectors of a known length are supported")
    return (int(shape[0]),)


def _activation(layer: Any, inputs: tuple[str, ...], shape: tuple[int, ...]) -> Node:
    return Quantize(layer.name, inputs, shape, read_quantizer(layer.activation, layer.name))


def _scaling(layer: Any, inputs: tuple[str, ...], shape: tuple[int, ...]) -> Node:
    return Scale(layer.name, inputs, shape, UNDECIDED, tuple(layer.offset), tuple(layer.shift))


def _dense(layer: Any, inputs: tuple[str, ...], shape: tuple[int, ...]) -> Node:
    if layer.activation is not keras.activations.linear:
        raise ConversionError(f"layer {layer.name}: activation= on a QDense; put a QActivation layer behind it instead")
    kernel, kernel_format = _weights(layer.kernel_quantizer_internal, layer.kernel, layer.name, "kernel")
    bias, bias_format = None, None
    if layer.use_bias:
        bias, bias_format = _weights(layer.bias_quantizer_internal, layer.bias, layer.name, "bias")
    return Dense(layer.name, inputs, shape, UNDECIDED, kernel, kernel_format, bias, bias_format)


def _weights(quantizer: Any, variable: Any, layer_name: str, part: str) -> tuple[NDArray[np.int64], FixedFormat]:
    """Words of quantized weights; by the format's own rule, which must give what QKeras multiplies with."""
    if quantizer is None:
        raise ConversionError(
            f"layer {layer_name}: no {part}_quantizer; set {part}_quantizer=quantized_bits(..., alpha=1)"
        )
    format_ = read_quantizer(quantizer, f"{layer_name} ({part}_quantizer)")
    values = np.asarray(keras.ops.convert_to_numpy(variable))
    if not np.isfinite(values).all():
        raise ConversionError(f"layer {layer_name}: its {part} holds values that are not finite; train the model again")
    words = format_.quantize_values(values)
    used = np.asarray(keras.ops.convert_to_numpy(quantizer(variable)), dtype=np.float64)
    if not np.array_equal(np.ldexp(words.astype(np.float64), -format_.fraction), used):
        raise ConversionError(
            f"layer {layer_name}: the values of its {part} are not on the grid of {format_}; retrain it"
        )
    return words, format_


def _subtract(layer: Any, inputs: tuple[str, ...], shape: tuple[int, ...]) -> Node:
    return Subtract(layer.name, inputs, shape, UNDECIDED)


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
    keras.layers.Subtract: _subtract,
    keras.layers.Dot: _dot,
}
