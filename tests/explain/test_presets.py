"""Faults in the deployed models that l1ae trains: each is found in its layer."""

from dataclasses import replace

import numpy as np
import pytest

from l1ae.circuit import Circuit, Dense, Dot, Lookup, Overflow, Quantize, Rounding, Scale, Subtract, corner_words, lower
from l1ae.explain import explain
from l1ae.settings import AutoencoderConfig

from .. import convolutional, networks
from .planted import on_grid, shown, with_format, with_word, words


def dense(kind):
    rng = np.random.default_rng(2)
    model = networks.deployed(
        AutoencoderConfig(kind=kind, hidden=(12,), latent=3), rng.integers(-30, 60, 57), rng.integers(0, 8, 57)
    )
    for layer in model.layers:
        if hasattr(layer, "kernel"):
            layer.set_weights([rng.normal(0, 0.5, array.shape) for array in layer.get_weights()])
    return lower(model)


MODELS = {
    "undercomplete": lambda: dense("undercomplete"),
    "variational": lambda: dense("variational"),
    "convolutional": lambda: lower(convolutional.SMALL["autoencoder"]()),
}


@pytest.fixture(scope="module", params=MODELS)
def circuit(request):
    return MODELS[request.param]()


def faults(circuit):
    """One fault of each kind that each node can have, and the causes that describe it."""
    for node in circuit.nodes:
        if isinstance(node, Quantize):
            yield with_format(node, rounding=Rounding.TRN), {"rounding mode"}
            yield with_format(node, overflow=Overflow.WRAP), {"overflow mode"}
            yield with_format(node, width=node.format.width - 2, integer=node.format.integer - 2), {"precision"}
        elif isinstance(node, Dense):
            place = tuple(length // 2 for length in node.kernel.shape)
            yield replace(node, kernel=with_word(node.kernel, place, node.kernel[place] ^ 16)), {"weight"}
            yield replace(node, bias=-node.bias), {"bias sign"}
            units = np.roll(np.arange(node.bias.size), 1)
            yield replace(node, kernel=node.kernel[..., units], bias=node.bias[units]), {"elements permuted"}
        elif isinstance(node, Scale):
            yield replace(node, offset=(node.offset[0] + 4, *node.offset[1:])), {"input offset"}
            yield replace(node, shift=(*node.shift[:-1], node.shift[-1] + 1)), {"shift"}
        elif isinstance(node, Subtract):
            yield replace(node, inputs=node.inputs[::-1]), {"operands swapped"}
        elif isinstance(node, Dot):
            narrow = with_format(node, width=node.format.width - 8, integer=node.format.integer - 8)
            yield narrow, {"accumulator too narrow"}
        elif isinstance(node, Lookup):
            yield replace(node, tables=with_word(node.tables, (0, 0), node.tables[0, 0] ^ 1)), {"table entry"}


def test_every_fault_that_shows_is_named(circuit: Circuit):
    # Random words saturate most inputs: in half of the events only small steps around the offsets are taken.
    given = np.concatenate([words(circuit, 300), words(circuit, 600) // 64 + 15, corner_words(circuit)[:500]])
    reference = circuit.trace(given)
    visible = shown(circuit)
    counts = {"named": 0, "silent": 0}
    for node, causes in faults(circuit):
        broken = circuit.replace(node)
        traced = broken.trace(given, visible)
        firmware = {name: on_grid(circuit, broken, name, array) for name, array in traced.items()}
        explanation = explain(circuit, reference, firmware)
        if explanation is None:
            counts["silent"] += 1
            assert all(np.array_equal(firmware[name], reference[name]) for name in visible)
            continue
        counts["named"] += 1
        readers = [other.name for other in circuit.nodes if node.name in other.inputs]
        assert explanation.layer in (node.name, *readers)
        assert explanation.cause in causes, f"{node.name}: {explanation}"
    assert counts["named"] > 4 * counts["silent"]
