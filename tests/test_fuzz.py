"""Random QKeras models: Keras = integer reference = C simulation, in every layer, past the ends of the ports too."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from l1ae.circuit import Circuit, corner_words
from l1ae.errors import ConversionError

from .circuits import awkward_words
from .random_models import build, recipes

#: No example may be forgotten, and none is worth shrinking for minutes.
QUICK = {"deadline": None, "suppress_health_check": list(HealthCheck), "phases": [Phase.explicit, Phase.generate]}
SEEN: Counter[str] = Counter()


def events_of(circuit: Circuit) -> Any:
    corners = corner_words(circuit)
    lsb = np.concatenate([np.full(port.size, port.format.lsb) for port in circuit.inputs])
    some = np.random.default_rng(0).permutation(len(corners))[:500]
    return np.concatenate([awkward_words(circuit, 500), corners[some] * lsb])


def same_as_keras(recipe: Any) -> None:
    """Every layer that float32 can hold is the same in Keras and in the circuit."""
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


def same_in_firmware(circuit: Circuit, folder: Path, **options: Any) -> None:
    """Every layer that the C simulation shows is the same as in the circuit."""
    from l1ae.config import FirmwareConfig
    from l1ae.hardware.hls import CSimulation, emit

    words = circuit.input_words(events_of(circuit))
    project = emit(circuit, FirmwareConfig(**options), "fuzz", folder, words=words[:20])
    simulation = CSimulation.build(project, cache=folder.parent)
    np.testing.assert_array_equal(simulation.scores(words), circuit.output_words(words))
    reference = circuit.trace(words)
    traced = simulation.trace(words)
    assert traced
    for name, found in traced.items():
        np.testing.assert_array_equal(found, reference[name].reshape(len(words), -1), err_msg=name)


@settings(max_examples=30, **QUICK)
@given(recipe=recipes())
def test_keras_equals_the_reference(recipe: Any) -> None:
    same_as_keras(recipe)


@pytest.mark.slow
@settings(max_examples=2000, **QUICK)
@given(recipe=recipes(layers=10))
def test_keras_equals_the_reference_in_thousands_of_models(recipe: Any) -> None:
    same_as_keras(recipe)


def test_most_models_were_converted() -> None:
    """The tests above would pass if every model was refused."""
    if SEEN:
        assert SEEN["converted"] > 0.8 * SEEN.total(), SEEN
