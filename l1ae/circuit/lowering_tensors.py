"""Layers that move elements, choose the largest, or take an average: wires, maxima and convolutions with one weight."""

from typing import Any

import keras
import numpy as np
import qkeras
from numpy.typing import NDArray

from l1ae.autoencoder.layers import InputScaling, Select, SumOver, TableLookup
from l1ae.circuit.formats import FixedFormat
from l1ae.circuit.lowering_layers import activated, channel_by_channel, convolve, matrix, positions
from l1ae.circuit.lowering_site import Converter, Site
from l1ae.circuit.lowering_weights import Weights, words_of
from l1ae.circuit.nodes import UNDECIDED, Lookup, Scale, Sum
from l1ae.circuit.ranges import FLOAT32_LIMIT
from l1ae.circuit.tensors import MaxPool

Elements = NDArray[np.int64]
#: The number 1.
_ONE = FixedFormat(False, 1, 1)


def wire(site: Site) -> str:
    """A layer that only moves elements: the layer, applied to their numbers; -1 stands for a zero."""
    moved = _moved(site, site.elements(site.source))
    return site.wire(site.name, [site.source], moved.reshape(site.shape))


def _moved(site: Site, x: Elements) -> Elements:
    layer = site.layer
    match type(layer).__name__:
        case "UpSampling1D" | "UpSampling2D":
            if getattr(layer, "interpolation", "nearest") != "nearest":
                raise site.refused(f"interpolation={layer.interpolation!r} mixes elements; set interpolation='nearest'")
            for axis, times in enumerate(_tuple(layer.size)):
                x = x.repeat(times, axis=axis)
        case "Cropping1D" | "Cropping2D":
            x = x[tuple(slice(first, x.shape[axis] - last) for axis, (first, last) in enumerate(_ends(layer.cropping)))]
        case "ZeroPadding1D" | "ZeroPadding2D":
            x = np.pad(x, [*_ends(layer.padding), (0, 0)], constant_values=-1)
        case "Permute":
            x = x.transpose([axis - 1 for axis in layer.dims])
        case "RepeatVector":
            x = np.tile(x, (layer.n, 1))
        case "Select":
            x = x[..., layer.indices]
    return x


def _tuple(values: Any) -> tuple[int, ...]:
    return tuple(values) if isinstance(values, (tuple, list)) else (values,)


def _ends(values: Any) -> list[tuple[int, int]]:
    """Elements at both ends of each axis, of options that write one axis without brackets."""
    nested = [values] if isinstance(values[0], int) else values
    return [(int(first), int(last)) for first, last in nested]


def max_pool(site: Site) -> str:
    """MaxPooling1D, MaxPooling2D: valid or same, also windows that overlap."""
    layer = site.layer
    return _pooled(site, _window(layer.pool_size), _window(layer.strides), layer.padding)


def global_max(site: Site) -> str:
    """GlobalMaxPooling1D, GlobalMaxPooling2D."""
    rows, columns, _ = site.image_shape(site.source)
    return _pooled(site, (rows, columns), (1, 1), "valid")


def _pooled(site: Site, pool: tuple[int, int], strides: tuple[int, int], padding: str) -> str:
    image = site.image(site.source)
    size = site.builder.shape(image)
    lengths, before = positions(size, pool, strides, padding)
    made = (*lengths, size[2])

    def node(name: str) -> str:
        return site.add(MaxPool(name, (image,), made, UNDECIDED, size, pool, strides, before))

    return site.last(site.name, site.shape, node, made)


def average(site: Site) -> str:
    """AveragePooling1D, AveragePooling2D, and QAveragePooling2D, whose factor is quantized."""
    layer = site.layer
    window, strides = _window(layer.pool_size), _window(layer.strides)
    _check_borders(site, window, strides)
    return activated(site, lambda name: _averaged(site, name, window, strides, layer.padding))


def global_average(site: Site) -> str:
    """GlobalAveragePooling1D, GlobalAveragePooling2D, QGlobalAveragePooling2D."""
    rows, columns, _ = site.image_shape(site.source)
    return activated(site, lambda name: _averaged(site, name, (rows, columns), (1, 1), "valid"))


def _check_borders(site: Site, window: tuple[int, int], strides: tuple[int, int]) -> None:
    """Refuse windows that reach beyond the image: Keras divides by the number of elements inside."""
    size = site.image_shape(site.source)
    lengths, _ = positions(size, window, strides, site.layer.padding)
    if any((lengths[axis] - 1) * strides[axis] + window[axis] > size[axis] for axis in (0, 1)):
        raise site.refused("padding='same' averages fewer elements at the border; set padding='valid'")


def _averaged(site: Site, name: str, window: tuple[int, int], strides: tuple[int, int], padding: str) -> str:
    """The sum over each window times one weight, per channel."""
    image, area = site.image(site.source), window[0] * window[1]
    size = site.builder.shape(image)
    word, format_ = _factor(site, area)
    kernel = np.full((*window, size[2], 1), word, dtype=np.int64)
    weights = Weights(channel_by_channel(kernel), format_)
    lengths, _ = positions(size, window, strides, padding)
    made = (*lengths, size[2])
    return site.last(name, site.shape, lambda inner: convolve(site, inner, image, weights, strides, padding), made)


def _factor(site: Site, area: int) -> tuple[int, FixedFormat]:
    """What a sum over `area` elements is multiplied with, a word and its format."""
    layer = site.layer
    if getattr(layer, "average_quantizer", None):
        words, format_ = words_of(site, "average", np.float32(1 / area))
        known = site.builder.ranges[site.source]
        largest = max(abs(int(known.low.min())), abs(int(known.high.max())))
        if type(layer) is qkeras.QAveragePooling2D and largest * area * area > FLOAT32_LIMIT:
            raise site.refused(
                f"QKeras multiplies its input by {area} first, which float32 rounds; quantize the input to fewer bits"
            )
        return int(words), format_
    shift = area.bit_length() - 1
    if area != 1 << shift:
        raise site.refused(
            f"an average of {area} is no fixed-point number; take a power of two, QAveragePooling2D with an "
            "average_quantizer, or MaxPooling"
        )
    return 1, FixedFormat(False, 1, 1 - shift)


def _window(values: Any) -> tuple[int, int]:
    """Rows and columns of an option; a sequence has one row."""
    numbers = _tuple(values)
    return (1, int(numbers[0])) if len(numbers) == 1 else (int(numbers[0]), int(numbers[1]))


def scaling(site: Site) -> str:
    """InputScaling: one offset and shift per element of the last axis."""
    layer, shape, size = site.layer, site.shape, int(np.prod(site.shape))
    flat, times = site.reshaped(site.source, (size,), "flat"), size // shape[-1]
    offset, shift = tuple(layer.offset) * times, tuple(layer.shift) * times
    return site.last(
        site.name, shape, lambda name: site.add(Scale(name, (flat,), (size,), UNDECIDED, offset, shift)), (size,)
    )


def lookup(site: Site) -> str:
    """TableLookup: a table per element of a vector, or one for all of any shape."""
    layer = site.layer
    tables = layer.tables.astype(np.int64)
    format_ = FixedFormat.holding(int(tables.min()), int(tables.max()), layer.fraction_out)
    return site.add(Lookup(site.name, (site.source,), site.shape, format_, tables, layer.low, layer.fraction_in))


def sum_over(site: Site) -> str:
    """SumOver: the sum over the last axis."""
    if len(site.source_shape) == 1:
        return site.add(Sum(site.name, (site.source,), (1,), UNDECIDED))
    ones = np.ones((site.source_shape[-1], 1), dtype=np.int64)
    return matrix(site, site.name, site.source, Weights(ones, _ONE))


#: Layers that only move elements; a quantizer behind them quantizes what is in front of them.
MOVING: tuple[type, ...] = (
    keras.layers.Reshape,
    keras.layers.Flatten,
    keras.layers.Permute,
    keras.layers.RepeatVector,
    keras.layers.Cropping1D,
    keras.layers.Cropping2D,
    keras.layers.UpSampling1D,
    keras.layers.UpSampling2D,
    keras.layers.ZeroPadding1D,
    keras.layers.ZeroPadding2D,
    Select,
)
TENSORS: dict[type, Converter] = {
    **dict.fromkeys(MOVING, wire),
    **dict.fromkeys((keras.layers.MaxPooling1D, keras.layers.MaxPooling2D), max_pool),
    **dict.fromkeys((keras.layers.GlobalMaxPooling1D, keras.layers.GlobalMaxPooling2D), global_max),
    **dict.fromkeys((keras.layers.AveragePooling1D, keras.layers.AveragePooling2D, qkeras.QAveragePooling2D), average),
    **dict.fromkeys(
        (keras.layers.GlobalAveragePooling1D, keras.layers.GlobalAveragePooling2D, qkeras.QGlobalAveragePooling2D),
        global_average,
    ),
    InputScaling: scaling,
    TableLookup: lookup,
    SumOver: sum_over,
}
