"""What QKeras and Keras themselves compute, run by TensorFlow in each of its ways, and the grid that it lies on."""

import copy
import re
import traceback
from typing import Any, Literal

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from l1ae.circuit.formats import FixedFormat
from l1ae.errors import ConversionError

#: QKeras computes in float32, which holds integers of up to 24 bits.
MAX_WIDTH = 24
Mode = Literal["eager", "graph", "compiled"]
#: How TensorFlow runs a model: `model(x)`, and `model.predict(x)` without and with XLA.
MODES: tuple[Mode, ...] = ("eager", "graph", "compiled")
Words = NDArray[np.int64]
Floats = NDArray[np.float64]


def on_grid(values: Floats) -> tuple[Words, FixedFormat] | None:
    """Words of float32 values and the smallest format that holds them; None when it has more than 24 bits."""
    mantissas, exponents = np.frexp(values[values != 0])
    integers = np.ldexp(mantissas, MAX_WIDTH).astype(np.int64)
    lowest_bits = np.frexp((integers & -integers).astype(np.float64))[1] - 1
    fraction = int((MAX_WIDTH - exponents - lowest_bits).max(initial=-200)) if integers.size else 0
    scaled = np.ldexp(values, fraction)
    if np.abs(scaled).max(initial=0) > 2.0**MAX_WIDTH:
        return None
    words = scaled.astype(np.int64)
    format_ = FixedFormat.holding(int(words.min(initial=0)), int(words.max(initial=0)), fraction)
    return (words, format_) if format_.width <= MAX_WIDTH else None


def evaluate(function: Any, values: NDArray[np.floating], where: str, mode: Mode = "eager") -> Floats:
    """What a function of QKeras or Keras makes of float32 values of any shape, run by TensorFlow in one of its ways."""
    run = function
    if mode != "eager":  # a compiled function leaves symbols in the quantizer, so it gets one of its own
        run = tf.function(copy.copy(function), jit_compile=mode == "compiled", autograph=False)
    try:
        tensor = run(tf.constant(values, dtype=tf.float32))
        result = np.asarray(keras.ops.convert_to_numpy(tensor), dtype=np.float64)
    except Exception as error:  # whatever QKeras and TensorFlow may raise; there is no common class
        raise ConversionError(
            f"layer {where}: qkeras cannot compute {name_of(function)} with its options ({_reason(error)}); change them"
        ) from error
    if not np.isfinite(result).all():
        raise ConversionError(
            f"layer {where}: {name_of(function)} gives values that are not finite with its options; change them"
        )
    return result


def _reason(error: Exception) -> str:
    """The first line of an error's text, or the line of code where it was raised, without the clutter."""
    lines = [re.sub(r"{{.*?}}\s*", "", line).strip() for line in str(error).splitlines()]
    place = traceback.extract_tb(error.__traceback__)[-1].line or ""
    text = next((line for line in lines if line), place)
    return f"{type(error).__name__}: {text[:100]}"


def name_of(function: Any) -> str:
    """The name of a quantizer or function in messages."""
    return str(getattr(function, "__name__", type(function).__name__))


def array_of(value: Any) -> NDArray[Any]:
    """A number, array, tensor or variable as an array."""
    return np.asarray(keras.ops.convert_to_numpy(value) if hasattr(value, "dtype") else value)
