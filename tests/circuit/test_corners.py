from dataclasses import replace

import numpy as np
import pytest

from l1ae.circuit import (
    UNDECIDED,
    Circuit,
    Dense,
    FixedFormat,
    Input,
    Node,
    Overflow,
    Quantize,
    Rounding,
    Scale,
    corner_words,
    tie_counts,
)
from l1ae.circuit.slopes import driven


@pytest.fixture(scope="module")
def corners(circuit: Circuit) -> np.ndarray:
    return corner_words(circuit, seed=5)


def test_corners_are_words_of_the_port_and_reproducible(circuit: Circuit, corners: np.ndarray) -> None:
    port = circuit.input.format
    assert corners.dtype == np.int64
    assert corners.shape[1] == 57
    assert corners.min() == port.low
    assert corners.max() == port.high
    assert len(np.unique(corners, axis=0)) == len(corners)
    np.testing.assert_array_equal(corners, corner_words(circuit, seed=5))
    assert not np.array_equal(corners, corner_words(circuit, seed=6))


def test_constant_and_one_hot_words_are_there(corners: np.ndarray) -> None:
    rows = {tuple(row) for row in corners.tolist()}
    for value in (0, -4096, 4095):
        assert (value,) * 57 in rows
    for value in (-4096, 4095):
        for index in range(57):
            assert tuple(value if i == index else 0 for i in range(57)) in rows


def test_first_sums_reach_their_bounds(circuit: Circuit, corners: np.ndarray) -> None:
    seen = circuit.trace(corners, ["encoder_1"])["encoder_1"]
    np.testing.assert_array_equal(seen.min(axis=0), circuit.ranges["encoder_1"].low)
    np.testing.assert_array_equal(seen.max(axis=0), circuit.ranges["encoder_1"].high)


def test_every_rounding_sees_ties(circuit: Circuit, corners: np.ndarray) -> None:
    counts = tie_counts(circuit, corners)
    rounding = [n.name for n in circuit.nodes if isinstance(n, Quantize) and circuit.ranges[n.name].lost_bits]
    assert list(counts) == rounding
    assert all(count > 0 for count in counts.values()), counts


def test_ties_are_counted_as_defined(small_circuit: Circuit) -> None:
    words = np.random.default_rng(0).integers(-4096, 4096, (500, 5))
    node = small_circuit["encoder_1_relu"]
    sums = small_circuit.value("encoder_1", small_circuit.trace(words, ["encoder_1"])["encoder_1"])
    halves = np.mod(sums / node.format.lsb, 1.0) == 0.5
    assert tie_counts(small_circuit, words)["encoder_1_relu"] == halves.sum()


def test_every_feature_meets_its_ties_and_both_ends_of_saturation(circuit: Circuit, corners: np.ndarray) -> None:
    scaling = circuit["scaling"]
    format_ = circuit["scaled"].format
    lsb = circuit.value("scaling", circuit.trace(corners, ["scaling"])["scaling"]) / format_.lsb
    for feature, shift in enumerate(scaling.shift):
        column = lsb[:, feature]
        assert (np.mod(column, 1.0) == 0.5).any() == (shift > format_.fraction), feature
        assert (column > format_.high).any()
        assert (column < format_.low).any()
        assert (np.abs(column - format_.high) <= max(1.0, 2.0 ** (format_.fraction - shift))).any()


def faults(circuit: Circuit) -> list[tuple[str, Node]]:
    """Small mistakes, one node each."""
    rng = np.random.default_rng(3)
    found: list[tuple[str, Node]] = []
    for node in circuit.nodes:
        if isinstance(node, Dense):
            for _ in range(3):
                row, column = (rng.integers(size) for size in node.kernel.shape)
                kernel = node.kernel.copy()
                kernel[row, column] += 1 if kernel[row, column] < node.kernel_format.high else -1
                found.append((f"{node.name} weight {row},{column}", replace(node, kernel=kernel)))
            bias = node.bias + np.where(node.bias < node.bias_format.high, 1, -1)
            found.append((f"{node.name} biases", replace(node, bias=bias)))
        elif isinstance(node, Quantize) and circuit.ranges[node.name].lost_bits:
            for rounding in (Rounding.RND, Rounding.TRN):
                found.append((f"{node.name} {rounding}", replace(node, format=replace(node.format, rounding=rounding))))
            wrapping = replace(node.format, overflow=Overflow.WRAP)
            found.append((f"{node.name} WRAP", replace(node, format=wrapping)))
    first = circuit["encoder_1"]
    narrow = FixedFormat(True, first.format.width - 1, first.format.integer - 1)
    return [*found, ("encoder_1 one bit narrower", replace(first, format=narrow))]


def test_planted_faults_show_on_the_corner_words(circuit: Circuit, corners: np.ndarray) -> None:
    good = circuit.reference(corners)
    hidden = [name for name, node in faults(circuit) if np.array_equal(circuit.replace(node).reference(corners), good)]
    assert not hidden


def test_words_far_below_the_last_bit_are_no_ties() -> None:
    nodes = (
        Input("words", (), (2,), FixedFormat.parse("ap_fixed<8,4,RND_CONV,SAT>")),
        Quantize("far", ("words",), (2,), FixedFormat.parse("ap_fixed<8,128,RND_CONV,SAT>")),
    )
    circuit = Circuit(nodes)
    words = corner_words(circuit)
    assert tie_counts(circuit, words) == {"far": 0}
    assert not circuit.reference(words).any()


def test_of_a_large_sum_some_elements_are_driven_to_their_bounds() -> None:
    port, weights = FixedFormat.parse("ap_fixed<8,4,RND_CONV,SAT>"), FixedFormat.parse("ap_fixed<4,4>")
    kernel = np.random.default_rng(1).integers(-8, 8, (3, 2000))
    circuit = Circuit.derive(
        [
            Input("words", (), (3,), port),
            Dense("sum", ("words",), (2000,), UNDECIDED, kernel, weights, None, None),
        ]
    )
    seen, known = circuit.reference(corner_words(circuit)), circuit.ranges["sum"]
    chosen = driven(circuit["sum"])
    assert len(set(chosen.tolist())) == 512
    assert set((chosen % 8).tolist()) == set(range(8))
    np.testing.assert_array_equal(seen.min(axis=0)[chosen], known.low[chosen])
    np.testing.assert_array_equal(seen.max(axis=0)[chosen], known.high[chosen])


def test_a_scaling_behind_a_layer_of_another_size_is_none_of_the_port() -> None:
    port = Input("words", (), (4,), FixedFormat(signed=True, width=6, integer=6))
    kernel = FixedFormat(signed=True, width=2, integer=2)
    dense = Dense("sums", ("words",), (2,), UNDECIDED, np.ones((4, 2), dtype=np.int64), kernel, None, None)
    scale = Scale("scaled", ("sums",), (2,), UNDECIDED, offset=(3, 5), shift=(1, 2))
    words = corner_words(Circuit.derive([port, dense, scale]))
    assert words.shape[1] == 4
    assert (words.min(), words.max()) == (-32, 31)
