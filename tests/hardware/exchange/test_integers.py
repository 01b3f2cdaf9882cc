"""ONNX on 64-bit integers equals the reference for every word, for every kind of node and every format."""

import itertools
import json

import numpy as np
import pytest
from hypothesis import given, settings

from l1ae.circuit import Circuit, FixedFormat, Input, Overflow, Quantize, Rounding, corner_words
from l1ae.hardware.exchange.graph import digest
from l1ae.hardware.exchange.integers import integer_model

from ... import circuits

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")


def outputs(circuit, words):
    """What onnxruntime gives, one array per output of the circuit."""
    session = onnxruntime.InferenceSession(integer_model(circuit, "test"))
    given = {
        port.name: words[:, circuit.columns[port.name]].reshape(len(words), *port.shape) for port in circuit.inputs
    }
    return session.run(None, given)


def assert_exact(circuit, words):
    traced = circuit.trace(words, circuit.outputs)
    for name, found in zip(circuit.outputs, outputs(circuit, words), strict=True):
        assert found.dtype == np.int64
        np.testing.assert_array_equal(found, traced[name])


@settings(max_examples=60, deadline=None)
@given(circuits.circuits())
def test_random_circuits_are_exact_for_words_inside_and_past_their_ports(circuit):
    low, high = circuit.port_range
    rng = np.random.default_rng(0)
    inside = rng.integers(low, high + 1, (50, circuit.n_inputs))
    past = rng.integers(-(2**61), 2**61, (20, circuit.n_inputs))
    assert_exact(circuit, np.concatenate([inside, past]))


@pytest.mark.parametrize(
    ("rounding", "overflow"), list(itertools.product(Rounding, Overflow)), ids=lambda mode: str(mode)
)
@pytest.mark.parametrize("port", ["ap_fixed<12,6,RND_CONV,SAT>", "ap_fixed<62,31,RND_CONV,SAT>", "ap_ufixed<7,9>"])
def test_every_format_rounds_and_overflows_as_ap_fixed_does(port, rounding, overflow):
    port = FixedFormat.parse(port)
    points = [-70, -31, -3, 0, 2, 5, 31, 70]
    rng = np.random.default_rng(1)
    sizes = rng.integers(0, port.width + 1, (400, 3))
    words = np.clip(rng.integers(-(2**sizes), 2**sizes + 1), port.low, port.high)
    words = np.concatenate([words, np.full((1, 3), port.low), np.full((1, 3), port.high)])
    nodes = [Input("words", (), (3,), port)]
    for signed, width, integer in itertools.product((True, False), (2, 5, 62), points):
        format_ = FixedFormat(signed, width, integer, rounding, overflow)
        nodes.append(Quantize(f"q{len(nodes)}", ("words",), (3,), format_))
    assert_exact(Circuit(tuple(nodes), tuple(node.name for node in nodes[1:])), words)


def test_corner_words_of_a_circuit_are_exact(small):
    assert_exact(small, corner_words(small))


def test_a_port_may_be_an_output_too(small):
    both = Circuit(small.nodes, (small.input.name, *small.outputs))
    words = corner_words(small)[:50]
    found = outputs(both, words)
    np.testing.assert_array_equal(found[0], words)
    np.testing.assert_array_equal(found[1], small.reference(words))


def test_the_file_says_what_its_words_mean_and_whose_they_are(small):
    model = onnx.ModelProto.FromString(integer_model(small, "test"))
    known = {one.key: one.value for one in model.metadata_props}
    assert known["circuit_sha256"] == digest(small)
    assert known["l1ae_version"] == model.producer_version
    (port,) = json.loads(known["inputs"])
    assert port == {"name": "words", "shape": [3], "format": str(small.input.format), "lsb": small.input.format.lsb}
    (output,) = json.loads(known["outputs"])
    assert (output["name"], output["lsb"]) == (small.output.name, small.output.format.lsb)
    assert [one.name for one in model.graph.input] == ["words"]
    axes = model.graph.input[0].type.tensor_type.shape.dim
    assert (axes[0].dim_param, axes[1].dim_value) == ("events", 3)
    assert {one.domain for one in model.opset_import} == {""}


def test_the_digest_is_that_of_the_file_of_the_circuit(small, tmp_path):
    from l1ae.files import sha256

    small.save(tmp_path / "circuit.json")
    assert digest(small) == sha256(tmp_path / "circuit.json")
    assert digest(small) != digest(Circuit(small.nodes[:-1]))
