"""The scoreboard: which event has to come out in which clock, and what is found there."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from l1ae.hardware.simulation.bench import Drive, Simulated
from l1ae.hardware.simulation.verdict import PatternResult, RtlMismatch

#: Events before and behind an event whose words it may have got by mistake.
_NEIGHBOURS = (1, -1, 2, -2)


@dataclass
class Scoreboard:
    """Takes what was driven and what was found, run by run, and counts what differs from the reference.

    `reference`: output words (k, m) of words (k, n). `locate`: origin and number of an event.
    """

    name: str
    latency: int
    has_threshold: bool
    reference: Callable[[NDArray[np.int64]], NDArray[np.int64]]
    locate: Callable[[int], tuple[str, int]]
    first: RtlMismatch | None = None
    _counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(PatternResult.model_fields, 0))
    _clock: int = 0
    _outputs: tuple[int, int, int] = (0, 0, 0)  # how many, the clocks of the first and of the last one
    #: Clocks of resets, that with which every run begins included.
    _resets: NDArray[np.int64] = field(default_factory=lambda: np.array([-1]))
    #: Events on their way: clock in which they were offered, number, threshold, and the words that have to come out.
    _pending: tuple[NDArray[np.int64], ...] = ()

    @property
    def result(self) -> PatternResult:
        """The counts so far."""
        return PatternResult.model_validate({**self._counts, "name": self.name})

    @property
    def interval(self) -> int | None:
        """Clocks from one output to the next, on the average, rounded up; None for less than two outputs."""
        count, first, last = self._outputs
        return None if count < 2 else -(-(last - first) // (count - 1))

    def add(self, drive: Drive, events: NDArray[np.int64], found: Simulated) -> None:
        """The next clocks: `events` (k,) are the numbers of those that were offered in the valid ones, in this order.

        A threshold has to stay the same while an event is on its way.
        """
        start, self._clock = self._clock, self._clock + len(drive)
        self._resets = np.concatenate([self._resets, start + np.flatnonzero(drive.reset)])
        offered = np.flatnonzero(drive.valid)
        new = (start + offered, events, drive.thresholds[offered], self.reference(drive.words[offered]))
        pending = tuple(map(np.concatenate, zip(self._pending, new, strict=True))) if self._pending else new
        ripe = pending[0] + self.latency < self._clock
        self._pending = tuple(column[~ripe] for column in pending)
        clocks, events, thresholds, expected = (column[ripe] for column in pending)
        # A reset removes what is on its way: offered in its clock or before, and not out yet.
        cleared = np.searchsorted(self._resets, clocks) < np.searchsorted(self._resets, clocks + self.latency)
        self._counts["cleared"] += int(cleared.sum())
        alive = ~cleared
        self._compare(clocks[alive] + self.latency, events[alive], thresholds[alive], expected[alive], found)
        if len(found.clocks):
            count, first, _ = self._outputs
            ends = int(found.clocks[0]), int(found.clocks[-1])
            self._outputs = count + len(found.clocks), first if count else ends[0], ends[1]

    def _compare(
        self,
        due: NDArray[np.int64],
        events: NDArray[np.int64],
        thresholds: NDArray[np.int64],
        expected: NDArray[np.int64],
        found: Simulated,
    ) -> None:
        _, here, there = np.intersect1d(due, found.clocks, assume_unique=True, return_indices=True)
        lost = np.setdiff1d(np.arange(len(due)), here)
        spurious = np.setdiff1d(found.clocks, due)
        words = expected[here] != found.words[there]
        wrong_words = words.any(axis=1)
        triggers = np.zeros(len(here), dtype=bool)
        if self.has_threshold:
            triggers = expected[here, 0] >= thresholds[here]
        wrong_trigger = triggers != found.triggers[there]
        self._counts["events"] += len(due)
        self._counts["wrong"] += int((wrong_words | wrong_trigger).sum())
        self._counts["lost"] += len(lost)
        self._counts["spurious"] += len(spurious) + len(found.stray)
        if self.first is not None:
            return
        candidates = []
        if wrong_words.any():
            row = int(np.flatnonzero(wrong_words)[0])
            element = int(np.flatnonzero(words[row])[0])
            candidates.append(
                self._mismatch(
                    "wrong words",
                    due[here[row]],
                    events[here[row]],
                    element=element,
                    expected=int(expected[here[row], element]),
                    found=int(found.words[there[row], element]),
                    detail=_shifted(due[here], expected[here], found.words[there]),
                )
            )
        if (only := wrong_trigger & ~wrong_words).any():
            row = int(np.flatnonzero(only)[0])
            candidates.append(
                self._mismatch(
                    "wrong trigger",
                    due[here[row]],
                    events[here[row]],
                    expected=int(triggers[row]),
                    found=int(found.triggers[there[row]]),
                    threshold=int(thresholds[here[row]]),
                    detail=f"the score is {int(expected[here[row], 0])}",
                )
            )
        if len(lost):
            candidates.append(self._mismatch("no output", due[lost[0]], events[lost[0]]))
        if len(spurious):
            candidates.append(
                self._mismatch("output without an event", spurious[0], detail=self._reset_before(spurious[0]))
            )
        if len(found.stray):
            candidates.append(self._mismatch("trigger without an output", found.stray[0]))
        self.first = min(candidates, key=lambda mismatch: mismatch.clock, default=None)

    def _mismatch(
        self, fault: str, clock: np.int64, number: np.int64 | None = None, **values: int | str
    ) -> RtlMismatch:
        origin, event = (None, None) if number is None else self.locate(int(number))
        place = {"pattern": self.name, "fault": fault, "clock": int(clock), "origin": origin, "event": event}
        return RtlMismatch.model_validate({**place, **values})

    def _reset_before(self, clock: np.int64) -> str:
        """Whether an output is one that a reset should have removed."""
        since = clock - self._resets
        near = since[(since > 0) & (since <= self.latency)]
        return f"a reset {_clocks(int(near.min()))} before should have removed it" if len(near) else ""


def _shifted(clocks: NDArray[np.int64], expected: NDArray[np.int64], found: NDArray[np.int64]) -> str:
    """Whether the words are those of a neighbour, clock by clock: then valid and data are out of step."""
    for clocks_before in _NEIGHBOURS:
        ahead = abs(clocks_before)
        early, late = slice(None, -ahead), slice(ahead, None)
        sources, places = (early, late) if clocks_before > 0 else (late, early)
        neighbours = clocks[places] - clocks[sources] == clocks_before
        if neighbours.sum() > 1 and np.array_equal(expected[sources][neighbours], found[places][neighbours]):
            where = "before" if clocks_before > 0 else "after"
            return f"its words are those of the event {_clocks(ahead)} {where} it: valid and data are out of step"
    return ""


def _clocks(count: int) -> str:
    return f"{count} clock{'s' if count > 1 else ''}"


def first_of(boards: Sequence[Scoreboard]) -> RtlMismatch | None:
    """The first mismatch of the first pattern that has one."""
    return next((board.first for board in boards if board.first is not None), None)
