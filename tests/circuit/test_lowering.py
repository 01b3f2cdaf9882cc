from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import qkeras

from l1ae.autoencoder.layers import InputScaling
from l1ae.circuit import Circuit, Dense, Quantize, lower
from l1ae.config import AutoencoderConfig
from l1ae.records import Precision, SignedPrecision


def assert_equal_to_keras(circuit: Circuit, tensors: dict[str, np.ndarray], values: np.ndarray) -> None:
    """Every tensor of Keras, in LSB, is the integer of the reference."""
    words = circuit.trace(values)
    assert set(words) == set(tensors)
    for node in circuit.nodes[1:]:
        lsb = tensors[node.name].astype(np.float64) * 2.0**node.format.fraction
        wrong = (lsb != words[node.name]).any(axis=-1)
        assert not wrong.any(), (
            f"{node.name}: {wrong.sum()} of {len(wrong)} events, first {lsb[wrong][:1]} {words[node.name][wrong][:1]}"
        )


def hard_values(n: int, count: int, seed: int) -> np.ndarray:
    """Words in and past the port's range, off-grid floats, ties of the port."""
    rng = np.random.default_rng(seed)
    size = (count, n)
    parts = [
        rng.integers(-4096, 4096, size),
        rng.integers(-200, 200, size),
        rng.integers(-(2**20), 2**20, size),
        rng.normal(0, 500, size),
        rng.integers(-5000, 5000, size) + 0.5,
    ]
    return np.concatenate(parts).astype(np.float32)


def test_every_layer_equals_keras(deployed: tuple[Any, Circuit], keras_trace: Callable[..., Any]) -> None:
    model, circuit = deployed
    assert all(circuit.float32_exact.values())
    values = hard_values(57, 5000, 1)
    assert_equal_to_keras(circuit, keras_trace(model, values), values)


@pytest.mark.parametrize(
    ("inputs", "config"),
    [
        (
            SignedPrecision(width=6, integer=2),
            AutoencoderConfig(
                kind="undercomplete",
                hidden=(8,),
                latent=2,
                weights=SignedPrecision(width=4, integer=1),
                biases=SignedPrecision(width=10, integer=2),  # finer than the products
                activations=Precision(width=5, integer=0),
                code=SignedPrecision(width=6, integer=6),
            ),
        ),
        (
            SignedPrecision(width=10, integer=8),
            AutoencoderConfig(
                kind="variational",
                hidden=(10, 5),
                latent=4,
                weights=SignedPrecision(width=2, integer=2),
                biases=SignedPrecision(width=3, integer=3),
                activations=Precision(width=4, integer=4),
                code=SignedPrecision(width=10, integer=6),
            ),
        ),
    ],
    ids=["fine biases, no integer bits", "no fraction bits"],
)
def test_other_precisions_equal_keras(
    inputs: SignedPrecision, config: AutoencoderConfig, make_model: Callable[..., Any], keras_trace: Callable[..., Any]
) -> None:
    model = make_model(config, n_inputs=12, seed=3, precision=inputs)
    values = hard_values(12, 2000, 2)
    assert_equal_to_keras(lower(model), keras_trace(model, values), values)


def test_a_saved_model_gives_the_same_circuit(deployed: tuple[Any, Circuit], tmp_path: Any) -> None:
    model, circuit = deployed
    model.save(tmp_path / "model.keras")
    assert lower(keras.models.load_model(tmp_path / "model.keras")) == circuit


def test_nodes_carry_names_and_formats_of_the_layers(circuit: Circuit) -> None:
    assert [node.name for node in circuit.nodes[:4]] == ["words", "port", "scaling", "scaled"]
    assert str(circuit.input.format) == "ap_fixed<13,13,RND_CONV,SAT>"
    assert str(circuit["encoder_1_relu"].format) == "ap_ufixed<8,3,RND_CONV,SAT>"
    assert circuit.output.name == "score"
    assert circuit.output.shape == (1,)


def bits(width: int = 8, integer: int = 2, **options: Any) -> Any:
    return qkeras.quantized_bits(width, integer, **{"alpha": 1, **options})


def model_of(*layers: Any, port: Any = None) -> Any:
    tensor = words = keras.Input((4,), name="words")
    for layer in (port or qkeras.QActivation(bits(13, 12), name="port"), *layers):
        tensor = layer(tensor)
    return keras.Model(words, tensor)


def dense(**options: Any) -> Any:
    return qkeras.QDense(3, name="dense", **{"kernel_quantizer": bits(), "bias_quantizer": bits(), **options})


def test_a_dense_without_bias() -> None:
    circuit = lower(model_of(dense(use_bias=False)))
    node = circuit["dense"]
    assert isinstance(node, Dense)
    assert node.bias is None


def test_a_port_with_fraction_bits(keras_trace: Callable[..., Any]) -> None:
    model = model_of(
        InputScaling([1, 0, -3, 2], [0, 1, 2, -2], name="scaling"), dense(), port=qkeras.QActivation(bits(9, 5))
    )
    circuit = lower(model)
    values = np.random.default_rng(0).normal(0, 20, (3000, 4)).astype(np.float32)
    assert_equal_to_keras(circuit, keras_trace(model, values), values)


def test_a_rectifier_is_an_unsigned_quantizer(circuit: Circuit) -> None:
    node = circuit["encoder_1_relu"]
    assert isinstance(node, Quantize)
    assert not node.format.signed
