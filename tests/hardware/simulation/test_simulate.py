"""Driving a design clock by clock: what goes in, what comes out, and in which clock."""

from dataclasses import replace

import numpy as np
import pytest

from l1ae.errors import DataError, ToolchainError
from l1ae.hardware.simulation import simulate
from l1ae.hardware.simulation.bits import PortBits

from .handwritten import Project, wide_circuit, wide_verilog


@pytest.fixture
def run(project, log, cache):
    """run(words, ...) -> what the small design gives."""
    return lambda words, **given: simulate(None, project, words, log=log, cache=cache, **given)


def words_of(circuit, count, seed=0):
    low, high = circuit.port_range
    return np.random.default_rng(seed).integers(low, high, (count, circuit.n_inputs), endpoint=True)


def whole_range(nodes, count, seed=0):
    """Words over the whole range of each format, int64 at most, and both ends."""
    rng = np.random.default_rng(seed)
    columns = [
        np.concatenate(
            [[node.format.low, node.format.high], rng.integers(node.format.low, node.format.high + 1, count)]
        )
        for node in nodes
        for _ in range(node.size)
    ]
    return np.stack(columns, axis=1)


def test_bits_of_a_port_are_those_of_its_words():
    """Against Python's integers of any length."""
    nodes = wide_circuit().inputs
    port, words = PortBits.of(nodes), whole_range(nodes, 20)
    bits = port.pack(words)
    assert bits.shape == (22, 2 * port.lanes)
    for row, packed in zip(words.tolist(), bits.tolist(), strict=True):
        elements = zip(row, port.first.tolist(), port.widths.tolist(), strict=True)
        expected = sum((word % 2**width) << first for word, first, width in elements)
        assert sum(word << 32 * index for index, word in enumerate(packed)) == expected
    np.testing.assert_array_equal(port.unpack(bits), words)


def test_an_event_per_clock_comes_out_after_the_latency(run, circuit):
    words = words_of(circuit, 10_000)
    found = run(words)
    np.testing.assert_array_equal(found.clocks, np.arange(10_000) + 3)
    np.testing.assert_array_equal(found.words, circuit.output_words(words))
    assert found.stray.size == 0


def test_only_valid_clocks_are_events(run, circuit):
    words, valid = words_of(circuit, 500), np.random.default_rng(1).random(500) < 0.3
    found = run(words, valid=valid)
    np.testing.assert_array_equal(found.clocks, np.flatnonzero(valid) + 3)
    np.testing.assert_array_equal(found.words, circuit.output_words(words[valid]))


def test_a_reset_removes_what_is_on_its_way(run, circuit):
    words = words_of(circuit, 20)
    found = run(words, reset=np.arange(20) == 10)
    # Clocks 8, 9 and 10 itself; the event of clock 7 is found by the edge that resets.
    np.testing.assert_array_equal(found.clocks - 3, [0, 1, 2, 3, 4, 5, 6, 7, *range(11, 20)])


def test_the_trigger_compares_with_the_threshold(run, circuit):
    words = words_of(circuit, 300)
    scores = circuit.output_words(words)[:, 0]
    for threshold in (int(scores[0]), int(scores.min()), circuit.output.format.high):
        np.testing.assert_array_equal(run(words, thresholds=threshold).triggers, scores >= threshold)


def test_no_clocks_give_nothing(run):
    found = run(np.zeros((0, 3), dtype=np.int64))
    assert found.words.shape == (0, 1)
    assert found.clocks.size == found.triggers.size == 0


def test_ports_of_more_than_a_thousand_bits(tmp_path, log, cache):
    circuit = wide_circuit()
    bits = PortBits.of(circuit.inputs).bits
    assert bits > 1000
    file = tmp_path / "wide.v"
    file.write_text(wide_verilog(bits))
    project = Project("wide", (file,), circuit, 1, False, "out_words")
    words = whole_range(circuit.inputs, 3000)
    found = simulate(None, project, words, log=log, cache=cache)
    np.testing.assert_array_equal(found.clocks, np.arange(3002) + 1)
    np.testing.assert_array_equal(found.words, words)
    with pytest.raises(DataError, match="wide has no threshold"):
        simulate(None, project, words, thresholds=1, log=log, cache=cache)


def test_registers_wake_up_at_random_and_the_same_for_a_seed(broken, circuit, log, cache):
    project = broken("reg valid_1", "reg [9:0] never_set; reg valid_1", "score <= total;", "score <= never_set;")
    words = words_of(circuit, 2)
    found = [simulate(None, project, words, log=log, cache=cache, seed=seed).words[0, 0] for seed in (1, 1, 2, 3)]
    assert found[0] == found[1]
    assert len(set(found)) > 1


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"valid": [True, False, True]}, "valid of shape"),
        ({"reset": np.zeros((5, 2))}, "reset of shape"),
        ({"thresholds": 512}, "give words from -512 to 511"),
    ],
)
def test_rows_that_do_not_fit_are_refused(run, circuit, given, message):
    words = words_of(circuit, 5)
    with pytest.raises(DataError, match=message):
        run(words, **given)


def test_a_compiled_design_is_used_again_until_its_text_changes(run, broken, circuit, cache, log):
    words = words_of(circuit, 5)
    run(words)
    made = sorted(cache.iterdir())
    run(words)
    assert sorted(cache.iterdir()) == made
    edited = broken("module tiny (", "/* as before */ module tiny (")
    simulate(None, edited, words, log=log, cache=cache)
    assert len(list(cache.iterdir())) == len(made) + 1


def test_other_sources_take_the_place_of_the_projects_own(project, circuit, log, cache, tmp_path):
    words = words_of(circuit, 50)
    netlist = tmp_path / "netlist.v"
    netlist.write_text(project.sources[0].read_text().replace("score <= total", "score <= ~total"))
    found = simulate([netlist], project, words, log=log, cache=cache)
    np.testing.assert_array_equal(found.words, ~circuit.output_words(words))


def test_a_mistake_in_the_verilog_is_shown(broken, circuit, cache, tmp_path):
    project, log = broken("score <= total;", "score <= totally;"), tmp_path / "own.log"
    with pytest.raises(ToolchainError) as raised:
        simulate(None, project, words_of(circuit, 5), log=log, cache=cache)
    message = str(raised.value)
    assert message.startswith("verilator failed on tiny: %Error: broken.v:")
    assert "totally" in message
    assert str(log) in message
    assert "totally" in log.read_text()
    assert not list(cache.glob(".build-*"))


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        (("input rst,", "", "wire [23:0] entries;", "wire [23:0] entries; wire rst = 0;"), "no port rst"),
        (
            ("input [14:0] in_words", "input [15:0] in_words"),
            "port in_words of module tiny has 16 bits, its circuit 15",
        ),
        (("[9:0] threshold", "[8:0] threshold"), "port threshold of module tiny has 9 bits, its circuit 10"),
        (("output reg trigger", "output reg fires", "trigger <=", "fires <="), "no port trigger"),
    ],
)
def test_other_ports_are_refused(broken, circuit, log, cache, pairs, message):
    project = broken(*pairs)
    with pytest.raises(ToolchainError, match=message):
        simulate(None, project, words_of(circuit, 5), log=log, cache=cache)


def test_a_loop_that_never_settles_is_an_error_and_not_the_end_of_the_process(broken, circuit, log, cache):
    project = broken("wire above = total", "wire ring = ~(ring & valid_2); wire above = ring & total")
    with pytest.raises(ToolchainError, match="the simulation stopped"):
        simulate(None, project, words_of(circuit, 50), log=log, cache=cache)


def test_sources_that_are_gone(project, circuit, log, cache):
    from l1ae.errors import RunFolderError

    missing = replace(project, sources=(project.sources[0].with_name("none.v"),))
    with pytest.raises(RunFolderError, match=r"none\.v cannot be read"):
        simulate(None, missing, words_of(circuit, 5), log=log, cache=cache)
