"""Every quantizer of QKeras with its options, and activation functions: the rows of docs/exactness.md."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
import qkeras
from qkeras import quantizers
from qkeras.base_quantizer import BaseQuantizer


@dataclass(frozen=True)
class Row:
    """A quantizer class with options (or a function, for activations), and the internal sigmoid it is used with."""

    quantizer: Callable[..., Any]
    options: dict[str, Any] = field(default_factory=dict)
    sigmoid: str = "hard"

    @property
    def is_class(self) -> bool:
        return isinstance(self.quantizer, type)

    def make(self, **changed: Any) -> Any:
        return self.quantizer(**{**self.options, **changed}) if self.is_class else self.quantizer

    @property
    def is_quantizer(self) -> bool:
        return isinstance(self.quantizer, type) and issubclass(self.quantizer, BaseQuantizer)

    @property
    def fragile(self) -> bool:
        """Does TensorFlow compute with logarithms and the like, which differ in the last bit between processors?"""
        kinds = (qkeras.quantized_po2, qkeras.quantized_relu_po2, qkeras.quantized_hswish)
        return (
            self.quantizer in kinds
            or self.sigmoid == "real"
            or bool(self.options.get("use_real_tanh") or self.options.get("use_real_sigmoid"))
        )

    @property
    def text(self) -> str:
        """The options as Python writes them."""
        options = ", ".join(f"{name}={_text(value)}" for name, value in self.options.items())
        return options if self.sigmoid == "hard" else f"{options}; internal sigmoid {self.sigmoid}"

    def __str__(self) -> str:
        return f"{self.quantizer.__name__}({self.text})" if self.is_class else self.quantizer.__name__


def _text(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"{value.ravel().tolist()}" if value.size > 1 else f"[{value.item():g}]"
    return repr(value)


def classes() -> list[type]:
    """Every quantizer class that qkeras exports."""
    every = {value for value in vars(quantizers).values() if isinstance(value, type)}
    return sorted((kind for kind in every if issubclass(kind, BaseQuantizer)), key=lambda kind: kind.__name__)


def options_of(kind: type) -> set[str]:
    """The options of a quantizer class, except for the name of a variable."""
    return set(inspect.signature(kind).parameters) - {"var_name"}


PER_CHANNEL = np.array([0.5, 1.0, 2.0, 1.0])
FLOATS = np.array([0.7, 1.0, 1.3, 5.0])
_SHARED = ({"qnoise_factor": 0.5}, {"use_variables": True})


def _rows(kind: Callable[..., Any], base: dict[str, Any], *changes: dict[str, Any]) -> list[Row]:
    return [Row(kind, base), *(Row(kind, base | change) for change in changes)]


def rows() -> list[Row]:
    """What the page shows; every option of every class occurs."""
    eight = {"bits": 8, "integer": 2}
    scales = [{"alpha": alpha} for alpha in (1, 2.0, 0.5, 0.7)]
    automatic = [{"alpha": "auto"}, {"alpha": "auto_po2"}]
    limits = {"alpha": "auto_po2", "min_po2_exponent": -1}
    exponents = [limits, limits | {"max_po2_exponent": 0}]
    grouped = [{"alpha": "auto_po2", "scale_axis": 1, "elements_per_scale": 2}, {"alpha": "auto_po2", "scale_axis": 0}]
    stochastic = {"use_stochastic_rounding": True}
    wide = [{"bits": 24, "integer": 3}, {"bits": 25, "integer": 3}]
    log = [
        {"bits": 8},
        {"max_value": 2},
        {"max_value": 0.7},
        {"quadratic_approximation": True},
        {"log2_rounding": "floor"},
        stochastic,
        {"use_ste": False},
        *_SHARED,
    ]
    every = [
        *_rows(qkeras.quantized_bits, eight, {"symmetric": 1}, {"keep_negative": False}),
        *_rows(qkeras.quantized_bits, {"bits": 8, "integer": 0}, {"integer": -2}, {"integer": 7}, {"integer": 10}),
        *_rows(qkeras.quantized_bits, {"bits": 1}, {"keep_negative": False}, {"alpha": 2.0}, {"alpha": "auto"}),
        *_rows(qkeras.quantized_bits, {"bits": 2, "integer": 1}, *wide),
        *_rows(qkeras.quantized_bits, eight, *scales, {"alpha": PER_CHANNEL}, *automatic, *exponents, *grouped),
        *_rows(
            qkeras.quantized_bits,
            eight | {"alpha": "auto_po2"},
            *({"post_training_scale": np.array(scale)} for scale in ([0.5], [0.7], PER_CHANNEL)),
            {"alpha": "auto", "post_training_scale": np.array([0.5])},
            {"post_training_scale": np.array([0.5]), "keep_negative": False},
        ),
        *_rows(qkeras.quantized_bits, eight, stochastic, {"use_ste": False}, *_SHARED),
        *_rows(qkeras.quantized_linear, eight, {"symmetric": 0}, {"keep_negative": False}),
        *_rows(qkeras.quantized_linear, {"bits": 8, "integer": 0}, {"integer": 10}, {"bits": 1}, *wide),
        *_rows(qkeras.quantized_linear, eight, *scales, {"alpha": PER_CHANNEL}, {"alpha": FLOATS}, *automatic),
        *_rows(qkeras.quantized_linear, eight, {"alpha": "auto_po2", "scale_axis": 0}, stochastic, *_SHARED),
        *_rows(qkeras.quantized_relu, eight, {"integer": 0}, {"integer": 10}, {"integer": -1}, *wide, {"bits": 1}),
        *_rows(
            qkeras.quantized_relu,
            eight,
            *({"negative_slope": slope} for slope in (0.25, 2.0**-8, 1.0, 2.0)),
            {"use_sigmoid": 1},
            {"use_sigmoid": 1, "negative_slope": 0.25},
            *({"relu_upper_bound": bound, "is_quantized_clip": False} for bound in (3.0, 2.7, 8.0, -1.0)),
            {"relu_upper_bound": 3.0},
            {"relu_upper_bound": 3.0, "is_quantized_clip": False, "negative_slope": 0.25},
            {"is_quantized_clip": False},
            stochastic,
            {"use_ste": False},
            *_SHARED,
        ),
        Row(qkeras.quantized_relu, eight | {"use_sigmoid": 1}, "smooth"),
        *_rows(
            qkeras.binary,
            {},
            *scales,
            {"alpha": PER_CHANNEL},
            {"alpha": FLOATS},
            *automatic,
            *exponents,
            *grouped,
            {"use_01": True},
            {"use_01": True, "alpha": "auto_po2"},
            {"training": True},
            stochastic,
            stochastic | {"training": True},
        ),
        *_rows(qkeras.stochastic_binary, {}, *scales, *automatic, {"temperature": 3.0}, {"use_real_sigmoid": False}),
        *_rows(
            qkeras.ternary,
            {},
            *scales,
            {"alpha": PER_CHANNEL},
            *automatic,
            {"threshold": 0.5},
            {"threshold": "auto"},
            {"alpha": "auto_po2", "number_of_unrolls": 2},
            stochastic,
            stochastic | {"alpha": "auto_po2"},
        ),
        *_rows(
            qkeras.stochastic_ternary,
            {},
            *scales,
            *automatic,
            {"threshold": 0.5},
            {"temperature": 3.0},
            {"use_real_sigmoid": False},
            {"number_of_unrolls": 2},
        ),
        *_rows(qkeras.bernoulli, {}, {"alpha": 1.0}, {"temperature": 3.0}, {"use_real_sigmoid": False}),
        *_rows(qkeras.quantized_tanh, {"bits": 8}, {"symmetric": True}, {"use_real_tanh": True}, stochastic),
        *(Row(qkeras.quantized_tanh, {"bits": 8}, sigmoid) for sigmoid in ("smooth", "real")),
        *_rows(qkeras.quantized_sigmoid, {"bits": 8}, {"symmetric": True}, {"use_real_sigmoid": True}, stochastic),
        *(Row(qkeras.quantized_sigmoid, {"bits": 8}, sigmoid) for sigmoid in ("smooth", "real")),
        *_rows(qkeras.quantized_ulaw, eight, {"symmetric": 1}, {"u": 15.0}),
        *_rows(qkeras.quantized_po2, {"bits": 4}, *log),
        *_rows(qkeras.quantized_relu_po2, {"bits": 4}, *log, {"negative_slope": 0.25}),
        *_rows(
            qkeras.quantized_hswish,
            eight,
            {"symmetric": 1},
            *scales,
            *automatic,
            {"alpha": "auto_po2", "scale_axis": 0},
            {"relu_shift": 2},
            {"relu_upper_bound": 4},
            stochastic,
            *_SHARED,
        ),
        *functions(),
    ]
    return list({str(row): row for row in every}.values())


def functions() -> list[Row]:
    """Activation functions of Keras and QKeras that are no quantizers."""
    known = keras.activations
    of_keras = (
        *(known.linear, known.relu, known.relu6, known.hard_tanh, known.leaky_relu, known.tanh, known.sigmoid),
        *(known.hard_sigmoid, known.softmax, known.elu, known.gelu, known.silu, known.softplus, known.exponential),
    )
    layers = (
        Row(keras.layers.ReLU, {"max_value": 6}),
        Row(keras.layers.ReLU, {"max_value": 6, "negative_slope": 0.25}),
        Row(keras.layers.ReLU, {"threshold": 1}),
        Row(keras.layers.LeakyReLU, {"negative_slope": 0.125}),
        Row(keras.layers.LeakyReLU, {"negative_slope": 0.3}),
        Row(keras.layers.Softmax),
    )
    names = ("hard_sigmoid", "hard_tanh", "smooth_sigmoid", "smooth_tanh", "binary_sigmoid", "binary_tanh")
    of_qkeras = [Row(getattr(quantizers, name)) for name in (*names, "stochastic_round")]
    return [*(Row(function) for function in of_keras), *layers, *of_qkeras]
