"""Biases that leave no ties, written into a deployed model."""

import numpy as np
import pytest

from l1ae.autoencoder.saving import save_model
from l1ae.autoencoder.tie_free import tie_free
from l1ae.circuit import Dense, lower
from l1ae.circuit.lowering_files import load_model
from l1ae.records import Precision, SignedPrecision
from l1ae.settings import AutoencoderConfig

from .. import networks

INPUTS = 57  # convolutions need all rows


def trained(config, seed=0):
    """A deployed model with random weights and biases."""
    rng = np.random.default_rng(seed)
    model = networks.deployed(config, rng.integers(-30, 60, INPUTS), rng.integers(0, 8, INPUTS))
    for layer in model.layers:
        if hasattr(layer, "kernel_quantizer_internal"):
            kernel, bias = layer.get_weights()
            layer.set_weights([rng.normal(0, 0.4, kernel.shape), rng.normal(0, 0.5, bias.shape)])
    return model


def config(kind="undercomplete", **changes):
    return AutoencoderConfig(kind=kind, **({"hidden": (6, 4), "latent": 2} | changes))


CASES = {
    "undercomplete": config(),
    "kl": config("variational", score="kl"),
    "student": config("student"),
    "convolutional": config(architecture="convolutional", filters=(2, 3)),
    "ternary": config(weights="ternary", activations=Precision(width=8, integer=5)),
    "finer biases": config(biases=SignedPrecision(width=16, integer=2)),
}


@pytest.mark.parametrize("name", CASES)
def test_no_sum_can_be_a_tie(name):
    before = lower(trained(CASES[name]))
    circuit = lower(tie_free(trained(CASES[name])))
    behind = {node.name for node in circuit.nodes if isinstance(node, Dense)}
    rounded = [
        node.name for node in circuit.nodes if _reads(circuit, node, behind) and circuit.ranges[node.name].lost_bits
    ]
    assert rounded
    assert any(before.ties[one].any() for one in rounded)
    assert not any(circuit.ties[one].any() for one in rounded)
    assert all(circuit.float32_exact[one] for one in rounded)


def _reads(circuit, node, names):
    """Whether a node rounds a sum of products, perhaps after its words were moved."""
    return any(
        one in names or (not circuit.ranges[one].lost_bits and _reads(circuit, circuit[one], names))
        for one in node.inputs
    )


def test_a_bias_moves_by_half_of_the_last_bit_of_its_sum():
    model = trained(CASES["undercomplete"])
    before, after = lower(model), lower(tie_free(model))
    for node in before.nodes:
        if isinstance(node, Dense):
            other = after[node.name]
            np.testing.assert_array_equal(other.kernel, node.kernel)
            moved = before.ranges[node.name].fraction
            np.testing.assert_array_equal(
                np.ldexp(other.bias, -other.bias_format.fraction) - np.ldexp(node.bias, -node.bias_format.fraction),
                2.0 ** -(moved + 1),
            )


def test_keras_computes_what_the_circuit_does():
    model = tie_free(trained(CASES["undercomplete"]))
    circuit = lower(model)
    words = np.random.default_rng(1).integers(-4096, 4096, (2000, INPUTS))
    scores = model.predict(words.astype(np.float32), verbose=0)
    np.testing.assert_array_equal(scores, circuit.value("score", circuit.reference(words)))


def test_the_trained_network_stays_as_it_is():
    model = trained(CASES["undercomplete"])
    weights = model.get_weights()
    tie_free(model)
    for one, two in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)


def test_it_survives_its_file(tmp_path):
    model = tie_free(trained(CASES["undercomplete"]))
    save_model(model, tmp_path / "model.keras")
    assert lower(load_model(tmp_path / "model.keras")) == lower(model)


def test_doing_it_twice_changes_nothing_that_is_rounded():
    once = lower(tie_free(trained(CASES["undercomplete"])))
    twice = lower(tie_free(tie_free(trained(CASES["undercomplete"]))))
    assert not any(twice.ties[name].any() for name in once.ties if "relu" in name)


def test_a_sum_of_more_than_24_bits_keeps_its_biases():
    wide = SignedPrecision(width=16, integer=3)
    fine = SignedPrecision(width=16, integer=2)
    model = trained(config(weights=fine, activations=Precision(width=16, integer=3), code=wide))
    assert lower(tie_free(model)) == lower(model)
