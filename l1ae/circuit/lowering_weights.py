"""The weights of QKeras layers as integers, exactly those that QKeras itself multiplies with."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from l1ae.circuit.formats import FixedFormat
from l1ae.circuit.lowering_site import Site
from l1ae.circuit.quantizers import read_weights

Words = NDArray[np.int64]


@dataclass(frozen=True)
class Weights:
    """Words of a kernel, whose last axis counts its units, and of a bias (units,) if there is one."""

    kernel: Words
    kernel_format: FixedFormat
    bias: Words | None = None
    bias_format: FixedFormat | None = None

    def with_kernel(self, change: Callable[[Words], Words]) -> "Weights":
        """The same with another kernel of the same format."""
        return Weights(change(self.kernel), self.kernel_format, self.bias, self.bias_format)


#: Multiplications of one layer, which the firmware does all at once. The largest FPGAs have some ten thousand
#: multipliers and a few million lookup tables, of which a product of few bits takes some: a million products are more
#: than any of them holds.
PRODUCTS = 2**20
#: Variables of layers, by the name of their quantizer.
VARIABLES = {
    "kernel": "kernel",
    "depthwise": "depthwise_kernel",
    "pointwise": "pointwise_kernel",
    "weight": "weight",
    "bias": "bias",
}


def weights_of(site: Site, part: str = "kernel") -> Weights:
    """Kernel and bias of a layer; `part`_quantizer is the quantizer of its kernel."""
    biased = values_of(site.layer, "bias") is not None
    return Weights(*words_of(site, part), *(words_of(site, "bias") if biased else (None, None)))


def words_of(site: Site, part: str, values: Any = None) -> tuple[Words, FixedFormat]:
    """Words of what the quantizer `part`_quantizer is applied to: of the weights of the layer, or of `values`."""
    _check_size(site, part)
    quantizer = getattr(site.layer, f"{part}_quantizer_internal")
    if quantizer is None or not getattr(site.layer, f"{part}_quantizer"):
        raise site.refused(f"no {part}_quantizer; set {part}_quantizer=quantized_bits(..., alpha=1)")
    floats = values_of(site.layer, part) if values is None else np.asarray(values, dtype=np.float32)
    assert floats is not None
    return read_weights(quantizer, floats, f"{site.layer.name} ({part}_quantizer)")


def _check_size(site: Site, part: str) -> None:
    """Refuse what no FPGA can hold, before it fills the memory here."""
    if part == "bias" or part not in VARIABLES:
        return
    weights, positions = math.prod(getattr(site.layer, VARIABLES[part]).shape), math.prod(site.shape[:-1])
    if weights * positions > PRODUCTS:
        many = f"{weights} weights at {positions} positions are" if positions > 1 else "it has"
        raise site.refused(
            f"{many} {weights * positions} multiplications at once, and {PRODUCTS} are supported; take fewer units or "
            f"filters{', larger strides' if positions > 1 else ''} or a smaller input"
        )


def values_of(layer: Any, part: str) -> NDArray[np.float32] | None:
    """The floats that a layer applies its `part`_quantizer to; None when it has no such weights."""
    if hasattr(layer, "batchnorm"):
        return _folded(layer).get(part)
    variable = getattr(layer, VARIABLES[part], None)
    if variable is None:
        return None
    array = _array(variable)
    # QKeras quantizes the kernels of separable convolutions of a sequence as those of an image of one row.
    return array[None] if part in ("depthwise", "pointwise") and array.ndim == 3 else array


def _folded(layer: Any) -> dict[str, NDArray[np.float32]]:
    """Kernel and bias of a layer with batch normalization inside, by the operations of its call at inference."""
    norm = layer.batchnorm
    part = "depthwise" if hasattr(layer, "depthwise_kernel") else "kernel"
    kernel, variance = getattr(layer, VARIABLES[part]).value, norm.moving_variance + norm.epsilon
    if part == "depthwise":
        factor = keras.ops.rsqrt(variance) * norm.gamma
        spread = keras.ops.reshape(factor, kernel.shape[2:])
    else:
        factor = spread = 1 / keras.ops.sqrt(variance) * norm.gamma
    bias = factor * ((layer.bias if layer.use_bias else 0) - norm.moving_mean) + norm.beta
    return {part: _array(spread * kernel), "bias": _array(bias)}


def _array(values: Any) -> NDArray[np.float32]:
    return np.asarray(keras.ops.convert_to_numpy(values), dtype=np.float32)
