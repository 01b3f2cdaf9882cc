"""Training, validation and test by a hash of the event id, so that copies of an event never land on two sides."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Part = Literal["training", "validation", "test"]

#: The parts in the order of their codes.
PARTS: tuple[Part, ...] = ("training", "validation", "test")

#: Shares of training and validation; the rest is the test set.
TRAINING, VALIDATION = 0.5, 0.1


def splitmix64(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Well-mixed 64 bits per number, equal for equal numbers (Steele, Lea, Flood, OOPSLA 2014)."""
    mixed = np.asarray(values, dtype=np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def hash_fraction(event_id: NDArray[np.uint64]) -> NDArray[np.float64]:
    """A number in [0, 1) per event id, well mixed."""
    return (splitmix64(event_id) >> np.uint64(11)).astype(np.float64) / 2.0**53


def part_codes(event_id: NDArray[np.uint64]) -> NDArray[np.intp]:
    """Index into `PARTS` per event id; an id has the same part in every file, however the file grows."""
    return np.searchsorted([TRAINING, TRAINING + VALIDATION], hash_fraction(event_id), side="right")
