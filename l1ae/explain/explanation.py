"""The record of what differs first, and the pattern of the differences for people."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from l1ae.explain.region import Values

_LISTED = 6


@dataclass(frozen=True)
class Explanation:
    """The first layer of which a word differs, where and how much, and what gives the words that were found.

    `event`: the first event on which it differs; `element`: the first one there, flattened; `differing_events` and
    `differing_elements`: how many of all. `origin`: the layer that does not do its work, this one or one in front of it
    of which the firmware shows nothing; None when no cause is known.
    """

    layer: str
    kind: str
    event: int
    element: int
    expected: int | float
    found: int | float
    distance_lsb: int | float
    differing_events: int
    differing_elements: int
    cause: str
    detail: str
    origin: str | None = None

    def __str__(self) -> str:
        return (
            f"{self.layer} is the first layer that differs, on {_counted(self.differing_events, 'event')} and in "
            f"{_counted(self.differing_elements, 'element')} (event {self.event}, element {self.element}: "
            f"{self.found} where {self.expected} is right, {self.distance_lsb} LSB apart); "
            f"likely cause: {self.cause}, {self.detail}"
        )

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def pattern(expected: Values, found: Values) -> str:
    """What the differences of words (N, size) have in common: elements, constant difference, factor, sign."""
    wrong = expected != found
    places = np.flatnonzero(wrong.any(axis=0))
    shown = ", ".join(map(str, places[:_LISTED])) + (", ..." if len(places) > _LISTED else "")
    where = f"element {places[0]} differs" if len(places) == 1 else f"elements {shown} differ"
    if len(places) == expected.shape[1] > 1:
        where = "all elements differ"
    return f"{where}, {_relation(expected[wrong], found[wrong])}"


def _relation(expected: Values, found: Values) -> str:
    step = found - expected
    if (step == step[0]).all():
        return f"always by {step[0]:+g} LSB"
    if (found == found[0]).all():
        return f"always to {found[0]:g}"
    if (expected != 0).all() and (found / expected == found[0] / expected[0]).all():
        return f"always by a factor of {found[0] / expected[0]:g}"
    return f"by {step.min():+g} to {step.max():+g} LSB"
