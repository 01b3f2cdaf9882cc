import numpy as np
import pytest

from l1ae.events.layout import LEPTON
from l1ae.events.schema import EventSet


@pytest.fixture
def make_events():
    """make_events({object row: (N,) pT words}) -> events without anything else."""

    def make(columns, layout=LEPTON):
        count = len(next(iter(columns.values())))
        words = np.zeros((count, *layout.shape), np.int16)
        for row, values in columns.items():
            words[:, row, 0] = values
        return EventSet(words, np.zeros(count, np.uint8), ("W",), np.arange(count, dtype=np.uint64), layout=layout)

    return make
