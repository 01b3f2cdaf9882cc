"""What is known of the last bits of words: no tie where none is said to be possible."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from l1ae.circuit import UNDECIDED, Circuit, Dense, FixedFormat, Input, Lookup, Quantize, Rounding, Scale
from l1ae.circuit.ties import possible_ties

from ..circuits import awkward_words, circuits

PORT = FixedFormat.parse("ap_fixed<6,6,RND_CONV,SAT>")


def met(circuit, name, values):
    """Elements that rounding to even met as a tie, for one of the values at least."""
    node, known = circuit[name], circuit.ranges[name]
    if not known.lost_bits or node.format.rounding is not Rounding.RND_CONV:
        return np.zeros(node.size, dtype=bool)
    nodes = circuit.nodes[: circuit.nodes.index(node)]
    exact = replace(node, format=FixedFormat(True, 62, 62 - known.fraction))
    words = Circuit((*nodes, exact)).trace(values, [name])[name].reshape(len(values), -1)
    return (words % 2**known.lost_bits == 2 ** (known.lost_bits - 1)).any(axis=0)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(circuit=circuits())
def test_no_word_is_a_tie_where_none_is_possible(circuit):
    values = circuit.input_words(awkward_words(circuit, 300))
    for node in circuit.nodes:
        if not isinstance(node, Input):
            assert not (met(circuit, node.name, values) & ~circuit.ties[node.name]).any(), node.name


def rounded(kernel, bias, bias_format, to="ap_fixed<6,6,RND_CONV,SAT>"):
    return Circuit.derive(
        [
            Input("words", (), (2,), PORT),
            Dense(
                "dense",
                ("words",),
                (1,),
                UNDECIDED,
                np.array(kernel)[:, None],
                FixedFormat.parse("ap_fixed<8,4>"),
                np.array([bias]),
                FixedFormat.parse(bias_format),
            ),
            Quantize("rounded", ("dense",), (1,), FixedFormat.parse(to)),
        ]
    )


@pytest.mark.parametrize(
    ("kernel", "bias", "bias_format", "possible"),
    [
        ([3, 5], 0, "ap_fixed<8,4>", True),  # sums are any sixteenth
        ([3, 5], 1, "ap_fixed<9,4>", False),  # odd multiples of a thirty-second
        ([3, 5], 2, "ap_fixed<9,4>", True),
        ([8, 24], 0, "ap_fixed<8,4>", True),  # multiples of a half
        ([16, 32], 0, "ap_fixed<8,4>", False),  # whole numbers
        ([16, 32], 8, "ap_fixed<8,4>", True),  # whole numbers and a half: always
        ([16, 32], 4, "ap_fixed<8,4>", False),
        ([4, 12], 2, "ap_fixed<8,4>", False),  # multiples of a quarter, and an eighth
    ],
)
def test_sums_by_hand(kernel, bias, bias_format, possible):
    circuit = rounded(kernel, bias, bias_format)
    assert circuit.ties["rounded"].tolist() == [possible]
    words = np.array([(a, b) for a in range(-32, 32) for b in range(-32, 32)])
    assert met(circuit, "rounded", words).tolist() == [possible]  # not only safe: exact


def test_only_rounding_to_even_has_ties():
    for rounding in ("TRN", "RND"):
        assert not rounded([3, 5], 0, "ap_fixed<8,4>", f"ap_fixed<6,6,{rounding},SAT>").ties["rounded"].any()


def test_each_input_has_an_offset_and_a_shift_of_its_own():
    scaled = Scale("scaled", ("words",), (3,), UNDECIDED, (1, 1, 0), (1, 2, 0))
    circuit = Circuit.derive(
        [
            Input("words", (), (3,), PORT),
            Dense(
                "even",
                ("words",),
                (3,),
                UNDECIDED,
                2 * np.eye(3, dtype=int),
                FixedFormat.parse("ap_fixed<4,4>"),
                None,
                None,
            ),
            replace(scaled, inputs=("even",)),
            Quantize("rounded", ("scaled",), (3,), FixedFormat.parse("ap_fixed<6,6,RND_CONV,SAT>")),
        ]
    )
    # Odd halves are ties, always; odd quarters never; whole numbers never.
    assert circuit.ties["rounded"].tolist() == [True, False, False]


def test_the_entries_of_a_table_are_known():
    table = Lookup("table", ("words",), (2,), FixedFormat.parse("ap_fixed<8,4>"), np.array([[1, 5] * 32]), -32, 0)
    coarse = Quantize("rounded", ("table",), (2,), FixedFormat.parse("ap_fixed<6,4,RND_CONV,SAT>"))
    finer = replace(table, tables=np.array([[2, 5] * 32]))
    nodes = Input("words", (), (2,), PORT)
    assert not Circuit.derive([nodes, table, coarse]).ties["rounded"].any()
    assert Circuit.derive([nodes, finer, coarse]).ties["rounded"].all()


def test_saturation_forgets_what_was_known():
    circuit = rounded(
        [3, 5], 1, "ap_fixed<9,4>", "ap_fixed<9,4,RND_CONV,SAT>"
    )  # every bit is kept, but not every value
    more = (*circuit.nodes, Quantize("again", ("rounded",), (1,), FixedFormat.parse("ap_fixed<6,4,RND_CONV,SAT>")))
    assert circuit.ranges["rounded"].overflow == "saturates"
    assert Circuit(more).ties["again"].all()


def test_a_tie_that_is_missed_is_caught_in_the_logic(monkeypatch):
    from l1ae.errors import ToolchainError
    from l1ae.hardware.logic import trace_logic

    circuit = rounded([3, 5], 0, "ap_fixed<8,4>")
    trace_logic(circuit)
    wrong = Circuit(circuit.nodes)
    wrong.__dict__["ties"] = {
        name: np.zeros_like(ties) for name, ties in possible_ties(circuit.nodes, circuit.ranges).items()
    }
    with pytest.raises(ToolchainError, match="other outputs than the circuit"):
        trace_logic(wrong)
