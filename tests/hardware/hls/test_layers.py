"""From circuits of every kind to firmware: C simulation = integer reference, in every output and in every node."""

import re
import shutil
import subprocess

import numpy as np
import pytest

from l1ae.circuit import UNDECIDED, Circuit, Convolution, Dense, FixedFormat, Input, Overflow, Quantize, corner_words
from l1ae.config import FirmwareConfig
from l1ae.errors import ConversionError, DataError
from l1ae.hardware.hls import CSimulation, emit
from l1ae.hardware.hls.layers import plan
from l1ae.hardware.hls.sources import read_sources

from ...circuits import awkward_words
from .awkward import all_together, bare_wire, output_read_inside, signed
from .conftest import random_port_words


@pytest.fixture(scope="module")
def circuit():
    return all_together()


@pytest.fixture(scope="module")
def simulation(circuit, emitted, cache):
    return CSimulation.build(emitted(circuit, "awkward-Vitis-latency"), cache=cache)


def assert_exact(circuit, simulation, words):
    """Compare every output, and every node that the firmware shows."""
    reference, traced = circuit.trace(words), simulation.trace(words)
    for name, found in traced.items():
        np.testing.assert_array_equal(found, reference[name].reshape(len(words), -1), err_msg=name)
    np.testing.assert_array_equal(simulation.scores(words), circuit.output_words(words))
    return traced


@pytest.mark.parametrize(
    ("backend", "strategy"),
    [
        ("Vitis", "latency"),
        ("Vivado", "distributed_arithmetic"),
        pytest.param("Vivado", "latency", marks=pytest.mark.slow),
        pytest.param("Vitis", "distributed_arithmetic", marks=pytest.mark.slow),
    ],
)
def test_awkward_circuits(circuit, backend, strategy, emitted, cache):
    project = emitted(circuit, f"awkward-{backend}-{strategy}", backend=backend, strategy=strategy)
    simulation = CSimulation.build(project, cache=cache)
    for words in (random_port_words(circuit, 1_000), corner_words(circuit), awkward_words(circuit, 1_000)):
        traced = assert_exact(circuit, simulation, words)
    # Nothing is hidden but ports and what a quantizer is fused into; that quantizer is shown.
    operands = {node.inputs[0]: node.name for node in circuit.nodes if isinstance(node, Quantize)}
    hidden = {node.name for node in circuit.nodes} - set(traced)
    ports = {port.layer for port in simulation.sources.inputs} | {port.name for port in circuit.inputs}
    assert all(operands.get(name) in traced for name in hidden - ports)


def test_a_quantizer_is_fused_only_where_nothing_is_lost(circuit):
    planned = plan(circuit, "Vitis", "trigger")
    shown = {name: node.shows for name, node in planned.nodes.items()}
    assert shown["one_row_words"] == "one_row_bits"  # the port
    assert shown["quantizer_of_table"] == "quantizer_of_table_bits"
    for name in ("first", "relu"):  # read by something else too
        assert shown[f"output_read_inside_{name}"] == f"output_read_inside_{name}"
    assert shown["quantizers_in_a_row_dense"] == "quantizers_in_a_row_once"
    assert {"quantizers_in_a_row_again", "quantizers_in_a_row_thrice"} < set(shown)
    kinds = {name: node.kind for name, node in planned.nodes.items()}
    assert [name for name, kind in kinds.items() if kind == "Copy"] == [
        name for name in planned.output_nodes if name.endswith("_out")
    ]


def test_ports_keep_their_formats_and_order(circuit, simulation):
    sources = simulation.sources
    assert [port.format for port in sources.inputs] == [port.format for port in circuit.inputs]
    assert [port.name for port in sources.inputs] == [port.name for port in circuit.inputs]
    assert [port.layer for port in sources.outputs] == list(circuit.outputs)
    assert [port.shape for port in sources.outputs] == [circuit[name].shape for name in circuit.outputs]


def test_several_inputs(circuit, simulation):
    """As the circuit takes them: side by side, or an array per port, flat or not."""
    words = random_port_words(circuit, 300)
    columns = [words[:, columns] for columns in circuit.columns.values()]
    shaped = [part.reshape(300, *port.shape) for part, port in zip(columns, circuit.inputs, strict=True)]
    values = [np.ldexp(part, -port.format.fraction) for part, port in zip(shaped, circuit.inputs, strict=True)]
    expected = circuit.output_words(words)
    for same in (words, columns, shaped, values, words.tolist()):
        np.testing.assert_array_equal(simulation.scores(same), expected)
    np.testing.assert_array_equal(simulation.scores(words[0]), expected[:1])
    outputs = [circuit.value(name, circuit.trace(words)[name]).reshape(300, -1) for name in circuit.outputs]
    np.testing.assert_array_equal(simulation.predict(words), np.concatenate(outputs, axis=1))
    for wrong in (words[:, 1:], columns[1:], [*columns[:-1], columns[-1][:5]], shaped[::-1], words[None]):
        with pytest.raises(DataError, match=r"takes \(N, 3\) and \(N, 3\)"):
            simulation.predict(wrong)
    with pytest.raises(ConversionError, match=r"trigger has \d+ inputs \(skip_connection_words, "):
        _ = simulation.input
    with pytest.raises(ConversionError, match=r"trigger has \d+ outputs"):
        _ = simulation.output


def test_test_bench_of_several_ports(emitted, tmp_path):
    folder = tmp_path / "project"
    shutil.copytree(emitted(all_together([bare_wire, output_read_inside]), "two-ports"), folder)
    sources = ["firmware/trigger.cpp", "trigger_test.cpp"]
    subprocess.run(["g++", "-std=c++11", "-w", "-Ifirmware/ap_types", *sources, "-o", "bench"], cwd=folder, check=True)

    def bench():
        return subprocess.run(["./bench"], cwd=folder, capture_output=True, text=True, check=False)

    assert bench().returncode == 0
    assert "50 events, 0 differ" in bench().stdout
    expected = folder / "tb_data" / "tb_output_predictions.dat"
    rows = [row.split() for row in expected.read_text().splitlines()]
    rows[3][-1] = repr(float(rows[3][-1]) + 1)
    expected.write_text("\n".join(map(" ".join, rows)))
    assert bench().returncode == 1
    assert f"event 3: output {len(rows[3]) - 1} is" in bench().stdout


def test_readme_of_several_ports(circuit, emitted):
    text = (emitted(circuit, "awkward-Vitis-latency") / "README.md").read_text()
    assert "| input port `bare_wire_words` | 2 words of `ap_ufixed<5,2,RND_CONV,SAT>`, 10 bits; " in text
    assert "Port `limits_words_1`:\n\n| word | feature | bits |\n" in text


NAMES = ("dense-1", "int", "q_dense", "a/b", "twin", "Twin", "twin_accum", "input", "layer3", "été", "2nd", "trigger")


def test_layers_may_be_called_anything(emitted, cache):
    rng = np.random.default_rng(4)
    nodes = [Input("words in", (), (3,), signed(6, 3))]
    for name in NAMES:
        kernel = rng.integers(-8, 8, (3, 3))
        nodes.append(Dense(f"{name}", (nodes[-1].name,), (3,), UNDECIDED, kernel, signed(4, 1), None, None))
        nodes.append(Quantize(f"{name}__word", (name,), (3,), signed(5, 3)))
    circuit = Circuit.derive(nodes, ["2nd__word", f"{NAMES[-1]}__word"])
    simulation = CSimulation.build(emitted(circuit, "names"), cache=cache)
    traced = assert_exact(circuit, simulation, random_port_words(circuit, 500))
    assert list(traced) == [f"{name}__word" for name in NAMES]
    assert list(simulation.sources.layers)[2:8] == ["q_dense", "a_b", "twin", "Twin_2", "twin_accum_2", "layer_input"]
    assert simulation.sources.input.name == "words_in"


def test_refused_circuits(tmp_path):
    def refused(nodes, message):
        circuit = Circuit.derive(nodes)
        with pytest.raises(ConversionError, match=message):
            emit(circuit, FirmwareConfig(), "trigger", tmp_path / "project", words=random_port_words(circuit, 5))
        assert not list(tmp_path.iterdir())

    words = Input("words", (), (3, 3, 1), signed(6, 3))
    kernel = np.ones((2, 2, 1, 1), dtype=int)
    weights = (kernel, signed(4, 1), None, None, (3, 3, 1), (1, 1), (0, 0))
    refused(
        [words, Convolution("conv", ("words",), (1, 2, 1), UNDECIDED, *weights)],
        r"layer conv: 1 positions, although more windows fit its input of \(3, 3, 1\); crop",
    )
    flat = Input("words", (), (2,), signed(6, 3))
    fine = (np.array([[1], [3]]), FixedFormat(True, 40, 0), None, None)
    refused([flat, Dense("fine", ("words",), (1,), UNDECIDED, *fine)], "layer fine: .* use fewer bits")
    heavy = (np.array([[2**54 + 1], [3]]), FixedFormat(True, 56, 56), None, None)
    refused(
        [flat, Dense("heavy", ("words",), (1,), FixedFormat(True, 9, 61), *heavy)], "layer heavy: .* use fewer bits"
    )
    lost = FixedFormat(True, 4, 12, overflow=Overflow.SAT)
    refused(
        [flat, Dense("lost", ("words",), (1,), lost, np.ones((2, 1), dtype=int), signed(4, 1), None, None)],
        r"layer lost: ap_fixed<4,12,TRN,SAT> keeps none of its bits",
    )


def test_a_project_that_hides_a_node_is_refused(circuit, emitted, tmp_path):
    folder = tmp_path / "project"
    shutil.copytree(emitted(circuit, "awkward-Vitis-latency"), folder)
    source = folder / "firmware" / "trigger.cpp"
    text = source.read_text()
    hidden = re.sub(r'nnet::save_layer_output<\w+>\(\w+, "images_sum", [\d*]+\);', "", text)
    assert hidden != text
    source.write_text(hidden)
    with pytest.raises(ConversionError, match="no longer shows layer images_sum to the verification"):
        read_sources(folder)
