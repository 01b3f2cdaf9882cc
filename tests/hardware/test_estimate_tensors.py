"""What tensors of rows, columns and channels cost, by da4ml's logic that computes the same."""

import math
from typing import Any

import numpy as np
import pytest

from l1ae.circuit import UNDECIDED, Circuit, Convolution, Dense, FixedFormat, Input, MaxPool, Wire, corner_words, lower
from l1ae.hardware.estimate import ebops, estimate
from l1ae.hardware.logic import trace_logic

from ..convolutional import SMALL


@pytest.fixture(scope="module", params=list(SMALL))
def circuit(request: pytest.FixtureRequest) -> Circuit:
    return lower(SMALL[request.param]())


def test_the_logic_is_the_circuit(circuit: Circuit) -> None:
    random = np.random.default_rng(1).integers(-4096, 4096, (5000, circuit.input.size))
    words = np.concatenate([corner_words(circuit), random])
    np.testing.assert_array_equal(trace_logic(circuit).predict(words), circuit.reference(words))


def test_weights_count_once_and_products_at_every_position(circuit: Circuit) -> None:
    got = estimate(circuit)
    weighted = [node for node in circuit.nodes if isinstance(node, Dense)]
    squares = circuit[circuit.output.inputs[0]].size
    assert got.n_weights == sum(node.kernel.size for node in weighted)
    assert got.n_zero_weights == sum(int((node.kernel == 0).sum()) for node in weighted)
    assert got.n_multiplications == sum(int((node.matrix != 0).sum()) for node in weighted) + squares


def strip(*nodes: Any) -> Circuit:
    """Operations on a strip of four pixels of three bits each, (4, 1, 1)."""
    words = Input("words", (), (4,), FixedFormat.parse("ap_ufixed<3,3,RND_CONV,SAT>"))
    pixels = Wire("pixels", ("words",), (4, 1, 1), UNDECIDED, (0, 1, 2, 3))
    size = math.prod(nodes[-1].shape)
    flat = Wire("flat", (nodes[-1].name,), (size,), UNDECIDED, tuple(range(size)))
    return Circuit.derive([words, pixels, *nodes, flat])


def test_ebops_by_hand() -> None:
    weights = FixedFormat.parse("ap_fixed<6,2,RND_CONV,SAT>")
    kernel = np.array([5, 4]).reshape(2, 1, 1, 1)  # 101 and 1: three bits and one
    conv = Convolution(
        "conv", ("pixels",), (3, 1, 1), UNDECIDED, kernel, weights, None, None, (4, 1, 1), (1, 1), (0, 0)
    )
    assert ebops(strip(conv)) == 3 * (3 * 3 + 3 * 1)
    padded = Convolution(
        "conv", ("pixels",), (4, 1, 1), UNDECIDED, kernel, weights, None, None, (4, 1, 1), (1, 1), (1, 0)
    )
    assert ebops(strip(padded)) == 3 * (3 * 3 + 3 * 1) + 3 * 1  # the first position sees one pixel only


def test_wires_cost_nothing_and_maxima_cost_something() -> None:
    wires = estimate(strip(Wire("up", ("pixels",), (8, 1, 1), UNDECIDED, (0, 0, 1, 1, 2, 2, 3, 3))))
    assert (wires.lut, wires.ebops, wires.n_multiplications) == (0, 0, 0)
    pool = strip(MaxPool("pool", ("pixels",), (1, 1, 1), UNDECIDED, (4, 1, 1), (3, 1), (3, 1), (0, 0)))
    assert estimate(pool).lut > 0
    words = np.array(np.meshgrid(*[np.arange(8)] * 4)).reshape(4, -1).T
    np.testing.assert_array_equal(trace_logic(pool).predict(words)[:, 0], words[:, :3].max(axis=1))
