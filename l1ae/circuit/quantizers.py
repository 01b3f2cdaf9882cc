"""The one place that reads the options of QKeras quantizers: an exact rule, or a refusal that says what to change.

Meaning as in qkeras-v3 1.2.1 (`quantizers.py`). Most quantizers divide by a power of two, round half to even, clip and
multiply again, which is a fixed-point format; what surrounds that is a `Rule`. Quantizers without a rule are tabulated
by `activations.py`. Weights are constants, so there QKeras itself says what they are.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import qkeras
from numpy.typing import NDArray

from l1ae.circuit.evaluate import MAX_WIDTH, MODES, Floats, Words, array_of, evaluate, name_of, on_grid
from l1ae.circuit.formats import FixedFormat, Overflow, Rounding
from l1ae.errors import ConversionError

#: Largest `integer` of quantized_relu, which computes 2**integer in 32-bit integers.
_MAX_RELU_INTEGER = 30
_POWER = "set it to 1 or another power of two"
_SNAP = "or convert with snap_scales=True (--snap-scales)"
_SIGNS = (qkeras.ternary, qkeras.stochastic_ternary, qkeras.binary, qkeras.stochastic_binary)
#: Every quantizer of qkeras; what is not known cannot be judged.
QUANTIZERS = (
    *_SIGNS,
    qkeras.bernoulli,
    qkeras.quantized_bits,
    qkeras.quantized_hswish,
    qkeras.quantized_linear,
    qkeras.quantized_po2,
    qkeras.quantized_relu,
    qkeras.quantized_relu_po2,
    qkeras.quantized_sigmoid,
    qkeras.quantized_tanh,
    qkeras.quantized_ulaw,
)


@dataclass(frozen=True)
class Rule:
    """Negative values times 2**-leak, brought to `format`, times 2**up, limited to values from `low` to `high`."""

    format: FixedFormat
    leak: int = 0
    up: int = 0
    low: float | None = None
    high: float | None = None

    @property
    def plain(self) -> bool:
        """Nothing but the format."""
        return self == Rule(self.format)


def read_rule(quantizer: Any, layer_name: str) -> Rule | None:
    """The rule of a QKeras quantizer of activations; None when it has none, and only a table can be exact.

    Raises `ConversionError` for options that no circuit can follow, and for what is no quantizer of QKeras.
    """
    if type(quantizer) not in QUANTIZERS:
        raise ConversionError(
            f"layer {layer_name}: quantizer {name_of(quantizer)} is not known; use one of qkeras, as quantized_bits"
        )
    _refuse_noise(quantizer, layer_name)
    scale = _scale_of_activations(quantizer, layer_name)
    format_ = _format_of(quantizer, layer_name)
    if format_ is None or isinstance(getattr(quantizer, "alpha", None), str):
        return None
    if type(quantizer) is not qkeras.quantized_relu:
        linear = type(quantizer) is qkeras.quantized_linear  # the scale is part of its format
        return Rule(format_, up=0 if linear else int(np.log2(scale)))
    slope, high = float(quantizer.negative_slope), quantizer.relu_upper_bound
    high = None if quantizer.is_quantized_clip or not high else float(np.float32(high))
    if high is not None and high >= format_.high * format_.lsb:
        high = None
    if slope == 0.0:
        return Rule(format_, high=high)
    lowest = slope * format_.low * format_.lsb
    if slope > 1.0 or -lowest < format_.lsb or (high is not None and high < lowest):
        return None
    return Rule(format_, int(-np.log2(slope)), low=lowest if slope < 1.0 else None, high=high)


def read_quantizer(quantizer: Any, layer_name: str) -> FixedFormat:
    """The format that a QKeras quantizer rounds and saturates to; raises `ConversionError` when there is more to it."""
    if quantizer is None:
        raise ConversionError(
            f"layer {layer_name}: no quantizer, so its values are floats; give it quantized_bits(..., alpha=1)"
        )
    rule = read_rule(quantizer, layer_name)
    if rule is None or not rule.plain:
        raise ConversionError(
            f"layer {layer_name}: quantizer {name_of(quantizer)} is no fixed-point format with its options; "
            "use quantized_bits(..., alpha=1) or quantized_relu"
        )
    return rule.format


def read_port(quantizer: Any, layer_name: str) -> FixedFormat | None:
    """The format of an input port in front of a quantizer that changes nothing of what comes out behind it.

    None when the quantizer does not begin with a fixed-point format, or is refused anyway.
    """
    try:
        rule = read_rule(quantizer, layer_name)
    except ConversionError:
        return None
    if rule is None or rule.leak:
        return None
    first = rule.format
    return FixedFormat(first.signed, first.width, first.integer, Rounding.RND_CONV, Overflow.SAT)


def read_weights(quantizer: Any, values: NDArray[np.floating], where: str) -> tuple[Words, FixedFormat]:
    """Words of the float32 weights `values` (any shape) and their format: exactly what QKeras multiplies with.

    Raises `ConversionError` when that lies on no grid of at most 24 bits, or is not the same every time.
    """
    if quantizer is None:
        raise ConversionError(f"layer {where}: no quantizer, so its weights are floats; set quantized_bits(8, alpha=1)")
    values = np.asarray(values, dtype=np.float32)
    if not np.isfinite(values).all():
        raise ConversionError(f"layer {where}: it holds values that are not finite; train the model again")
    _refuse_noise(quantizer, where)
    format_ = _format_of_weights(quantizer, where)
    own = copy.copy(quantizer)  # a quantizer keeps its last scale
    used = evaluate(own, values, where)
    _refuse_scale(own, quantizer, where)
    found = _in_format(used, format_)
    if found is not None:
        return found
    found = on_grid(used)
    if found is None:
        raise ConversionError(
            f"layer {where}: its values behind {name_of(quantizer)} are on no grid of {MAX_WIDTH} bits; "
            "take fewer bits, or quantized_bits(8, alpha=1)"
        )
    for mode in MODES:
        if not np.array_equal(evaluate(own, values, where, mode), used):
            raise ConversionError(
                f"layer {where}: {name_of(quantizer)} gives other weights every time, or when TensorFlow compiles the "
                "model; use quantized_bits(8, alpha=1)"
            )
    words, format_ = found
    return words, FixedFormat.holding(min(int(words.min()), -1), int(words.max()), format_.fraction)


def _in_format(values: Floats, format_: FixedFormat | None) -> tuple[Words, FixedFormat] | None:
    """Words of values that are all values of a format; None when they are not."""
    if format_ is None:
        return None
    with np.errstate(over="ignore"):
        words = np.ldexp(values, format_.fraction)
    fits = np.array_equal(np.clip(np.rint(words), format_.low, format_.high), words)
    return (words.astype(np.int64), format_) if fits else None


def is_power_of_two(scale: Any) -> bool:
    """Is every element of a positive number, array or tensor a power of two?"""
    values = np.asarray(array_of(scale), dtype=np.float64)
    return bool(np.all((values > 0) & np.isfinite(values) & (np.frexp(values)[0] == 0.5)))


def _refuse_noise(quantizer: Any, where: str) -> None:
    """Refuse what is random, not fully quantized, or beyond QKeras itself, when a trained model is evaluated."""
    if type(quantizer) is qkeras.bernoulli:
        raise ConversionError(f"layer {where}: bernoulli draws random numbers; use binary(use_01=True, alpha=1)")
    if type(quantizer) is qkeras.binary and quantizer.use_stochastic_rounding:
        reason = "rounds at random in every evaluation" if quantizer.training else "cannot be evaluated by qkeras"
        raise ConversionError(
            f"layer {where}: use_stochastic_rounding=True of binary {reason}; set use_stochastic_rounding=False"
        )
    if isinstance(quantizer, qkeras.ternary):
        if isinstance(quantizer.threshold, str):
            raise ConversionError(
                f"layer {where}: qkeras cannot compute with threshold={quantizer.threshold!r}; set a number, or "
                "alpha='auto_po2' on weights and no threshold"
            )
        if quantizer.use_stochastic_rounding and not isinstance(quantizer.alpha, str):
            raise ConversionError(
                f"layer {where}: use_stochastic_rounding=True of ternary with this alpha cannot be computed by qkeras; "
                "set use_stochastic_rounding=False"
            )
    limits = [getattr(quantizer, option, None) for option in ("min_po2_exponent", "max_po2_exponent")]
    if limits.count(None) == 1:
        raise ConversionError(
            f"layer {where}: qkeras cannot compute with one of min_po2_exponent and max_po2_exponent; set both"
        )
    noise = array_of(getattr(quantizer, "qnoise_factor", 1.0))
    if noise.size != 1 or float(noise.ravel()[0]) != 1.0:
        raise ConversionError(
            f"layer {where}: qnoise_factor={noise} mixes in unquantized values; set it to 1 after the training"
        )


def _scale_of_activations(quantizer: Any, layer_name: str) -> float:
    alpha = getattr(quantizer, "alpha", None)
    if alpha is None:
        return 1.0
    frozen = isinstance(alpha, str) and bool(getattr(quantizer, "freeze_scale", False))
    if isinstance(alpha, str) and not frozen:
        raise ConversionError(
            f"layer {layer_name}: alpha={alpha!r} scales activations by what each batch holds; set alpha=1"
        )
    option, scale = ("post_training_scale", quantizer.scale) if frozen else ("alpha", alpha)
    if not is_power_of_two(scale):
        raise ConversionError(f"layer {layer_name}: {option}={_short(scale)} scales by a float; {_POWER}, {_SNAP}")
    if array_of(scale).size > 1:
        raise ConversionError(f"layer {layer_name}: {option} has a value per channel; set it to one power of two")
    return float(array_of(scale).item())


def _refuse_scale(evaluated: Any, quantizer: Any, where: str) -> None:
    """Refuse scales of weights that are no powers of two; those of a channel of zeros may be zero."""
    scale = getattr(evaluated, "scale", None)
    if scale is None or is_power_of_two(np.where(array_of(scale) == 0, 1.0, array_of(scale))):
        return
    alpha, frozen = quantizer.alpha, getattr(quantizer, "post_training_scale", None) is not None
    if isinstance(alpha, str) and not frozen:
        raise ConversionError(f"layer {where}: alpha={alpha!r} scales by a float; set alpha='auto_po2' or 1, {_SNAP}")
    option = "post_training_scale" if frozen else "alpha"
    raise ConversionError(
        f"layer {where}: {option}={_short(scale if frozen else alpha)} scales by a float; {_POWER}, {_SNAP}"
    )


def _format_of_weights(quantizer: Any, where: str) -> FixedFormat | None:
    """The format that shows what the quantizer of weights was asked for; None when QKeras's values decide."""
    format_ = FixedFormat(True, 2, 2) if type(quantizer) in _SIGNS else _format_of(quantizer, where)
    alpha = getattr(quantizer, "alpha", None)
    if isinstance(quantizer, qkeras.quantized_bits) and not isinstance(alpha, str) and array_of(alpha).size > 1:
        raise ConversionError(
            f"layer {where}: qkeras cannot compute with an alpha of several values; "
            "use alpha='auto_po2' with these values as its post_training_scale"
        )
    if format_ is None or alpha is None or type(quantizer) is qkeras.quantized_linear:
        return None if isinstance(alpha, str) else format_
    if isinstance(alpha, str) or array_of(alpha).size > 1 or not is_power_of_two(alpha):
        return None
    up = int(np.log2(array_of(alpha).item()))
    return replace(format_, integer=format_.integer + up)


def _format_of(quantizer: Any, where: str) -> FixedFormat | None:
    """What a quantizer rounds and saturates to before it scales or limits; None when that is no format."""
    reader = _READERS.get(type(quantizer))
    return None if reader is None else reader(quantizer, where)


def _read_bits(quantizer: Any, where: str) -> FixedFormat | None:
    signed = bool(quantizer.keep_negative)
    width, integer = _whole(quantizer, "bits", where), _whole(quantizer, "integer", where)
    return _format(signed, width, integer + signed, bool(quantizer.symmetric), where)


def _read_linear(quantizer: Any, where: str) -> FixedFormat | None:
    signed, scale = bool(quantizer.keep_negative), array_of(quantizer.quantization_scale)
    width = _whole(quantizer, "bits", where)
    if scale.size > 1 or not is_power_of_two(scale):
        return None
    return _format(signed, width, width + int(np.log2(scale.item())), bool(quantizer.symmetric), where)


def _read_relu(quantizer: Any, where: str) -> FixedFormat | None:
    width, integer = _whole(quantizer, "bits", where), _whole(quantizer, "integer", where)
    if not 0 <= integer <= _MAX_RELU_INTEGER:
        raise ConversionError(
            f"layer {where}: quantized_relu with integer={integer} cannot be computed by qkeras; "
            f"use 0 to {_MAX_RELU_INTEGER}"
        )
    leaky = quantizer.negative_slope != 0.0
    return None if quantizer.use_sigmoid else _format(leaky, width, integer + leaky, False, where)


def _format(signed: bool, width: int, integer: int, symmetric: bool, where: str) -> FixedFormat | None:
    if width > MAX_WIDTH:
        raise ConversionError(
            f"layer {where}: {width} bits are more than float32 holds exactly; use at most {MAX_WIDTH}"
        )
    if width - signed < 1:
        return None  # one bit with a sign is the sign alone, without a zero
    overflow = Overflow.SAT_SYM if signed and symmetric else Overflow.SAT
    return FixedFormat(signed, width, integer, Rounding.RND_CONV, overflow)


_READERS: dict[type, Callable[[Any, str], FixedFormat | None]] = {
    qkeras.quantized_bits: _read_bits,
    qkeras.quantized_linear: _read_linear,
    qkeras.quantized_relu: _read_relu,
}


def _whole(quantizer: Any, option: str, where: str) -> int:
    value = array_of(getattr(quantizer, option))
    if value.size != 1 or float(value.ravel()[0]) != int(value.ravel()[0]):
        raise ConversionError(
            f"layer {where}: {option}={_short(value)} of its quantizer is not one whole number; set a constant"
        )
    return int(value.ravel()[0])


def _short(value: Any) -> str:
    values = array_of(value)
    return f"{values.item():g}" if values.size == 1 else f"array of shape {values.shape}"
