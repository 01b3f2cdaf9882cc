"""The one place that reads QKeras quantizers: the exact fixed-point format, or a refusal that says what to change.

Meaning as in qkeras-v3 1.2.1 (`quantizers.py`): scale by a power of two, round half to even, clip, scale back.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from qkeras import binary, quantized_bits, quantized_relu, ternary

from l1ae.circuit.formats import FixedFormat, Overflow, Rounding
from l1ae.errors import ConversionError

#: QKeras computes clipping limits in float32, which holds integers of up to 24 bits.
MAX_WIDTH = 24
_DETERMINISTIC = "exact firmware needs deterministic rounding"
#: Weights of -1, 0 and 1.
_SIGNS = FixedFormat(True, 2, 2)


def read_quantizer(quantizer: Any, layer_name: str) -> FixedFormat:
    """The format that a QKeras quantizer rounds and saturates to; raises `ConversionError` when there is none."""
    if quantizer is None:
        raise ConversionError(
            f"layer {layer_name}: no quantizer, so its values are floats; give it quantized_bits(..., alpha=1)"
        )
    reader = {quantized_bits: _read_bits, quantized_relu: _read_relu}.get(type(quantizer))
    if reader is None:
        raise ConversionError(
            f"layer {layer_name}: quantizer {_name(quantizer)} is not supported; use quantized_bits or quantized_relu"
        )
    _refuse(layer_name, quantizer, "use_stochastic_rounding", False, _DETERMINISTIC)
    if not _is_number(quantizer.qnoise_factor) or float(quantizer.qnoise_factor) != 1.0:
        raise ConversionError(
            f"layer {layer_name}: qnoise_factor={quantizer.qnoise_factor} mixes in unquantized values; set it to 1"
        )
    return reader(quantizer, layer_name)


def read_weights(
    quantizer: Any, values: NDArray[np.floating], layer_name: str
) -> tuple[NDArray[np.int64], FixedFormat]:
    """Words of the float32 weights `values` (any shape) and their format, as a QKeras weight quantizer gives them.

    Beside the quantizers of `read_quantizer`: ternary and binary with alpha=1, whose values are -1, 0 and 1.
    """
    if type(quantizer) not in (ternary, binary):
        format_ = read_quantizer(quantizer, layer_name)
        return format_.quantize_values(values), format_
    _check_alpha(quantizer, layer_name)
    _refuse(layer_name, quantizer, "use_stochastic_rounding", False, _DETERMINISTIC)
    signs = np.sign(values).astype(np.int64)
    if type(quantizer) is binary:
        _refuse(layer_name, quantizer, "use_01", False, "only the values -1 and 1 are supported")
        return np.where(signs == 0, 1, signs), _SIGNS
    threshold = quantizer.default_threshold if quantizer.threshold is None else quantizer.threshold
    if not _is_number(threshold):
        raise ConversionError(f"layer {layer_name}: threshold={threshold!r} of ternary is no number; set a constant")
    return np.where(np.abs(values) >= np.float32(threshold), signs, 0), _SIGNS


def _check_alpha(quantizer: Any, layer_name: str) -> None:
    alpha = quantizer.alpha
    if not (alpha is None or (_is_number(alpha) and float(alpha) == 1.0)):
        hint = " (qkeras turns alpha=None on a kernel into 'auto_po2')" if isinstance(alpha, str) else ""
        raise ConversionError(f"layer {layer_name}: alpha={alpha!r} scales by a float{hint}; set alpha=1")


def _read_bits(quantizer: Any, layer_name: str) -> FixedFormat:
    _check_alpha(quantizer, layer_name)
    signed = bool(quantizer.keep_negative)
    width, integer = _whole(quantizer, "bits", layer_name), _whole(quantizer, "integer", layer_name)
    if width - signed < 1:
        raise ConversionError(
            f"layer {layer_name}: quantized_bits with 1 bit means -1 or +1 (binary); use 2 bits or more"
        )
    symmetric = signed and bool(quantizer.symmetric)
    return _format(signed, width, integer + signed, Overflow.SAT_SYM if symmetric else Overflow.SAT, layer_name)


def _read_relu(quantizer: Any, layer_name: str) -> FixedFormat:
    _refuse(layer_name, quantizer, "negative_slope", 0.0, "a leaky rectifier has no fixed-point format")
    _refuse(layer_name, quantizer, "use_sigmoid", 0, "a sigmoid has no fixed-point format")
    width, integer = _whole(quantizer, "bits", layer_name), _whole(quantizer, "integer", layer_name)
    if integer < 0:
        raise ConversionError(
            f"layer {layer_name}: quantized_relu with integer={integer} cannot be computed by qkeras; use 0 or more"
        )
    format_ = _format(False, width, integer, Overflow.SAT, layer_name)
    bound = quantizer.relu_upper_bound
    if bound is not None and not quantizer.is_quantized_clip and float(bound) < format_.high * format_.lsb:
        raise ConversionError(
            f"layer {layer_name}: relu_upper_bound={bound} cuts into {format_}; remove it or take fewer integer bits"
        )
    return format_


def _format(signed: bool, width: int, integer: int, overflow: Overflow, layer_name: str) -> FixedFormat:
    if width > MAX_WIDTH:
        raise ConversionError(
            f"layer {layer_name}: {width} bits are more than float32 holds exactly; use at most {MAX_WIDTH}"
        )
    return FixedFormat(signed, width, integer, Rounding.RND_CONV, overflow)


def _refuse(layer_name: str, quantizer: Any, option: str, allowed: Any, reason: str) -> None:
    value = getattr(quantizer, option)
    if value != allowed:
        raise ConversionError(f"layer {layer_name}: {option}={value}: {reason}; set {option}={allowed}")


def _whole(quantizer: Any, option: str, layer_name: str) -> int:
    value = getattr(quantizer, option)
    if not _is_number(value) or float(value) != int(value):
        raise ConversionError(
            f"layer {layer_name}: {option}={value} of its quantizer is not a whole number; set a constant"
        )
    return int(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, np.integer, np.floating))


def _name(quantizer: Any) -> str:
    return getattr(quantizer, "__name__", type(quantizer).__name__)
