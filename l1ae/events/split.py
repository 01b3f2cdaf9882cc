"""Training, validation and test by a hash of the event id, so that copies of an event never land on two sides."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from l1ae.errors import DataError
from l1ae.events.schema import EventSet

#: Shares of training and validation; the rest is the test set.
TRAINING, VALIDATION = 0.5, 0.1


@dataclass(frozen=True)
class Split:
    """The three parts of an event set."""

    training: EventSet
    validation: EventSet
    test: EventSet


def hash_fraction(event_id: NDArray[np.uint64]) -> NDArray[np.float64]:
    """A number in [0, 1) per event id, well mixed: the splitmix64 finaliser (Steele, Lea, Flood, OOPSLA 2014)."""
    mixed = np.asarray(event_id, dtype=np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed = mixed ^ (mixed >> np.uint64(31))
    return (mixed >> np.uint64(11)).astype(np.float64) / 2.0**53


def split(events: EventSet) -> Split:
    """Split by event id; raises `DataError` when a part would be empty."""
    fraction = hash_fraction(events.event_id)
    parts = Split(
        training=events.take(fraction < TRAINING),
        validation=events.take((fraction >= TRAINING) & (fraction < TRAINING + VALIDATION)),
        test=events.take(fraction >= TRAINING + VALIDATION),
    )
    if min(len(parts.training), len(parts.validation), len(parts.test)) == 0:
        raise DataError(f"{len(events)} events are too few for a training, a validation and a test part")
    return parts
