import keras
import numpy as np
import pytest
import qkeras

from l1ae.autoencoder.makers import Float, Quantized
from l1ae.autoencoder.objectives.contractive import automatic_jacobian, dense_jacobian
from l1ae.records import Precision, SignedPrecision
from l1ae.settings import AutoencoderConfig

X = np.random.default_rng(0).normal(0, 1.5, (40, 6)).astype(np.float32)
MAKERS = {
    "float": Float(),
    "quantized": Quantized(AutoencoderConfig(kind="contractive", activations=Precision(width=8, integer=2))),
    "ternary": Quantized(AutoencoderConfig(kind="contractive", weights="ternary")),
}


def encoder(maker):
    """Layers of a small encoder, and the model of them."""
    keras.utils.set_random_seed(1)
    chain = [*maker.dense("encoder_1", 8), maker.rectifier("encoder_1")]
    chain += [*maker.dense("encoder_2", 5), maker.rectifier("encoder_2")]
    chain += [*maker.dense("code", 3), maker.bits("code_quantized", SignedPrecision(width=8, integer=4))]
    tensor = features = keras.Input((6,))
    for layer in chain:
        tensor = layer(tensor)
    for layer in chain:
        if layer.weights:
            kernel, bias = layer.get_weights()
            layer.set_weights([kernel, np.linspace(-0.3, 0.4, len(bias))])
    return chain, keras.Model(features, tensor)


@pytest.mark.parametrize("name", MAKERS)
def test_the_closed_form_is_what_differentiation_gives(name):
    chain, model = encoder(MAKERS[name])
    closed = np.asarray(dense_jacobian(chain, keras.ops.convert_to_tensor(X)))
    automatic = np.asarray(automatic_jacobian(model, keras.ops.convert_to_tensor(X)))
    assert np.allclose(closed, automatic, rtol=1e-4)
    assert np.ptp(closed) > 0.01, "some rectifiers are closed"


def test_both_are_the_differences_of_the_code():
    chain, model = encoder(MAKERS["float"])
    step = 1e-3
    columns = [
        (np.asarray(model(X + step * unit)) - np.asarray(model(X - step * unit))) / (2 * step)
        for unit in np.eye(6, dtype=np.float32)
    ]
    numerical = np.square(columns).sum(axis=(0, 2))
    closed = np.asarray(dense_jacobian(chain, keras.ops.convert_to_tensor(X)))
    smooth = np.isclose(numerical, closed, rtol=0.01)
    assert smooth.mean() > 0.9, "but for events beside a kink"


def test_a_quantized_one_contracts_as_the_float_one_of_its_quantized_weights():
    chain, _ = encoder(MAKERS["quantized"])
    floats, _ = encoder(MAKERS["float"])
    for mine, theirs in zip(chain, floats, strict=True):
        if mine.weights:
            values = mine.kernel_quantizer_internal(mine.kernel), mine.bias_quantizer_internal(mine.bias)
            theirs.set_weights([np.asarray(value) for value in values])
    closed = np.asarray(dense_jacobian(chain, keras.ops.convert_to_tensor(X)))
    of_floats = np.asarray(dense_jacobian(floats, keras.ops.convert_to_tensor(X)))
    same = np.isclose(closed, of_floats, rtol=1e-4)
    assert same.mean() > 0.8, "where no rectifier saturates or is rounded shut"


def test_a_saturated_rectifier_is_closed():
    relu = qkeras.QActivation(qkeras.quantized_relu(4, 1), name="encoder_1_relu")
    dense = keras.layers.Dense(1, kernel_initializer="ones", name="encoder_1")
    x = keras.ops.convert_to_tensor(np.array([[-1.0], [0.5], [1.5], [3.0]], dtype=np.float32))
    assert np.asarray(dense_jacobian([dense, relu], x)).tolist() == [0.0, 1.0, 1.0, 0.0]


def test_weights_learn_from_it():
    import tensorflow as tf

    chain, model = encoder(MAKERS["quantized"])
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(dense_jacobian(chain, tf.constant(X)))
    gradients = tape.gradient(loss, [layer.kernel for layer in chain if hasattr(layer, "kernel")])
    assert all(np.abs(np.asarray(gradient)).max() > 0 for gradient in gradients)
    assert model.trainable_variables


def test_a_chain_without_weights_is_refused():
    with pytest.raises(ValueError, match="no Jacobian"):
        dense_jacobian([keras.layers.ReLU(name="encoder_1_relu")], X)
