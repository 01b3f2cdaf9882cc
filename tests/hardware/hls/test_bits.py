"""The bits that elements need: enough for every word that comes, and no more than intervals can tell."""

import numpy as np
import pytest
from hypothesis import given, settings

from l1ae.circuit import UNDECIDED, Circuit, Clip, Dense, FixedFormat, Input, Quantize, Scale, Wire
from l1ae.hardware.hls.bits import Bits, needed_bits

from ...circuits import awkward_words, circuits
from .awkward import all_together, signed, unsigned


def assert_held(bits, words, unit):
    """Words (N, n) with `unit` bits below the point fit."""
    low = np.where(bits.signed > 0, -(2.0**bits.integer), 0.0)
    values = np.ldexp(words.astype(np.float64), -unit)
    assert (values >= low).all()
    assert (values <= 2.0**bits.integer - 2.0**-bits.fraction).all()
    assert (np.ldexp(values, bits.fraction) % 1 == 0).all()


@settings(max_examples=60, deadline=None, database=None, derandomize=True)
@given(circuits(nodes=9, ports=2))
def test_every_word_is_held(circuit):
    needed, traced = needed_bits(circuit), circuit.trace(awkward_words(circuit, 200))
    for node in circuit.nodes:
        assert_held(needed[node.name][1], traced[node.name].reshape(200, node.size), node.format.fraction)


def test_every_word_of_awkward_circuits_is_held():
    circuit = all_together()
    needed, traced = needed_bits(circuit), circuit.trace(awkward_words(circuit, 500))
    for node in circuit.nodes:
        assert_held(needed[node.name][1], traced[node.name].reshape(500, node.size), node.format.fraction)


@pytest.fixture
def words():
    return Input("words", (), (2,), signed(6, 3))


def bits_of(nodes, part=1):
    circuit = Circuit.derive(nodes)
    return Bits(*(bits.tolist() for bits in needed_bits(circuit)[circuit.output.name][part]))


def test_scaling_moves_the_point_of_each_element(words):
    bits = bits_of([words, Scale("scaled", ("words",), (2,), UNDECIDED, (0, 0), (1, 4))])
    assert bits == Bits([1, 1], [1, -2], [4, 7])


def test_even_weights_need_fewer_bits(words):
    kernel = np.array([[2, 4, 0], [6, -4, 0]])
    bits = bits_of([words, Dense("dense", ("words",), (3,), UNDECIDED, kernel, signed(4, 1), None, None)])
    assert bits.fraction == [3 + 3 - 1, 3 + 3 - 2, 0]
    assert (bits.signed[2], bits.integer[2]) == (0, 0)  # nothing at all


def test_wires_keep_what_each_element_needs(words):
    other = Input("other", (), (1,), unsigned(3, 3))
    bits = bits_of([words, other, Wire("joined", ("words", "other"), (3,), UNDECIDED, (2, 0, -1))])
    assert bits == Bits([0, 1, 0], [3, 2, 0], [0, 3, 0])


def test_words_that_are_all_negative_need_no_more_than_the_lowest(words):
    assert bits_of([words, Clip("clip", ("words",), (2,), UNDECIDED, None, -2, 0)]) == Bits([1, 1], [2, 2], [3, 3])
    assert bits_of([words, Clip("clip", ("words",), (2,), UNDECIDED, -8, -8, 0)]) == Bits([1, 1], [3, 3], [-3, -3])


def test_what_saturates_may_need_every_bit():
    """The largest word of ap_fixed<8,4> is 7.9375 for integers too."""
    words = Input("words", (), (1,), FixedFormat(True, 10, 10))
    assert bits_of([words, Quantize("bits", ("words",), (1,), signed(8, 4))]) == Bits([1], [3], [4])
    assert bits_of([words, Quantize("bits", ("words",), (1,), signed(14, 12))]) == Bits([1], [9], [0])
