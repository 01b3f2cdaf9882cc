"""The implementations of one model that a verification compares: Keras, the integer reference, the C simulation."""

from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from l1ae.circuit import Circuit
from l1ae.terminal import Terminal
from l1ae.verify import Implementation


def implementations_of(model: Any, circuit: Circuit, project: Path, log: Path, ui: Terminal) -> list[Implementation]:
    """Keras `model`, its circuit as integer reference, and the compiled project; `log` takes what the compiler says."""
    from l1ae.autoencoder import inference
    from l1ae.hardware.hls import CSimulation

    output = circuit.output
    # The input node is left out: before the port rounds, a value may lie between two words.
    fractions = {node.name: node.format.fraction for node in circuit.nodes if node is not circuit.input}
    ui.say(f"  compiling {project.name}")
    simulation = CSimulation.build(project, log=log)

    def simulate(words: NDArray) -> NDArray[Any]:
        with ui.progress("C simulation", len(words)) as advance:
            done = 0

            def progress(events: int) -> None:
                nonlocal done
                advance(events - done)
                done = events

            return simulation.scores(words, progress=progress)

    return [
        Implementation(
            "keras",
            lambda words: inference.to_integers(output.name, inference.scores(model, words), output.format.fraction),
            lambda words: inference.trace(model, words, fractions),
        ),
        Implementation("reference", circuit.reference, circuit.trace),
        Implementation("c-simulation", simulate, simulation.trace),
    ]
