import keras
import numpy as np
import pytest

from l1ae.autoencoder.architectures import float_twin
from l1ae.autoencoder.makers import Float, Quantized, carry, folded
from l1ae.autoencoder.scores import deploy
from l1ae.events.layout import LEPTON
from l1ae.records import Precision, SignedPrecision
from l1ae.settings import AutoencoderConfig, InputsConfig

from .. import networks

RNG = np.random.default_rng(0)
X = RNG.normal(0, 2, (200, 57)).astype(np.float32)


def worn(model):
    """Batch normalisations as a training leaves them: nothing at its initial value."""
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            size = layer.gamma.shape
            statistics = RNG.uniform(0.5, 2, size), RNG.normal(0, 1, size), RNG.normal(0, 1, size)
            layer.set_weights([*statistics, RNG.uniform(0.1, 4, size)])
    return model


def test_a_folded_kernel_computes_what_both_layers_did():
    features = keras.Input((57,))
    dense, norm = keras.layers.Dense(7), keras.layers.BatchNormalization()
    model = worn(keras.Model(features, norm(dense(features))))
    kernel, bias = folded(*dense.get_weights(), norm)
    assert np.allclose(X @ kernel + bias, model.predict(X, verbose=0), atol=1e-4)
    assert kernel.dtype == bias.dtype == np.float32
    assert not np.allclose(kernel, dense.get_weights()[0])


@pytest.mark.parametrize("kind", ["undercomplete", "variational", "student"])
def test_a_float_network_is_carried_without_its_normalisations(kind):
    config = AutoencoderConfig(kind=kind, hidden=(8, 4), latent=2)
    autoencoder = networks.network(config, [0] * 57, [0] * 57)
    twin, plain = (float_twin(autoencoder, config, LEPTON, batch_norm) for batch_norm in (True, False))
    for normalised, other, quantized in (
        (twin.encoder, plain.encoder, autoencoder.encoder),
        (twin.decoder, plain.decoder, autoencoder.decoder),
    ):
        if normalised is None:
            continue
        norms = [layer for layer in normalised.layers if isinstance(layer, keras.layers.BatchNormalization)]
        assert len(norms) == 2, "behind each hidden layer"
        worn(normalised)
        carry(normalised, other)
        carry(normalised, quantized)
        inputs = X[:, : normalised.input_shape[1]]
        one, two = (keras.tree.flatten(model.predict(inputs, verbose=0)) for model in (normalised, other))
        for left, right in zip(one, two, strict=True):
            assert np.allclose(left, right, rtol=1e-3, atol=1e-3)
        for layer in other.layers:
            if layer.weights and layer.name != "log_variance":
                same = quantized.get_layer(layer.name).get_weights()
                assert all((a == b).all() for a, b in zip(layer.get_weights(), same, strict=True))
    deployed = deploy(autoencoder, config, InputsConfig(), LEPTON)
    assert not any(isinstance(layer, keras.layers.BatchNormalization) for layer in deployed.layers)


def test_layers_have_the_same_names_in_float_and_quantized():
    config = AutoencoderConfig(kind="undercomplete")
    for call in (
        lambda make: make.dense("code", 3)[0],
        lambda make: make.convolution("encoder_1", 3, (3, 1))[0],
        lambda make: make.rectifier("encoder_1"),
        lambda make: make.bits("code_quantized", SignedPrecision(width=8, integer=4)),
    ):
        assert call(Float()).name == call(Quantized(config)).name
    assert len(Float(batch_norm=True).dense("encoder_1", 3)) == 2
    for last in ("code", "output", "log_variance", "embedding"):
        assert len(Float(batch_norm=True).dense(last, 3)) == 1


def test_quantizers_are_those_of_the_configuration():
    precisions = {"weights": SignedPrecision(width=5, integer=2), "biases": SignedPrecision(width=6, integer=3)}
    make = Quantized(AutoencoderConfig(kind="undercomplete", activations=Precision(width=7, integer=2), **precisions))
    (layer,) = make.dense("encoder_1", 3)
    layer.build((None, 4))
    values = np.linspace(-9, 9, 1001).astype(np.float32)
    kernel, bias = (
        np.asarray(layer.kernel_quantizer_internal(values)),
        np.asarray(layer.bias_quantizer_internal(values)),
    )
    activation = np.asarray(make.rectifier("encoder_1")(values))
    assert (kernel.min(), kernel.max()) == (-2, 2 - 2**-3)
    assert (bias.min(), bias.max()) == (-4, 4 - 2**-3)
    assert (activation.min(), activation.max()) == (0, 4 - 2**-5)
    with pytest.raises(ValueError, match="reconstruction has no precision"):
        make.bits("reconstruction", None)


@pytest.mark.parametrize(("name", "values"), [("ternary", {-1, 0, 1}), ("binary", {-1, 1})])
def test_kernels_of_few_values(name, values):
    (layer,) = Quantized(AutoencoderConfig(kind="undercomplete", weights=name)).dense("encoder_1", 16)
    layer.build((None, 57))
    assert set(np.unique(np.asarray(layer.kernel_quantizer_internal(layer.kernel)))) == values
