"""Tables, sums, products: the meaning that Keras gives them, what is proved of them, the words that exercise them."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import qkeras
from hypothesis import given, settings
from hypothesis import strategies as st

from l1ae.autoencoder.layers import InputScaling, SumOver, TableLookup
from l1ae.circuit import (
    UNDECIDED,
    Add,
    Circuit,
    FixedFormat,
    Input,
    Lookup,
    Multiply,
    Quantize,
    Subtract,
    Sum,
    corner_words,
    lower,
)
from l1ae.errors import ConversionError

RNG = np.random.default_rng(0)
PORT = FixedFormat.parse("ap_fixed<4,4,RND_CONV,SAT>")
EVERY_WORD = np.stack(np.meshgrid(np.arange(-8, 8), np.arange(-8, 8), indexing="ij"), axis=-1).reshape(-1, 2)


def bits(width: int, integer: int) -> Any:
    return qkeras.quantized_bits(width, integer, alpha=1)


def quantized(width: int, integer: int, name: str) -> Any:
    return qkeras.QActivation(bits(width, integer), name=name)


def dense(units: int, name: str, **options: Any) -> Any:
    return qkeras.QDense(units, name=name, use_bias=False, **{"kernel_quantizer": bits(6, 2), **options})


def graph(n: int = 4) -> Any:
    """Tables of one input each, a network on them, a table of the residual, products with a presence bit, sums."""
    words = keras.Input((n,), name="words")
    port = quantized(13, 12, "port")(words)
    scaling = InputScaling([3, -5, 0, 100][:n], [0, 1, 2, 3][:n], name="scaling")(port)
    scaled = qkeras.QActivation(qkeras.quantized_relu(5, 5), name="scaled")(scaling)
    first = TableLookup(RNG.integers(-60, 60, (n, 32)), 0, 0, 3, name="first")(scaled)
    code = quantized(6, 3, "code_quantized")(dense(2, "code")(first))
    back = quantized(7, 3, "back_quantized")(dense(n, "back")(code))
    rest = quantized(6, 3, "rest_quantized")(keras.layers.Subtract(name="rest")([first, back]))
    size = TableLookup(np.abs(np.arange(-32, 32))[None], -32, 2, 2, name="size")(rest)
    nothing = InputScaling([0] * n, [0] * n, name="same")(port)
    present = qkeras.QActivation(qkeras.quantized_relu(1, 1), name="present")(nothing)
    total = SumOver(name="total")(keras.layers.Multiply(name="seen")([size, present]))
    weighted = InputScaling([1, 0], [2, -1], name="weighted")(code)
    radius = keras.layers.Dot(axes=1, name="radius")([weighted, weighted])
    model = keras.Model(words, keras.layers.Add(name="score")([total, radius]))
    for layer in model.layers:
        if layer.name in ("code", "back"):
            layer.set_weights([RNG.normal(0, 1, weights.shape) for weights in layer.get_weights()])
    return model


@pytest.fixture(scope="module")
def model() -> Any:
    return graph()


@pytest.fixture(scope="module")
def circuit(model: Any) -> Circuit:
    return lower(model)


@pytest.fixture(scope="module")
def corners(circuit: Circuit) -> np.ndarray:
    return corner_words(circuit)


def test_every_tensor_equals_keras(
    model: Any, circuit: Circuit, corners: np.ndarray, keras_trace: Callable[..., Any]
) -> None:
    assert all(circuit.float32_exact.values())
    values = np.concatenate(
        [corners, RNG.integers(-5000, 5000, (3000, 4)), RNG.normal(0, 60, (3000, 4)), RNG.integers(-9, 9, (900, 4)) / 2]
    )
    tensors = keras_trace(model, values)
    names = [node.name for node in circuit.nodes[1:]]
    for name, words in circuit.trace(values, names).items():
        np.testing.assert_array_equal(tensors[name] * 2.0 ** circuit[name].format.fraction, words, err_msg=name)


def test_every_value_lies_in_its_range(circuit: Circuit, corners: np.ndarray) -> None:
    assert circuit.proved
    words = np.concatenate([corners, RNG.integers(-4096, 4096, (5000, 4)), RNG.integers(-99, 99, (5000, 4))])
    for name, seen in circuit.trace(words).items():
        assert (seen >= circuit.ranges[name].low).all(), name
        assert (seen <= circuit.ranges[name].high).all(), name


def test_presence_is_one_bit(circuit: Circuit) -> None:
    words = np.array([[-4096, -1, 0, 1], [2, 3, 4095, -2]])
    assert circuit.trace(words, ["present"])["present"].tolist() == [[0, 0, 0, 1], [1, 1, 1, 0]]
    assert str(circuit["present"].format) == "ap_ufixed<1,1,RND_CONV,SAT>"


def test_corners_read_every_entry_that_an_input_reaches(circuit: Circuit, corners: np.ndarray) -> None:
    seen = circuit.trace(corners, ["scaled", "rest_quantized"])
    assert all(set(column) == set(range(32)) for column in seen["scaled"].T.tolist())
    anywhere = circuit.trace(RNG.integers(-4096, 4096, (20000, 4)), ["rest_quantized"])["rest_quantized"]
    missing = set(anywhere.ravel().tolist()) - set(seen["rest_quantized"].ravel().tolist())
    assert len(missing) <= 2, missing  # words of the deep table are found by a search


def test_corners_drive_sums_behind_tables_to_their_bounds(circuit: Circuit, corners: np.ndarray) -> None:
    seen = circuit.trace(corners, ["code"])["code"]
    np.testing.assert_array_equal(seen.min(axis=0), circuit.ranges["code"].low)
    np.testing.assert_array_equal(seen.max(axis=0), circuit.ranges["code"].high)


def test_a_saved_circuit_and_a_wrong_entry_in_it(circuit: Circuit, corners: np.ndarray, tmp_path: Path) -> None:
    path = tmp_path / "circuit.json"
    circuit.save(path)
    assert Circuit.load(path) == circuit
    text = path.read_text()
    for entry, name in ((17, "first"), (40, "size")):
        node: Any = circuit[name]
        row = ", ".join(map(str, node.tables[-1].tolist()))
        tables = node.tables.copy()
        tables[-1, entry] += 1
        assert text.count(row) == 1
        path.write_text(text.replace(row, ", ".join(map(str, tables[-1].tolist()))))
        wrong = Circuit.load(path)
        assert wrong != circuit
        assert (wrong.reference(corners) != circuit.reference(corners)).any(), name


def test_planted_faults_show_on_the_corner_words(circuit: Circuit, corners: np.ndarray) -> None:
    first: Any = circuit["first"]
    good = circuit.trace(corners, ["first"])["first"]
    for element, entry in np.ndindex(first.tables.shape):
        tables = first.tables.copy()
        tables[element, entry] ^= 1
        wrong = circuit.replace(replace(first, tables=tables)).trace(corners, ["first"])["first"]
        assert (wrong != good).any(axis=0).tolist() == [index == element for index in range(4)]


def lookup_of(tables: Any, low: int, fraction: int = 2) -> Circuit:
    tables = np.array(tables)
    port = Input("words", (), (2,), PORT)
    scaled = Quantize("scaled", ("words",), (2,), FixedFormat.parse("ap_fixed<3,3,RND_CONV,SAT>"))
    format_ = FixedFormat.holding(int(tables.min()), int(tables.max()), fraction)
    found = Lookup("found", ("scaled",), (2,), format_, tables, low, 0)
    other = Lookup("other", ("scaled",), (2,), format_, tables[::-1, ::-1], low, 0)
    nodes = [
        port,
        scaled,
        found,
        other,
        Add("plus", ("found", "scaled"), (2,), UNDECIDED),
        Subtract("minus", ("found", "scaled"), (2,), UNDECIDED),
        Multiply("times", ("found", "other"), (2,), UNDECIDED),
        Multiply("square", ("minus", "minus"), (2,), UNDECIDED),
        Sum("total", ("times",), (1,), UNDECIDED),
    ]
    return Circuit.derive(nodes)


entries = st.lists(st.integers(-100, 100), min_size=8, max_size=8)


@settings(max_examples=40, deadline=None)
@given(st.lists(entries, min_size=1, max_size=2), st.integers(-2, 4))
def test_rules_by_brute_force(tables: list[list[int]], fraction: int) -> None:
    circuit = lookup_of(tables, -4, fraction)
    words = circuit.trace(EVERY_WORD)
    values = {name: circuit.value(name, found) for name, found in words.items()}
    rows = np.array(tables) * np.ones((2, 1), dtype=int)
    picked = rows[np.arange(2), words["scaled"] + 4]
    np.testing.assert_array_equal(words["found"], picked)
    np.testing.assert_array_equal(values["plus"], values["found"] + values["scaled"])
    np.testing.assert_array_equal(values["minus"], values["found"] - values["scaled"])
    np.testing.assert_array_equal(values["times"], values["found"] * values["other"])
    np.testing.assert_array_equal(values["square"], values["minus"] ** 2)
    np.testing.assert_array_equal(values["total"], values["times"].sum(axis=1, keepdims=True))
    corners = circuit.trace(corner_words(circuit))
    for name, seen in words.items():
        known = circuit.ranges[name]
        assert (seen >= known.low).all(), name
        assert (seen <= known.high).all(), name
    for name in ("found", "other"):
        for seen in (words[name], corners[name]):
            np.testing.assert_array_equal(seen.min(axis=0), circuit.ranges[name].low)
            np.testing.assert_array_equal(seen.max(axis=0), circuit.ranges[name].high)
    for name in ("plus", "minus"):  # both operands follow the same input, which the corners know
        np.testing.assert_array_equal(corners[name].min(axis=0), words[name].min(axis=0))
        np.testing.assert_array_equal(corners[name].max(axis=0), words[name].max(axis=0))


def test_only_reachable_entries_count() -> None:
    tables = np.full((1, 100), 1000)
    tables[0, 50:58] = np.arange(8)
    circuit = lookup_of(tables, -54)
    assert (circuit.ranges["found"].low.tolist(), circuit.ranges["found"].high.tolist()) == ([0, 0], [7, 7])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"low": -3},
            r"found: its input reaches words from -4 to 3 and its tables hold -3 to 4; .*low=-4 and 8 entries",
        ),
        ({"low": -5}, "found: its input reaches words from -4 to 3 and its tables hold -5 to 2"),
        ({"fraction_in": 2}, "found: its tables are for words with 2 bits .* its input has 0; .*fraction_in=0"),
        ({"tables": np.zeros((3, 8))}, r"found: tables of shape \(3, 8\) for an input of shape \(2,\)"),
        ({"tables": np.full((1, 8), 4000)}, "found: an entry of its tables does not fit"),
        ({"inputs": ("scaled", "scaled")}, "found: 2 operands where 1 are needed"),
    ],
)
def test_tables_that_do_not_fit_are_refused(change: dict[str, Any], message: str) -> None:
    circuit = lookup_of([list(range(8))], -4)
    with pytest.raises(ConversionError, match=message):
        str(circuit.replace(replace(circuit["found"], **change)).ranges)


def test_what_the_user_is_told() -> None:
    words = keras.Input((2,), name="words")
    port = quantized(6, 5, "port")(words)
    with pytest.raises(ConversionError, match=r"logs: its input reaches words from -32 to 31 .* put a QActivation"):
        lower(keras.Model(words, TableLookup(np.zeros((1, 32), dtype=int), 0, 0, 0, name="logs")(port)))
    with pytest.raises(ConversionError, match=r"logs: its tables are for words with 3 bits below the point"):
        lower(keras.Model(words, TableLookup(np.zeros((1, 64), dtype=int), -32, 3, 0, name="logs")(port)))


@pytest.mark.parametrize(
    "quantizer",
    [qkeras.ternary(alpha=1), qkeras.ternary(alpha=1, threshold=0.7), qkeras.binary(alpha=1)],
    ids=["ternary", "threshold", "binary"],
)
def test_kernels_of_signs(quantizer: Any, keras_trace: Callable[..., Any]) -> None:
    words = keras.Input((6,), name="words")
    layer = dense(5, "dense", kernel_quantizer=quantizer)
    model = keras.Model(words, layer(quantized(5, 4, "port")(words)))
    kernel = RNG.normal(0, 0.6, (6, 5))
    kernel[0], kernel[1] = 0.0, np.array([0.33, -0.33, 0.7, -0.7, 0.5])
    layer.set_weights([kernel])
    circuit = lower(model)
    node: Any = circuit["dense"]
    assert str(node.kernel_format) == "ap_fixed<2,2>"
    allowed = {-1, 1} if isinstance(quantizer, qkeras.binary) else {-1, 0, 1}
    assert set(node.kernel.ravel().tolist()) == allowed
    values = RNG.integers(-16, 16, (500, 6))
    found = keras_trace(model, values)["dense"]
    np.testing.assert_array_equal(found, circuit.reference(values))


def test_a_pruned_kernel_has_zeros(keras_trace: Callable[..., Any]) -> None:
    words = keras.Input((6,), name="words")
    layer = dense(5, "dense", kernel_constraint=keras.constraints.NonNeg())
    model = keras.Model(words, layer(quantized(5, 4, "port")(words)))
    layer.set_weights([np.maximum(RNG.normal(0, 1, (6, 5)), 0) * (RNG.random((6, 5)) < 0.3)])
    circuit = lower(model)
    node: Any = circuit["dense"]
    assert 0 < np.count_nonzero(node.kernel) < 15
    values = RNG.integers(-16, 16, (500, 6))
    found = keras_trace(model, values)["dense"] * 2.0**node.format.fraction
    np.testing.assert_array_equal(found, circuit.reference(values))
