"""Makers of layers: the same network quantized, as firmware computes it, or in float, to start from and compare with.

Both give their layers the same names, so that weights can be carried from one to the other (`carry`).
"""

from typing import Any, Protocol

import keras
import numpy as np
import qkeras

from l1ae.records import Precision, SignedPrecision
from l1ae.settings import AutoencoderConfig, Kernel


class Maker(Protocol):
    """What a network needs: layers by name."""

    def dense(self, name: str, units: int) -> list[Any]:
        """A dense layer, and whatever belongs to it before the activation."""

    def convolution(self, name: str, filters: int, size: tuple[int, int]) -> list[Any]:
        """A convolution without padding."""

    def rectifier(self, name: str) -> Any:
        """The activation behind the layer of that name."""

    def bits(self, name: str, precision: SignedPrecision | None) -> Any:
        """A quantizer with sign, or nothing at all in float."""


def signed_bits(precision: Precision) -> Any:
    """A signed QKeras quantizer: `ap_fixed<width,integer,RND_CONV,SAT>`, integer bits counted with the sign."""
    return qkeras.quantized_bits(precision.width, precision.integer - 1, alpha=1)


def unsigned_relu(precision: Precision) -> Any:
    """A rectifier with saturation: `ap_ufixed<width,integer,RND_CONV,SAT>`."""
    return qkeras.quantized_relu(precision.width, precision.integer)


def kernel_quantizer(kernel: Kernel) -> Any:
    """The quantizer of a kernel: fixed-point, or weights of -1, 0, 1, or of -1, 1."""
    if kernel == "ternary":
        return qkeras.ternary(alpha=1)
    if kernel == "binary":
        return qkeras.binary(alpha=1)
    return signed_bits(kernel)


class Quantized:
    """QKeras layers with the precisions of a configuration."""

    def __init__(self, config: AutoencoderConfig) -> None:
        self.config = config

    def _quantizers(self, name: str) -> dict[str, Any]:
        layer = self.config.layers.get(name)
        weights = (layer and layer.weights) or self.config.weights
        biases = (layer and layer.biases) or self.config.biases
        return {
            "kernel_quantizer": kernel_quantizer(weights),
            "bias_quantizer": signed_bits(biases),
            "kernel_initializer": "he_normal",
            "name": name,
        }

    def dense(self, name: str, units: int) -> list[Any]:
        """A QDense."""
        return [qkeras.QDense(units, **self._quantizers(name))]

    def convolution(self, name: str, filters: int, size: tuple[int, int]) -> list[Any]:
        """A QConv2D."""
        return [qkeras.QConv2D(filters, size, **self._quantizers(name))]

    def rectifier(self, name: str) -> Any:
        """A quantized rectifier."""
        layer = self.config.layers.get(name)
        precision = (layer and layer.activations) or self.config.activations
        return qkeras.QActivation(unsigned_relu(precision), name=f"{name}_relu")

    def bits(self, name: str, precision: SignedPrecision | None) -> Any:
        """A signed quantizer."""
        if precision is None:
            raise ValueError(f"{name} has no precision")
        return qkeras.QActivation(signed_bits(precision), name=name)


class Float:
    """Keras layers in float32, with batch normalisation behind each hidden dense layer when wanted."""

    def __init__(self, batch_norm: bool = False) -> None:
        self.batch_norm = batch_norm

    def dense(self, name: str, units: int) -> list[Any]:
        """A Dense, followed by a batch normalisation unless it is the last of its part."""
        layers: list[Any] = [keras.layers.Dense(units, kernel_initializer="he_normal", name=name)]
        if self.batch_norm and name not in ("code", "output", "embedding", "log_variance"):
            layers.append(keras.layers.BatchNormalization(name=f"{name}_norm"))
        return layers

    def convolution(self, name: str, filters: int, size: tuple[int, int]) -> list[Any]:
        """A Conv2D."""
        return [keras.layers.Conv2D(filters, size, kernel_initializer="he_normal", name=name)]

    def rectifier(self, name: str) -> Any:
        """A rectifier."""
        return keras.layers.ReLU(name=f"{name}_relu")

    def bits(self, name: str, precision: SignedPrecision | None) -> Any:
        """The values as they are."""
        return keras.layers.Identity(name=name)


def carry(source: keras.Model, target: keras.Model) -> None:
    """Give the layers with weights of `target` the weights of those of the same name in `source`.

    A batch normalisation behind a layer of `source` is folded into its kernel and bias: both are linear, so
    gamma * (x W + b - mean) / sqrt(variance + epsilon) + beta is x W' + b' (Ioffe and Szegedy, arXiv:1502.03167).
    """
    layers = {layer.name: layer for layer in source.layers}
    for layer in target.layers:
        if not layer.weights or layer.name not in layers:
            continue
        values = [np.asarray(value) for value in layers[layer.name].get_weights()]
        if (norm := layers.get(f"{layer.name}_norm")) is not None:
            values = list(folded(values[0], values[1], norm))
        layer.set_weights(values)


def folded(kernel: Any, bias: Any, norm: keras.layers.BatchNormalization) -> tuple[Any, Any]:
    """Kernel (n, m) and bias (m,) of a dense layer with the batch normalisation behind it folded in."""
    gamma, beta, mean, variance = (np.asarray(value, dtype=np.float64) for value in norm.get_weights())
    factor = gamma / np.sqrt(variance + norm.epsilon)
    return (kernel * factor).astype(np.float32), ((bias - mean) * factor + beta).astype(np.float32)
