"""The implementations of one model that a verification compares: Keras, the integer reference, the C simulation."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from l1ae.circuit import Circuit
from l1ae.errors import RunFolderError
from l1ae.files import sha256
from l1ae.hardware.hls.sources import read_sources
from l1ae.stimuli import values
from l1ae.terminal import Terminal
from l1ae.verify import Implementation, Verdict, compare

if TYPE_CHECKING:
    from l1ae.circuit.lowering import Lowered
    from l1ae.hardware.hls import CSimulation

#: Events that Keras computes at once.
_BATCH = 4096


def keras(lowered: "Lowered") -> Implementation:
    """The Keras model of a circuit, in float32: the words of its outputs, and of every layer that is a node."""
    circuit = lowered.circuit
    fractions = np.concatenate([np.full(circuit[name].size, circuit[name].format.fraction) for name in circuit.outputs])

    def outputs(given: NDArray) -> NDArray[np.float64]:
        found = np.ldexp(lowered.outputs(given), fractions)
        # The model as a whole gets the words at the ports. What is no word has to become one inside of the model.
        off = (values(circuit, circuit.input_words(given)) != given).any(axis=1)
        if off.any():
            traced = _raw_trace(lowered, given[off])
            found[off] = np.concatenate([traced[name].reshape(off.sum(), -1) for name in circuit.outputs], axis=1)
        return found

    return Implementation("keras", outputs, lambda given: _raw_trace(lowered, given, judged=True), float32=True)


def _raw_trace(lowered: "Lowered", given: NDArray, judged: bool = False) -> dict[str, NDArray[np.float64]]:
    """Words of every layer for values (N, n_inputs) that reach the layers behind the ports as they are.

    `judged`: what reads a layer that float32 does not hold gets the words of the reference instead.
    """
    circuit = lowered.circuit
    read = {name for step in lowered.steps for name in step.operands}
    inexact = sorted(name for name in read if not circuit.float32_exact[name]) if judged else []
    found: dict[str, list[NDArray[np.float64]]] = {step.result: [] for step in lowered.steps}
    for start in range(0, max(len(given), 1), _BATCH):
        part = given[start : start + _BATCH].astype(np.float32)
        tensors = {port.name: part[:, circuit.columns[port.name]].reshape(-1, *port.shape) for port in circuit.inputs}
        exact = circuit.trace(given[start : start + _BATCH], inexact)
        known = {name: circuit.value(name, words).astype(np.float32) for name, words in exact.items()}
        tensors |= known
        for step in lowered.steps:
            result = step(tensors)
            tensors[step.result] = known.get(step.result, result)
            words = np.ldexp(np.asarray(result, dtype=np.float64), circuit[step.result].format.fraction)
            found[step.result].append(words)
    return {name: np.concatenate(parts) for name, parts in found.items()}


def reference(circuit: Circuit) -> Implementation:
    """The circuit on 64-bit integers."""
    return Implementation("reference", circuit.output_words, circuit.trace)


def c_simulation(simulation: "CSimulation", ui: Terminal | None = None) -> Implementation:
    """The compiled project; `ui` shows how far it is."""

    def outputs(values: NDArray) -> NDArray[Any]:
        if ui is None:
            return simulation.scores(values)
        with ui.progress("C simulation", len(values)) as advance:
            return simulation.scores(values, progress=_steps(advance))

    return Implementation("c-simulation", outputs, simulation.trace)


def _steps(advance: Any) -> Any:
    """A function that is told how many events are done, from one that is told how many more."""
    done = 0

    def progress(events: int) -> None:
        nonlocal done
        advance(events - done)
        done = events

    return progress


def judge(
    lowered: "Lowered",
    project: Path,
    stimuli: Mapping[str, NDArray],
    *,
    log: Path | None = None,
    ap_types: Path | None = None,
    ui: Terminal | None = None,
) -> Verdict:
    """Compile the project and compare it with Keras and the reference on `stimuli`, values (N, n_inputs) by origin.

    `ap_types`: a folder with other `ap_fixed` headers than those of the project. `log` takes what the compiler says.
    Raises `RunFolderError` when somebody edits the project meanwhile.
    """
    from l1ae.hardware.hls import CSimulation, changed_files

    digest = read_sources(project).digest()
    if ui is not None:
        ui.say(f"  compiling {project.name}")
    simulation = CSimulation.build(project, log=log, ap_types=ap_types)
    implementations = [keras(lowered), reference(lowered.circuit), c_simulation(simulation, ui)]
    verdict = compare(implementations, stimuli, lowered.circuit, changed_files(project))
    if read_sources(project).digest() != digest:
        raise RunFolderError(f"{project} was edited while it was being verified: run this again")
    return verdict


def recorded(verdict: Verdict, project: Path, circuit: Path) -> dict[str, Any]:
    """A verdict with digests of the sources and of the circuit file that it is about, for JSON."""
    digests = {"firmware_sha256": read_sources(project).digest(), "circuit_sha256": sha256(circuit)}
    return digests | verdict.as_dict()
