"""The ways in which events are offered to a design: what its ports hold in each clock, and which events these are."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from l1ae.circuit.formats import FixedFormat
from l1ae.circuit.graph import Circuit
from l1ae.hardware.simulation.bench import CHUNK, Drive, garbage

_SINGLE, _GAPS, _RESETS, _THRESHOLDS = 64, 4096, 4096, 256
#: Share of clocks with an event while resets come and go.
_BUSY = 0.8

#: What the ports hold, and the numbers of the events that are offered in the valid clocks.
Part = tuple[Drive, NDArray[np.int64]]


@dataclass(frozen=True, eq=False)
class Stimuli:
    """Words (N, n_inputs) by origin; events count through all origins."""

    circuit: Circuit
    words: Mapping[str, NDArray[np.integer]]

    @property
    def ends(self) -> NDArray[np.int64]:
        """Number of the first event behind each origin."""
        return np.cumsum([len(words) for words in self.words.values()])

    def __len__(self) -> int:
        return sum(len(words) for words in self.words.values())

    def locate(self, event: int) -> tuple[str, int]:
        """Origin of an event and its number in it."""
        index = int(np.searchsorted(self.ends, event, side="right"))
        name = list(self.words)[index]
        return name, event - int(self.ends[index]) + len(self.words[name])

    def take(self, events: NDArray[np.int64]) -> NDArray[np.int64]:
        """Words (k, n_inputs) of events as the ports hold them."""
        found = np.empty((len(events), self.circuit.n_inputs), dtype=np.int64)
        for end, words in zip(self.ends.tolist(), self.words.values(), strict=True):
            start = end - len(words)
            here = (events >= start) & (events < end)
            if here.any():
                found[here] = self.circuit.input_words(words[events[here] - start])
        return found

    def sample(self, count: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """Numbers of `count` events, as many of each origin, some of them twice where there are not enough."""
        sizes = [len(words) for words in self.words.values()]
        origins = rng.integers(0, len(sizes), count)
        starts = np.cumsum([0, *sizes[:-1]])
        picked: NDArray[np.int64] = starts[origins] + rng.integers(0, np.array(sizes)[origins])
        return picked


def back_to_back(stimuli: Stimuli, threshold: int) -> Iterator[Part]:
    """Every event once, one in each clock; a single event twice."""
    total = max(len(stimuli), 2)
    for start in range(0, total, CHUNK):
        events = np.arange(start, min(start + CHUNK, total)) % len(stimuli)
        nothing = np.zeros(len(events), dtype=np.int64)
        yield Drive(stimuli.take(events), nothing == 0, nothing != 0, nothing + threshold), events


def single_events(stimuli: Stimuli, latency: int, threshold: int, rng: np.random.Generator) -> Part:
    """Each event alone, twice the latency and more after the one before."""
    distance = 2 * latency + 8
    places = distance * np.arange(1, _SINGLE + 1)
    return _spread(stimuli, places, distance * (_SINGLE + 1), threshold, rng)


def random_gaps(stimuli: Stimuli, latency: int, threshold: int, rng: np.random.Generator) -> Part:
    """Events behind one another and with random gaps, now and then longer than the latency."""
    distances = np.where(rng.random(_GAPS) < 0.02, latency + rng.integers(0, 4, _GAPS), rng.integers(1, 5, _GAPS))
    places = np.cumsum(np.where(rng.random(_GAPS) < 0.5, 1, np.maximum(distances, 1)))
    return _spread(stimuli, places, int(places[-1]) + 1, threshold, rng)


def resets(stimuli: Stimuli, latency: int, threshold: int, rng: np.random.Generator) -> Part:
    """Events in most clocks, and resets of one to three clocks while some are on their way."""
    places = np.flatnonzero(rng.random(_RESETS) < _BUSY)
    drive, events = _spread(stimuli, places, _RESETS, threshold, rng)
    begins = np.union1d(np.flatnonzero(rng.random(_RESETS) < 1 / (4 * latency + 8)), [_RESETS // 2])
    for begin in begins.tolist():
        drive.reset[begin : begin + int(rng.integers(1, 4))] = True
    return drive, events


def thresholds(stimuli: Stimuli, latency: int, score: FixedFormat, rng: np.random.Generator) -> Part:
    """Each event alone, with its score as threshold, one less, one more, other scores, and both ends of the format.

    A threshold stays for as long as an event is on its way.
    """
    sample = stimuli.sample(_THRESHOLDS, rng)
    scores = stimuli.circuit.output_words(stimuli.take(sample))[:, 0]
    ends = (np.full_like(scores, end) for end in (score.low, score.high))
    limits = np.clip(
        np.stack([scores - 1, scores, scores + 1, rng.permutation(scores), *ends], axis=1), score.low, score.high
    )
    events = np.repeat(sample, limits.shape[1])
    distance = latency + 2
    drive, _ = _spread(stimuli, distance * np.arange(len(events)), distance * len(events), 0, rng, events)
    drive.thresholds[:] = np.repeat(limits.ravel(), distance)
    return drive, events


def _spread(
    stimuli: Stimuli,
    places: Sequence[int] | NDArray[np.int64],
    clocks: int,
    threshold: int,
    rng: np.random.Generator,
    events: NDArray[np.int64] | None = None,
) -> Part:
    """Events, by default some of all origins, in the clocks `places`; random words in all other clocks."""
    events = stimuli.sample(len(places), rng) if events is None else events
    words = garbage(stimuli.circuit, clocks, rng)
    valid = np.zeros(clocks, dtype=bool)
    words[places], valid[places] = stimuli.take(events), True
    return Drive(words, valid, np.zeros(clocks, dtype=bool), np.full(clocks, threshold, dtype=np.int64)), events
