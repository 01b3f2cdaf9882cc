"""Tensors of rows, columns and channels: convolutions, maxima and wires, exact and proved like everything else."""

import itertools
import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import qkeras
from hypothesis import given, settings
from hypothesis import strategies as st

from l1ae.autoencoder.layers import Select
from l1ae.circuit import (
    UNDECIDED,
    Circuit,
    Convolution,
    Dense,
    FixedFormat,
    Input,
    MaxPool,
    Wire,
    corner_words,
    lower,
)
from l1ae.circuit.slopes import slopes

from ..convolutional import SMALL, bits, convolution, encoder, finished, image

PORT = FixedFormat.parse("ap_fixed<4,4,RND_CONV,SAT>")
WEIGHTS = FixedFormat.parse("ap_fixed<6,2,RND_CONV,SAT>")
BIASES = FixedFormat.parse("ap_fixed<7,1,RND_CONV,SAT>")


@pytest.fixture(scope="module", params=list(SMALL))
def model(request: pytest.FixtureRequest) -> Any:
    return SMALL[request.param]()


@pytest.fixture(scope="module")
def circuit(model: Any) -> Circuit:
    return lower(model)


def hard_values(n: int, count: int) -> np.ndarray:
    """Words in and past the port's range, off-grid floats, ties of the port."""
    rng = np.random.default_rng(1)
    size = (count, n)
    parts = [rng.integers(-4096, 4096, size), rng.integers(-200, 200, size), rng.integers(-5000, 5000, size) + 0.5]
    return np.concatenate([*parts, rng.normal(0, 500, size), rng.integers(-(2**20), 2**20, size)]).astype(np.float32)


def assert_equal_to_keras(circuit: Circuit, tensors: dict[str, np.ndarray], values: np.ndarray) -> None:
    for name, words in circuit.trace(values).items():
        if name != circuit.input.name:
            lsb = tensors[name].astype(np.float64) * 2.0 ** circuit[name].format.fraction
            np.testing.assert_array_equal(words, lsb, err_msg=name)


def test_every_layer_equals_keras(model: Any, circuit: Circuit, keras_trace: Callable[..., Any]) -> None:
    values = hard_values(circuit.input.size, 2000)
    assert circuit.proved
    assert all(circuit.float32_exact.values())
    assert_equal_to_keras(circuit, keras_trace(model, values), values)


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(
    ("kernel", "strides"), [((3, 2), (1, 1)), ((2, 3), (2, 1)), ((5, 1), (1, 3)), ((4, 4), (3, 2))]
)
def test_every_padding_and_stride_equals_keras(
    padding: str, kernel: tuple[int, int], strides: tuple[int, int], keras_trace: Callable[..., Any]
) -> None:
    words, _, tensor = image(6, 4)
    tensor = convolution(2, (1, 2), "channels")(tensor)  # so that the next one has two channels to add up
    tensor = qkeras.QActivation(bits(5, 3), name="channels_bits")(tensor)
    if padding == "valid" and kernel[1] > tensor.shape[2]:
        kernel = (kernel[0], tensor.shape[2])
    tensor = convolution(3, kernel, "under_test", padding=padding, strides=strides)(tensor)
    model = finished(words, keras.layers.Flatten(name="flat")(tensor))
    values = hard_values(24, 500)
    assert_equal_to_keras(lower(model), keras_trace(model, values), values)


def test_a_full_encoder_equals_keras(keras_trace: Callable[..., Any]) -> None:
    model = encoder()
    circuit = lower(model)
    assert circuit["conv_1"].shape == (17, 1, 16)
    assert circuit["pool_2"].shape == (1, 1, 32)
    values = hard_values(57, 1000)
    assert_equal_to_keras(circuit, keras_trace(model, values), values)


@pytest.mark.parametrize(
    "layer",
    [
        keras.layers.Reshape((4, 3, 1)),
        keras.layers.UpSampling2D((3, 2)),
        keras.layers.Cropping2D(((1, 0), (0, 1))),
        Select([1, 0, 1]),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_what_only_rewires(layer: Any) -> None:
    words = keras.Input((12,), name="words")
    port = qkeras.QActivation(bits(13, 13), name="port")(words)
    tensor = layer(keras.layers.Reshape((2, 3, 2))(port))
    model = keras.Model(words, keras.layers.Flatten()(tensor))
    circuit = lower(model)
    node = circuit[layer.name]
    assert isinstance(node, Wire)
    assert node.shape == tensor.shape[1:]
    numbers = np.arange(12.0)[None]
    np.testing.assert_array_equal(circuit.reference(numbers), np.asarray(model(numbers)))
    assert node.indices == tuple(circuit.reference(numbers)[0])


@st.composite
def convolutions(draw: st.DrawFn) -> Convolution:
    rows, columns, channels, filters = (draw(st.integers(1, 4)) for _ in range(4))
    kernel = (draw(st.integers(1, 4)), draw(st.integers(1, 4)), channels, filters)
    padding = tuple(draw(st.integers(0, side - 1)) for side in kernel[:2])
    strides = (draw(st.integers(1, 3)), draw(st.integers(1, 3)))
    last = [(side + pad - 1) // stride for side, pad, stride in zip((rows, columns), padding, strides, strict=True)]
    positions = tuple(draw(st.integers(1, most + 1)) for most in last)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    weights = rng.integers(WEIGHTS.low, WEIGHTS.high + 1, kernel)
    bias = rng.integers(BIASES.low, BIASES.high + 1, filters) if draw(st.booleans()) else None
    shapes = ((*positions, filters), (rows, columns, channels))
    return Convolution(
        "conv", ("image",), shapes[0], UNDECIDED, weights, WEIGHTS, bias, BIASES if bias is not None else None,
        shapes[1], strides, padding,
    )  # fmt: skip


def circuit_of(node: Any, port: FixedFormat = PORT) -> Circuit:
    """The node between a port and an output, both of them vectors."""
    inputs, outputs = math.prod(node.input_shape), node.size
    return Circuit.derive(
        [
            Input("words", (), (inputs,), port),
            Wire("image", ("words",), node.input_shape, UNDECIDED, tuple(range(inputs))),
            node,
            Wire("flat", (node.name,), (outputs,), UNDECIDED, tuple(range(outputs))),
        ]
    )


def direct_sum(node: Convolution, words: np.ndarray) -> np.ndarray:
    """A convolution by its definition, one event (rows, columns, channels), in LSB of kernel times input."""
    result = np.zeros(node.shape, dtype=np.int64)
    for row, column, i, j in itertools.product(*map(range, (*node.shape[:2], *node.kernel.shape[:2]))):
        y, x = row * node.strides[0] + i - node.padding[0], column * node.strides[1] + j - node.padding[1]
        if 0 <= y < node.input_shape[0] and 0 <= x < node.input_shape[1]:
            result[row, column] += words[y, x] @ node.kernel[i, j]
    return result


@settings(max_examples=150, deadline=None)
@given(convolutions())
def test_the_unrolled_matrix_is_the_direct_sum(node: Convolution) -> None:
    words = np.random.default_rng(0).integers(PORT.low, PORT.high + 1, (3, *node.input_shape))
    for event in words:
        np.testing.assert_array_equal((event.ravel() @ node.matrix).reshape(node.shape), direct_sum(node, event))


@settings(max_examples=60, deadline=None)
@given(convolutions())
def test_the_reference_is_the_direct_sum_and_the_corners_reach_the_proved_ranges(node: Convolution) -> None:
    circuit = circuit_of(node)
    flat = np.concatenate([corner_words(circuit), np.random.default_rng(0).integers(-8, 8, (5, circuit.input.size))])
    seen = circuit.trace(flat, ["conv"])["conv"]
    assert seen.shape == (len(flat), *node.shape)
    products = WEIGHTS.fraction + PORT.fraction
    fraction = circuit["conv"].format.fraction
    for event, words in zip(seen, flat, strict=True):
        wanted = direct_sum(node, words.reshape(node.input_shape)) * 2.0 ** (fraction - products)
        if node.bias is not None:
            wanted += node.bias * 2.0 ** (fraction - BIASES.fraction)
        np.testing.assert_array_equal(event, wanted)
    proved = circuit.ranges["conv"]
    np.testing.assert_array_equal(seen.reshape(len(flat), -1).min(axis=0), proved.low)
    np.testing.assert_array_equal(seen.reshape(len(flat), -1).max(axis=0), proved.high)


@pytest.mark.parametrize("pool", [(1, 2), (2, 1), (2, 2), (3, 3)])
def test_the_largest_of_each_window(pool: tuple[int, int]) -> None:
    shape = (5 // pool[0], 4 // pool[1], 2)
    circuit = circuit_of(MaxPool("pool", ("image",), shape, UNDECIDED, (5, 4, 2), pool, pool, (0, 0)))
    words = np.concatenate([corner_words(circuit), np.random.default_rng(0).integers(-8, 8, (200, 40))])
    seen = circuit.trace(words, ["pool"])["pool"]
    images = words.reshape(-1, 5, 4, 2)[:, : shape[0] * pool[0], : shape[1] * pool[1]]
    windows = images.reshape(-1, shape[0], pool[0], shape[1], pool[1], 2)
    np.testing.assert_array_equal(seen, windows.max(axis=(2, 4)))
    np.testing.assert_array_equal(seen.reshape(len(seen), -1).min(axis=0), circuit.ranges["pool"].low)
    np.testing.assert_array_equal(seen.reshape(len(seen), -1).max(axis=0), circuit.ranges["pool"].high)


def test_every_value_lies_in_its_range(circuit: Circuit) -> None:
    words = np.random.default_rng(2).integers(-5000, 5000, (5000, circuit.input.size))
    for name, seen in circuit.trace(np.concatenate([words, corner_words(circuit)])).items():
        flat = seen.reshape(len(seen), -1)
        assert (flat >= circuit.ranges[name].low).all(), name
        assert (flat <= circuit.ranges[name].high).all(), name


def one_bit_wrong(node: Dense, count: int) -> list[Dense]:
    """The node with one bit of one weight changed, for some of the weights that are used at all."""
    used = np.ones(node.kernel.size // node.kernel.shape[-1], dtype=bool)
    if isinstance(node, Convolution):
        used = (node.windows >= 0).any(axis=0)  # the others only ever meet padding
    places = np.argwhere(used.reshape(node.kernel.shape[:-1])[..., None] & np.ones_like(node.kernel, dtype=bool))
    wrong = []
    for place in np.random.default_rng(3).permutation(places)[:count]:
        kernel = node.kernel.copy()
        kernel[tuple(place)] ^= 1
        wrong.append(replace(node, kernel=kernel))
    return wrong


def test_one_bit_of_any_weight_shows_in_its_layer_on_the_corner_words(circuit: Circuit) -> None:
    words = corner_words(circuit)
    for node in circuit.nodes:
        if isinstance(node, Dense):
            good = circuit.trace(words, [node.name])[node.name]
            for wrong in one_bit_wrong(node, 20):
                assert (circuit.replace(wrong).trace(words, [node.name])[node.name] != good).any(), node.name


def test_one_bit_of_any_weight_of_a_full_encoder_shows_in_its_score_on_the_corner_words() -> None:
    circuit = lower(encoder())
    words = corner_words(circuit)
    good = circuit.reference(words)
    for name in ("conv_1", "conv_2", "code"):
        node = circuit[name]
        assert isinstance(node, Dense)
        for wrong in one_bit_wrong(node, 5):
            assert (circuit.replace(wrong).reference(words) != good).any(), name


def test_a_file_holds_the_kernel_and_not_the_matrix(circuit: Circuit, tmp_path: Path) -> None:
    path = tmp_path / "circuit.json"
    circuit.save(path)
    assert Circuit.load(path) == circuit
    for entry in json.loads(path.read_text())["nodes"]:
        if entry["operation"] == "Convolution":
            node: Any = circuit[entry["name"]]
            assert np.array(entry["kernel"]).shape == node.kernel.shape
            assert "matrix" not in entry


@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_a_convolution_is_its_matrix(data: st.DataObject) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    rows, columns, channels, filters = (data.draw(st.integers(1, most)) for most in (5, 4, 3, 3))
    window = (data.draw(st.integers(1, rows)), data.draw(st.integers(1, columns)))
    padding = tuple(data.draw(st.integers(0, length - 1)) for length in window)
    strides = (data.draw(st.integers(1, 2)), data.draw(st.integers(1, 2)))
    shape = tuple((n + p - w) // s + 1 for n, p, w, s in zip((rows, columns), padding, window, strides, strict=True))
    kernel = rng.integers(-30, 31, (*window, channels, filters))
    node = Convolution(
        "conv", ("x",), (*shape, filters), UNDECIDED, kernel, WEIGHTS, None, None, (rows, columns, channels), strides,
        padding,
    )  # fmt: skip
    circuit = Circuit.derive([Input("x", (), (rows, columns, channels), PORT), node])
    conv = circuit["conv"]
    assert isinstance(conv, Convolution)
    matrix, words = conv.matrix, rng.integers(-8, 8, (5, rows * columns * channels))
    np.testing.assert_array_equal(circuit.reference(words).reshape(5, -1), words @ matrix)
    highest = (7 * np.maximum(matrix, 0) - 8 * np.minimum(matrix, 0)).sum(axis=0)
    np.testing.assert_array_equal(circuit.ranges["conv"].raw.high, highest)
    np.testing.assert_array_equal(slopes(circuit, conv)["x"], matrix.T * WEIGHTS.lsb)


def test_a_large_image_needs_no_large_matrix() -> None:
    kernel = np.ones((3, 3, 1, 4), dtype=np.int64)
    node = Convolution(
        "conv", ("x",), (120, 120, 4), UNDECIDED, kernel, WEIGHTS, None, None, (122, 122, 1), (1, 1), (0, 0)
    )
    conv = Circuit.derive([Input("x", (), (122, 122, 1), PORT), node])["conv"]
    assert "matrix" not in vars(conv)  # which would take 6.9 GB
