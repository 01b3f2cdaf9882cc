"""The verdict: several implementations of one model, compared as integers, pair by pair, with no tolerance."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Words (N, n) to integer words of every layer, and to score words (N, 1).
Trace = Callable[[NDArray], Mapping[str, NDArray[Any]]]
Scores = Callable[[NDArray], NDArray[Any]]


@dataclass(frozen=True)
class Implementation:
    """One way to compute the model."""

    name: str
    scores: Scores
    trace: Trace


@dataclass(frozen=True)
class Mismatch:
    """The first place where two implementations differ: event, layer, unit, both words, and how far apart in LSB.

    A word is an integer; firmware that was changed may show a value between two words, which is given as it is.
    """

    event: int
    stimulus: str
    layer: str
    unit: int
    first_value: int | float
    second_value: int | float
    distance_lsb: int | float
    words: list[float]

    def __str__(self) -> str:
        return (
            f"event {self.event} ({self.stimulus}), layer {self.layer}, unit {self.unit}: "
            f"{self.first_value} against {self.second_value}, {self.distance_lsb} LSB apart"
        )


@dataclass(frozen=True)
class Pair:
    """The comparison of two implementations.

    `layers_compared` counts events on which every layer that both show was compared too; firmware shows a sum and the
    quantizer fused into it as one.
    """

    first: str
    second: str
    events: int
    mismatches: int
    layers_compared: int
    first_mismatch: Mismatch | None


@dataclass(frozen=True)
class Verdict:
    """All pairs over all stimuli. `ties` counts, per quantizer, the values that its rounding found at a tie."""

    events: int
    mismatches: int
    pairs: tuple[Pair, ...]
    stimuli: dict[str, int]
    ties: dict[str, int]
    edited_files: tuple[str, ...] = ()

    @property
    def exact(self) -> bool:
        """No pair differs anywhere."""
        return self.mismatches == 0

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


#: Events on which every layer is compared, not only the score.
TRACED_EVENTS = 4096


def compare(
    implementations: Sequence[Implementation],
    stimuli: Mapping[str, NDArray],
    layers: Sequence[str],
    ties: Mapping[str, int],
    edited_files: Sequence[str] = (),
) -> Verdict:
    """Compare every implementation with every other on all stimuli.

    `stimuli`: name -> (N, n) input values. `layers`: names in data-flow order; the first that differs is named.
    `mismatches` of the verdict counts events on which any pair differs, in the score or, where traced, in a layer.
    """
    names = [name for name, words in stimuli.items() if len(words)]
    words = np.concatenate([np.asarray(stimuli[name], dtype=np.float64) for name in names])
    origin = np.repeat(names, [len(stimuli[name]) for name in names])
    scores = [np.asarray(implementation.scores(words)).reshape(len(words), -1) for implementation in implementations]

    differs = np.zeros(len(words), dtype=bool)
    for left in range(len(scores)):
        for right in range(left + 1, len(scores)):
            differs |= (scores[left] != scores[right]).any(axis=1)
    traced = _choose(origin, differs)
    traces = [implementation.trace(words[traced]) for implementation in implementations]

    pairs = []
    for left in range(len(scores)):
        for right in range(left + 1, len(scores)):
            wrong = (scores[left] != scores[right]).any(axis=1)
            layer_wrong, first = _first_difference(traces[left], traces[right], layers)
            wrong[traced] |= layer_wrong
            differs |= wrong
            mismatch = None
            if first is not None:
                row, layer, unit = first
                one, two = (_flat(traces[side][layer])[row, unit] for side in (left, right))
                mismatch = _mismatch(int(traced[row]), layer, unit, one, two, words, origin)
            elif wrong.any():  # in the scores, though in no traced layer: the place is the output port
                event = int(np.flatnonzero(wrong)[0])
                unit = int(np.flatnonzero(scores[left][event] != scores[right][event])[0])
                one, two = scores[left][event, unit], scores[right][event, unit]
                mismatch = _mismatch(event, layers[-1], unit, one, two, words, origin)
            pairs.append(
                Pair(
                    implementations[left].name,
                    implementations[right].name,
                    len(words),
                    int(wrong.sum()),
                    len(traced),
                    mismatch,
                )
            )
    return Verdict(
        len(words),
        int(differs.sum()),
        tuple(pairs),
        {name: len(stimuli[name]) for name in names},
        dict(ties),
        tuple(edited_files),
    )


def _choose(origin: NDArray, differs: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Events whose layers are compared: those that differ first, then evenly from every stimulus."""
    chosen = np.flatnonzero(differs)[: TRACED_EVENTS // 4]
    names = np.unique(origin)
    for name in names:
        chosen = np.union1d(chosen, np.flatnonzero(origin == name)[: TRACED_EVENTS // len(names)])
    return chosen.astype(np.int64)


def _flat(values: NDArray) -> NDArray:
    return values.reshape(len(values), -1)


def _first_difference(
    one: Mapping[str, NDArray], two: Mapping[str, NDArray], layers: Sequence[str]
) -> tuple[NDArray[np.bool_], tuple[int, str, int] | None]:
    """Rows on which any layer differs, and (row, layer, unit) of the first layer in data-flow order that does."""
    shared = [layer for layer in layers if layer in one and layer in two]
    rows = len(next(iter(one.values())))
    wrong = np.zeros(rows, dtype=bool)
    first: tuple[int, str, int] | None = None
    for layer in shared:
        unequal = _flat(one[layer]) != _flat(two[layer])
        wrong |= unequal.any(axis=1)
        if first is None and unequal.any():
            row, unit = np.argwhere(unequal)[0]
            first = int(row), layer, int(unit)
    return wrong, first


def _mismatch(event: int, layer: str, unit: int, one: Any, two: Any, words: NDArray, origin: NDArray) -> Mismatch:
    first, second = (int(value) if value == int(value) else float(value) for value in (one, two))
    return Mismatch(event, str(origin[event]), layer, unit, first, second, abs(first - second), words[event].tolist())
