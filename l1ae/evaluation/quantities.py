"""What a trigger reads off an event without a network: transverse momenta and counts of its objects."""

import numpy as np
from numpy.typing import NDArray

from l1ae.events.layout import ObjectKind
from l1ae.events.schema import EventSet

#: Names of the kinds that these quantities treat in a way of their own; other layouts may lack them.
JET, LEPTONS = "jet", ("e/gamma", "muon")


def countable(events: EventSet) -> list[ObjectKind]:
    """The kinds that are no energy sums; of sums alone, those."""
    kinds = [kind for kind in events.layout.kinds if not kind.sum]
    return kinds or list(events.layout.kinds)


def pt_of(events: EventSet, kind: ObjectKind) -> NDArray[np.float64]:
    """pT of all objects of one kind (N, count), in GeV."""
    return kind.pt.to_physical(events.words[:, events.layout.rows(kind.name), 0])


def pt_sum(events: EventSet, kind: ObjectKind) -> NDArray[np.float64]:
    """pT of all objects of one kind, summed for each event (N,), in GeV: equal words give equal numbers."""
    words = events.words[:, events.layout.rows(kind.name), 0].sum(axis=1, dtype=np.int64)
    return words * kind.pt.lsb


def leading_pt(events: EventSet) -> NDArray[np.float64]:
    """pT of the hardest object of each event (N,), in GeV, MET left out; 0 without objects."""
    return np.max([pt_of(events, kind).max(axis=1) for kind in countable(events)], axis=0)


def ht(events: EventSet) -> NDArray[np.float64]:
    """HT: pT of the jets of each event, summed (N,), in GeV; of all objects where the layout has no jets."""
    kinds = [kind for kind in events.layout.kinds if kind.name == JET] or countable(events)
    return np.sum([pt_sum(events, kind) for kind in kinds], axis=0)


def object_count(events: EventSet) -> NDArray[np.int64]:
    """Number of objects of each event (N,); MET is no object to count."""
    present = [events.present[:, events.layout.rows(kind.name)].sum(axis=1) for kind in countable(events)]
    return np.sum(present, axis=0).astype(np.int64)
