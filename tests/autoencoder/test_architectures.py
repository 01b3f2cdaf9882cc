import keras
import numpy as np
import pytest

from l1ae.autoencoder.architectures import float_twin
from l1ae.autoencoder.makers import carry
from l1ae.autoencoder.scores import deploy, deploy_float
from l1ae.events.layout import LEPTON
from l1ae.records import SignedPrecision
from l1ae.settings import AutoencoderConfig, EmbeddingConfig, InputsConfig

from .. import networks

ZEROS, WORDS = [0] * 57, np.random.default_rng(0).integers(0, 200, (50, 57)).astype(np.float32)


def small(kind, **changes):
    """Configuration and network."""
    config = AutoencoderConfig(kind=kind, **{"hidden": (8, 4), "latent": 2} | changes)
    return config, networks.network(config, [3] * 57, [4] * 57)


def score(config, autoencoder, words=WORDS, **options):
    return deploy(autoencoder, config, InputsConfig(), LEPTON, **options).predict(words, verbose=0).ravel()


def units(model):
    return [layer.units for layer in model.layers if hasattr(layer, "units")]


@pytest.mark.parametrize("kind", ["undercomplete", "variational"])
def test_words_go_in_and_one_score_comes_out(kind):
    config, autoencoder = small(kind)
    model = deploy(autoencoder, config, InputsConfig(), LEPTON)
    assert model.input_shape == (None, 57)
    assert model.output_shape == (None, 1)
    words = np.random.default_rng(0).integers(-4096, 4096, (50, 57)).astype(np.float32)
    assert (model.predict(words, verbose=0) >= 0).all()


def test_an_autoencoder_mirrors_its_encoder():
    assert units(networks.deployed(AutoencoderConfig(kind="undercomplete"), ZEROS, ZEROS)) == [32, 16, 3, 16, 32, 57]


def test_a_variational_one_deploys_its_encoder_mean_only():
    config = AutoencoderConfig(kind="variational")
    autoencoder = networks.network(config, ZEROS, ZEROS)
    assert units(deploy(autoencoder, config, InputsConfig(), LEPTON)) == [32, 16, 3]
    assert len(autoencoder.encoder.outputs) == 2


def test_the_score_of_an_autoencoder_is_its_squared_error():
    config, autoencoder = small("undercomplete")
    scaled = autoencoder.scale.predict(WORDS, verbose=0)
    output = autoencoder.decoder.predict(autoencoder.encoder.predict(scaled, verbose=0), verbose=0)
    assert (score(config, autoencoder) == ((scaled - output) ** 2).sum(axis=1)).all()


def test_the_score_of_a_variational_one_is_the_radius_of_its_mean():
    config, autoencoder = small("variational")
    mean = autoencoder.encoder.predict(autoencoder.scale.predict(WORDS, verbose=0), verbose=0)[0]
    assert (score(config, autoencoder) == (mean**2).sum(axis=1)).all()


def test_a_variational_one_can_also_give_the_error_of_its_reconstruction():
    config, autoencoder = small("variational")
    scaled = autoencoder.scale.predict(WORDS, verbose=0)
    output = autoencoder.decoder.predict(autoencoder.encoder.predict(scaled, verbose=0)[0], verbose=0)
    found = score(config, autoencoder, score="squared_error")
    assert (found == ((scaled - output) ** 2).sum(axis=1)).all()


def test_an_embedding_stands_in_front_and_is_what_is_reconstructed():
    config, autoencoder = small("undercomplete", embedding=EmbeddingConfig(hidden=(7,), size=5))
    assert units(deploy(autoencoder, config, InputsConfig(), LEPTON)) == [7, 5, 8, 4, 2, 4, 8, 5]
    assert autoencoder.scale.output_shape == (None, 5)
    assert autoencoder.embedding.output_shape == (None, 5)
    scaled = autoencoder.inputs.predict(WORDS, verbose=0)
    assert scaled.shape == (50, 57)
    embedded = autoencoder.scale.predict(WORDS, verbose=0)
    assert (autoencoder.embedding.predict(scaled, verbose=0) == embedded).all()
    output = autoencoder.decoder.predict(autoencoder.encoder.predict(embedded, verbose=0), verbose=0)
    assert (score(config, autoencoder) == ((embedded - output) ** 2).sum(axis=1)).all()


def test_a_student_has_no_decoder_and_gives_its_code():
    config, autoencoder = small("student", hidden=(6,))
    assert autoencoder.decoder is None
    assert units(deploy(autoencoder, config, InputsConfig(), LEPTON)) == [6, 1]
    code = autoencoder.encoder.predict(autoencoder.scale.predict(WORDS, verbose=0), verbose=0)
    assert (score(config, autoencoder) == code.ravel()).all()


@pytest.mark.parametrize("layout", [LEPTON, LEPTON.select({"jet": 10, "MET": 1}), LEPTON.select(None, ["pt"])])
def test_a_convolutional_one_reconstructs_every_row_of_its_layout(layout):
    config = AutoencoderConfig(kind="undercomplete", architecture="convolutional", filters=(3, 4), latent=2)
    n = layout.n_inputs
    autoencoder = networks.network(config, [3] * n, [4] * n, layout=layout)
    assert autoencoder.decoder.output_shape == (None, n)
    kernels = {layer.name: layer.kernel.shape for layer in autoencoder.encoder.layers if hasattr(layer, "kernel")}
    assert kernels["encoder_1"] == (3, len(layout.features), 1, 3)
    assert kernels["encoder_2"] == (3, 1, 3, 4)
    model = deploy(autoencoder, config, InputsConfig(), layout)
    assert model.output_shape == (None, 1)


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("undercomplete", {"mask_absent": True, "score": "absolute_error"}),
        ("variational", {"score": "kl", "code": SignedPrecision(width=12, integer=4)}),
        ("student", {}),
    ],
)
def test_the_float_twin_with_wide_precisions_gives_nearly_the_same_score(kind, changes):
    """Weights carried over: what is left between them is rounding."""
    wide = SignedPrecision(width=16, integer=7)
    fine = {"weights": SignedPrecision(width=16, integer=2), "biases": wide, "activations": wide, "code": wide}
    config = AutoencoderConfig(kind=kind, hidden=(8, 4), latent=2, **fine | changes)
    autoencoder = networks.network(config, [3] * 57, [6] * 57, precision=wide)
    keras.utils.set_random_seed(1)
    twin = float_twin(autoencoder, config, LEPTON, batch_norm=False)
    carry(twin.encoder, autoencoder.encoder)
    if twin.decoder is not None:
        carry(twin.decoder, autoencoder.decoder)
    model = deploy(autoencoder, config, InputsConfig(precision=wide), LEPTON)
    quantized = model.predict(WORDS, verbose=0).ravel()
    floating = deploy_float(twin, config, LEPTON).predict(WORDS, verbose=0).ravel()
    assert np.ptp(floating) > 0.5
    assert np.abs(quantized - floating).max() <= 0.02 * np.abs(floating).max()


def test_single_layers_have_precisions_of_their_own():
    layers = {"encoder_1": {"weights": {"width": 3, "integer": 1}, "activations": {"width": 5, "integer": 2}}}
    config = AutoencoderConfig.model_validate({"kind": "undercomplete", "layers": layers})
    model = networks.deployed(config, ZEROS, ZEROS)
    first, second = model.get_layer("encoder_1"), model.get_layer("encoder_2")
    assert (first.kernel_quantizer_internal.bits, second.kernel_quantizer_internal.bits) == (3, 8)
    assert (first.bias_quantizer_internal.bits, second.bias_quantizer_internal.bits) == (8, 8)
    assert model.get_layer("encoder_1_relu").activation.bits == 5
    assert model.get_layer("encoder_2_relu").activation.bits == 8
