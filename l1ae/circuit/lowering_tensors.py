"""How Keras layers that change shapes become wires, convolutions and maxima; TensorFlow is not needed for that."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ae.circuit.formats import FixedFormat
from l1ae.circuit.nodes import UNDECIDED, Node
from l1ae.circuit.tensors import Convolution, MaxPool, Wire
from l1ae.errors import ConversionError

Shape = tuple[int, ...]
#: Words of the weights of a layer and their format, by the name of its quantizer: "kernel" or "bias".
Weights = Callable[[Any, str], tuple[NDArray[np.int64], FixedFormat]]


def wire(layer: Any, inputs: tuple[str, ...], shape: Shape, source: Shape, weights: Weights) -> Node:
    """Reshape, Flatten, UpSampling2D, Cropping2D and Select."""
    return Wire(layer.name, inputs, shape, UNDECIDED, tuple(wire_indices(layer, source)))


def wire_indices(layer: Any, source: Shape) -> list[int]:
    """Which element of an operand of shape `source` each element of the result is: the layer, applied to numbers."""
    elements = np.arange(int(np.prod(source))).reshape(source)
    match type(layer).__name__:
        case "Flatten":
            _channels_last(layer)
        case "UpSampling2D":
            _channels_last(layer)
            if layer.interpolation != "nearest":
                raise ConversionError(
                    f"layer {layer.name}: interpolation={layer.interpolation!r} mixes elements; "
                    "set interpolation='nearest'"
                )
            elements = elements.repeat(layer.size[0], axis=0).repeat(layer.size[1], axis=1)
        case "Cropping2D":
            _channels_last(layer)
            (top, bottom), (left, right) = layer.cropping
            elements = elements[top : source[0] - bottom, left : source[1] - right]
        case "Select":
            elements = elements[..., layer.indices]
    indices: list[int] = elements.ravel().tolist()
    return indices


def convolution(layer: Any, inputs: tuple[str, ...], shape: Shape, source: Shape, weights: Weights) -> Node:
    """QConv2D, valid or same, without dilation, groups or mask."""
    _channels_last(layer)
    for option, allowed in (("dilation_rate", (1, 1)), ("groups", 1), ("_mask", None)):
        if (value := getattr(layer, option)) is not allowed and value != allowed:
            raise ConversionError(
                f"layer {layer.name}: {option.strip('_')}={_short(value)} is not supported; leave it at {allowed}"
            )
    kernel, kernel_format = weights(layer, "kernel")
    bias, bias_format = weights(layer, "bias") if layer.use_bias else (None, None)
    padding = (0, 0)
    if layer.padding == "same":
        spare = (max((shape[axis] - 1) * layer.strides[axis] + kernel.shape[axis] - source[axis], 0) for axis in (0, 1))
        padding = tuple(count // 2 for count in spare)  # as TensorFlow does: what is odd goes below and to the right
    return Convolution(
        layer.name,
        inputs,
        shape,
        UNDECIDED,
        kernel,
        kernel_format,
        bias,
        bias_format,
        source,
        tuple(layer.strides),
        padding,
    )


def max_pool(layer: Any, inputs: tuple[str, ...], shape: Shape, source: Shape, weights: Weights) -> Node:
    """MaxPooling2D, valid, whose windows do not overlap."""
    _channels_last(layer)
    if layer.padding != "valid" or tuple(layer.strides) != tuple(layer.pool_size):
        raise ConversionError(
            f"layer {layer.name}: padding={layer.padding!r} and strides={layer.strides}; set padding='valid' and leave "
            "strides out, so that windows do not overlap"
        )
    pool = tuple(layer.pool_size)
    return MaxPool(layer.name, inputs, shape, UNDECIDED, source, pool, pool, (0, 0))


#: Layers that lose exactness, and what to take instead.
INEXACT = {
    "AveragePooling2D": "an average is no fixed-point number; use MaxPooling2D",
    "GlobalAveragePooling2D": "an average is no fixed-point number; use MaxPooling2D",
    "Conv2D": "its weights are floats; use QConv2D",
    "Conv2DTranspose": "use UpSampling2D and QConv2D",
    "QConv2DTranspose": "use UpSampling2D and QConv2D",
    "ZeroPadding2D": "use padding='same' in the QConv2D behind it",
}


def _channels_last(layer: Any) -> None:
    if layer.data_format != "channels_last":
        raise ConversionError(f"layer {layer.name}: data_format={layer.data_format!r}; set data_format='channels_last'")


def _short(value: Any) -> str:
    return f"array of shape {value.shape}" if hasattr(value, "shape") else str(value)
