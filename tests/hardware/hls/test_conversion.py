"""Types of hls4ml are not believed: one bit too few, on either side of the point, is refused."""

import io
from dataclasses import replace
from fractions import Fraction

import pytest

from l1ae.circuit import FixedFormat, Overflow, Rounding, lower
from l1ae.config import FirmwareConfig
from l1ae.errors import ConversionError
from l1ae.hardware.hls.conversion import check_nodes, check_types, convert

from .awkward import all_together
from .conftest import deployed


@pytest.fixture
def converted(tmp_path):
    """The hls4ml graph of a circuit and its plan; the graph can be tampered with."""
    circuit = lower(deployed("variational", n=6, hidden=(4,), seed=7))
    return convert(circuit, FirmwareConfig(), "trigger", tmp_path, io.StringIO())


@pytest.mark.parametrize("node", ["words", "scaling", "encoder_1", "code"])
@pytest.mark.parametrize("lost", [("width",), ("width", "integer")], ids=["fraction", "integer"])
def test_a_result_one_bit_too_short(converted, node, lost):
    graph, planned = converted
    precision = graph.graph[node].get_output_variable().type.precision
    for part in lost:
        setattr(precision, part, getattr(precision, part) - 1)
    with pytest.raises(ConversionError, match=rf"layer {planned.nodes[node].shows}: result .* does not hold"):
        check_types(graph, planned)


@pytest.mark.parametrize("node", ["encoder_1", "code", "score"])
@pytest.mark.parametrize("lost", [("width",), ("width", "integer")], ids=["fraction", "integer"])
def test_a_narrow_accumulator(converted, node, lost):
    """What happened to AXOL1TL v6.0.2; hls4ml may take a few bits more than needed, so more than those are lost."""
    graph, planned = converted
    precision = graph.graph[node].attributes["accum_t"].precision
    for part in lost:
        setattr(precision, part, getattr(precision, part) - 6)
    with pytest.raises(ConversionError, match=f"layer {node}: accum .* does not hold"):
        check_types(graph, planned)


def test_a_lost_sign(converted):
    graph, planned = converted
    graph.graph["code"].get_output_variable().type.precision.signed = False
    with pytest.raises(ConversionError, match=r"layer code_quantized: result .* and a sign before the point"):
        check_types(graph, planned)


@pytest.mark.parametrize("part", ["weight", "bias"])
def test_a_weight_that_its_type_does_not_hold(converted, part):
    graph, planned = converted
    graph.graph["code"].weights[part].data[..., 1] += float(Fraction(1, 2**20))
    with pytest.raises(ConversionError, match=f"layer code: .* does not hold its {part}"):
        check_types(graph, planned)


def test_a_type_that_nobody_derived(converted):
    graph, planned = converted
    graph.graph["score"].attributes["accum_t"].precision.width = 97
    with pytest.raises(ConversionError, match="layer score: hls4ml derived no exact type for accum_t"):
        check_types(graph, planned)


def test_a_node_that_is_gone(converted):
    graph, planned = converted
    del graph.graph["code"]
    with pytest.raises(ConversionError, match="layer code: hls4ml made another graph"):
        check_nodes(graph, planned)


def test_types_of_generated_nodes_are_those_of_the_circuit(tmp_path):
    """Quantizers and copies have their formats; any other as many bits as its elements need, neither more nor less."""
    circuit = all_together()
    graph, planned = convert(circuit, FirmwareConfig(), "trigger", tmp_path, io.StringIO())
    seen = set()
    for name, node in graph.graph.items():
        known, precision = planned.nodes[name], node.get_output_variable().type.precision
        found = FixedFormat(precision.signed, precision.width, precision.integer)
        if node.class_name != "HardwareNode" or known.computes != known.shows:
            continue
        if known.kind in ("Quantize", "Copy"):
            format_ = circuit[known.shows].format
            assert found == replace(format_, rounding=Rounding.TRN, overflow=Overflow.WRAP)
        elif known.bits.fraction.all():
            signed, integer, fraction = (int(part.max()) for part in known.bits)
            assert found == FixedFormat(bool(signed), signed + integer + fraction, signed + integer)
        seen.add(known.kind)
    assert seen == {"Quantize", "Copy", "Wire", "Scale", "Sum", "MaxPool", "Clip", "Leaky"}
