from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import qkeras
from qkeras import quantizers

from l1ae.circuit import Builder, Circuit, Clip, FixedFormat, Input, Leaky, Lookup, Quantize, Rounding, Scale, Wire
from l1ae.circuit import tabulate as module
from l1ae.circuit.activations import activate
from l1ae.circuit.evaluate import MODES, evaluate
from l1ae.circuit.tabulate import shortened
from l1ae.errors import ConversionError

SOURCE = FixedFormat(True, 12, 5)
bits, relu = qkeras.quantized_bits, qkeras.quantized_relu


def built(function: Any, source: FixedFormat = SOURCE, shape: tuple[int, ...] = (2,)) -> Circuit:
    builder = Builder()
    builder.add(Input("input", (), shape, source))
    last = activate(builder, "code", "input", function, "code")
    return Circuit(tuple(builder.nodes.values()), (last,))


def assert_exact(circuit: Circuit, function: Callable[..., Any]) -> None:
    """The circuit gives what the function gives for every word of its input."""
    port = circuit.input
    words = np.resize(
        np.arange(port.format.low, port.format.high + 1), (-(-(2**port.format.width) // port.size), *port.shape)
    )
    wanted = np.asarray(function(np.ldexp(words.astype(np.float32), -port.format.fraction)), dtype=np.float64)
    np.testing.assert_array_equal(circuit.value(circuit.output.name, circuit.reference(words)), wanted)


def kinds(circuit: Circuit) -> list[type]:
    return [type(node) for node in circuit.nodes[1:]]


@pytest.mark.parametrize(
    ("function", "nodes"),
    [
        (bits(6, 2), [Quantize]),
        (bits(6, 2, alpha=0.25), [Quantize, Scale]),
        (relu(6, 3, relu_upper_bound=6, is_quantized_clip=False), [Quantize, Clip]),
        (relu(6, 2, negative_slope=0.25), [Leaky, Quantize, Clip]),
        (relu(6, 2, negative_slope=1.0), [Quantize]),
        (bits(1), [Quantize, Lookup]),
        (qkeras.quantized_po2(6), [Lookup]),
        (keras.activations.relu, [Clip]),
        (keras.activations.relu6, [Clip]),
        (keras.layers.ReLU(max_value=6, negative_slope=0.5), [Leaky, Clip]),
        (keras.layers.LeakyReLU(negative_slope=0.125), [Leaky]),
        (quantizers.hard_sigmoid, [Scale, Clip]),
        (quantizers.hard_tanh, [Clip]),
        (quantizers.smooth_sigmoid, [Quantize, Lookup]),
    ],
    ids=lambda value: getattr(value, "__name__", type(value).__name__) if not isinstance(value, list) else "",
)
def test_nodes_of_a_function(function: Any, nodes: list[type]) -> None:
    circuit = built(function)
    assert kinds(circuit) == nodes
    assert_exact(circuit, function)


def test_the_last_node_has_the_name_and_the_others_say_what_they_do() -> None:
    circuit = built(relu(6, 2, negative_slope=0.25))
    assert [node.name for node in circuit.nodes] == ["input", "code__leaky", "code__quantized", "code"]
    assert circuit["code"].shape == (2,)


@pytest.mark.parametrize("shape", [(3,), (2, 3), (2, 2, 3)])
@pytest.mark.parametrize("function", [bits(6, 2, alpha=4.0), qkeras.quantized_tanh(5)], ids=["shift", "table"])
def test_tensors_of_every_shape(function: Any, shape: tuple[int, ...]) -> None:
    circuit = built(function, FixedFormat(True, 9, 4), shape)
    assert circuit["code"].shape == shape
    assert_exact(circuit, function)
    assert (Wire in kinds(circuit)) == (len(shape) > 1 and isinstance(function, bits))


@pytest.mark.parametrize("function", [None, "linear", keras.activations.linear, keras.layers.Activation("linear")])
def test_a_linear_function_is_no_node(function: Any) -> None:
    builder = Builder()
    builder.add(Input("input", (), (2,), SOURCE))
    assert activate(builder, "code", "input", function, "code") == "input"
    assert list(builder.nodes) == ["input"]


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("relu", keras.activations.relu),
        ("hard_tanh", keras.activations.hard_tanh),
        ("quantized_relu(6,2)", relu(6, 2)),
        ("quantized_tanh(5)", qkeras.quantized_tanh(5)),
    ],
)
def test_functions_by_name(name: str, function: Any) -> None:
    assert_exact(built(name), function)
    assert_exact(built(qkeras.QActivation(function)), function)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("tanh", r"activation tanh gives floats; use QActivation\(quantized_tanh\(8\)\)"),
        ("sigmoid", r"use QActivation\(quantized_sigmoid\(8\)\)"),
        ("hard_sigmoid", r"use QActivation\(quantized_sigmoid\(8\)\)"),
        ("gelu", r"use QActivation\(quantized_hswish\(8, 2\)\)"),
        ("elu", r"use QActivation\(quantized_relu\(8, 2, negative_slope=0.25\)\)"),
        ("softplus", r"use QActivation\(quantized_relu\(8, 2\)\)"),
        ("softmax", "softmax divides by a sum; leave it away"),
        (keras.layers.Softmax(), "Softmax divides by a sum"),
        (keras.layers.ELU(), "activation ELU gives floats"),
        ("relux", "activation 'relux' is not known; use relu or a quantizer of qkeras"),
        (lambda x: x, "activation <lambda> is not known"),
        (quantizers.stochastic_round, "activation stochastic_round is not known"),
        (keras.layers.LeakyReLU(), r"negative_slope=0\.3 is no power of two up to 1; set negative_slope=0\.25"),
        (keras.layers.ReLU(threshold=1.0), r"threshold=1\.0 of a rectifier; set threshold=0"),
        (bits(6, 2, alpha="auto"), "alpha='auto' scales activations by what each batch holds; set alpha=1"),
        (qkeras.ternary(alpha=np.array([1.0, 2.0])), "alpha has a value per channel"),
        (qkeras.quantized_ulaw(6), "quantized_ulaw gives values that are on no grid of 24 bits; take fewer bits"),
        (qkeras.ternary(threshold=np.array([0.3, 0.5])), "ternary has an option with a value per channel"),
    ],
    ids=lambda value: "" if isinstance(value, str) else getattr(value, "__name__", type(value).__name__),
)
def test_refusals_name_the_layer_and_the_fix(function: Any, message: str) -> None:
    with pytest.raises(ConversionError, match=message) as caught:
        built(function)
    assert str(caught.value).startswith("layer code: ")
    assert "\n" not in str(caught.value)


def test_nothing_is_added_when_a_function_is_refused() -> None:
    builder = Builder()
    builder.add(Input("input", (), (2,), SOURCE))
    with pytest.raises(ConversionError):
        activate(builder, "code", "input", "tanh", "code")
    assert list(builder.nodes) == ["input"]


@pytest.mark.parametrize(
    "quantizer", [bits(6, 2), relu(6, 2), qkeras.quantized_linear(6, 2)], ids=["bits", "relu", "linear"]
)
def test_formats_are_the_same_in_each_way_of_tensorflow(quantizer: Any) -> None:
    values = np.ldexp(np.arange(-(2**11), 2**11), -7)
    eager, *others = (evaluate(quantizer, values, "layer", mode) for mode in MODES)
    for other in others:
        np.testing.assert_array_equal(other, eager)


def test_wide_inputs_need_a_table_of_few_entries_only_where_the_function_looks_at_few_bits() -> None:
    wide = FixedFormat(True, 20, 6)
    sign = built(qkeras.binary(alpha=1), wide, (1,))
    assert sign["code__address"].format.width == 2
    assert sign["code"].tables.shape == (1, 2)
    assert_exact(sign, qkeras.binary(alpha=1))
    hard = built(qkeras.quantized_tanh(6), wide, (1,))
    assert hard["code__address"].format == FixedFormat.parse("ap_fixed<6,1,RND_CONV,SAT>")
    assert_exact(hard, qkeras.quantized_tanh(6))
    with pytest.raises(
        ConversionError, match=r"code: quantized_po2 needs a look-up table and its input has 1048576 words"
    ):
        built(qkeras.quantized_po2(6), wide)


def test_inputs_that_are_too_wide_to_try_every_word() -> None:
    with pytest.raises(
        ConversionError, match=r"put a QActivation\(quantized_bits\(...\)\) of at most 16 bits in front"
    ):
        built(qkeras.binary(alpha=1), FixedFormat(True, 26, 6))


def test_formats_take_inputs_of_any_width() -> None:
    assert kinds(built(bits(6, 2), FixedFormat(True, 40, 10))) == [Quantize]


@pytest.mark.slow
def test_a_table_found_among_all_words_that_float32_tells_apart() -> None:
    source = FixedFormat(True, 24, 8)
    circuit = built(qkeras.quantized_sigmoid(8), source, (1,))
    assert circuit["code"].tables.shape == (1, 256)
    assert_exact(circuit, qkeras.quantized_sigmoid(8))


def test_a_table_that_depends_on_how_tensorflow_runs_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    right = module.evaluate

    def unsteady(function: Any, values: np.ndarray, where: str, mode: str = "eager") -> np.ndarray:
        result = right(function, values, where, mode)
        return np.where(values == 1.5, 0.0, result) if mode == "compiled" else result

    monkeypatch.setattr(module, "evaluate", unsteady)
    with pytest.raises(ConversionError, match=r"does not always give the same for quantized_tanh, as at 1\.5"):
        built(qkeras.quantized_tanh(5))


def test_a_table_that_depends_on_its_neighbours_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    right = module.evaluate

    def unsteady(function: Any, values: np.ndarray, where: str, mode: str = "eager") -> np.ndarray:
        result = right(function, values, where, mode)
        result.ravel()[-1] = 0.0  # as a last value that does not fill a vector
        return result if values.shape[0] == 1 else right(function, values, where, mode)

    monkeypatch.setattr(module, "evaluate", unsteady)
    with pytest.raises(ConversionError, match="does not always give the same for quantized_tanh"):
        built(qkeras.quantized_tanh(5))


def test_a_quantizer_that_computes_otherwise_than_its_options_say_is_refused() -> None:
    quantizer = bits(6, 2)
    quantizer.symmetric = 3  # QKeras adds it to the lowest word
    with pytest.raises(ConversionError, match="computes quantized_bits otherwise than its options say"):
        built(quantizer)


def test_the_quantizer_is_left_as_it_was() -> None:
    quantizer = qkeras.ternary(alpha=1)
    built(quantizer)
    assert quantizer.scale is None


def applied(table: np.ndarray, low: int, fraction: int) -> tuple[np.ndarray, FixedFormat | None]:
    """What a shortened table gives for each word of the table."""
    rounded, entries, first = shortened(table, low, fraction)
    words = np.arange(low, low + len(table))
    return entries[(words if rounded is None else rounded.quantize(words, fraction)) - first], rounded


@pytest.mark.parametrize("low", [-512, -100, 0, 37])
@pytest.mark.parametrize("rounding", list(Rounding))
@pytest.mark.parametrize("signed", [True, False])
def test_a_table_is_shortened_to_the_bits_that_count(rounding: Rounding, signed: bool, low: int) -> None:
    from l1ae.circuit import Overflow

    format_ = FixedFormat(signed, 5, 2, rounding, Overflow.SAT)
    words = np.arange(low, low + 1024)
    steps = np.random.default_rng(0).permutation(32)  # no two entries of its table are the same
    table = steps[format_.quantize(words, 6) - format_.low]
    got, rounded = applied(table, low, 6)
    np.testing.assert_array_equal(got, table)
    assert rounded is not None
    assert rounded.rounding is rounding
    assert rounded.fraction == 3


def test_a_table_without_spare_bits_stays_as_it_is() -> None:
    table = np.random.default_rng(0).permutation(64)
    assert shortened(table, -32, 3)[0] is None


def test_a_small_table_is_not_worth_a_quantize() -> None:
    assert shortened(np.arange(64) // 8, 0, 3)[0] is None
    assert shortened(np.arange(65) // 8, 0, 3)[0] is not None


def test_a_constant_function_has_a_short_table() -> None:
    table = np.full(1000, 7)
    got, _ = applied(table, -500, 3)
    np.testing.assert_array_equal(got, table)
    assert len(shortened(table, -500, 3)[1]) <= 2
