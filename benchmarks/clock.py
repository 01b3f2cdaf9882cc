"""Measuring: repeats with their median, smallest and largest value, candidates and baseline in turns."""

import statistics
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Spread:
    """Repeated measurements of one number."""

    median: float
    low: float
    high: float
    repeats: int

    @classmethod
    def of(cls, values: Iterable[float]) -> "Spread":
        """The spread of at least one value."""
        values = list(values)
        return cls(statistics.median(values), min(values), max(values), len(values))


def seconds(action: Callable[[], Any]) -> tuple[float, Any]:
    """How long an action took, and what it returned."""
    started = time.perf_counter()
    result = action()
    return time.perf_counter() - started, result


def in_turns(
    actions: Mapping[str, Callable[[], Any]], repeats: int, check: Callable[[str, Any], None] | None = None
) -> dict[str, list[float]]:
    """Seconds of every action, `repeats` times, one after the other in each round.

    Another load on the machine then falls on all of them alike. `check` sees the name and the result of every timed
    call, and raises when the result is wrong.
    """
    times: dict[str, list[float]] = {name: [] for name in actions}
    for _ in range(repeats):
        for name, action in actions.items():
            elapsed, result = seconds(action)
            if check is not None:
                check(name, result)
            times[name].append(elapsed)
    return times
