"""How unlikely the transverse momenta of an event are, one look-up table per object and no network at all."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from l1ae.errors import DataError
from l1ae.events.layout import Layout
from l1ae.events.schema import EventSet

#: Bins of a table between a word and its double.
BINS_PER_OCTAVE = 4
#: Events that each bin is given beside those it holds (Jeffreys' prior), so that an empty one is no infinity.
PRIOR = 0.5


class TableBaseline:
    """Sum over the objects of an event of -log p(pT), p being the background's density of the pT word of that slot.

    The tables are exact counts of the words of the training events, absent objects counted as word 0, gathered in bins
    that grow in proportion to pT; the words 0 (absent) and the largest (saturated) have bins of their own. p of a word
    is (count + 1/2) / (events + bins/2) of its bin, shared evenly among the bin's words, and sums to 1 over all words.
    """

    def __init__(self) -> None:
        self._layout: Layout | None = None
        self._surprise: list[NDArray[np.float64]] = []

    def fit(self, batches: Iterable[EventSet]) -> "TableBaseline":
        """Count the words of training events; raises `DataError` when there are none."""
        counts: list[NDArray[np.int64]] = []
        for events in batches:
            if self._layout is None:
                self._layout = events.layout
                counts = [np.zeros(high + 1, dtype=np.int64) for high in _highest_words(events.layout)]
            for row, table in enumerate(counts):
                table += np.bincount(self._words(events)[:, row], minlength=len(table))
        if not counts or not counts[0].sum():
            raise DataError("tables need training events of the background, there are none")
        self._surprise = [-np.log(density(table)) for table in counts]
        return self

    def score(self, events: EventSet) -> NDArray[np.float64]:
        """The sum (N,), in nats; raises `DataError` before `fit` and for events of another layout."""
        if not self._surprise:
            raise DataError("the tables are empty; call fit with training events first")
        words = self._words(events)
        total = np.zeros(len(events))
        for row, table in enumerate(self._surprise):
            total += table[words[:, row]]
        return total

    def _words(self, events: EventSet) -> NDArray[np.int16]:
        """(N, objects) pT words."""
        if events.layout != self._layout:
            raise DataError("the tables were made for events of another layout")
        return events.words[..., 0]


def density(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Probability (W,) of each word from the counts (W,) of words 0, 1, ..., smoothed; it sums to 1."""
    starts = first_words(len(counts) - 1)
    held = np.add.reduceat(counts, starts)
    widths = np.diff([*starts, len(counts)])
    share = (held + PRIOR) / (counts.sum() + PRIOR * len(starts))
    return np.repeat(share / widths, widths)


def first_words(high: int) -> NDArray[np.int64]:
    """The first word of each bin of a table of the words 0 to `high`: 0, bins that grow in proportion, `high`."""
    growth = 2 ** (1 / BINS_PER_OCTAVE) - 1
    starts, start = [0], 1
    while start < high:
        starts.append(start)
        start += max(1, round(start * growth))
    return np.array([*starts, high])


def _highest_words(layout: Layout) -> list[int]:
    """Largest pT word of each object."""
    return [kind.pt.high for kind in layout.kinds for _ in range(kind.count)]
