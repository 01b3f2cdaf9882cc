import numpy as np
import pytest

from l1ae.autoencoder.architectures import build
from l1ae.config import AutoencoderConfig


def small(kind, **changes):
    return build(AutoencoderConfig(kind=kind, hidden=(8, 4), latent=2, **changes), [3] * 57, [4] * 57)


@pytest.mark.parametrize("kind", ["undercomplete", "variational"])
def test_words_go_in_and_one_score_comes_out(kind):
    model = small(kind).deployed
    assert model.input_shape == (None, 57)
    assert model.output_shape == (None, 1)
    words = np.random.default_rng(0).integers(-4096, 4096, (50, 57)).astype(np.float32)
    assert (model.predict(words, verbose=0) >= 0).all()


def test_an_autoencoder_mirrors_its_encoder():
    autoencoder = build(AutoencoderConfig(kind="undercomplete"), [0] * 57, [0] * 57)
    units = [layer.units for layer in autoencoder.deployed.layers if hasattr(layer, "units")]
    assert units == [32, 16, 3, 16, 32, 57]


def test_a_variational_one_deploys_its_encoder_mean_only():
    autoencoder = build(AutoencoderConfig(kind="variational"), [0] * 57, [0] * 57)
    units = [layer.units for layer in autoencoder.deployed.layers if hasattr(layer, "units")]
    assert units == [32, 16, 3]
    assert len(autoencoder.encoder.outputs) == 2


def test_the_score_of_an_autoencoder_is_its_squared_error():
    autoencoder = small("undercomplete")
    words = np.random.default_rng(0).integers(0, 200, (50, 57)).astype(np.float32)
    scaled = autoencoder.scale.predict(words, verbose=0)
    output = autoencoder.decoder.predict(autoencoder.encoder.predict(scaled, verbose=0), verbose=0)
    expected = ((scaled - output) ** 2).sum(axis=1)
    assert (autoencoder.deployed.predict(words, verbose=0).ravel() == expected).all()


def test_the_score_of_a_variational_one_is_the_radius_of_its_mean():
    autoencoder = small("variational")
    words = np.random.default_rng(0).integers(0, 200, (50, 57)).astype(np.float32)
    mean = autoencoder.encoder.predict(autoencoder.scale.predict(words, verbose=0), verbose=0)[0]
    assert (autoencoder.deployed.predict(words, verbose=0).ravel() == (mean**2).sum(axis=1)).all()


def test_a_variational_one_can_also_give_the_error_of_its_reconstruction():
    autoencoder = small("variational")
    words = np.random.default_rng(0).integers(0, 200, (50, 57)).astype(np.float32)
    scaled = autoencoder.scale.predict(words, verbose=0)
    output = autoencoder.decoder.predict(autoencoder.encoder.predict(scaled, verbose=0)[0], verbose=0)
    expected = ((scaled - output) ** 2).sum(axis=1)
    assert (autoencoder.squared_error.predict(words, verbose=0).ravel() == expected).all()


def test_a_deterministic_one_deploys_that_error():
    autoencoder = small("undercomplete")
    assert autoencoder.squared_error is autoencoder.deployed
