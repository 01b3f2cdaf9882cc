"""QONNX equals the reference where float32 is proved to be exact, and is refused where it is not."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings

from l1ae.circuit import (
    UNDECIDED,
    Circuit,
    Dot,
    FixedFormat,
    Input,
    MaxPool,
    Overflow,
    Quantize,
    Rounding,
    corner_words,
)
from l1ae.errors import ConversionError
from l1ae.hardware.exchange import compare
from l1ae.hardware.exchange.quantized import problem, quantized_model

from ... import circuits

onnx = pytest.importorskip("onnx")
pytest.importorskip("qonnx")


def quants(circuit):
    """The nodes `Quant` of the file, each with its attributes and the values of its scale and bit width."""
    model = onnx.ModelProto.FromString(quantized_model(circuit, "test"))
    constants = {one.name: onnx.numpy_helper.to_array(one) for one in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "Quant":
            known = {one.name: onnx.helper.get_attribute_value(one) for one in node.attribute}
            yield node, known | {"scale": float(constants[node.input[1]]), "width": int(constants[node.input[3]])}


@settings(max_examples=60, deadline=None)
@given(circuits.circuits())
def test_random_circuits_are_exact_in_the_executor_of_qonnx(circuit):
    assume(all(problem(circuit, node) is None for node in circuit.nodes))
    low, high = circuit.port_range
    words = np.random.default_rng(0).integers(low, high + 1, (50, circuit.n_inputs))
    assert compare(circuit, quantized_model(circuit, "test"), "qonnx", {"random": words}) == 50


@pytest.mark.parametrize("rounding", list(Rounding), ids=str)
@pytest.mark.parametrize("overflow", [Overflow.SAT, Overflow.SAT_SYM], ids=str)
def test_every_format_rounds_and_saturates_as_ap_fixed_does(rounding, overflow):
    port = FixedFormat(True, 10, 5, Rounding.RND_CONV, Overflow.SAT)
    nodes = [Input("words", (), (1,), port)]
    for signed in (True, False):
        for width in range(1 + (signed and overflow is Overflow.SAT_SYM), 8):
            format_ = FixedFormat(signed, width, width - 2, rounding, overflow)
            nodes.append(Quantize(f"q{len(nodes)}", ("words",), (1,), format_))
    circuit = Circuit(tuple(nodes), tuple(node.name for node in nodes[1:]))
    every_word = np.arange(port.low, port.high + 1)[:, None]
    assert compare(circuit, quantized_model(circuit, "test"), "qonnx", {"every": every_word}) == 1024


def test_rows_that_no_window_reaches_are_left_out():
    port = Input("words", (), (5, 5, 1), FixedFormat(True, 4, 4, Rounding.RND_CONV, Overflow.SAT))
    pool = MaxPool("pool", ("words",), (1, 2, 1), UNDECIDED, (5, 5, 1), (2, 2), (1, 3), (1, 1))
    circuit = Circuit.derive([port, pool])
    words = np.random.default_rng(0).integers(-8, 8, (200, 25))
    assert compare(circuit, quantized_model(circuit, "test"), "qonnx", {"random": words}) == 200


def test_ports_weights_and_activations_carry_their_formats(small):
    found = {node.name.split("/")[0]: known for node, known in quants(small)}
    port, code = small.input.format, small["code"].format
    assert (found["words"]["width"], found["words"]["scale"]) == (port.width, port.lsb)
    assert (found["code"]["width"], found["code"]["scale"]) == (code.width, code.lsb)
    assert (found["code"]["signed"], found["code"]["rounding_mode"]) == (1, b"ROUND")
    weights = [known for node, known in quants(small) if node.name.startswith("hidden/")]
    assert [(known["width"], known["scale"]) for known in weights] == [(5, 2.0**-3)] * 2
    assert all(node.domain == "qonnx.custom_op.general" for node, _ in quants(small))


def test_qonnx_reads_the_formats_as_its_data_types(small):
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.transformation.infer_datatypes import InferDataTypes

    model = ModelWrapper(onnx.ModelProto.FromString(quantized_model(small, "test")))
    model = model.transform(InferDataTypes(allow_scaledint_dtypes=True))
    (last,) = [node for node in model.graph.node if node.op_type == "Quant" and node.name.startswith("code/")]
    assert str(model.get_tensor_datatype(last.output[0])) == f"SCALEDINT<{small['code'].format.width}>"


def test_the_clean_up_of_qonnx_changes_no_result(small):
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.core.onnx_exec import execute_onnx
    from qonnx.util.cleanup import cleanup_model

    words = corner_words(small)
    model = onnx.ModelProto.FromString(quantized_model(small, "test"))
    for tensor in (*model.graph.input, *model.graph.output):
        tensor.type.tensor_type.shape.dim[0].dim_value = len(words)
    cleaned = cleanup_model(ModelWrapper(model))
    values = small.value(small.input.name, words).astype(np.float32)
    (found,) = execute_onnx(cleaned, {cleaned.graph.input[0].name: values}).values()
    np.testing.assert_array_equal(found / small.output.format.lsb, small.reference(words))


def squares(width):
    """The sum of the squares of two words."""
    port = Input("words", (), (2,), FixedFormat(True, width, width, Rounding.RND_CONV, Overflow.SAT))
    return Circuit.derive([port, Dot("score", ("words", "words"), (1,), UNDECIDED)])


def test_a_sum_of_24_bits_is_the_largest_that_is_exported():
    fits = squares(12)
    low = np.full((1, 2), fits.input.format.low)
    assert fits.output_words(low).item() == 2**23
    assert compare(fits, quantized_model(fits, "test"), "qonnx", {"corner": corner_words(fits)}) > 0
    with pytest.raises(ConversionError, match=r"layer score: it needs 25 bits.*float32, which has 24.*--format onnx"):
        quantized_model(squares(13), "test")


def test_half_of_the_last_bit_counts_where_it_is_added():
    port = Input("words", (), (1,), FixedFormat(True, 25, 25, Rounding.RND_CONV, Overflow.SAT))
    even = Quantize("code", ("words",), (1,), FixedFormat(True, 8, 25, Rounding.RND_CONV, Overflow.SAT))
    circuit = Circuit((port, even))
    assert problem(circuit, even) is None
    up = replace(even, format=replace(even.format, rounding=Rounding.RND))
    assert "25 bits" in problem(circuit.replace(up), up)


def test_a_format_that_wraps_around_is_refused(small):
    wraps = replace(small["code"], format=FixedFormat(True, 4, 2))
    with pytest.raises(ConversionError, match=r"layer code: .* wraps around.*saturating"):
        quantized_model(small.replace(wraps), "test")


def test_a_last_bit_at_the_end_of_float32_is_refused(small):
    far = replace(small["code"], format=replace(small["code"].format, integer=-120))
    with pytest.raises(ConversionError, match=r"layer code: its last bit counts 2\*\*-126"):
        quantized_model(small.replace(far), "test")
