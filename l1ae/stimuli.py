"""What a verification feeds to every implementation."""

import numpy as np
from numpy.typing import NDArray

from l1ae.circuit import Circuit
from l1ae.circuit.corners import corner_words
from l1ae.config import VerificationConfig

#: Share of the random events whose values are no words at all: past the port's range, or between two words.
OFF_GRID_SHARE = 0.1


def choose(events: int, config: VerificationConfig) -> NDArray[np.int64]:
    """Increasing positions of the events of the data that are compared, at random among `events`."""
    return np.sort(np.random.default_rng(config.seed).permutation(events)[: config.events])


def stimuli(circuit: Circuit, data: NDArray[np.integer], config: VerificationConfig) -> dict[str, NDArray[np.float64]]:
    """Input values (N, n) by origin: events, random words over the whole port, values past it, and corner cases.

    `data`: words (M, n) of the events that `choose` has chosen.
    """
    rng = np.random.default_rng([config.seed, 1])
    n_inputs = data.shape[1]
    outside = max(int(config.random * OFF_GRID_SHARE), 1)
    edge = 2 ** (circuit.input.format.width - 1)
    return {
        "data": data.astype(np.float64),
        "random": rng.integers(-edge, edge, (config.random - outside, n_inputs)).astype(np.float64),
        "past the range": rng.integers(-8 * edge, 8 * edge, (outside, n_inputs)) / 4.0,
        "corner": corner_words(circuit, config.seed).astype(np.float64),
    }
