from typing import Any

import numpy as np
import pytest
import qkeras

from l1ae.circuit import FixedFormat, Overflow, Rounding, read_quantizer
from l1ae.circuit.quantizers import read_weights
from l1ae.errors import ConversionError

WIDTHS = range(1, 17)


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
            quantizer = qkeras.quantized_bits(width, integer, symmetric, keep_negative, alpha=1)
            format_ = read_quantizer(quantizer, "layer")
            overflow = Overflow.SAT_SYM if symmetric and keep_negative else Overflow.SAT
            assert format_ == FixedFormat(keep_negative, width, integer + keep_negative, Rounding.RND_CONV, overflow)
            assert_same(quantizer, format_, rng)


@pytest.mark.parametrize("clip", [True, False])
def test_quantized_relu_is_its_format(clip: bool) -> None:
    rng = np.random.default_rng(0)
    for width in WIDTHS:
        for integer in sorted({0, 1, width // 2, width, width + 2}):
            quantizer = qkeras.quantized_relu(width, integer, is_quantized_clip=clip)
            format_ = read_quantizer(quantizer, "layer")
            assert format_ == FixedFormat(False, width, integer, Rounding.RND_CONV, Overflow.SAT)
            assert_same(quantizer, format_, rng)


def test_an_upper_bound_that_cuts_nothing_is_accepted() -> None:
    quantizer = qkeras.quantized_relu(6, 3, relu_upper_bound=8.0, is_quantized_clip=False)
    assert_same(quantizer, read_quantizer(quantizer, "layer"), np.random.default_rng(0))


def test_alpha_none_outside_a_kernel_is_one() -> None:
    quantizer = qkeras.quantized_bits(6, 2)
    assert_same(quantizer, read_quantizer(quantizer, "layer"), np.random.default_rng(0))


@pytest.mark.parametrize(
    ("quantizer", "message"),
    [
        (qkeras.quantized_bits(6, 2, alpha="auto"), "alpha='auto'.*set alpha=1"),
        (qkeras.quantized_bits(6, 2, alpha="auto_po2"), "alpha='auto_po2'.*set alpha=1"),
        (qkeras.quantized_bits(6, 2, alpha=2.0), "alpha=2.0.*set alpha=1"),
        (qkeras.quantized_bits(6, 2, alpha=np.ones(3)), "alpha=.*set alpha=1"),
        (qkeras.quantized_bits(1, 0, alpha=1), "binary"),
        (qkeras.quantized_bits(30, 2, alpha=1), "at most 24"),
        (qkeras.quantized_bits(6, 2.5, alpha=1), "integer=2.5.*whole number"),
        (qkeras.quantized_bits(6, 2, alpha=1, use_stochastic_rounding=True), "use_stochastic_rounding=True"),
        (qkeras.quantized_bits(6, 2, alpha=1, qnoise_factor=0.5), "qnoise_factor=0.5"),
        (qkeras.quantized_relu(6, 2, negative_slope=0.25), "negative_slope=0.25"),
        (qkeras.quantized_relu(6, 2, use_sigmoid=1), "use_sigmoid=1"),
        (qkeras.quantized_relu(6, -1), "integer=-1"),
        (qkeras.quantized_relu(6, 3, relu_upper_bound=6.0, is_quantized_clip=False), "relu_upper_bound=6.0"),
        (qkeras.ternary(alpha=1), "ternary is not supported"),
        (qkeras.quantized_po2(4), "quantized_po2 is not supported"),
        (qkeras.quantized_hswish(6, 2, alpha=1), "quantized_hswish is not supported"),
        (None, "no quantizer"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_refusals_name_the_layer_and_the_option(quantizer: Any, message: str) -> None:
    with pytest.raises(ConversionError, match=message) as caught:
        read_quantizer(quantizer, "encoder_7")
    assert "layer encoder_7" in str(caught.value)
    assert "\n" not in str(caught.value)


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
    assert format_ == FixedFormat.parse("ap_fixed<2,2>")
    np.testing.assert_array_equal(words, np.asarray(quantizer(values)))


def test_other_weights_are_read_as_activations_are() -> None:
    quantizer = qkeras.quantized_bits(6, 2, alpha=1)
    words, format_ = read_weights(quantizer, np.array([0.26, -9.0], dtype=np.float32), "layer")
    assert format_ == read_quantizer(quantizer, "layer")
    assert words.tolist() == [2, -32]


@pytest.mark.parametrize(
    ("quantizer", "message"),
    [
        (qkeras.ternary(alpha="auto"), "alpha='auto'.*set alpha=1"),
        (qkeras.ternary(alpha="auto_po2"), "alpha='auto_po2' .*turns alpha=None.*set alpha=1"),
        (qkeras.ternary(alpha=0.7), "alpha=0.7 .*set alpha=1"),
        (qkeras.ternary(alpha=1, threshold="auto"), "threshold='auto' of ternary.*set a constant"),
        (qkeras.ternary(alpha=1, use_stochastic_rounding=True), "use_stochastic_rounding=True"),
        (qkeras.binary(alpha="auto"), "alpha='auto'.*set alpha=1"),
        (qkeras.binary(alpha=1, use_01=True), "use_01=True"),
        (qkeras.stochastic_ternary(alpha=1), "stochastic_ternary is not supported"),
        (qkeras.quantized_po2(4), "quantized_po2 is not supported"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_refused_weights(quantizer: Any, message: str) -> None:
    with pytest.raises(ConversionError, match=message) as caught:
        read_weights(quantizer, np.zeros(3, dtype=np.float32), "encoder_7")
    assert "layer encoder_7" in str(caught.value)
