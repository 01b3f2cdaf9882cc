from typing import Any

import numpy as np
import pytest
import qkeras

from l1ae.circuit.quantizers import is_power_of_two, read_quantizer, read_weights
from l1ae.circuit.scales import nearest_power_of_two, snap
from l1ae.errors import ConversionError

WEIGHTS = np.random.default_rng(0).normal(0, 1, (40, 4)).astype(np.float32) * np.array([0.1, 1, 3, 30], np.float32)
bits, linear, ternary, binary = qkeras.quantized_bits, qkeras.quantized_linear, qkeras.ternary, qkeras.binary


def name_of_case(value: Any) -> str:
    return value if isinstance(value, str) else type(value).__name__


def scale_of(quantizer: Any) -> np.ndarray:
    quantizer(WEIGHTS)
    return np.asarray(quantizer.scale, dtype=np.float64).ravel()


@pytest.mark.parametrize(
    "quantizer",
    [
        bits(6, 2, alpha="auto"),
        bits(6, 2, alpha=0.7),
        bits(6, 2, alpha="auto", post_training_scale=np.array([[0.7, 0.9, 3.0, 1.0]])),
        linear(6, 2, alpha=0.7),
        linear(6, 2, alpha=np.array([0.7, 0.9, 3.0, 1.0])),
        ternary(alpha=0.7),
        ternary(alpha=np.array([0.7, 0.9, 3.0, 1.0])),
        binary(alpha="auto"),
        binary(alpha=3.0),
        qkeras.stochastic_binary(alpha="auto"),
        qkeras.quantized_hswish(6, 2, alpha="auto"),
    ],
    ids=name_of_case,
)
def test_each_scale_becomes_the_nearest_power_of_two(quantizer: Any) -> None:
    before = scale_of(quantizer)
    with pytest.raises(ConversionError, match="scales by a float"):
        read_weights(quantizer, WEIGHTS, "layer")
    snapped, note = snap(quantizer, WEIGHTS, "dense (kernel_quantizer)")
    after = scale_of(snapped)
    assert is_power_of_two(after)
    np.testing.assert_array_equal(after, nearest_power_of_two(before))
    assert np.abs(np.log2(after / before)).max() <= 0.5
    assert note.startswith("layer dense (kernel_quantizer): alpha")
    assert "\n" not in note
    words, format_ = read_weights(snapped, WEIGHTS, "layer")
    np.testing.assert_array_equal(words * format_.lsb, np.asarray(snapped(WEIGHTS), dtype=np.float64))


@pytest.mark.parametrize("quantizer", [linear(6, 2, alpha="auto"), ternary(alpha="auto")], ids=name_of_case)
def test_where_no_scale_can_be_told_qkeras_chooses_a_power_of_two(quantizer: Any) -> None:
    snapped, note = snap(quantizer, WEIGHTS, "dense")
    assert snapped.alpha == "auto_po2"
    assert is_power_of_two(scale_of(snapped))
    assert "alpha='auto' of" in note
    read_weights(snapped, WEIGHTS, "layer")


def test_the_note_says_what_changed() -> None:
    values = np.array([[0.35], [-1.4]], dtype=np.float32)
    _, note = snap(bits(4, 1, alpha=0.7), values, "dense (kernel_quantizer)")
    # 0.7 * 0.25 and 0.7 * -1.5 become 0.5 * 0.25 and 0.5 * -1.5; the last bit counts 0.125.
    assert note == (
        "layer dense (kernel_quantizer): alpha of quantized_bits from 0.7 to 0.5; "
        "the largest change of a weight is 2.4 LSB of ap_fixed<4,1,RND_CONV,SAT>"
    )


def test_the_note_counts_the_channels() -> None:
    _, note = snap(bits(6, 2, alpha="auto"), WEIGHTS, "dense")
    assert "(4 channels) to " in note


def test_a_quantizer_of_activations_with_a_float_scale() -> None:
    snapped, note = snap(bits(6, 2, alpha=1.3), None, "code")
    assert note == "layer code: alpha of quantized_bits from 1.3 to 1"
    assert read_quantizer(snapped, "code").width == 6


def test_the_scale_of_activations_that_was_frozen() -> None:
    snapped, note = snap(bits(6, 2, alpha="auto", post_training_scale=np.array([0.7])), None, "code")
    assert note == "layer code: alpha='auto' of quantized_bits from 0.7 to 0.5"
    assert snapped.get_config()["post_training_scale"] == [0.5]


@pytest.mark.parametrize(
    "quantizer",
    [
        None,
        bits(6, 2, alpha=1),
        bits(6, 2),
        bits(6, 2, alpha="auto_po2"),
        qkeras.quantized_po2(4),
        qkeras.bernoulli(0.7),
    ],
    ids=name_of_case,
)
def test_what_has_no_float_scale_stays(quantizer: Any) -> None:
    assert snap(quantizer, WEIGHTS, "dense") == (quantizer, "")


def test_scales_from_the_data_of_activations_stay_refused() -> None:
    quantizer = bits(6, 2, alpha="auto")
    assert snap(quantizer, None, "code") == (quantizer, "")
    with pytest.raises(ConversionError, match="what each batch holds"):
        read_quantizer(quantizer, "code")


def test_the_given_quantizer_is_not_changed() -> None:
    quantizer = bits(6, 2, alpha="auto")
    snap(quantizer, WEIGHTS, "dense")
    assert quantizer.alpha == "auto"
    assert not hasattr(quantizer, "scale")


def test_a_snapped_quantizer_survives_its_configuration() -> None:
    snapped, _ = snap(bits(6, 2, alpha="auto"), WEIGHTS, "dense")
    again = qkeras.quantized_bits.from_config(snapped.get_config())
    np.testing.assert_array_equal(np.asarray(again(WEIGHTS)), np.asarray(snapped(WEIGHTS)))


def test_a_channel_of_zeros_has_the_scale_one() -> None:
    weights = WEIGHTS.copy()
    weights[:, 1] = 0
    snapped, _ = snap(bits(6, 2, alpha="auto"), weights, "dense")
    assert np.ravel(snapped.post_training_scale)[1] == 1.0
    assert not read_weights(snapped, weights, "layer")[0][:, 1].any()


@pytest.mark.parametrize(
    ("scale", "power"), [(0.7, 0.5), (0.71, 1.0), (1.41, 1.0), (1.42, 2.0), (3.0, 4.0), (0.0, 1.0)]
)
def test_nearest_counts_factors(scale: float, power: float) -> None:
    assert nearest_power_of_two(np.array(scale)) == power
