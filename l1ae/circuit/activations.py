"""Functions on the tensor of a node: the exact nodes that compute them, a look-up table, or a refusal with the fix.

What is made of options is compared with what QKeras computes before it is used.
"""

import copy
import warnings
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import qkeras

from l1ae.circuit import reference
from l1ae.circuit.builder import Builder
from l1ae.circuit.evaluate import MAX_WIDTH, Words, evaluate, name_of
from l1ae.circuit.formats import FixedFormat
from l1ae.circuit.nodes import UNDECIDED, Clip, Input, Leaky, Lookup, Node, Quantize, Scale
from l1ae.circuit.quantizers import QUANTIZERS, Rule, is_power_of_two, read_rule
from l1ae.circuit.ranges import NodeRange
from l1ae.circuit.tabulate import tabulate
from l1ae.circuit.tensors import Wire
from l1ae.errors import ConversionError

#: Adds nodes to a builder: name of the last one, name of the operand -> name of the node that holds the result.
Emit = Callable[[Builder, str, str], str]

#: Functions that give floats, and what to take instead.
_INSTEAD = {
    "tanh": "quantized_tanh(8)",
    "sigmoid": "quantized_sigmoid(8)",
    "hard_sigmoid": "quantized_sigmoid(8)",
    "silu": "quantized_hswish(8, 2)",
    "swish": "quantized_hswish(8, 2)",
    "hard_silu": "quantized_hswish(8, 2)",
    "gelu": "quantized_hswish(8, 2)",
    "mish": "quantized_hswish(8, 2)",
    **dict.fromkeys(("elu", "selu", "celu", "leaky_relu", "PReLU", "ELU"), "quantized_relu(8, 2, negative_slope=0.25)"),
    **dict.fromkeys(("softplus", "squareplus", "sparse_plus", "exponential"), "quantized_relu(8, 2)"),
}
#: Functions of QKeras that have no nodes, but tables.
_TABULATED = (
    qkeras.quantizers.smooth_sigmoid,
    qkeras.quantizers.smooth_tanh,
    qkeras.quantizers.binary_sigmoid,
    qkeras.quantizers.binary_tanh,
    qkeras.quantizers.hard_sigmoid,
    qkeras.quantizers.hard_tanh,
)


def activate(builder: Builder, name: str, source: str, function: Any, layer_name: str) -> str:
    """Add the nodes that compute a QKeras quantizer or an activation function on a node; returns the name of the last.

    `function`: an object, a layer such as ReLU, a name, or None. The last node is called `name`, those before it
    `name__word`; for a linear function there is none, and `source` is returned. Raises `ConversionError`.
    """
    function = _resolved(function, layer_name)
    if function is None:
        return source
    known = builder.ranges[source]
    if type(function) in QUANTIZERS:
        function = copy.copy(function)  # a quantizer keeps its last scale
        rule = read_rule(function, layer_name)
        emit = None if rule is None else _emit_rule(rule)
        lost = 0 if rule is None else known.format.fraction - rule.format.fraction
    else:
        emit, lost = _emit_function(function, known.format.fraction, layer_name), 0
    low, high = int(known.low.min()), int(known.high.max())
    if emit is None:
        emit = _emit_table(function, known, layer_name)
    else:
        _confirm(emit, function, _samples(low, high, lost), known.format.fraction, layer_name)
    return emit(builder, name, source)


def _resolved(function: Any, layer_name: str) -> Any:
    """The function that is meant by a name or a layer; None for the linear one."""
    if isinstance(function, str):
        try:
            function = keras.activations.get(function)
        except ValueError:
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # of the parser that qkeras uses
                    function = qkeras.quantizers.get_quantizer(function)
            except Exception as error:  # it evaluates the text, and fails as it likes
                raise ConversionError(
                    f"layer {layer_name}: activation {function!r} is not known; use relu or a quantizer of qkeras"
                ) from error
    if isinstance(function, (keras.layers.Activation, qkeras.QActivation)):
        return _resolved(function.activation, layer_name)
    return None if function is keras.activations.linear else function


def _emit_rule(rule: Rule) -> Emit:
    """Leaky rectifier, Quantize, Scale, Clip: as many of them as the rule needs."""
    steps: list[tuple[str, Emit]] = []
    if rule.leak:
        steps.append(("leaky", _leaky(rule.leak)))
    steps.append(("quantized", _quantize(rule.format)))
    if rule.up:
        steps.append(("scaled", _scale(-rule.up)))
    if rule.low is not None or rule.high is not None:
        steps.append(("clipped", _clip(rule.low, rule.high)))
    return _chain(steps)


def _emit_function(function: Any, fraction: int, layer_name: str) -> Emit | None:
    """The nodes of a function without a quantizer; None for one of QKeras that needs a table."""
    name = name_of(function)
    if function is keras.activations.relu6:
        return _clip(0.0, 6.0)
    if function is keras.activations.relu:
        return _clip(0.0, None)
    if function is keras.activations.hard_tanh:
        return _clip(-1.0, 1.0)
    if isinstance(function, (keras.layers.ReLU, keras.layers.LeakyReLU)):
        return _rectifier(function, layer_name)
    if function in _TABULATED:
        if not 0 <= fraction < MAX_WIDTH - 1 or not name.startswith("hard"):
            return None  # with more bits QKeras rounds x / 2 + 1 / 2
        halved = _chain([("scaled", _scale(1, offset=-1)), ("clipped", _clip(0.0, 1.0))])
        return halved if name == "hard_sigmoid" else _clip(-1.0, 1.0)
    if name in ("softmax", "Softmax", "log_softmax", "sparsemax"):
        raise ConversionError(
            f"layer {layer_name}: {name} divides by a sum; leave it away and end the model with what goes into it, "
            "which has the same order"
        )
    if getattr(keras.activations, name, None) is function or isinstance(function, keras.layers.Layer):
        fix = f"use QActivation({_INSTEAD.get(name, 'quantized_relu(8, 2)')})"
        raise ConversionError(f"layer {layer_name}: activation {name} gives floats; {fix}")
    raise ConversionError(
        f"layer {layer_name}: activation {name} is not known; use relu or a quantizer of qkeras, as quantized_relu"
    )


def _rectifier(layer: Any, layer_name: str) -> Emit:
    slope, highest = float(layer.negative_slope), getattr(layer, "max_value", None)
    if getattr(layer, "threshold", 0.0) != 0.0:
        raise ConversionError(f"layer {layer_name}: threshold={layer.threshold} of a rectifier; set threshold=0")
    high = None if highest is None else float(np.float32(highest))
    if slope == 0.0:
        return _clip(0.0, high)
    if not is_power_of_two(slope) or slope > 1.0:
        raise ConversionError(
            f"layer {layer_name}: negative_slope={slope:g} is no power of two up to 1; set negative_slope=0.25"
        )
    steps = [("leaky", _leaky(int(-np.log2(slope))))]
    return _chain(steps if high is None else [*steps, ("clipped", _clip(None, high))])


def _chain(steps: list[tuple[str, Emit]]) -> Emit:
    """Emits one step behind the other; all but the last get a name of two parts."""

    def emit(builder: Builder, name: str, source: str) -> str:
        for word, step in steps[:-1]:
            source = step(builder, f"{name}__{word}", source)
        return steps[-1][1](builder, name, source)

    return emit


def _single(make: Callable[[str, tuple[str, ...], tuple[int, ...], FixedFormat], Node]) -> Emit:
    return lambda builder, name, source: (
        builder.add(make(name, (source,), builder.shape(source), builder.format(source))).name
    )


def _quantize(format_: FixedFormat) -> Emit:
    return _single(lambda name, inputs, shape, _: Quantize(name, inputs, shape, format_))


def _leaky(shift: int) -> Emit:
    return _single(lambda name, inputs, shape, _: Leaky(name, inputs, shape, UNDECIDED, shift))


def _clip(low: float | None, high: float | None) -> Emit:
    ratios = [limit.as_integer_ratio() for limit in (low, high) if limit is not None]
    fraction = max(denominator.bit_length() - 1 for _, denominator in ratios)
    words = [None if limit is None else int(limit * 2**fraction) for limit in (low, high)]
    return _single(lambda name, inputs, shape, _: Clip(name, inputs, shape, UNDECIDED, words[0], words[1], fraction))


def _scale(shift: int, offset: int = 0) -> Emit:
    def emit(builder: Builder, name: str, source: str) -> str:
        shape = builder.shape(source)
        size = int(np.prod(shape))
        if len(shape) > 1:
            builder.add(Wire(f"{name}__flat", (source,), (size,), UNDECIDED, tuple(range(size))))
            flat = emit(builder, f"{name}__shifted", f"{name}__flat")
            return builder.add(Wire(name, (flat,), shape, UNDECIDED, tuple(range(size)))).name
        return builder.add(Scale(name, (source,), shape, UNDECIDED, (offset,) * size, (shift,) * size)).name

    return emit


def _samples(low: int, high: int, lost: int) -> Words:
    """Words from `low` to `high`: all, or both ends, those around zero, and many between, ties of `lost` bits too."""
    if high - low < 2**13:
        return np.arange(low, high + 1, dtype=np.int64)
    between = np.linspace(low, high, 2**12).astype(np.int64)
    near = np.arange(-300, 301)
    words = np.concatenate([between, low + near, high + near, near])
    if 0 < lost < 62:
        words = np.concatenate([words, (words >> lost << lost) + (1 << (lost - 1))])
    return np.unique(np.clip(words, low, high))


def _confirm(emit: Emit, function: Any, words: Words, fraction: int, layer_name: str) -> None:
    """Compare the nodes with what QKeras computes for these words of an input; refuse a difference."""
    wide = FixedFormat.holding(int(words.min()), int(words.max()), fraction)
    trial = Builder()
    trial.add(Input("input", (), (1,), wide))
    last = emit(trial, "output", "input")
    format_ = trial.format(last)
    # Beyond this float32 has no bits left for x + (rounded - x), in which QKeras computes.
    finest = max(fraction, max(node.format.fraction for node in trial.nodes.values()))
    words = words[np.abs(words) <= max(2 ** (MAX_WIDTH - 1) >> finest - fraction, 1)]
    if not words.size:
        return
    values = np.ldexp(words.astype(np.float64), -fraction)[:, None]
    wanted = evaluate(function, values, layer_name)
    traced = reference.trace(tuple(trial.nodes.values()), trial.ranges, words[:, None], [last])[last]
    got = np.ldexp(traced.astype(np.float64), -format_.fraction)
    if wanted.shape != got.shape or not np.array_equal(wanted, got):
        raise ConversionError(
            f"layer {layer_name}: qkeras computes {name_of(function)} otherwise than its options say; "
            "use quantized_bits(..., alpha=1) or quantized_relu"
        )


def _emit_table(function: Any, known: NodeRange, layer_name: str) -> Emit:
    """A look-up table, perhaps behind a Quantize that keeps the bits that count."""
    fraction = known.format.fraction
    found = tabulate(function, int(known.low.min()), int(known.high.max()), fraction, layer_name)
    fraction_in = fraction if found.address is None else found.address.fraction
    lookup = _single(
        lambda name, inputs, shape, _: Lookup(
            name, inputs, shape, found.format, found.words[None], found.first, fraction_in
        )
    )
    return lookup if found.address is None else _chain([("address", _quantize(found.address)), ("table", lookup)])
