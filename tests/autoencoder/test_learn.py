"""The whole family, small: every member trains, deploys, and is one proved circuit that computes what Keras does."""

from contextlib import contextmanager

import keras
import numpy as np
import pytest

from l1ae.autoencoder.inference import load_model
from l1ae.autoencoder.learn import learn
from l1ae.circuit import lower
from l1ae.config import RunConfig
from l1ae.errors import ConversionError
from l1ae.events.layout import LEPTON
from l1ae.events.shuffle import Buckets

from .. import networks

LAYOUT = LEPTON.select({"MET": 1, "e/gamma": 2, "muon": 2, "jet": 6})
WORDS = networks.background(LAYOUT, 1000)
TRAINING, VALIDATION, TEST = WORDS[:400], WORDS[400:500], WORDS[500:]
TABLES = {"transform": "density", "address": 6}
WIDE = {"width": 8, "integer": 6}

FAMILY = {
    "float first, batch normalisation": {
        "inputs": TABLES,
        "autoencoder": {"kind": "undercomplete", "score": "absolute_error"},
        "training": {"float_epochs": 1, "batch_norm": True},
    },
    "relative, masked": {
        "inputs": {"transform": "log", "angles": "relative", "direction_shift": 1},
        "autoencoder": {"kind": "undercomplete", "mask_absent": True},
        "training": {"mask_absent": True, "reconstruction": "absolute"},
    },
    "overcomplete": {
        "autoencoder": {"kind": "overcomplete", "latent": 40},
        "training": {"weight_decay": 1e-3},
    },
    "sparse": {
        "autoencoder": {"kind": "sparse", "latent": 8},
        "training": {"sparsity": {"penalty": "kl"}, "periodic": True, "feature_weights": {"phi": 0.1}},
    },
    "contractive": {
        "autoencoder": {"kind": "contractive", "layers": {"encoder_1": {"weights": {"width": 5, "integer": 1}}}},
        "training": {"contraction": 0.01},
    },
    "kl": {
        "inputs": {"transform": "tail"},
        "autoencoder": {"kind": "variational", "score": "kl"},
        "training": {"prior_width": 2.0, "warmup_epochs": 2},
    },
    "weighted radius": {
        "inputs": {"transform": "quantile", "address": 7},
        "autoencoder": {"kind": "variational", "score": "weighted_radius"},
    },
    "convolutional": {
        "autoencoder": {"kind": "contractive", "architecture": "convolutional", "filters": [2, 3]},
        "training": {"contraction": 0.01},
    },
    "convolutional, variational": {
        "autoencoder": {"kind": "variational", "architecture": "convolutional", "filters": [2, 3]},
        "training": {"float_epochs": 1},
    },
}
#: Each of them is a preset, which is trained in tests/test_presets.py anyway.
SLOW = ("overcomplete", "contractive", "weighted radius", "convolutional", "convolutional, variational")
#: Those whose training is also interrupted: after so many epochs of all phases together.
INTERRUPTED = {
    "denoising, ternary, pruned": (
        1,
        {
            "autoencoder": {"kind": "denoising", "weights": "ternary", "activations": WIDE, "code": WIDE},
            "training": {"epochs": 2, "corruption": {"kind": "detector"}, "pruning": {"end_epoch": 2}},
        },
    ),
    "embedding": (
        1,
        {
            "inputs": {"transform": "log"},
            "autoencoder": {"kind": "undercomplete", "embedding": {"hidden": [6], "size": 4}},
            "training": {"vicreg": {"epochs": 2}},
        },
    ),
    "student": (
        4,
        {
            "inputs": {"transform": "log"},
            "autoencoder": {"kind": "student", "hidden": [16], "code": {"width": 12, "integer": 5}},
            "training": {
                "epochs": 8,
                "learning_rate": 0.01,
                "teacher": {"members": {"outliers": 1.0, "total_pt": 1.0}, "hidden": [8], "epochs": 2},
            },
        },
    ),
}


def config(case, seed=1):
    network = {"hidden": [6, 4], "latent": 2} | case["autoencoder"]
    training = {"epochs": 1, "batch_size": 100, "seed": seed} | case.get("training", {})
    content = {"name": "tiny", "inputs": case.get("inputs", {}), "autoencoder": network, "training": training}
    return RunConfig.model_validate(content, strict=False)


class Interrupted(Exception):
    """Ctrl-C."""


def trained(case, folder, *, stop_after=None, check=lambda model: None, seed=1):
    """What `learn` leaves, and the phases it went through; interrupted after so many epochs in all."""
    phases, done = [], 0

    @contextmanager
    def phase(name, epochs):
        def progress(*_):
            nonlocal done
            done += 1
            if done == stop_after:
                raise Interrupted

        phases.append((name, epochs))
        yield progress

    data = Buckets.of(TRAINING), Buckets.of(VALIDATION)
    return learn(config(case, seed), LAYOUT, *data, folder, phase, check), phases


def assert_firmware_could_compute(model):
    """One proved circuit, exact in float32, whose reference is what Keras computes."""
    assert not any(isinstance(layer, keras.layers.BatchNormalization) for layer in model.layers)
    circuit = lower(model)
    assert circuit.proved
    assert all(circuit.float32_exact.values())
    words = np.concatenate([TEST, np.random.default_rng(1).integers(-4096, 4096, (500, LAYOUT.n_inputs))])
    found = model.predict(words.astype(np.float32), batch_size=1000, verbose=0)
    assert (circuit.value(circuit.output.name, circuit.reference(words)) == found).all()
    assert found.shape == (1000, 1)
    assert len(np.unique(found)) > 5
    return found[:, 0]


def score(model):
    return model.predict(TEST.astype(np.float32), batch_size=1000, verbose=0)[:, 0]


def assert_survives_saving(model, folder):
    model.save(folder / "model.keras")
    assert (score(load_model(folder / "model.keras")) == score(model)).all()


@pytest.mark.parametrize("name", [pytest.param(x, marks=[pytest.mark.slow] if x in SLOW else []) for x in FAMILY])
def test_a_member_of_the_family_trains_and_is_exact(name, tmp_path):
    case = FAMILY[name]
    result, phases = trained(case, tmp_path)
    assert_firmware_could_compute(result.deployed)
    assert result.history.epochs == 1
    assert np.isfinite([*result.history.loss, *result.history.validation_loss]).all()
    floats = case.get("training", {}).get("float_epochs", 0)
    assert [name for name, _ in phases] == (["float network"] if floats else []) + ["network"]
    assert (result.floating is not None) == bool(floats)
    assert_survives_saving(result.deployed, tmp_path)
    if result.floating is not None:
        assert_survives_saving(result.floating, tmp_path)
        assert np.corrcoef(score(result.floating), score(result.deployed))[0, 1] > 0.5
    variational = case["autoencoder"]["kind"] == "variational"
    assert (result.decoded is not None) == variational, "the error of its reconstruction, to compare with"
    if result.decoded is not None:
        assert_firmware_could_compute(result.decoded)
    assert result.teacher is None


@pytest.mark.parametrize("name", INTERRUPTED)
def test_a_training_of_several_phases_can_be_interrupted_and_ends_the_same(name, tmp_path):
    stop_after, case = INTERRUPTED[name]
    whole, phases = trained(case, tmp_path / "whole")
    assert_firmware_could_compute(whole.deployed)
    with pytest.raises(Interrupted):
        trained(case, tmp_path / "parts", stop_after=stop_after)
    resumed, _ = trained(case, tmp_path / "parts")
    for one, two in zip(whole.deployed.get_weights(), resumed.deployed.get_weights(), strict=True):
        assert (one == two).all()
    assert (score(whole.deployed) == score(resumed.deployed)).all()
    assert resumed.history.validation_loss == whole.history.validation_loss
    folders = {path.name for path in (tmp_path / "whole").iterdir()}
    if name == "embedding":
        assert [phase for phase, _ in phases] == ["embedding", "network"]
        assert folders == {"embedding", "quantized"}
    elif name == "student":
        assert phases == [("teacher", 2), ("network", 8)]
        assert folders == {"teacher", "quantized"}
        assert (score(whole.teacher) == score(resumed.teacher)).all()
        assert_survives_saving(whole.teacher, tmp_path)
        assert np.corrcoef(score(whole.teacher), score(whole.deployed))[0, 1] > 0.8
    else:
        assert folders == {"quantized"}
        kernels = [layer for layer in whole.deployed.layers if hasattr(layer, "kernel_quantizer_internal")]
        for layer in kernels:
            kernel = layer.get_weights()[0]
            assert (kernel == 0).sum() >= int(0.5 * kernel.size)
            assert set(np.unique(np.asarray(layer.kernel_quantizer_internal(layer.kernel)))) <= {-1, 0, 1}


def test_a_model_that_is_refused_is_refused_before_it_is_trained(tmp_path):
    seen = []

    def check(model):
        seen.append(model.output_shape)
        raise ConversionError("too large")

    with pytest.raises(ConversionError, match="too large"):
        trained(FAMILY["overcomplete"], tmp_path, check=check)
    assert seen == [(None, 1)]
    assert not list(tmp_path.iterdir())
