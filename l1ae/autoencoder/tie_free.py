"""Biases that leave no ties: rounding half to even then costs no more than cutting bits off, and gives the same.

A sum of products is a multiple of the last bit of the weights times that of the inputs. A bias with one bit more below
that, always set, makes every sum an odd multiple of half of it. No quantizer that drops two bits or more then meets a
value halfway between two words: what it rounds to is found by adding a constant, which is part of the bias.
"""

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import qkeras

from l1ae.autoencoder.layers import TableLookup
from l1ae.autoencoder.makers import signed_bits
from l1ae.records import SignedPrecision

_EXACT = 2**24  # integers up to this size are exact in float32
#: Layers that hand words on as they are.
_MOVES = (
    keras.layers.Reshape,
    keras.layers.Flatten,
    keras.layers.MaxPooling2D,
    keras.layers.UpSampling2D,
    keras.layers.Cropping2D,
)


def tie_free(model: keras.Model) -> keras.Model:
    """A copy of a deployed model in which each bias that is rounded afterwards has one bit more, which is set.

    Every sum moves by half of its last bit. A layer stays as it is when it has no bias, when nothing behind it is
    rounded, or when its sums would leave the 24 bits that Keras computes exactly.
    """
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    for layer in copy.layers:
        if isinstance(layer, (qkeras.QDense, qkeras.QConv2D)) and layer.use_bias:
            _extend(layer)
    return copy


def _extend(layer: Any) -> None:
    given, behind = _given(layer), list(_rounded_to(layer))
    fractions = [fraction for fraction in behind if fraction is not None]
    kernel, bias = _precision(layer.kernel_quantizer_internal), _precision(layer.bias_quantizer_internal)
    if given is None or kernel is None or bias is None or not behind or len(fractions) < len(behind):
        return
    fraction, largest = given
    last = max(fraction + kernel[0], bias[0])
    if max(fractions) >= last:
        return  # no bit of the sum is dropped: one bit more would be a tie, always
    weights, biases = (
        np.asarray(quantizer(values), dtype=np.float64)
        for quantizer, values in (
            (layer.kernel_quantizer_internal, layer.kernel),
            (layer.bias_quantizer_internal, layer.bias),
        )
    )
    biases += 2.0 ** -(last + 1)
    sums = np.abs(weights).reshape(-1, weights.shape[-1]).sum(axis=0) * largest + np.abs(biases)
    if sums.max() * 2.0 ** (last + 1) > _EXACT:
        return
    integer = layer.bias_quantizer_internal.get_config()["integer"] + 1
    quantizer = signed_bits(SignedPrecision.model_construct(width=integer + last + 1, integer=integer))
    layer.bias_quantizer = layer.bias_quantizer_internal = quantizer
    layer.quantizers = [layer.kernel_quantizer_internal, quantizer]
    layer.bias.assign(biases.astype(np.float32))


def _given(layer: Any) -> tuple[int, float] | None:
    """Bits below the point of a layer's input, and the largest magnitude of its values; None when they are unknown."""
    (node,) = layer._inbound_nodes
    source = node.parent_nodes[0].operation
    if isinstance(source, _MOVES):
        return _given(source)
    if isinstance(source, TableLookup):
        return source.fraction_out, float(np.abs(source.tables).max()) * 2.0**-source.fraction_out
    return _precision(source.activation) if isinstance(source, qkeras.QActivation) else None


def _rounded_to(layer: Any) -> Iterator[int | None]:
    """Bits below the point of every quantizer behind a layer; None for anything else."""
    for node in layer._outbound_nodes:
        if isinstance(node.operation, _MOVES):
            yield from _rounded_to(node.operation)
        else:
            known = _precision(node.operation.activation) if isinstance(node.operation, qkeras.QActivation) else None
            yield known and known[0]


def _precision(quantizer: Any) -> tuple[int, float] | None:
    """Bits below the point, and the largest magnitude, of what a quantizer of l1ae's makers gives."""
    if isinstance(quantizer, (qkeras.ternary, qkeras.binary)):
        return 0, 1.0
    if not isinstance(quantizer, (qkeras.quantized_bits, qkeras.quantized_relu)):
        return None
    config = quantizer.get_config()
    signed = int(config.get("keep_negative", False))
    return config["bits"] - config["integer"] - signed, 2.0 ** config["integer"]
