import os
from pathlib import Path

import numpy as np
import pytest

from l1ae.circuit import Circuit
from l1ae.config import FirmwareConfig
from l1ae.events.layout import LEPTON
from l1ae.settings import AutoencoderConfig, InputsConfig


def deployed(kind, *, n=12, hidden=(5,), latent=2, seed=0, offset=None, shift=None):
    """A deployed model with random weights and random input scaling; untrained, so that every format is exercised."""
    from l1ae.autoencoder.architectures import build
    from l1ae.autoencoder.scores import deploy
    from l1ae.autoencoder.transforms import InputTransform

    rng = np.random.default_rng(seed)
    offset = rng.integers(-300, 600, n).tolist() if offset is None else offset
    shift = rng.integers(0, 11, n).tolist() if shift is None else shift
    config = AutoencoderConfig(kind=kind, hidden=hidden, latent=latent)
    model = deploy(build(config, InputTransform.of(offset, shift), LEPTON), config, InputsConfig(), LEPTON)
    spread_weights(model, rng)
    return model


def spread_weights(model, rng, width=0.6):
    for layer in model.layers:
        weights = layer.get_weights()
        if weights:
            layer.set_weights([rng.normal(0, width, values.shape).astype(np.float32) for values in weights])


def random_words(model, count, seed=1):
    """Words over the whole range of a 13-bit port."""
    n = model.inputs[0].shape[1]
    return np.random.default_rng(seed).integers(-4096, 4096, (count, n))


def random_port_words(circuit, count, seed=1):
    """Words over the whole range of every port of a circuit, side by side."""
    low, high = circuit.port_range
    return np.random.default_rng(seed).integers(low, high, (count, circuit.n_inputs), endpoint=True)


def awkward_values(model, count, seed=2):
    """Values between the words, on ties, and past the ends of the port."""
    n = model.inputs[0].shape[1]
    rng = np.random.default_rng(seed)
    values = rng.integers(-4200, 4200, (count, n)) + rng.choice([0.0, 0.25, 0.5, -0.5, 0.75], (count, n))
    values[: count // 10] = rng.choice([-1e6, -4097.0, -4096.5, 4095.0, 4095.5, 4096.0, 1e6], (count // 10, n))
    return values


def keras_scores(model, values):
    """What the Python model computes, as float64."""
    return np.asarray(model(np.asarray(values, dtype=np.float32)), dtype=np.float64)


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    """Where compiled projects are kept: L1AE_TEST_CACHE makes them outlive the session."""
    return Path(os.environ.get("L1AE_TEST_CACHE") or tmp_path_factory.mktemp("csim"))


@pytest.fixture(scope="session")
def emitted(tmp_path_factory):
    """emit(model or circuit, folder, options of FirmwareConfig) -> project, each written once per session."""
    from l1ae.circuit import lower
    from l1ae.hardware.hls import emit

    root, done = tmp_path_factory.mktemp("projects"), {}

    def write(model, folder, **options):
        if folder not in done:
            circuit = model if isinstance(model, Circuit) else lower(model)
            words = random_port_words(circuit, 50, seed=9)
            done[folder] = emit(circuit, FirmwareConfig(**options), "trigger", root / folder, words=words)
        return done[folder]

    return write
