"""Dense layers, convolutions and normalizations: everything that multiplies with weights."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import qkeras
from numpy.typing import NDArray

from l1ae.circuit.activations import activate
from l1ae.circuit.evaluate import on_grid
from l1ae.circuit.lowering_affine import affine_of
from l1ae.circuit.lowering_site import Converter, Site
from l1ae.circuit.lowering_weights import Weights, weights_of, words_of
from l1ae.circuit.nodes import UNDECIDED, Dense
from l1ae.circuit.ranges import FLOAT32_LIMIT
from l1ae.circuit.tensors import Convolution
from l1ae.errors import ConversionError

Words = NDArray[np.int64]


def activated(site: Site, linear: Callable[[str], str]) -> str:
    """What `linear` adds under the name it is given, and behind it the activation of the layer."""
    function = getattr(site.layer, "activation", None)
    if function is None or function is keras.activations.linear:
        return linear(site.name)
    return activate(site.builder, site.name, linear(site.part("linear")), function, site.layer.name)


def dense(site: Site) -> str:
    """x @ kernel + bias over the last axis: at every pixel of an image, at every step of a sequence."""
    weights = weights_of(site)
    return activated(site, lambda name: matrix(site, name, site.source, weights))


def matrix(site: Site, name: str, source: str, weights: Weights) -> str:
    """The node times a kernel (n, m), plus a bias, over the last axis."""
    if len(site.builder.shape(source)) > 1:
        return convolve(site, name, source, weights.with_kernel(lambda kernel: kernel[None, None]))
    parts = (weights.kernel, weights.kernel_format, weights.bias, weights.bias_format)
    return site.add(Dense(name, (source,), (weights.kernel.shape[1],), UNDECIDED, *parts))


def convolve(
    site: Site,
    name: str,
    source: str,
    weights: Weights,
    strides: tuple[int, int] = (1, 1),
    padding: str = "valid",
    dilation: tuple[int, int] = (1, 1),
) -> str:
    """The convolution of an image, or of a sequence as an image of one row, with a kernel (rows, columns, n, m)."""
    image, kernel = site.image(source), _dilated(weights.kernel, dilation)
    size = site.builder.shape(image)
    lengths, before = positions(size, kernel.shape, strides, padding)
    made, rank = (*lengths, kernel.shape[3]), len(site.builder.shape(source))
    parts = (kernel, weights.kernel_format, weights.bias, weights.bias_format)

    def node(inner: str) -> str:
        return site.add(Convolution(inner, (image,), made, UNDECIDED, *parts, size, strides, before))

    return site.last(name, made[3 - rank :], node, made)


def positions(
    size: tuple[int, ...], window: tuple[int, ...], strides: tuple[int, int], padding: str
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Positions of a window along rows and columns, and the zeros above and to the left, as TensorFlow has them."""
    if padding == "valid":
        rows, columns = ((size[axis] - window[axis]) // strides[axis] + 1 for axis in (0, 1))
        return (rows, columns), (0, 0)
    lengths = tuple(-(-size[axis] // strides[axis]) for axis in (0, 1))
    spare = (max((lengths[axis] - 1) * strides[axis] + window[axis] - size[axis], 0) for axis in (0, 1))
    above, left = (count // 2 for count in spare)  # what is odd goes below and to the right
    return (lengths[0], lengths[1]), (above, left)


def _dilated(kernel: Words, dilation: tuple[int, int]) -> Words:
    """The kernel with zeros between its rows and columns."""
    rows, columns = ((count - 1) * step + 1 for count, step in zip(kernel.shape[:2], dilation, strict=True))
    spread = np.zeros((rows, columns, *kernel.shape[2:]), dtype=np.int64)
    spread[:: dilation[0], :: dilation[1]] = kernel
    return spread


def convolution(site: Site) -> str:
    """QConv1D and QConv2D: valid or same, with strides, dilation, groups and a mask."""
    layer, weights = site.layer, weights_of(site)
    mask = getattr(layer, "_mask", None)
    if mask is not None:
        if hasattr(layer, "batchnorm"):
            raise site.refused(f"QKeras ignores the mask of a {type(layer).__name__}; leave it out")
        words = _mask_words(site, mask)
        weights = weights.with_kernel(lambda kernel: kernel * words)
    return _spatial(site, weights.with_kernel(lambda kernel: _block(_four(kernel), layer.groups)))


def _spatial(site: Site, weights: Weights, name: str | None = None) -> str:
    """The convolution of a layer with the strides, padding and dilation of its options."""
    layer = site.layer
    if layer.padding not in ("valid", "same"):
        raise site.refused(
            f"padding={layer.padding!r}: QKeras cannot compute it; put ZeroPadding1D in front and set padding='valid'"
        )
    options = (_pair(layer.strides), layer.padding, _pair(layer.dilation_rate))
    _check_strides(site, _dilated(weights.kernel, options[2]).shape, *options[:2])
    if name is not None:
        return convolve(site, name, site.source, weights, *options)
    return activated(site, lambda linear: convolve(site, linear, site.source, weights, *options))


def _check_strides(site: Site, window: tuple[int, ...], strides: tuple[int, int], padding: str) -> None:
    """Refuse what TensorFlow 2.21 computes wrongly with oneDNN: its results are what is left in the memory."""
    size = site.image_shape(site.source)
    (rows, columns), _ = positions(size, window, strides, padding)
    if size[2] == 1 and rows > 1 and columns == 1 and strides[1] > strides[0]:
        raise site.refused(
            f"TensorFlow computes strides={strides} wrongly where a single channel becomes one column; "
            f"set strides={(strides[0], strides[0])}"
        )


def _mask_words(site: Site, mask: Any) -> Words:
    values = np.asarray(keras.ops.convert_to_numpy(mask))
    if not np.isin(values, (0, 1)).all():
        raise site.refused("its mask holds other numbers than 0 and 1; put them into the kernel")
    return values.astype(np.int64)


def _block(kernel: Words, groups: int) -> Words:
    """The kernel of a convolution in groups as one over all channels, zero between groups."""
    if groups == 1:
        return kernel
    rows, columns, channels, filters = kernel.shape
    block = np.zeros((rows, columns, channels * groups, filters), dtype=np.int64)
    for group in range(groups):
        units = slice(group * filters // groups, (group + 1) * filters // groups)
        block[:, :, group * channels : (group + 1) * channels, units] = kernel[..., units]
    return block


def depthwise(site: Site) -> str:
    """QDepthwiseConv2D: each channel with kernels of its own."""
    return _spatial(site, weights_of(site, "depthwise").with_kernel(channel_by_channel))


def channel_by_channel(kernel: Words) -> Words:
    """The kernel (rows, columns, channels, multiples) as one over all channels, zero between them."""
    rows, columns, channels, multiples = kernel.shape
    block = np.zeros((rows, columns, channels, channels, multiples), dtype=np.int64)
    block[:, :, np.arange(channels), np.arange(channels)] = kernel
    return block.reshape(rows, columns, channels, channels * multiples)


def separable(site: Site) -> str:
    """QSeparableConv1D and QSeparableConv2D: channel by channel first, then pixel by pixel."""
    first, second = Weights(*words_of(site, "depthwise")), weights_of(site, "pointwise")
    spread = _spatial(site, first.with_kernel(channel_by_channel), site.part("depthwise"))
    return activated(site, lambda name: convolve(site, name, spread, second))


def _four(kernel: Words) -> Words:
    return kernel if kernel.ndim == 4 else kernel[None]


def _pair(values: Any) -> tuple[int, int]:
    """Rows and columns of an option; a sequence has one row."""
    numbers = tuple(int(value) for value in values) if isinstance(values, (tuple, list)) else (int(values),)
    return (1, numbers[0]) if len(numbers) == 1 else (numbers[0], numbers[1])


def normalization(site: Site) -> str:
    """a * x + b per channel, where float32 computes it exactly; otherwise refused."""
    if type(site.layer) is qkeras.QBatchNormalization and site.layer.activation is not None:
        raise site.refused("QKeras ignores the activation of a QBatchNormalization; put a QActivation behind it")
    return activated(site, lambda name: _affine(site, name))


def _affine(site: Site, name: str) -> str:
    kind = type(site.layer).__name__
    fix = "set its factors to powers of two"
    if "BatchNormalization" in kind:
        fix = "convert with fold_batchnorm=True (--fold-batchnorm), which puts it into the layer in front of it"
    scale, offset = (np.broadcast_to(part, site.source_shape[-1:]).astype(np.float64) for part in affine_of(site))
    if not (np.isfinite(scale).all() and np.isfinite(offset).all()):
        raise site.refused(f"{kind} has values that are not finite; train the model again")
    found, bias = on_grid(scale), on_grid(offset) if offset.any() else (None, None)
    if found is None or bias is None:
        raise site.refused(f"{kind} multiplies with floats of many bits; {fix}")
    weights = Weights(np.diag(found[0]), found[1], *bias)
    before = len(site.builder.ranges)
    many_bits = f"{kind} multiplies with floats of too many bits, which Keras rounds in float32; {fix}"
    try:
        result = matrix(site, name, site.source, weights)
    except ConversionError as error:
        raise site.refused(many_bits) from error
    if any(known.raw.magnitude > FLOAT32_LIMIT for known in list(site.builder.ranges.values())[before:]):
        raise site.refused(many_bits)
    return result


LAYERS: dict[type, Converter] = {
    qkeras.QDense: dense,
    qkeras.QConv1D: convolution,
    qkeras.QConv2D: convolution,
    qkeras.QDepthwiseConv2D: depthwise,
    qkeras.QSeparableConv1D: separable,
    qkeras.QSeparableConv2D: separable,
    qkeras.QDenseBatchnorm: dense,
    qkeras.QConv2DBatchnorm: convolution,
    qkeras.QDepthwiseConv2DBatchnorm: depthwise,
    **dict.fromkeys(
        (keras.layers.BatchNormalization, qkeras.QBatchNormalization, qkeras.QScaleShift, keras.layers.Rescaling),
        normalization,
    ),
}
