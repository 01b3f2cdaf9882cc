"""What the report says about the deployed model."""

import json

import numpy as np
import pytest

from l1ae.circuit import Circuit, Dense, Dot, FixedFormat, Input, Quantize
from l1ae.circuit.nodes import UNDECIDED
from l1ae.circuit.tensors import Convolution, Wire
from l1ae.config import RunConfig
from l1ae.report.model import model_record, same_but_seed


def config(**changed):
    base = {
        "name": "tried",
        "autoencoder": {"kind": "undercomplete", "hidden": [3], "latent": 2},
        "inputs": {"transform": "log", "angles": "relative", "direction_shift": 1},
        "training": {"seed": 7},
    }
    for key, value in changed.items():
        base[key] = {**base[key], **value} if isinstance(base.get(key), dict) else value
    return RunConfig.model_validate_json(json.dumps(base))


def dense(name, source, kernel, bits=8, bias=True):
    units = len(kernel[0])
    return Dense(
        name, (source,), (units,), UNDECIDED, np.array(kernel), FixedFormat(True, bits, 2),
        np.zeros(units, dtype=np.int64) if bias else None, FixedFormat(True, 8, 3) if bias else None,
    )  # fmt: skip


def circuit(*, code_bits=8):
    """Four words, one fixed layer of wires, and two layers with 6 + 6 weights of which 3 are zero."""
    return Circuit.derive(
        [
            Input("port", (), (4,), FixedFormat(True, 13, 13)),
            dense("difference", "port", [[1, 0], [0, 1], [0, 0], [0, 0]], bias=False),
            dense("encoder_1", "difference", [[1, 0, 3], [0, 5, 6]]),
            Quantize("encoder_1_relu", ("encoder_1",), (3,), FixedFormat(False, 8, 3)),
            dense("code", "encoder_1_relu", [[1, 2], [0, 4], [5, 6]], bits=code_bits),
            Dot("score", ("code", "code"), (1,), UNDECIDED),
        ]
    )


def test_the_configuration_is_in_the_record():
    record = model_record(circuit(), config())
    assert (record.kind, record.architecture, record.latent, record.score) == (
        "undercomplete",
        "dense",
        2,
        "squared_error",
    )
    assert (record.inputs, record.transform, record.angles, record.seed) == (4, "log", "relative", 7)


def test_fixed_wiring_is_no_parameter_but_a_layer():
    record = model_record(circuit(), config())
    assert (record.weights, record.zero_weights) == (12, 3)
    assert record.parameters == 12 + 3 + 2
    assert [layer.weights for layer in record.layers if layer.name == "difference"] == [8]


def test_weights_of_a_convolution_count_once():
    kernel = np.arange(2 * 1 * 1 * 3).reshape(2, 1, 1, 3)
    image = Convolution(
        "encoder_1", ("image",), (3, 1, 3), UNDECIDED, kernel, FixedFormat(True, 8, 2), None, None,
        input_shape=(4, 1, 1), strides=(1, 1), padding=(0, 0),
    )  # fmt: skip
    made = Circuit.derive(
        [
            Input("port", (), (4,), FixedFormat(True, 13, 13)),
            Wire("image", ("port",), (4, 1, 1), UNDECIDED, (0, 1, 2, 3)),
            image,
            Wire("flat", ("encoder_1",), (9,), UNDECIDED, tuple(range(9))),
        ]
    )
    record = model_record(made, config(autoencoder={"architecture": "convolutional"}, inputs={"angles": "absolute"}))
    assert (record.weights, record.zero_weights, record.parameters) == (6, 1, 6)
    assert image.matrix.size > 6


@pytest.mark.parametrize(
    ("autoencoder", "text"),
    [
        ({}, "ap_fixed<8,2>"),
        ({"weights": "ternary"}, "ternary"),
        ({"layers": {"code": {"weights": "binary"}}}, "mixed"),
        ({"layers": {"code": {"weights": {"width": 8, "integer": 2}}}}, "ap_fixed<8,2>"),
        ({"layers": {"output": {"weights": "binary"}}}, "ap_fixed<8,2>"),  # not deployed here
        ({"layers": {"encoder_1": {"activations": {"width": 4, "integer": 2}}}}, "ap_fixed<8,2>"),
    ],
)
def test_the_weight_format_is_that_of_the_deployed_layers(autoencoder, text):
    assert model_record(circuit(), config(autoencoder=autoencoder)).weight_format == text


def test_weight_bits_are_those_of_the_widest_kernel():
    assert model_record(circuit(code_bits=5), config()).weight_bits == 8
    assert model_record(circuit(code_bits=11), config()).weight_bits == 11


def test_runs_that_differ_only_in_the_seed_are_known():
    one = same_but_seed(config())
    assert len(one) == 12
    for changed in (
        {"name": "other"},
        {"training": {"seed": 8}},
        {"data": {"file": "elsewhere.h5"}},
        {"verification": {"events": 7, "seed": 3}},
        {"trigger": {"filling_factor": 0.5}},
        {"budget": {"lut": 7}},
        {"rtl": {"synthesise": False}},
    ):
        assert same_but_seed(config(**changed)) == one
    others = [
        {"training": {"epochs": 3}},
        {"inputs": {"transform": "tail"}},
        {"autoencoder": {"latent": 1}},
        {"firmware": {"clock_ns": 4.0}},
        {"rtl": {"clock_mhz": 320.0}},
        {"data": {"signals": ["LQ"]}},
    ]
    assert len({one, *(same_but_seed(config(**changed)) for changed in others)}) == 7
