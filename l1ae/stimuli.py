"""What a verification feeds to every implementation: values (N, n_inputs) of all ports side by side."""

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from l1ae.circuit import Circuit
from l1ae.circuit.corners import corner_words
from l1ae.circuit.nodes import Input
from l1ae.config import VerificationConfig

#: Share of the random events whose values are no words at all: past the port's range, or between two words.
OFF_GRID_SHARE = 0.1
#: Bits of random numbers; values past the range of a wider port have zeros below them.
_RANDOM_BITS = 60


def choose(events: int, config: VerificationConfig) -> NDArray[np.int64]:
    """Increasing positions of the events of the data that are compared, at random among `events`."""
    return np.sort(np.random.default_rng(config.seed).permutation(events)[: config.events])


def stimuli(
    circuit: Circuit,
    data: NDArray[np.integer] | None,
    config: VerificationConfig,
    exact_ports: Collection[str] = (),
) -> dict[str, NDArray[np.float64]]:
    """Input values (N, n) by origin: events, random words over the whole port, values past it, and corner cases.

    `data`: words (M, n) of chosen events, None for no such events. `exact_ports`: ports whose format the model does not
    know, since no quantizer stands behind them; they get words only.
    """
    rng = np.random.default_rng([config.seed, 1])
    outside = max(int(config.random * OFF_GRID_SHARE), 1)
    random = [_random(port, config.random - outside, rng) for port in circuit.inputs]
    past = [_past(port, outside, rng, port.name in exact_ports) for port in circuit.inputs]
    found = {} if data is None else {"data": values(circuit, data)}
    return found | {
        "random": values(circuit, np.concatenate(random, axis=1)),
        "past the range": values(circuit, np.concatenate(past, axis=1)),
        "corner": corners(circuit, config.seed),
    }


def corners(circuit: Circuit, seed: int) -> NDArray[np.float64]:
    """Values (N, n) of the corner cases."""
    return values(circuit, corner_words(circuit, seed))


def values(circuit: Circuit, words: NDArray[np.number]) -> NDArray[np.float64]:
    """Values of words (N, n) of all ports."""
    fractions = np.concatenate([np.full(port.size, port.format.fraction) for port in circuit.inputs])
    return np.ldexp(words.astype(np.float64), -fractions)


def _random(port: Input, events: int, rng: np.random.Generator) -> NDArray[np.int64]:
    return rng.integers(port.format.low, port.format.high + 1, (events, port.size))


def _past(port: Input, events: int, rng: np.random.Generator, exact: bool) -> NDArray[np.float64]:
    """Up to twice the range and in steps of a quarter, as every implementation can read them; words if `exact`."""
    if exact:
        return _random(port, events, rng).astype(np.float64)
    reach = 8 * (port.format.high + 1)
    coarse = max(reach.bit_length() - _RANDOM_BITS, 0)
    quarters = rng.integers(-(reach >> coarse), reach >> coarse, (events, port.size)) * 2.0 ** (coarse - 2)
    return quarters.astype(np.float32).astype(np.float64)
