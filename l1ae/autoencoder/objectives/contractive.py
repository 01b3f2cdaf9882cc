"""Contractive autoencoders: a code that hardly moves when the inputs do.

The penalty is the squared Frobenius norm of the Jacobian of the code in the inputs (Rifai et al., Contractive
Auto-Encoders, ICML 2011).
"""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf
from keras import ops


def dense_jacobian(layers: Sequence[Any], features: Any) -> Any:
    """Squared norm (batch,) of the Jacobian of a chain of dense layers and rectifiers, in closed form.

    J = W1 D1 W2 D2 ... with D the diagonal of open rectifiers: one product per layer, no second differentiation. A
    quantizer passes gradients straight through, so it is a line here; a rectifier is closed below 0 and where it
    saturates.
    """
    value, jacobian = features, None
    for layer in layers:
        below = value
        value = layer(below)
        if hasattr(layer, "kernel"):
            quantizer = getattr(layer, "kernel_quantizer_internal", None)
            kernel = layer.kernel if quantizer is None else quantizer(layer.kernel)
            jacobian = kernel[None] if jacobian is None else ops.matmul(jacobian, kernel)
        elif layer.name.endswith("_relu") and jacobian is not None:
            is_open = ops.cast((below > 0) & (below < _saturation(layer)), value.dtype)
            jacobian = jacobian * is_open[:, None, :]
    if jacobian is None:
        raise ValueError("a chain without a dense layer has no Jacobian to penalise")
    return ops.sum(ops.square(jacobian), axis=(1, 2))


def automatic_jacobian(encoder: keras.Model, features: Any) -> Any:
    """The same squared norm (batch,) for any encoder, one reverse pass per dimension of the code."""
    with tf.GradientTape() as tape:
        tape.watch(features)
        encoded = encoder(features)
        code = encoded[0] if isinstance(encoded, (list, tuple)) else encoded
    jacobian = tape.batch_jacobian(code, features)
    return ops.sum(ops.square(jacobian), axis=tuple(range(1, len(jacobian.shape))))


def _saturation(layer: Any) -> float:
    quantizer: Any = getattr(layer, "activation", None)
    if not hasattr(quantizer, "integer"):
        return float("inf")
    return float(2.0**quantizer.integer * (1 - 2.0**-quantizer.bits))
