"""Random QKeras models: Keras = integer reference = C simulation, in every layer, past the ends of the ports too."""

import itertools
import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from l1ae.circuit import Circuit, FixedFormat, Input, Overflow, Quantize, Rounding, corner_words
from l1ae.errors import ConversionError

from .circuits import awkward_words, circuits
from .random_models import build, recipes

#: No example may be forgotten, and none is worth shrinking for minutes.
QUICK = {"deadline": None, "suppress_health_check": list(HealthCheck), "phases": [Phase.explicit, Phase.generate]}
SEEN: Counter[str] = Counter()
KINDS = itertools.cycle(itertools.product(("Vitis", "Vivado"), ("latency", "distributed_arithmetic")))


def events_of(circuit: Circuit) -> Any:
    corners = corner_words(circuit)
    lsb = np.concatenate([np.full(port.size, port.format.lsb) for port in circuit.inputs])
    some = np.random.default_rng(0).permutation(len(corners))[:500]
    return np.concatenate([awkward_words(circuit, 500), corners[some] * lsb])


def same_as_keras(recipe: Any, root: Path | None = None) -> None:
    """Every layer that float32 can hold is the same in Keras and in the circuit, and with `root` in firmware too."""
    from l1ae.circuit.lowering import lower_model

    model = build(recipe)
    try:
        lowered = lower_model(model)
    except ConversionError as error:
        SEEN[f"refused: {' '.join(str(error).split()[2:8])}"] += 1
        return
    SEEN["converted"] += 1
    circuit = lowered.circuit
    assert circuit.proved
    events = events_of(circuit)
    reference = circuit.trace(events)
    for name, values in lowered.trace(events).items():
        if circuit.float32_exact[name]:
            expected = circuit.value(name, reference[name])
            np.testing.assert_array_equal(values, expected, err_msg=f"{name} of {recipe}")
    if all(circuit.float32_exact.values()):
        outputs = [circuit.value(name, reference[name]).reshape(len(events), -1) for name in circuit.outputs]
        np.testing.assert_array_equal(lowered.outputs(events), np.concatenate(outputs, axis=1), err_msg=str(recipe))
    if root is not None:
        firmware_of(circuit, root)


def emitted(circuit: Circuit, folder: Path, **options: Any) -> Path:
    from l1ae.config import FirmwareConfig
    from l1ae.hardware.hls import emit

    return emit(circuit, FirmwareConfig(**options), "fuzz", folder, words=circuit.input_words(events_of(circuit))[:20])


def same_as_simulated(circuit: Circuit, project: Path) -> None:
    """Every layer that the C simulation shows is the same as in the circuit."""
    from l1ae.hardware.hls import CSimulation

    words = circuit.input_words(events_of(circuit))
    simulation = CSimulation.build(project, cache=project.parent)
    np.testing.assert_array_equal(simulation.scores(words), circuit.output_words(words))
    reference, traced = circuit.trace(words), simulation.trace(words)
    assert traced
    for name, found in traced.items():
        np.testing.assert_array_equal(found, reference[name].reshape(len(words), -1), err_msg=name)


def same_in_firmware(circuit: Circuit, folder: Path, **options: Any) -> None:
    same_as_simulated(circuit, emitted(circuit, folder, **options))


@settings(max_examples=30, **QUICK)
@given(recipe=recipes())
def test_keras_equals_the_reference(recipe: Any) -> None:
    same_as_keras(recipe)


@pytest.mark.slow
@settings(max_examples=2000, **QUICK)
@given(recipe=recipes(layers=10))
def test_keras_equals_the_reference_in_thousands_of_models(recipe: Any) -> None:
    same_as_keras(recipe)


def firmware_of(circuit: Circuit, root: Path) -> None:
    """One kind of firmware after the other."""
    backend, strategy = next(KINDS)
    with tempfile.TemporaryDirectory(dir=root) as folder:
        same_in_firmware(circuit, Path(folder) / "project", backend=backend, strategy=strategy)


@settings(max_examples=8, **QUICK)
@given(circuit=circuits(nodes=6))
def test_firmware_equals_the_circuit(circuit: Circuit, tmp_path_factory: pytest.TempPathFactory) -> None:
    firmware_of(circuit, tmp_path_factory.getbasetemp())


@settings(max_examples=4, **QUICK)
@given(recipe=recipes(layers=4))
def test_firmware_equals_the_model(recipe: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    same_as_keras(recipe, tmp_path_factory.getbasetemp())


@pytest.mark.slow
@settings(max_examples=200, **QUICK)
@given(circuit=circuits(nodes=8, ports=3))
def test_firmware_equals_the_circuit_in_hundreds_of_builds(
    circuit: Circuit, tmp_path_factory: pytest.TempPathFactory
) -> None:
    firmware_of(circuit, tmp_path_factory.getbasetemp())


@pytest.mark.slow
@settings(max_examples=100, **QUICK)
@given(recipe=recipes(layers=6))
def test_firmware_equals_the_model_in_a_hundred_builds(recipe: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    same_as_keras(recipe, tmp_path_factory.getbasetemp())


def test_a_wrong_rounding_is_seen(tmp_path: Path) -> None:
    """The firmware of another circuit is not taken for that of this one."""
    port, small = (FixedFormat(True, width, 4, Rounding.RND_CONV, Overflow.SAT) for width in (6, 4))
    circuit = Circuit((Input("words", (), (2,), port), Quantize("small", ("words",), (2,), small)))
    other = circuit.replace(Quantize("small", ("words",), (2,), replace(small, rounding=Rounding.TRN)))
    project = emitted(other, tmp_path / "project")
    with pytest.raises(AssertionError, match="Mismatched elements"):
        same_as_simulated(circuit, project)


def test_most_models_were_converted() -> None:
    """The tests above would pass if every model was refused."""
    if SEEN:
        assert SEEN["converted"] > 0.8 * SEEN.total(), SEEN
