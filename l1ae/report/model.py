"""The record of the deployed model: what it is, what it sees and gives, its weights, and its layers."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from l1ae.circuit import Circuit
from l1ae.circuit.nodes import Dense
from l1ae.config import RunConfig
from l1ae.records import SignedPrecision
from l1ae.report.record import Layer, Model
from l1ae.settings import AutoencoderConfig

#: Layer of a variational autoencoder that has weights only where its score needs it; it takes those of the network.
_LOG_VARIANCE = "log_variance"


def model_record(circuit: Circuit, config: RunConfig) -> Model:
    """The deployed model with the formats of its layers, sums included; fixed wiring is no parameter."""
    names = {*config.autoencoder.layer_names, _LOG_VARIANCE}
    trained = [node for node in circuit.nodes if isinstance(node, Dense) and node.name in names]
    weights = sum(node.kernel.size for node in trained)
    return Model(
        kind=config.autoencoder.kind,
        architecture=config.autoencoder.architecture,
        inputs=circuit.input.size,
        transform=config.inputs.transform,
        angles=config.inputs.angles,
        latent=None if config.autoencoder.kind == "student" else config.autoencoder.latent,
        score=config.autoencoder.given_score,
        parameters=weights + sum(node.bias.size for node in trained if node.bias is not None),
        weights=weights,
        zero_weights=weights - sum(int(np.count_nonzero(node.kernel)) for node in trained),
        weight_format=_weight_format(config.autoencoder, [node.name for node in trained]),
        weight_bits=max((node.kernel_format.width for node in trained), default=0),
        seed=config.training.seed,
        same_but_seed=same_but_seed(config),
        layers=_layers(circuit),
    )


def same_but_seed(config: RunConfig) -> str:
    """A short SHA-256 of all that makes the model and its firmware, but for the seed of the training.

    Left out as well: the name, where the events lie, how the result is verified and evaluated, what it may cost, and
    whether it is synthesised.
    """
    content: dict[str, Any] = config.model_dump(mode="json")
    for key in ("name", "verification", "trigger", "budget"):
        content.pop(key, None)
    content["data"].pop("file")
    content["rtl"].pop("synthesise")
    content["training"].pop("seed")
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]


def _weight_format(config: AutoencoderConfig, layers: list[str]) -> str:
    """The precision that all kernels have, as in HLS; "mixed" where they differ."""
    chosen: Mapping[str, Any] = {name: (known := config.layers.get(name)) and known.weights for name in layers}
    found = {_kernel(own or config.weights) for own in chosen.values()}
    return found.pop() if len(found) == 1 else "mixed" if found else "none"


def _kernel(weights: SignedPrecision | str) -> str:
    return weights if isinstance(weights, str) else f"ap_fixed<{weights.width},{weights.integer}>"


def _layers(circuit: Circuit) -> tuple[Layer, ...]:
    accumulators = circuit.accumulators()
    layers = []
    for node in circuit.nodes:
        parts = [node.kernel, *([] if node.bias is None else [node.bias])] if isinstance(node, Dense) else []
        layers.append(
            Layer(
                name=node.name,
                kind=type(node).__name__,
                shape=node.shape,
                format=str(node.format),
                accumulator=str(accumulators[node.name]) if node.name in accumulators else None,
                weight_format=str(node.kernel_format) if isinstance(node, Dense) else None,
                weights=sum(part.size for part in parts),
                zero_weights=sum(int(np.count_nonzero(part == 0)) for part in parts),
            )
        )
    return tuple(layers)
