"""A menu of cuts, as triggers have them today, as one score."""

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from l1ae.errors import DataError
from l1ae.evaluation.quantities import JET, LEPTONS, pt_of, pt_sum
from l1ae.events.layout import Layout, ObjectKind
from l1ae.events.schema import EventSet

#: Events at the upper end of a path from which its tail beyond the training events is guessed.
TAIL_EVENTS = 100

#: What a path cuts on: events in, (N,) values in GeV out.
Path = Callable[[EventSet], NDArray[np.float64]]


def menu_paths(layout: Layout) -> dict[str, Path]:
    """The paths of a menu for a layout: single objects, two leptons, HT of the jets, energy sums.

    A single-object path for every kind but jets and sums; two leptons (pT of the second of all e/gamma and muons) and
    HT (pT of all jets, summed) where the layout has them; the first of each energy sum.
    """
    paths: dict[str, Path] = {}
    for kind in layout.kinds:
        if not kind.sum and kind.name != JET:
            paths[f"single {kind.name}"] = _leading(kind)
    leptons = [kind for kind in layout.kinds if kind.name in LEPTONS]
    if sum(kind.count for kind in leptons) > 1:
        paths["two leptons"] = _second(leptons)
    for kind in layout.kinds:
        if kind.name == JET:
            paths["HT"] = _sum(kind)
        elif kind.sum:
            paths[kind.name] = _leading(kind)
    return paths


class MenuBaseline:
    """A cut-based menu whose paths share one rate: the largest over its paths of -log10 P(background value >= x).

    Each path cuts on one number (`menu_paths`), and all thresholds pass the same fraction p of the background. An event
    then fires the menu at p when its score is >= -log10 p: one number per event steers all paths, and the menu can be
    compared with any other score at any total rate. P is counted on the training events; beyond the largest of them it
    goes on as the power law of the highest `TAIL_EVENTS` (Hill, Ann. Statist. 3 (1975) 1163), so that the hardest
    events stay in order.
    """

    def __init__(self) -> None:
        self._layout: Layout | None = None
        self._tails: dict[str, _Tail] = {}

    @property
    def paths(self) -> tuple[str, ...]:
        """Names of the paths, once it is fitted."""
        return tuple(self._tails)

    def fit(self, batches: Iterable[EventSet]) -> "MenuBaseline":
        """Count the values of every path on training events; raises `DataError` when there are none."""
        tails: dict[str, _Tail] = {}
        for events in batches:
            if self._layout is None:
                self._layout = events.layout
                tails = {name: _Tail() for name in menu_paths(events.layout)}
            for name, values in self._values(events).items():
                tails[name].add(values)
        if not tails or not all(tail.events for tail in tails.values()):
            raise DataError("a menu needs training events of the background, there are none")
        self._tails = tails
        return self

    def score(self, events: EventSet) -> NDArray[np.float64]:
        """-log10 of the fraction of the background (N,), no unit; raises `DataError` before `fit`."""
        if not self._tails:
            raise DataError("the menu has no thresholds yet; call fit with training events first")
        fractions = [self._tails[name].fraction(values) for name, values in self._values(events).items()]
        return -np.log10(np.min(fractions, axis=0))

    def _values(self, events: EventSet) -> dict[str, NDArray[np.float64]]:
        if events.layout != self._layout:
            raise DataError("the menu was made for events of another layout")
        return {name: path(events) for name, path in menu_paths(events.layout).items()}


class _Tail:
    """P(value >= x) of one path, from exact counts of its values: words and their sums, so there are not many."""

    def __init__(self) -> None:
        self.values, self.counts = np.zeros(0), np.zeros(0, dtype=np.int64)

    @property
    def events(self) -> int:
        return int(self.counts.sum())

    def add(self, values: NDArray[np.float64]) -> None:
        new, counts = np.unique(values, return_counts=True)
        self.values, place = np.unique(np.concatenate([self.values, new]), return_inverse=True)
        held = np.zeros(len(self.values), dtype=np.int64)
        np.add.at(held, place, np.concatenate([self.counts, counts]))
        self.counts = held

    def fraction(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """P(value >= x), never 0."""
        passed = np.cumsum(self.counts[::-1])[::-1] / self.events
        inside = passed[np.minimum(np.searchsorted(self.values, x, side="left"), len(passed) - 1)]
        largest, power = self.values[-1], self._power()
        if power is None:  # all training events have one value: whatever lies beyond is rarer than any of them
            return np.where(x > largest, 1 / (self.events + 1), inside)
        return inside * (np.maximum(x, largest) / largest) ** -power

    def _power(self) -> float | None:
        """Exponent of the power law of the highest values; None where they do not differ."""
        above = np.cumsum(self.counts[::-1])[::-1]
        # From the value that `TAIL_EVENTS` reach (or all events, where there are fewer), but not from the last one.
        start = min(int(np.searchsorted(-above, -min(TAIL_EVENTS, self.events), side="right")) - 1, len(above) - 2)
        positive = np.flatnonzero(self.values > 0)
        if len(positive) < 2:
            return None
        start = max(start, int(positive[0]))
        logs = np.log(self.values[start:] / self.values[start])
        return float(self.counts[start + 1 :].sum() / (self.counts[start:] * logs).sum())


def _leading(kind: ObjectKind) -> Path:
    return lambda events: pt_of(events, kind).max(axis=1)


def _second(kinds: list[ObjectKind]) -> Path:
    return lambda events: np.sort(np.concatenate([pt_of(events, kind) for kind in kinds], axis=1), axis=1)[:, -2]


def _sum(kind: ObjectKind) -> Path:
    return lambda events: pt_sum(events, kind)
