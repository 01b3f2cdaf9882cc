import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"  # before anything imports TensorFlow
os.environ.setdefault("MPLBACKEND", "Agg")

import numpy as np
import pytest

from l1ae.events.schema import EventSet


def make_events(count: int = 300, seed: int = 0) -> EventSet:
    """Events with plausible words, an id each, and the process names of the shipped sample."""
    rng = np.random.default_rng(seed)
    physical = np.zeros((count, 19, 3))
    physical[..., 0] = rng.exponential(30.0, (count, 19)) * (rng.random((count, 19)) < 0.4)
    physical[..., 1] = rng.uniform(-2.0, 2.0, (count, 19))
    physical[..., 2] = rng.uniform(-np.pi, np.pi, (count, 19))
    physical[:, 0, 0] = rng.exponential(40.0, count) + 1.0
    physical[:, 0, 1] = 0.0
    names = ("W", "Z", "QCD", "tt", "LQ", "A4l", "h0", "h+")
    process = rng.integers(0, len(names), count).astype(np.uint8)
    return EventSet.from_physical(physical, process, names, np.arange(count, dtype=np.uint64), {"recipe": "test"})


@pytest.fixture
def events() -> EventSet:
    return make_events()
