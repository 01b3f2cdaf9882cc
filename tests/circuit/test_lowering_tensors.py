"""Layers that move, choose, average, merge and scale: the circuit gives what Keras gives."""

from typing import Any

import keras
import numpy as np
import pytest
import qkeras
from keras import layers

from l1ae.autoencoder.layers import InputScaling, Select, SumOver, TableLookup
from l1ae.circuit import MaxPool, Wire

from ..lowered import assert_exact, bits, chain, quantized, with_weights


@pytest.mark.parametrize(
    ("shape", "layer"),
    [
        ((12,), layers.Reshape((2, 3, 2))),
        ((4, 3), layers.Reshape((-1,))),
        ((2, 3, 2), layers.Flatten()),
        ((2, 3, 4), layers.Permute((3, 1, 2))),
        ((2, 3), layers.Permute((2, 1))),
        ((4,), layers.RepeatVector(3)),
        ((6, 2), layers.Cropping1D((1, 2))),
        ((6, 2), layers.Cropping1D(1)),
        ((5, 6, 2), layers.Cropping2D(((1, 0), (0, 2)))),
        ((5, 6, 2), layers.Cropping2D(1)),
        ((3, 2), layers.UpSampling1D(3)),
        ((3, 2, 2), layers.UpSampling2D((3, 2))),
        ((3, 2), layers.ZeroPadding1D((2, 1))),
        ((3, 2), layers.ZeroPadding1D(2)),
        ((3, 2, 2), layers.ZeroPadding2D(((1, 0), (2, 3)))),
        ((3, 2, 2), layers.ZeroPadding2D((1, 2))),
        ((3, 2, 3), Select([2, 0, 2])),
        ((3,), Select([2, 0])),
    ],
    ids=lambda value: "" if isinstance(value, tuple) else type(value).__name__,
)
def test_layers_that_only_move(shape: tuple[int, ...], layer: Any) -> None:
    circuit = assert_exact(chain(shape, layer)).circuit
    assert isinstance(circuit.output, Wire)


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(
    "options", [{}, {"strides": (1, 1)}, {"pool_size": (3, 2), "strides": (2, 3)}, {"strides": (3, 3)}], ids=str
)
def test_the_largest_of_windows(padding: str, options: dict[str, Any]) -> None:
    assert_exact(chain((5, 7, 2), layers.MaxPooling2D(padding=padding, name="pool", **options)))
    one = {name: value[1] for name, value in options.items()}
    circuit = assert_exact(chain((7, 2), layers.MaxPooling1D(padding=padding, name="pool", **one))).circuit
    assert [type(node) for node in circuit.nodes[2:]] == [Wire, MaxPool, Wire]


@pytest.mark.parametrize("kept", [False, True])
def test_the_largest_of_everything(kept: bool) -> None:
    assert_exact(chain((3, 4, 2), layers.GlobalMaxPooling2D(keepdims=kept)))
    assert_exact(chain((5, 2), layers.GlobalMaxPooling1D(keepdims=kept)))


@pytest.mark.parametrize(
    ("size", "options"),
    [
        ((4, 4), {"pool_size": (2, 2)}),
        ((5, 7), {"pool_size": (1, 4)}),
        ((5, 6), {"pool_size": (2, 2), "strides": (1, 3)}),
        ((4, 6), {"pool_size": (2, 2), "padding": "same"}),
        ((3, 6), {"pool_size": (1, 2), "padding": "same", "strides": (2, 2)}),
    ],
    ids=str,
)
def test_averages_of_a_power_of_two(size: tuple[int, int], options: dict[str, Any]) -> None:
    assert_exact(chain((*size, 2), layers.AveragePooling2D(name="pool", **options)))
    one = {name: value if isinstance(value, str) else value[1] for name, value in options.items()}
    circuit = assert_exact(chain((size[1], 2), layers.AveragePooling1D(name="pool", **one))).circuit
    assert [node.name for node in circuit.nodes[2:]] == ["pool__image", "pool__result", "pool"]


@pytest.mark.parametrize("kept", [False, True])
def test_the_average_of_everything(kept: bool) -> None:
    assert_exact(chain((2, 4, 3), layers.GlobalAveragePooling2D(keepdims=kept)))
    assert_exact(chain((8, 3), layers.GlobalAveragePooling1D(keepdims=kept)))
    layer = qkeras.QGlobalAveragePooling2D(average_quantizer=bits(7, 0), activation=bits(5, 3), keepdims=kept)
    assert_exact(chain((3, 3, 2), layer))


@pytest.mark.parametrize("pool", [2, 3, (1, 5), (5, 3)], ids=str)
@pytest.mark.parametrize("activation", [None, bits(5, 2), "relu"])
def test_averages_with_a_quantized_factor(pool: Any, activation: Any) -> None:
    layer = qkeras.QAveragePooling2D(pool, average_quantizer=bits(8, 1), activation=activation, name="pool")
    assert_exact(chain((6, 5, 2), layer))


@pytest.mark.parametrize("kind", [layers.Add, layers.Multiply, layers.Maximum, layers.Minimum])
def test_merges_of_two_and_more(kind: Any) -> None:
    words = keras.Input((4, 3), name="words")
    port = quantized(bits(5, 4), "port")(words)
    parts = [port, quantized(bits(4, 2))(port), layers.Reshape((4, 3))(layers.Permute((2, 1))(port))]
    for operands in (parts[:1], parts[:2], parts):
        model = keras.Model(words, quantized(bits(9, 6))(kind(name="merged")(operands)))
        assert_exact(model)


@pytest.mark.parametrize(
    "shapes", [((3, 4), (4,)), ((1, 4), (3, 1)), ((2, 3, 4), (3, 1)), ((4,), (1,)), ((2, 3, 1), (1, 1, 4))], ids=str
)
@pytest.mark.parametrize("kind", [layers.Subtract, layers.Multiply])
def test_merges_repeat_what_is_shorter(shapes: tuple[tuple[int, ...], ...], kind: Any) -> None:
    inputs = [keras.Input(shape, name=f"words_{index}") for index, shape in enumerate(shapes)]
    ports = [quantized(bits(5, 3))(tensor) for tensor in inputs]
    lowered = assert_exact(keras.Model(inputs, kind(name="merged")(ports)))
    assert lowered.circuit.output.name == "merged"


@pytest.mark.parametrize("count", [1, 2, 4])
@pytest.mark.parametrize("shape", [(3,), (2, 3)], ids=str)
def test_averages_of_tensors(count: int, shape: tuple[int, ...]) -> None:
    inputs = [keras.Input(shape, name=f"words_{index}") for index in range(count)]
    ports = [quantized(bits(5, 3))(tensor) for tensor in inputs]
    assert_exact(keras.Model(inputs, layers.Average(name="mean")(ports)))


@pytest.mark.parametrize("axis", [1, 2, 3, -1, -2])
def test_joined_along_any_axis(axis: int) -> None:
    words = keras.Input((2, 3, 4), name="words")
    port = quantized(bits(5, 4), "port")(words)
    other = quantized(bits(5, 2), "other")(port)
    assert_exact(keras.Model(words, layers.Concatenate(axis=axis)([port, other, port])))


def test_products_of_vectors() -> None:
    words = keras.Input((5,), name="words")
    port = quantized(bits(5, 4), "port")(words)
    other = quantized(bits(3, 1), "other")(port)
    assert_exact(keras.Model(words, layers.Dot(axes=1)([port, other])))
    assert_exact(keras.Model(words, layers.Dot(axes=(-1, 1))([port, port])))


@pytest.mark.parametrize("shape", [(3,), (2, 3), (2, 2, 3)], ids=str)
def test_layers_of_l1ae(shape: tuple[int, ...]) -> None:
    assert_exact(chain(shape, InputScaling([1, -2, 0], [1, 0, 3]), SumOver()))
    table = np.arange(-32, 32)[None] ** 2
    assert_exact(chain(shape, TableLookup(table, low=-32, fraction_in=3, fraction_out=4)))


@pytest.mark.parametrize(
    "layer",
    [
        layers.Dropout(0.5),
        layers.SpatialDropout1D(0.5),
        layers.GaussianNoise(0.5),
        layers.GaussianDropout(0.5),
        layers.AlphaDropout(0.5),
        layers.ActivityRegularization(0.1),
        layers.Identity(),
        layers.Activation("linear"),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_layers_that_do_nothing_at_inference(layer: Any) -> None:
    inside = assert_exact(chain((3, 2), layer, quantized(bits(4, 2), "last"))).circuit
    assert [node.name for node in inside.nodes] == ["words", "port", "last"]
    at_the_end = assert_exact(chain((3, 2), type(layer).from_config(layer.get_config()))).circuit
    assert at_the_end.outputs == (layer.name,)


@pytest.mark.parametrize(
    "layer",
    [
        layers.ReLU(),
        layers.ReLU(max_value=2.5),
        layers.ReLU(max_value=1, negative_slope=0.25),
        layers.LeakyReLU(negative_slope=0.125),
        layers.Activation("relu"),
        layers.Activation("relu6"),
        layers.Activation(qkeras.quantized_relu(4, 2)),
        qkeras.QActivation("relu"),
    ],
    ids=lambda layer: layer.name,
)
def test_rectifiers(layer: Any) -> None:
    circuit = assert_exact(chain((3, 2), layer)).circuit
    assert circuit.output.name == layer.name


def test_activations_of_layers_are_nodes_behind_them() -> None:
    layer = qkeras.QDense(
        3, kernel_quantizer=bits(), bias_quantizer=bits(), activation=qkeras.quantized_tanh(4), name="d"
    )
    model = chain((4,), layer, quantized(bits(4, 2)))
    model = with_weights(chain((4,), layer))
    names = [node.name for node in assert_exact(model).circuit.nodes]
    assert names[:3] == ["words", "port", "d__linear"]
    assert names[-1] == "d"
