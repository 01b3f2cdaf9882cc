"""Layers that are a * x + b per channel at inference, as Keras and QKeras compute a and b in float32."""

import copy
from functools import singledispatch
from typing import Any

import keras
import numpy as np
import qkeras
from numpy.typing import NDArray

from l1ae.circuit.evaluate import evaluate
from l1ae.circuit.lowering_site import Site
from l1ae.errors import ConversionError

Values = NDArray[np.float32]


def affine_of(site: Site) -> tuple[Values, Values]:
    """Scale and offset of the layer, one per channel or one for all."""
    axis = getattr(site.layer, "axis", -1)
    axis = axis[0] if isinstance(axis, (list, tuple)) and len(axis) == 1 else axis
    if axis not in (-1, len(site.source_shape)):
        raise site.refused(f"axis={axis}; only the last axis is supported, set axis=-1")
    scale, offset = scale_and_offset(site.layer)
    return _array(scale), _array(offset)


@singledispatch
def scale_and_offset(layer: Any) -> tuple[Any, Any]:
    """Scale and offset of a layer at inference, by the operations and in the order of its own call."""
    raise TypeError(f"no rule for {type(layer).__name__}")


@scale_and_offset.register
def _(layer: keras.layers.BatchNormalization) -> tuple[Any, Any]:
    # As tf.nn.batch_normalization.
    scale = keras.ops.rsqrt(layer.moving_variance + layer.epsilon)
    if layer.scale:
        scale = scale * layer.gamma
    shift = layer.moving_mean * scale
    return scale, layer.beta - shift if layer.center else -shift


@scale_and_offset.register
def _(layer: qkeras.QBatchNormalization) -> tuple[Any, Any]:
    mean = _quantized(layer, "mean", layer.moving_mean)
    scale = 1 / keras.ops.sqrt(_quantized(layer, "variance", layer.moving_variance) + layer.epsilon)
    if layer.scale:
        scale = scale * _quantized(layer, "gamma", layer.gamma)
    if layer.inverse_quantizer_internal is not None:
        scale = layer.inverse_quantizer_internal(scale)
    return scale, _quantized(layer, "beta", layer.beta) - mean * scale if layer.center else -mean * scale


@scale_and_offset.register
def _(layer: qkeras.QScaleShift) -> tuple[Any, Any]:
    return _quantized(layer, "weight", layer.weight), _quantized(layer, "bias", layer.bias) if layer.use_bias else 0.0


@scale_and_offset.register
def _(layer: keras.layers.Rescaling) -> tuple[Any, Any]:
    return np.float32(layer.scale), np.float32(layer.offset)


def _quantized(layer: Any, part: str, values: Any) -> Any:
    quantizer = getattr(layer, f"{part}_quantizer_internal")
    if quantizer is None:
        return keras.ops.convert_to_tensor(values)
    where, floats = f"{layer.name} ({part}_quantizer)", _array(values)
    found = evaluate(copy.copy(quantizer), floats, where)
    if not np.array_equal(evaluate(copy.copy(quantizer), floats, where), found):
        raise ConversionError(f"layer {where}: it gives other values every time; use quantized_bits(..., alpha=1)")
    return keras.ops.convert_to_tensor(found.astype(np.float32))


def _array(values: Any) -> Values:
    return np.asarray(keras.ops.convert_to_numpy(values), dtype=np.float32).ravel()
