"""The first layers of every deployed model: hardware words to what the network sees, and which objects are there."""

from typing import Any

import numpy as np
import qkeras

from l1ae.autoencoder.layers import InputScaling, Select, TableLookup
from l1ae.autoencoder.makers import signed_bits
from l1ae.autoencoder.relative import Relative
from l1ae.autoencoder.transforms import InputTransform
from l1ae.events.layout import Layout
from l1ae.records import SignedPrecision


def front(words: Any, transform: InputTransform) -> Any:
    """Port, scaling, and tables where there are any: the tensor `scaled` of `words` (N, n)."""
    width = transform.word_width
    port = qkeras.QActivation(signed_bits(SignedPrecision(width=width, integer=width)), name="port")(words)
    tensor = port if transform.relative is None else _differences(port, transform.relative)
    scaling = transform.scaling
    tensor = InputScaling(list(scaling.offset), list(scaling.shift), name="scaling")(tensor)
    if transform.tables is None:
        return qkeras.QActivation(signed_bits(transform.precision), name="scaled")(tensor)
    bits = transform.address_bits
    address = qkeras.QActivation(qkeras.quantized_relu(bits, bits), name="address")(tensor)
    return TableLookup(
        transform.tables.tolist(), low=0, fraction_in=0, fraction_out=transform.precision.fraction, name="scaled"
    )(address)


def presence(port: Any, layout: Layout) -> Any:
    """1 for each input whose object is there (its pT word is above 0), else 0; shape (N, n)."""
    return Select(momentum_of_each(layout), name="present")(_above_zero(port, "present_words"))


def momentum_of_each(layout: Layout) -> list[int]:
    """For each input the index of the pT of its object."""
    return [index for index in layout.momenta() for _ in layout.features]


def _above_zero(port: Any, name: str) -> Any:
    n = int(port.shape[-1])
    # Two quantizers in a row would be fused into one; a scaling by 1 keeps them apart.
    apart = InputScaling([0] * n, [0] * n, name=f"{name}_apart")(port)
    return qkeras.QActivation(qkeras.quantized_relu(1, 1), name=name)(apart)


def _differences(port: Any, relative: Relative) -> Any:
    """Words with each phi replaced by the difference to that of the missing momentum."""
    import keras

    moved = _fixed(port, "difference", relative.kernel, relative.bias)
    absent = _fixed(_above_zero(port, "presence"), "absence", relative.absence, None)
    return keras.layers.Subtract(name="relative")([moved, absent])


def _fixed(tensor: Any, name: str, kernel: Any, bias: Any) -> Any:
    """The output of a dense layer of whole numbers that never train."""

    def whole(values: Any) -> Any:
        bits = int(np.abs(values).max()).bit_length() + 1
        return qkeras.quantized_bits(bits, bits - 1, alpha=1)

    layer = qkeras.QDense(
        kernel.shape[1],
        use_bias=bias is not None,
        kernel_quantizer=whole(kernel),
        bias_quantizer=None if bias is None else whole(bias),
        trainable=False,
        name=name,
    )
    result = layer(tensor)
    # Set afterwards: an initializer of our own could not be loaded again.
    layer.set_weights([values.astype(np.float32) for values in (kernel, bias) if values is not None])
    return result
