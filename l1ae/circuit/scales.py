"""Float scales of quantizers replaced by the nearest power of two, so that firmware can multiply by shifting."""

import copy
from typing import Any

import numpy as np
import qkeras
from numpy.typing import NDArray

from l1ae.circuit.evaluate import Floats, array_of, evaluate, name_of
from l1ae.circuit.quantizers import QUANTIZERS, is_power_of_two, read_weights


def snap(quantizer: Any, values: NDArray[np.floating] | None, where: str) -> tuple[Any, str]:
    """The quantizer with powers of two for its float scales, and a sentence on what that changed.

    `values`: the float32 weights that it quantizes, None for activations. A quantizer without a float scale comes back
    as it is, with an empty sentence; so does one of activations whose scale depends on the data.
    """
    alpha = getattr(quantizer, "alpha", None)
    if type(quantizer) not in QUANTIZERS or type(quantizer) is qkeras.bernoulli or alpha is None:
        return quantizer, ""
    fixed = not isinstance(alpha, str) or bool(getattr(quantizer, "freeze_scale", False))
    if not fixed and (values is None or alpha == "auto_po2"):
        return quantizer, ""
    old = copy.copy(quantizer)
    before = None if values is None else evaluate(old, values, where)
    scale = array_of(old.scale if isinstance(alpha, str) else alpha).astype(np.float64)
    if fixed and (is_power_of_two(scale) or np.any(scale <= 0)):
        return quantizer, ""
    new = _with_scale(quantizer, nearest_power_of_two(scale))
    change, snapped = "", copy.copy(new)
    if values is not None and before is not None:
        format_ = read_weights(new, values, where)[1]
        moved = np.abs(evaluate(snapped, values, where) - before).max(initial=0.0)
        change = f"; the largest change of a weight is {moved / format_.lsb:.3g} LSB of {format_}"
    became = snapped.scale if isinstance(alpha, str) else new.alpha
    option = f"alpha={alpha!r}" if isinstance(alpha, str) else "alpha"
    text = f"layer {where}: {option} of {name_of(quantizer)} from {_text(scale)} to {_text(array_of(became))}{change}"
    return new, text


def nearest_power_of_two(scale: Floats) -> Floats:
    """The power of two whose logarithm is nearest, element by element; 1 for the scale 0 of a channel of zeros."""
    powers: Floats = 2.0 ** np.rint(np.log2(np.where(scale > 0, scale, 1.0)))
    return powers


def _with_scale(quantizer: Any, scale: Floats) -> Any:
    """A copy of a quantizer with these powers of two, or with those that QKeras chooses where it cannot be told."""
    new = copy.copy(quantizer)
    if isinstance(quantizer.alpha, str):
        new.alpha = "auto_po2"
        if hasattr(quantizer, "post_training_scale"):
            new.post_training_scale = new.scale = scale.astype(np.float32)
            new.freeze_scale = True
        return new
    new.alpha = float(scale.item()) if scale.size == 1 else scale.astype(np.float32)
    if isinstance(quantizer, qkeras.quantized_linear):
        new.quantization_scale = new.default_quantization_scale
    return new


def _text(scale: NDArray[np.floating]) -> str:
    low, high = float(scale.min()), float(scale.max())
    return f"{low:g}" if scale.size == 1 else f"{low:g} ... {high:g} ({scale.size} channels)"
