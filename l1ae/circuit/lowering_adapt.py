"""Models without exact firmware, changed as little as possible: float scales snapped, normalizations folded."""

import copy
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import qkeras
from numpy.typing import NDArray

from l1ae.autoencoder.loading import without_foreign_options
from l1ae.circuit.evaluate import MAX_WIDTH, evaluate, on_grid
from l1ae.circuit.formats import FixedFormat
from l1ae.circuit.lowering_affine import scale_and_offset
from l1ae.circuit.lowering_graph import Call, Graph, name_of, walk
from l1ae.circuit.lowering_ports import NOTHING
from l1ae.circuit.lowering_weights import VARIABLES, values_of
from l1ae.circuit.quantizers import QUANTIZERS, read_weights
from l1ae.circuit.scales import snap
from l1ae.errors import ConversionError

Values = NDArray[np.float64]

#: The kernel that a normalization behind a layer is folded into, by the name of its quantizer.
_KERNELS: dict[type, str] = {
    **dict.fromkeys((qkeras.QDense, qkeras.QConv1D, qkeras.QConv2D), "kernel"),
    qkeras.QDepthwiseConv2D: "depthwise",
    **dict.fromkeys((qkeras.QSeparableConv1D, qkeras.QSeparableConv2D), "pointwise"),
}
_NORMS = (keras.layers.BatchNormalization, qkeras.QBatchNormalization)
_FIX = "put it directly behind a QDense or a convolution of QKeras, without activation, and train again"
#: A normalization with factors of so few bits is left as it is where it cannot be folded.
_SHORT = 12


@dataclass(frozen=True)
class _Fold:
    """A normalization, the layer it is folded into, and what the kernel and bias would be without rounding."""

    norm: Any
    layer: Any
    part: str
    kernel: Values
    bias: Values
    bias_quantizer: Any


def adapt(model: Any, *, snap_scales: bool = False, fold_batchnorm: bool = False) -> tuple[Any, tuple[str, ...]]:
    """A model of the same architecture with exact firmware, and a sentence per change; the given one stays as it is.

    `fold_batchnorm`: normalizations go into the kernel and bias of the layer in front of them, rounded by its own
    quantizers. `snap_scales`: float scales of quantizers become powers of two. With nothing to do the model itself is
    returned. Raises `ConversionError` for a normalization that cannot be folded.
    """
    graph = walk(model)
    folds = list(_folds(graph, snap_scales)) if fold_batchnorm else []
    if not folds and not snap_scales:
        return model, ()
    clones: dict[int, Any] = {}
    adapted = _cloned(model, folds, clones)
    notes = [note for fold in folds for note in _fold(fold, clones[id(fold.layer)], snap_scales)]
    if snap_scales:
        used = {id(call.layer) for call in graph.calls}  # each once, and without what is folded
        layers = {key: clone for key, clone in clones.items() if key in used}
        notes += [note for layer in layers.values() for note in _snapped(layer)]
    return (adapted, tuple(notes)) if notes else (model, ())


def _folds(graph: Graph, snap_scales: bool) -> Iterator[_Fold]:
    for call in graph.calls:
        if type(call.layer) in _NORMS:
            found, reason = _in_front(graph, call)
            if found is not None:
                yield _planned(call.layer, found, snap_scales)
            elif not _is_short(call.layer):
                raise ConversionError(f"layer {call.layer.name}: it cannot be folded, because {reason}; {_FIX}")


def _in_front(graph: Graph, call: Call) -> tuple[Any, str]:
    """The layer that a normalization can be folded into, or None and the reason why there is none."""
    makers = {other.output: other for other in graph.calls}
    number, norm = call.inputs[0], call.layer
    while True:
        maker, readers = makers.get(number), len(list(graph.readers(number)))
        if maker is None:
            return None, "it stands behind an input"
        layer = maker.layer
        if readers > 1 or number in graph.outputs:
            return None, f"the result of {layer.name} in front of it is used elsewhere too"
        if type(layer) not in NOTHING:
            break
        number = maker.inputs[0]
    axis = norm.axis[0] if isinstance(norm.axis, (list, tuple)) else norm.axis
    if axis not in (-1, len(graph.tensors[number].shape)):
        return None, f"axis={axis} is not that of the channels"
    if type(layer) not in _KERNELS:
        return None, f"{layer.name} in front of it is a {type(layer).__name__}"
    if layer.activation is not keras.activations.linear:
        return None, f"{layer.name} in front of it has an activation"
    if getattr(layer, f"{_KERNELS[type(layer)]}_quantizer_internal") is None:
        return None, f"{layer.name} in front of it has no {_KERNELS[type(layer)]}_quantizer"
    for shared in (norm, layer):
        if sum(other.layer is shared for other in graph.calls) > 1:
            return None, f"{shared.name} is used more than once"
    return layer, ""


def _is_short(norm: Any) -> bool:
    found = [on_grid(_floats(values)) for values in scale_and_offset(norm)]
    return all(part is not None and part[1].width <= _SHORT for part in found)


def _planned(norm: Any, layer: Any, snap_scales: bool) -> _Fold:
    """Kernel and bias that give what the layer and the normalization give together."""
    part = _KERNELS[type(layer)]
    quantizer = getattr(layer, f"{part}_quantizer_internal")
    where = f"{layer.name} ({part}_quantizer)"
    values = values_of(layer, part)
    assert values is not None
    scale, offset = (_floats(part) for part in scale_and_offset(norm))
    kernel = evaluate(copy.copy(quantizer), values, where)
    kernel = kernel * (scale.reshape(kernel.shape[2:]) if part == "depthwise" else scale)
    bias, bias_quantizer = np.zeros_like(offset), layer.bias_quantizer_internal
    if layer.use_bias:
        given = _floats(layer.bias)
        bias = given if bias_quantizer is None else evaluate(copy.copy(bias_quantizer), given, f"{layer.name} (bias)")
    bias = bias * scale + offset
    if bias_quantizer is None:
        if snap_scales:
            quantizer, values = snap(quantizer, kernel.astype(np.float32), where)[0], kernel.astype(np.float32)
        fraction = read_weights(quantizer, values, where)[1].fraction
        integer = int(np.frexp(np.abs(bias).max())[1])
        if 1 + integer + fraction > MAX_WIDTH:
            raise ConversionError(
                f"layer {norm.name}: folded into {layer.name} it gives a bias of {np.abs(bias).max():g}, which takes "
                f"{1 + integer + fraction} bits next to its kernel, and float32 holds {MAX_WIDTH}; give {layer.name} a "
                "bias_quantizer, or train again with a smaller mean"
            )
        bias_quantizer = qkeras.quantized_bits(max(1 + integer + fraction, 2), integer, alpha=1)
    return _Fold(norm, layer, part, kernel, bias, bias_quantizer)


def _cloned(model: Any, folds: list[_Fold], clones: dict[int, Any]) -> Any:
    """A copy of the model and its weights, in which folded normalizations do nothing; `clones` by id of the layer."""
    norms, folded = {id(fold.norm) for fold in folds}, {id(fold.layer): fold for fold in folds}
    originals: list[Any] = []

    def clone(layer: Any) -> Any:
        if id(layer) not in clones:
            if id(layer) in norms:
                return keras.layers.Identity(name=layer.name)
            clones[id(layer)] = _copied(layer, folded.get(id(layer)))
            originals.append(layer)
        return clones[id(layer)]

    def call(layer: Any, *args: Any, **kwargs: Any) -> Any:
        return layer(*args) if isinstance(layer, keras.layers.Identity) else layer(*args, **kwargs)  # it takes no mask

    options: dict[str, Any] = {}
    if not isinstance(model, keras.Sequential):
        named = {id(tensor): keras.Input(tensor.shape[1:], name=name_of(tensor)) for tensor in model.inputs}
        inputs = keras.tree.map_structure(lambda tensor: named[id(tensor)], model.input)
        options = {"input_tensors": inputs, "call_function": call}
    with _not_compiled(model):
        copied = keras.models.clone_model(model, clone_function=clone, recursive=True, **options)
    if not copied.built:
        copied.build(model.input_shape)
    for layer in originals:
        if id(layer) not in folded:
            clones[id(layer)].set_weights(layer.get_weights())
        elif folded[id(layer)].part == "pointwise":
            clones[id(layer)].depthwise_kernel.assign(layer.depthwise_kernel)
    return copied


@contextmanager
def _not_compiled(model: Any) -> Iterator[None]:
    """Keeps Keras from copying losses and optimizers, of which it cannot copy all."""
    models = [part for part in model._flatten_layers() if isinstance(part, keras.Model)]
    compiled = [part.compiled for part in models]
    for part in models:
        part.compiled = False
    try:
        yield
    finally:
        for part, before in zip(models, compiled, strict=True):
            part.compiled = before


def _copied(layer: Any, fold: _Fold | None) -> Any:
    config = layer.get_config()
    if type(layer) is qkeras.QDenseBatchnorm:
        config = without_foreign_options(config)
    if fold is not None:
        config |= {"use_bias": True, "bias_quantizer": fold.bias_quantizer}
    try:
        return type(layer).from_config(config)
    except Exception as error:  # layers of any origin
        reason = " ".join(str(error).split())[:200]
        raise ConversionError(f"layer {layer.name}: {type(layer).__name__} cannot be copied ({reason})") from error


def _fold(fold: _Fold, layer: Any, snap_scales: bool) -> Iterator[str]:
    """Give a copied layer the weights of a fold; yields what that changed."""
    parts = ((fold.part, fold.kernel, "weights"), ("bias", fold.bias, "biases"))
    for part, wanted, _ in parts:
        variable = getattr(layer, VARIABLES[part])
        variable.assign(wanted.reshape(variable.shape))
    if snap_scales:
        yield from _snapped(layer)  # the scales that fit the folded weights
    changes = [_change(layer, part, wanted, word) for part, wanted, word in parts]
    text = f"layer {fold.norm.name}: folded into {layer.name}; {', '.join(changes)}"
    if fold.layer.bias_quantizer_internal is None:
        text += f"; its new bias_quantizer is {fold.bias_quantizer}"
    yield f"{text}; train the folded model on if that costs too much"


def _change(layer: Any, part: str, wanted: Values, word: str) -> str:
    """How far the quantized weights are from those wanted."""
    quantizer, where = getattr(layer, f"{part}_quantizer_internal"), f"{layer.name} ({part}_quantizer)"
    values = values_of(layer, part)
    assert values is not None
    words, format_ = read_weights(quantizer, values, where)
    moved = np.abs(np.ldexp(words.astype(np.float64), -format_.fraction) - wanted)
    text = f"its {word} change by up to {moved.max() / format_.lsb:.3g} LSB ({moved.max():.3g})"
    beyond = int(_beyond(wanted, format_).sum())
    return text + (f", {beyond} of {wanted.size} lie beyond {format_}" if beyond else "")


def _beyond(values: Values, format_: FixedFormat) -> NDArray[np.bool_]:
    scaled = np.ldexp(values, format_.fraction)
    return (scaled > format_.high + 0.5) | (scaled < format_.low - 0.5)


def _snapped(layer: Any) -> Iterator[str]:
    """Give a copied layer quantizers without float scales; yields what that changed."""
    for part in (*VARIABLES, "average"):
        quantizer = getattr(layer, f"{part}_quantizer_internal", None)
        if quantizer is None:
            continue
        values = _average(layer) if part == "average" else values_of(layer, part)
        if values is not None:
            new, note = snap(quantizer, values, f"{layer.name} ({part}_quantizer)")
            if note:
                setattr(layer, f"{part}_quantizer", new)
                setattr(layer, f"{part}_quantizer_internal", new)
                yield note
    if type(getattr(layer, "activation", None)) in QUANTIZERS:
        new, note = snap(layer.activation, None, layer.name)
        if note:
            layer.activation = new
            yield note


def _average(layer: Any) -> NDArray[np.float32]:
    """The weight of an average, of which the quantizer of a pooling layer makes another one."""
    window = getattr(layer, "pool_size", None)
    if window is None:
        window = layer.input.shape[1:3]
    return np.array(1 / math.prod(window), dtype=np.float32)


def _floats(values: Any) -> Values:
    return np.asarray(keras.ops.convert_to_numpy(values), dtype=np.float64)
