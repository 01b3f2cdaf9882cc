"""Sums and counts: scores that need neither a network nor training events."""

import numpy as np
from numpy.typing import NDArray

from l1ae.evaluation.quantities import countable, pt_of
from l1ae.events.schema import EventSet


def leading_object_pt_sum(events: EventSet) -> NDArray[np.float64]:
    """pT of the leading object of every kind (not MET), summed for each event (N,), in GeV; absent objects count 0."""
    return np.sum([pt_of(events, kind).max(axis=1) for kind in countable(events)], axis=0)


def total_pt(events: EventSet) -> NDArray[np.float64]:
    """Sum of the pT of all objects of each event (N,), MET included, in GeV."""
    return np.sum([pt_of(events, kind).sum(axis=1) for kind in events.layout.kinds], axis=0)
