"""Models with random weights and scales, their circuits, and the tensors that Keras computes inside."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before anything imports TensorFlow

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from l1ae.circuit import Circuit
from l1ae.events.layout import LEPTON
from l1ae.records import Precision, SignedPrecision
from l1ae.settings import AutoencoderConfig, InputsConfig

#: Spelled out, so that the tests do not move with the defaults.
PRECISIONS: dict[str, Any] = {
    "weights": SignedPrecision(width=8, integer=2),
    "biases": SignedPrecision(width=8, integer=3),
    "activations": Precision(width=8, integer=3),
    "code": SignedPrecision(width=8, integer=4),
}


INPUTS = SignedPrecision(width=8, integer=3)


def random_model(
    config: AutoencoderConfig, n_inputs: int = 57, seed: int = 1, precision: SignedPrecision = INPUTS
) -> Any:
    """The deployed model of `config` with weights on and off the grid, some of them beyond the range."""
    from l1ae.autoencoder.architectures import build
    from l1ae.autoencoder.scores import deploy
    from l1ae.autoencoder.transforms import InputTransform

    rng = np.random.default_rng(seed)
    offset, shift = rng.integers(-30, 60, n_inputs), rng.integers(0, 8, n_inputs)
    transform = InputTransform.of(offset, shift, precision)
    model = deploy(build(config, transform, LEPTON), config, InputsConfig(precision=precision), LEPTON)
    for layer in model.layers:
        if hasattr(layer, "kernel"):
            inputs, units = layer.kernel.shape
            kernel = rng.normal(0, 1.2 * np.sqrt(2 / inputs), (inputs, units)) * (rng.random((inputs, units)) > 0.3)
            layer.set_weights([kernel, rng.normal(0, 1.5, units)])
    return model


def keras_tensors(model: Any, values: np.ndarray) -> dict[str, np.ndarray]:
    """What Keras computes at every layer of a functional model, in float32."""
    import keras

    found: dict[str, Any] = {}

    def visit(tensor: Any) -> None:
        layer, index, _ = tensor._keras_history
        if layer.name not in found:
            found[layer.name] = tensor
            for source in layer._inbound_nodes[index].input_tensors:
                visit(source)

    visit(model.outputs[0])
    every = keras.Model(model.inputs, list(found.values()))
    outputs = every([values.astype(np.float32)])
    return {name: np.asarray(keras.ops.convert_to_numpy(x)) for name, x in zip(found, outputs, strict=True)}


@pytest.fixture(scope="session")
def make_model() -> Callable[..., Any]:
    return random_model


@pytest.fixture(scope="session")
def keras_trace() -> Callable[[Any, np.ndarray], dict[str, np.ndarray]]:
    return keras_tensors


@pytest.fixture(scope="session", params=["undercomplete", "variational"])
def deployed(request: pytest.FixtureRequest) -> tuple[Any, Circuit]:
    from l1ae.circuit import lower

    model = random_model(AutoencoderConfig(kind=request.param, **PRECISIONS))
    return model, lower(model)


@pytest.fixture(scope="session")
def circuit(deployed: tuple[Any, Circuit]) -> Circuit:
    return deployed[1]


@pytest.fixture(scope="session")
def small_circuit(make_model: Callable[..., Any]) -> Circuit:
    """Five inputs, so that brute force is cheap."""
    from l1ae.circuit import lower

    return lower(make_model(AutoencoderConfig(kind="undercomplete", hidden=(4, 3), latent=2, **PRECISIONS), n_inputs=5))
