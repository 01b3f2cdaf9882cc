from typing import Any

import numpy as np
import pytest
import qkeras

from l1ae.circuit import FixedFormat, Overflow, Rounding, read_quantizer
from l1ae.circuit.quantizers import read_port, read_rule, read_weights
from l1ae.errors import ConversionError

WIDTHS = range(1, 17)
SIGNS = FixedFormat.parse("ap_fixed<2,2>")
bits, linear, relu = qkeras.quantized_bits, qkeras.quantized_linear, qkeras.quantized_relu


def name_of_case(value: Any) -> str:
    return value if isinstance(value, str) else type(value).__name__


def probe(format_: FixedFormat, rng: np.random.Generator) -> np.ndarray:
    """Values around every word or, for wide formats, around the ends, zero and random words; ties and beyond."""
    words = np.arange(format_.low - 3, format_.high + 4)
    if len(words) > 2**10:
        inside = rng.integers(format_.low, format_.high, 300)
        words = np.concatenate([words[:20], words[-20:], np.arange(-10, 11), inside])
    quarters = (words[:, None] + np.array([0, 0.25, 0.5, 0.75])).ravel()
    nudged = np.nextafter(quarters.astype(np.float32), np.float32(np.inf))
    far = rng.normal(0, 4.0 * 2**format_.width, 300)
    far = far[np.abs(far) < 2**23]
    return (np.concatenate([quarters, nudged, far]) * format_.lsb).astype(np.float32)


def assert_same(quantizer: Any, format_: FixedFormat, rng: np.random.Generator) -> None:
    values = probe(format_, rng)
    wanted = np.asarray(quantizer(values), dtype=np.float64)
    got = format_.quantize_values(values) * format_.lsb
    wrong = got != wanted
    assert not wrong.any(), (quantizer, str(format_), values[wrong][:5], wanted[wrong][:5], got[wrong][:5])


@pytest.mark.parametrize("symmetric", [0, 1])
@pytest.mark.parametrize("keep_negative", [True, False])
def test_quantized_bits_is_its_format(keep_negative: bool, symmetric: int) -> None:
    rng = np.random.default_rng(0)
    for width in WIDTHS:
        if width - keep_negative < 1:
            continue
        for integer in sorted({-2, 0, 1, width // 2, width - keep_negative, width + 2}):
            quantizer = bits(width, integer, symmetric, keep_negative, alpha=1)
            format_ = read_quantizer(quantizer, "layer")
            overflow = Overflow.SAT_SYM if symmetric and keep_negative else Overflow.SAT
            assert format_ == FixedFormat(keep_negative, width, integer + keep_negative, Rounding.RND_CONV, overflow)
            assert_same(quantizer, format_, rng)


@pytest.mark.parametrize("clip", [True, False])
def test_quantized_relu_is_its_format(clip: bool) -> None:
    rng = np.random.default_rng(0)
    for width in WIDTHS:
        for integer in sorted({0, 1, width // 2, width, width + 2}):
            quantizer = relu(width, integer, is_quantized_clip=clip)
            format_ = read_quantizer(quantizer, "layer")
            assert format_ == FixedFormat(False, width, integer, Rounding.RND_CONV, Overflow.SAT)
            assert_same(quantizer, format_, rng)


def test_an_upper_bound_that_cuts_nothing_is_accepted() -> None:
    quantizer = relu(6, 3, relu_upper_bound=8.0, is_quantized_clip=False)
    assert_same(quantizer, read_quantizer(quantizer, "layer"), np.random.default_rng(0))


@pytest.mark.parametrize("alpha", [None, 1, 0.25, 4.0])
@pytest.mark.parametrize("symmetric", [0, 1])
def test_quantized_linear_is_its_format(symmetric: int, alpha: Any) -> None:
    rng = np.random.default_rng(0)
    for width in (2, 5, 9):
        for integer in (-2, 0, 2, width):
            quantizer = linear(width, integer, symmetric, alpha=alpha)
            assert_same(quantizer, read_quantizer(quantizer, "layer"), rng)


@pytest.mark.parametrize(
    "quantizer",
    [bits(6, 2, use_stochastic_rounding=True), relu(6, 2, use_stochastic_rounding=True)],
    ids=["quantized_bits", "quantized_relu"],
)
def test_stochastic_rounding_is_for_training_only(quantizer: Any) -> None:
    assert_same(quantizer, read_quantizer(quantizer, "layer"), np.random.default_rng(0))


def test_options_that_are_variables_are_read() -> None:
    quantizer = bits(6, 2, use_variables=True)
    assert_same(quantizer, read_quantizer(quantizer, "layer"), np.random.default_rng(0))
    quantizer.update_qnoise_factor(0.5)
    with pytest.raises(ConversionError, match=r"qnoise_factor=0\.5"):
        read_quantizer(quantizer, "layer")


def test_alpha_none_outside_a_kernel_is_one() -> None:
    quantizer = bits(6, 2)
    assert_same(quantizer, read_quantizer(quantizer, "layer"), np.random.default_rng(0))


@pytest.mark.parametrize(
    ("quantizer", "message"),
    [
        (bits(6, 2, alpha="auto"), "alpha='auto' scales activations by what each batch holds; set alpha=1"),
        (bits(6, 2, alpha="auto_po2"), "alpha='auto_po2' scales .*set alpha=1"),
        (
            bits(6, 2, alpha=0.7),
            "alpha=0.7 scales by a float; set it to 1 or another power of two, or .*snap_scales=True",
        ),
        (bits(6, 2, alpha=-1.0), "alpha=-1 scales by a float"),
        (bits(6, 2, alpha=np.ones(3)), "alpha has a value per channel; set it to one"),
        (bits(6, 2, alpha="auto", post_training_scale=np.array([0.7])), "post_training_scale=0.7 scales by a float"),
        (bits(30, 2, alpha=1), "30 bits are more than float32 holds exactly; use at most 24"),
        (bits(6, 2.5, alpha=1), "integer=2.5.*whole number"),
        (bits(6, 2, alpha=1, qnoise_factor=0.5), "qnoise_factor=0.5"),
        (relu(6, -1), "integer=-1"),
        (relu(6, 31), "integer=31 cannot be computed by qkeras; use 0 to 30"),
        (qkeras.ternary(alpha="auto"), "alpha='auto' scales"),
        (qkeras.binary(use_stochastic_rounding=True, training=True), "at random .*set use_stochastic_rounding=False"),
        (qkeras.bernoulli(), "bernoulli draws random numbers; use binary"),
        (len, "quantizer len is not known"),
    ],
    ids=name_of_case,
)
def test_refusals_name_the_layer_the_option_and_the_fix(quantizer: Any, message: str) -> None:
    with pytest.raises(ConversionError, match=message) as caught:
        read_rule(quantizer, "encoder_7")
    assert "layer encoder_7: " in str(caught.value)
    assert "\n" not in str(caught.value)
    assert read_port(quantizer, "encoder_7") is None


@pytest.mark.parametrize(
    "quantizer",
    [None, bits(6, 2, alpha=2.0), bits(1, 0, alpha=1), relu(6, 2, negative_slope=0.25), relu(6, 2, use_sigmoid=1)],
    ids=name_of_case,
)
def test_what_is_more_than_a_format_is_no_format(quantizer: Any) -> None:
    with pytest.raises(ConversionError, match=r"layer code: (no quantizer|quantizer \w+ is no fixed-point format)"):
        read_quantizer(quantizer, "code")


class Doubled(qkeras.quantized_bits):
    def __call__(self, x: Any) -> Any:
        return 2.0 * super().__call__(x)


def test_a_class_of_the_users_is_not_taken_for_its_base() -> None:
    with pytest.raises(ConversionError, match="quantizer Doubled is not known"):
        read_rule(Doubled(6, 2, alpha=1), "layer")


@pytest.mark.parametrize(
    ("quantizer", "port"),
    [
        (bits(6, 2), "ap_fixed<6,3,RND_CONV,SAT>"),
        (bits(6, 2, symmetric=1), "ap_fixed<6,3,RND_CONV,SAT>"),
        (bits(6, 2, alpha=0.5), "ap_fixed<6,3,RND_CONV,SAT>"),
        (linear(6, 2, alpha=0.5), "ap_fixed<6,2,RND_CONV,SAT>"),
        (relu(6, 2), "ap_ufixed<6,2,RND_CONV,SAT>"),
        (relu(6, 2, relu_upper_bound=3.0, is_quantized_clip=False), "ap_ufixed<6,2,RND_CONV,SAT>"),
    ],
    ids=name_of_case,
)
def test_a_port_in_front_of_a_quantizer_changes_nothing(quantizer: Any, port: str) -> None:
    format_ = read_port(quantizer, "layer")
    assert str(format_) == port
    assert format_ is not None
    values = probe(format_, np.random.default_rng(0))
    behind = (format_.quantize_values(values) * format_.lsb).astype(np.float32)
    np.testing.assert_array_equal(np.asarray(quantizer(behind)), np.asarray(quantizer(values)))


@pytest.mark.parametrize(
    "quantizer",
    [relu(6, 2, negative_slope=0.25), relu(6, 2, use_sigmoid=1), bits(1), qkeras.ternary(), qkeras.quantized_tanh(6)],
    ids=name_of_case,
)
def test_quantizers_without_a_port(quantizer: Any) -> None:
    assert read_port(quantizer, "layer") is None


def used(quantizer: Any, values: np.ndarray) -> np.ndarray:
    return np.asarray(quantizer(values), dtype=np.float64)


@pytest.mark.parametrize(
    "quantizer",
    [qkeras.ternary(alpha=1), qkeras.ternary(alpha=1, threshold=0.5), qkeras.binary(alpha=1), qkeras.binary()],
    ids=["ternary", "threshold", "binary", "alpha not given"],
)
def test_weights_of_signs_are_those_of_qkeras(quantizer: Any) -> None:
    values = np.random.default_rng(0).normal(0, 1, 5000).astype(np.float32)
    edges = np.array([0.33, -0.33, 0.5, -0.5, 1e-30, -1e-30, -7.0], dtype=np.float32)
    zeros, above, below = np.zeros(1), np.nextafter(edges, np.float32(9)), np.nextafter(edges, np.float32(-9))
    values = np.concatenate([values, zeros, -zeros, edges, above, below], dtype=np.float32)
    words, format_ = read_weights(quantizer, values, "layer")
    assert format_ == SIGNS
    np.testing.assert_array_equal(words, used(quantizer, values))


@pytest.mark.parametrize(
    ("quantizer", "format_"),
    [
        (bits(6, 2, alpha=1), "ap_fixed<6,3,RND_CONV,SAT>"),
        (bits(6, 2, alpha=0.5), "ap_fixed<6,2,RND_CONV,SAT>"),
        (bits(6, 2, 1, alpha=1), "ap_fixed<6,3,RND_CONV,SAT_SYM>"),
        (linear(6, 2, alpha=4.0), "ap_fixed<6,5,RND_CONV,SAT_SYM>"),
        (relu(6, 2), "ap_ufixed<6,2,RND_CONV,SAT>"),
        (qkeras.ternary(alpha=2.0), "ap_fixed<2,3>"),
        (qkeras.binary(alpha=1, use_01=True), "ap_fixed<2,2>"),
    ],
    ids=name_of_case,
)
def test_weights_keep_the_format_that_was_asked_for(quantizer: Any, format_: str) -> None:
    values = np.random.default_rng(0).normal(0, 2, (50, 4)).astype(np.float32)
    words, found = read_weights(quantizer, values, "layer")
    assert str(found) == format_
    np.testing.assert_array_equal(words * found.lsb, used(quantizer, values))


def test_scales_per_channel_share_one_fraction() -> None:
    values = np.random.default_rng(0).normal(0, 1, (50, 4)).astype(np.float32) * np.array([0.1, 1, 3, 30], np.float32)
    quantizer = bits(5, 0, alpha="auto_po2")
    words, format_ = read_weights(quantizer, values, "layer")
    np.testing.assert_array_equal(words * format_.lsb, used(quantizer, values))
    scales = np.asarray(quantizer.scale).ravel()
    assert len(set(scales.tolist())) > 2
    assert format_.lsb == scales.min() * 2.0**-4


def test_weights_of_zeros_have_a_format_with_a_sign() -> None:
    words, format_ = read_weights(bits(5, 0, alpha="auto_po2"), np.zeros((3, 2), np.float32), "layer")
    assert format_.signed
    assert not words.any()


@pytest.mark.parametrize(
    ("quantizer", "message"),
    [
        (None, "no quantizer, so its weights are floats; set quantized_bits"),
        (bits(6, 2, alpha="auto"), "alpha='auto' scales by a float; set alpha='auto_po2' or 1, or .*snap_scales=True"),
        (bits(6, 2, alpha=0.7), "alpha=0.7 scales by a float; set it to 1 or another power of two, or .*snap_scales"),
        (bits(6, 2, alpha=np.ones(3)), "alpha of several values; use .*post_training_scale"),
        (linear(6, 2, alpha=np.array([0.7, 1, 1])), r"alpha=array of shape \(3,\) scales by a float"),
        (bits(6, 2, alpha="auto_po2", min_po2_exponent=0), "set both"),
        (qkeras.ternary(alpha="auto"), "alpha='auto' scales by a float"),
        (qkeras.ternary(alpha=1, threshold="auto"), "cannot compute with threshold='auto'; set a number"),
        (qkeras.ternary(alpha=1, use_stochastic_rounding=True), "of ternary .*set use_stochastic_rounding=False"),
        (qkeras.quantized_hswish(6, 2, relu_shift=-1), "cannot compute quantized_hswish .*relu_shift must be"),
        (qkeras.binary(alpha="auto"), "alpha='auto' scales by a float"),
        (qkeras.quantized_ulaw(6), "values behind quantized_ulaw are on no grid of 24 bits"),
        (qkeras.bernoulli(), "bernoulli draws random numbers"),
        (lambda x: qkeras.quantizers.stochastic_round(x), "<lambda> gives other weights every time"),
    ],
    ids=name_of_case,
)
def test_refused_weights(quantizer: Any, message: str) -> None:
    values = np.random.default_rng(0).normal(0, 0.5, (40, 3)).astype(np.float32)
    with pytest.raises(ConversionError, match=message) as caught:
        read_weights(quantizer, values, "encoder_7 (kernel_quantizer)")
    assert "layer encoder_7 (kernel_quantizer): " in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_not_finite(value: float) -> None:
    with pytest.raises(ConversionError, match="values that are not finite; train the model again"):
        read_weights(bits(6, 2, alpha=1), np.array([0.5, value]), "layer")


def test_compiled_models_leave_nothing_in_the_quantizer() -> None:
    quantizer = qkeras.ternary(alpha="auto_po2")
    values = np.random.default_rng(0).normal(0, 1, (9, 2)).astype(np.float32)
    quantizer(values)
    before = np.asarray(quantizer.scale)
    read_weights(quantizer, values * 8, "layer")
    np.testing.assert_array_equal(np.asarray(quantizer.scale), before)
