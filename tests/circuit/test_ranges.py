import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from l1ae.circuit import (
    UNDECIDED,
    Circuit,
    Dense,
    Dot,
    FixedFormat,
    Input,
    Quantize,
    Scale,
    Subtract,
    corner_words,
    lower,
)
from l1ae.config import AutoencoderConfig
from l1ae.errors import ConversionError
from l1ae.records import SignedPrecision

PORT = FixedFormat.parse("ap_fixed<3,3,RND_CONV,SAT>")
WEIGHTS = FixedFormat.parse("ap_fixed<6,2,RND_CONV,SAT>")
BIASES = FixedFormat.parse("ap_fixed<7,1,RND_CONV,SAT>")
EVERY_WORD = np.array(list(itertools.product(range(-4, 4), repeat=3)))


def single_dense(kernel: list[list[int]], bias: list[int]) -> Circuit:
    units = len(bias)
    return Circuit.derive(
        [
            Input("words", (), (3,), PORT),
            Scale("scaling", ("words",), (3,), UNDECIDED, (1, 0, -2), (0, 1, 2)),
            Quantize("scaled", ("scaling",), (3,), FixedFormat.parse("ap_fixed<3,2,RND_CONV,SAT_SYM>")),
            Dense("dense", ("scaled",), (units,), UNDECIDED, np.array(kernel), WEIGHTS, np.array(bias), BIASES),
        ]
    )


matrices = st.lists(st.lists(st.integers(-32, 31), min_size=2, max_size=2), min_size=3, max_size=3)


@settings(max_examples=60, deadline=None)
@given(matrices, st.lists(st.integers(-64, 63), min_size=2, max_size=2))
def test_ranges_of_a_dense_layer_are_reached_by_brute_force_and_by_the_corners(
    kernel: list[list[int]], bias: list[int]
) -> None:
    circuit = single_dense(kernel, bias)
    for words in (EVERY_WORD, corner_words(circuit)):
        for name, seen in circuit.trace(words).items():
            np.testing.assert_array_equal(seen.min(axis=0), circuit.ranges[name].low)
            np.testing.assert_array_equal(seen.max(axis=0), circuit.ranges[name].high)
    format_ = circuit["dense"].format
    assert format_ == FixedFormat.holding(
        int(circuit.ranges["dense"].low.min()), int(circuit.ranges["dense"].high.max()), format_.fraction
    )


def test_every_value_lies_in_its_range(circuit: Circuit) -> None:
    words = np.random.default_rng(2).integers(-5000, 5000, (20000, 57))
    for name, seen in circuit.trace(np.concatenate([words, corner_words(circuit)])).items():
        assert (seen >= circuit.ranges[name].low).all(), name
        assert (seen <= circuit.ranges[name].high).all(), name


def test_the_proof_in_words(circuit: Circuit) -> None:
    assert circuit.proved
    sentences = {name: str(known) for name, known in circuit.ranges.items()}
    assert all("no overflow" in sentences[name] for name in circuit.accumulators())
    assert "saturates and rounds " in sentences["encoder_1_relu"]
    assert "(RND_CONV) as intended" in sentences["encoder_1_relu"]
    assert "float32" not in sentences["score"]


def test_a_square_is_not_negative_and_a_product_may_be() -> None:
    port = Input("words", (), (2,), PORT)
    square = Circuit.derive([port, Dot("score", ("words", "words"), (1,), UNDECIDED)])
    assert (square.ranges["score"].low, square.ranges["score"].high) == (0, 32)
    product = Circuit.derive(
        [
            port,
            Scale("other", ("words",), (2,), UNDECIDED, (0, 0), (0, 0)),
            Dot("score", ("words", "other"), (1,), UNDECIDED),
        ]
    )
    assert (product.ranges["score"].low, product.ranges["score"].high) == (-24, 32)
    difference = Circuit.derive([port, Subtract("difference", ("words", "words"), (2,), UNDECIDED)])
    assert difference.ranges["difference"].low.tolist() == [-7, -7]  # operands count as independent: safe, not tight


def test_an_accumulator_that_is_too_narrow_is_reported() -> None:
    circuit = single_dense([[31, 1], [31, 1], [31, 1]], [0, 0])
    node = circuit["dense"]
    narrow = circuit.replace(
        replace(node, format=replace(node.format, width=node.format.width - 1, integer=node.format.integer - 1))
    )
    assert not narrow.proved
    assert "WRAPS" in str(narrow.ranges["dense"])
    words = corner_words(circuit)
    assert (narrow.reference(words) != circuit.reference(words)).any()
    seen = narrow.reference(EVERY_WORD)
    assert (seen >= narrow.ranges["dense"].low).all()
    assert (seen <= narrow.ranges["dense"].high).all()


def test_sums_beyond_24_bits_are_known_and_keras_gets_them_wrong(
    make_model: Callable[..., Any], keras_trace: Callable[..., Any]
) -> None:
    config = AutoencoderConfig(kind="undercomplete", hidden=(8,))
    model = make_model(config, precision=SignedPrecision(width=16, integer=8))
    circuit = lower(model)
    assert not circuit.float32_exact["score"]
    assert circuit.ranges["score"].significant_bits > 24
    assert "not exact in float32" in str(circuit.ranges["score"])
    words = np.random.default_rng(0).integers(-4096, 4096, (2000, 57))
    tensors = keras_trace(model, words)
    for name, exact in circuit.float32_exact.items():
        lsb = tensors[name].astype(np.float64) * 2.0 ** circuit[name].format.fraction
        if exact:
            np.testing.assert_array_equal(lsb, circuit.trace(words, [name])[name])
    score = tensors["score"].astype(np.float64) * 2.0**circuit.output.format.fraction
    assert (score != circuit.reference(words)).any()


def test_too_wide_sums_are_refused() -> None:
    wide = FixedFormat.parse("ap_fixed<40,40,RND_CONV,SAT>")
    with pytest.raises(ConversionError, match=r"layer score: its sums need .* bits and 62 are supported"):
        Circuit.derive([Input("words", (), (2,), wide), Dot("score", ("words", "words"), (1,), UNDECIDED)])
