import itertools
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from l1ae.circuit import (
    UNDECIDED,
    Circuit,
    Dense,
    Dot,
    FixedFormat,
    Input,
    Node,
    Overflow,
    Quantize,
    Rounding,
    Scale,
    Subtract,
)
from l1ae.circuit.reference import BATCH, port_words
from l1ae.errors import ConversionError, DataError


def rounded(value: Fraction, format_: FixedFormat) -> Fraction:
    """Half to even and saturation; Python's own `round` of a fraction is half to even."""
    word = round(value * Fraction(2) ** format_.fraction)
    return min(max(word, format_.low), format_.high) / Fraction(2) ** format_.fraction


def by_fractions(circuit: Circuit, words: list[int]) -> dict[str, list[Fraction]]:
    """One event in rational arithmetic, without any format but those of the quantizers."""
    done: dict[str, list[Fraction]] = {}
    for node in circuit.nodes:
        operands = [done[name] for name in node.inputs]
        done[node.name] = _one(node, operands, words)
    return done


def _one(node: Node, operands: list[list[Fraction]], words: list[int]) -> list[Fraction]:
    match node:
        case Input():
            return [Fraction(word) / Fraction(2) ** node.format.fraction for word in words]
        case Quantize():
            return [rounded(x, node.format) for x in operands[0]]
        case Scale():
            return [(x - o) / Fraction(2) ** s for x, o, s in zip(operands[0], node.offset, node.shift, strict=True)]
        case Subtract():
            return [a - b for a, b in zip(*operands, strict=True)]
        case Dot():
            return [sum((a * b for a, b in zip(*operands, strict=True)), Fraction(0))]
        case Dense():
            kernel_lsb = Fraction(node.kernel_format.lsb)
            result = []
            for unit in range(node.shape[0]):
                bias = 0 if node.bias is None else int(node.bias[unit]) * Fraction(node.bias_format.lsb)
                products = (x * int(w) * kernel_lsb for x, w in zip(operands[0], node.kernel[:, unit], strict=True))
                result.append(bias + sum(products, Fraction(0)))
            return result
    raise AssertionError(node)


def test_the_reference_is_rational_arithmetic(small_circuit: Circuit) -> None:
    words = np.random.default_rng(0).integers(-4096, 4096, (60, 5))
    traced = small_circuit.trace(words)
    for event, row in enumerate(words.tolist()):
        for name, values in by_fractions(small_circuit, row).items():
            lsb = Fraction(small_circuit[name].format.lsb)
            assert [int(word) * lsb for word in traced[name][event]] == values, name


def test_sums_beyond_53_bits_are_exact_too() -> None:
    port = FixedFormat.parse("ap_fixed<40,40,RND_CONV,SAT>")
    weights = FixedFormat.parse("ap_fixed<20,20,RND_CONV,SAT>")
    kernel = np.array([[2**19 - 1], [-(2**18) + 1]])
    circuit = Circuit.derive(
        [
            Input("words", (), (2,), port),
            Dense("dense", ("words",), (1,), UNDECIDED, kernel, weights, None, None),
        ]
    )
    assert circuit.ranges["dense"].significant_bits > 53
    rows = [[2**39 - 1, -(2**39)], [-(2**39), 2**39 - 1], [2**39 - 1, 12345]]
    wanted = [[row[0] * int(kernel[0, 0]) + row[1] * int(kernel[1, 0])] for row in rows]
    assert circuit.reference(np.array(rows)).tolist() == wanted


def test_batches_do_not_show(small_circuit: Circuit) -> None:
    words = np.random.default_rng(1).integers(-4096, 4096, (BATCH + 3, 5))
    whole = small_circuit.reference(words)
    assert whole.shape == (BATCH + 3, 1)
    np.testing.assert_array_equal(whole[-5:], small_circuit.reference(words[-5:]))
    assert small_circuit.reference(words[:0]).shape == (0, 1)


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.uint16, np.uint64, np.int64, np.float32, np.float64])
def test_input_types(small_circuit: Circuit, dtype: Any) -> None:
    words = np.array([[0, 1, 2, 3, 100]])
    np.testing.assert_array_equal(
        small_circuit.reference(words.astype(dtype)), small_circuit.reference(words.astype(np.int64))
    )


def test_values_are_brought_to_the_port(small_circuit: Circuit) -> None:
    values = np.array([[0.5, 1.5, -0.5, 1e30, -1e30]])
    assert small_circuit.input_words(values).tolist() == [[0, 2, 0, 4095, -4096]]
    assert small_circuit.input_words(np.array([[2**60, -(2**60), 0, 1, 5000]])).tolist() == [[4095, -4096, 0, 1, 4095]]
    assert small_circuit.input_words(np.array([[2**64 - 1] * 5], dtype=np.uint64)).tolist() == [[4095] * 5]


def test_only_what_is_asked_for_is_returned(small_circuit: Circuit) -> None:
    traced = small_circuit.trace(np.zeros((4, 5), dtype=int), ["scaled", "score"])
    assert {name: words.shape for name, words in traced.items()} == {"scaled": (4, 5), "score": (4, 1)}
    np.testing.assert_array_equal(
        small_circuit.value("score", traced["score"]), traced["score"] * small_circuit.output.format.lsb
    )


def test_wrong_inputs(small_circuit: Circuit) -> None:
    with pytest.raises(DataError, match=r"takes \(events, 5\)"):
        small_circuit.reference(np.zeros((3, 4), dtype=int))
    with pytest.raises(DataError, match="not a number"):
        small_circuit.reference(np.full((1, 5), np.nan))
    with pytest.raises(DataError, match="inputs of type"):
        small_circuit.reference(np.zeros((3, 5), dtype=complex))


PORT = Input("words", (), (2,), FixedFormat.parse("ap_fixed<4,4,RND_CONV,SAT>"))
EIGHT = FixedFormat.parse("ap_fixed<8,4>")


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        ([PORT], "at least one operation"),
        ([PORT, PORT], "two layers are named words"),
        ([Quantize("q", (), (2,), EIGHT)], "q: 0 operands where 1"),
        ([PORT, Quantize("q", ("nobody",), (2,), EIGHT)], "q: its input nobody does not come before it"),
        ([PORT, Quantize("q", ("words",), (3,), EIGHT)], r"q: shape \(3,\)"),
        ([PORT, Subtract("s", ("words",), (2,), EIGHT)], "s: 1 operands where 2"),
        ([PORT, Scale("s", ("words",), (2,), UNDECIDED, (1,), (2, 3))], "s: 1 offsets and 2 shifts"),
        ([PORT, Dense("d", ("words",), (1,), UNDECIDED, np.ones((3, 1)), EIGHT, None, None)], "d: kernel of shape"),
        ([PORT, Dense("d", ("words",), (1,), UNDECIDED, np.full((2, 1), 128), EIGHT, None, None)], "does not fit"),
        ([PORT, Dense("d", ("words",), (1,), UNDECIDED, np.ones((2, 1)), EIGHT, np.ones(2), EIGHT)], "d: the bias"),
    ],
)
def test_graphs_that_do_not_fit_together(nodes: list[Node], message: str) -> None:
    with pytest.raises(ConversionError, match=message):
        Circuit.derive(nodes)


def test_an_undecided_format_is_no_format() -> None:
    with pytest.raises(ConversionError, match=r"use|build the circuit with Circuit\.derive"):
        Circuit((PORT, Subtract("s", ("words", "words"), (2,), UNDECIDED)))


def test_a_circuit_is_a_value(small_circuit: Circuit) -> None:
    same = Circuit(tuple(small_circuit.nodes))
    assert same == small_circuit
    assert hash(same) == hash(small_circuit)
    node = small_circuit["encoder_1"]
    assert isinstance(node, Dense)
    with pytest.raises(ValueError, match="read-only"):
        node.kernel[0, 0] = 1
    with pytest.raises(KeyError):
        small_circuit["nobody"]


def test_every_word_of_a_tiny_port() -> None:
    circuit = Circuit.derive(
        [
            PORT,
            Quantize("half", ("words",), (2,), FixedFormat.parse("ap_ufixed<2,3,RND_CONV,SAT>")),
            Dot("score", ("half", "half"), (1,), UNDECIDED),
        ]
    )
    words = np.array(list(itertools.product(range(-8, 8), repeat=2)))
    wanted = [sum(int(x) ** 2 for x in by_fractions(circuit, row)["half"]) for row in words.tolist()]
    assert (circuit.reference(words)[:, 0] * 4).tolist() == wanted


def test_a_port_reads_floats_as_keras_does() -> None:
    """In float32 they are at a tie, which goes to the even word."""
    values = np.array([[0.5 + 1e-10, 1.5 - 1e-10, 1e300]])
    narrow, wide = (FixedFormat(True, width, 4, Rounding.RND_CONV, Overflow.SAT) for width in (4, 40))
    assert port_words(values, narrow).tolist() == [[0, 2, 7]]
    assert port_words(values, wide)[0, 0] == round((0.5 + 1e-10) * 2**36)
