import numpy as np
import pytest

from l1ae.autoencoder.architectures import build
from l1ae.autoencoder.inference import load_model, scores, to_integers
from l1ae.autoencoder.scores import deploy
from l1ae.autoencoder.transforms import learn_transform
from l1ae.circuit import lower
from l1ae.errors import ConversionError, RunFolderError
from l1ae.events.layout import LEPTON
from l1ae.records import SignedPrecision
from l1ae.settings import AutoencoderConfig, InputsConfig

from .. import networks

WORDS = np.random.default_rng(0).integers(-4096, 4096, (40, 57))


@pytest.fixture(scope="module")
def model():
    code, inputs = SignedPrecision(width=8, integer=4), SignedPrecision(width=8, integer=3)
    config = AutoencoderConfig(kind="variational", hidden=(8, 4), latent=2, code=code)
    return networks.deployed(config, [60] * 57, [6] * 57, precision=inputs)


def test_a_saved_model_computes_the_same(model, tmp_path):
    model.save(tmp_path / "model.keras")
    assert (scores(load_model(tmp_path / "model.keras"), WORDS) == scores(model, WORDS)).all()


@pytest.mark.parametrize("angles", ["absolute", "relative"])
@pytest.mark.parametrize("score", ["squared_error", "absolute_error"])
def test_tables_relative_angles_and_masks_are_saved_with_the_model(angles, score, tmp_path):
    inputs = InputsConfig(transform="log", angles=angles)
    config = AutoencoderConfig(kind="undercomplete", hidden=(8,), latent=2, score=score, mask_absent=True)
    words = networks.background(LEPTON, 200)
    autoencoder = build(config, learn_transform([words], LEPTON, inputs), LEPTON)
    model = deploy(autoencoder, config, inputs, LEPTON)
    model.save(tmp_path / "model.keras")
    loaded = load_model(tmp_path / "model.keras")
    assert (scores(loaded, words) == scores(model, words)).all()
    assert lower(loaded) == lower(model)


def test_scores_come_out_as_integers(model):
    found = scores(model, WORDS)
    assert (to_integers("score", found, 8) == found * 2**8).all()


def test_a_value_between_two_words_is_refused():
    with pytest.raises(ConversionError, match=r"layer score, event 1: .* not a multiple of 2\*\*-2"):
        to_integers("score", np.array([[0.25], [0.3]]), 2)


def test_what_is_no_model_is_refused(tmp_path):
    with pytest.raises(RunFolderError, match="no model"):
        load_model(tmp_path / "model.keras")
    (tmp_path / "model.keras").write_bytes(b"PK half a zip file")
    with pytest.raises(RunFolderError, match="cannot be loaded"):
        load_model(tmp_path / "model.keras")
