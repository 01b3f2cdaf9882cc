import subprocess
import sys

import numpy as np
import pytest

from l1ae.evaluation import leading_object_pt_sum, object_count, total_pt
from l1ae.events.schema import EventSet


@pytest.fixture
def events():
    words = np.zeros((3, 19, 3), np.int16)
    words[0, [0, 1, 2, 5, 9, 10], 0] = [100, 60, 20, 30, 200, 41]  # MET, 2 e/gamma, 1 muon, 2 jets; counts of 0.5 GeV
    words[1, [0, 10, 11], 0] = [7, 80, 90]  # a gap in the jet rows, and not ordered
    return EventSet(words, np.zeros(3, np.uint8), ("W",), np.arange(3, dtype=np.uint64))


def test_trivial_scores(events):
    assert leading_object_pt_sum(events).tolist() == [145.0, 45.0, 0.0]
    assert total_pt(events).tolist() == [225.5, 88.5, 0.0]
    assert object_count(events).tolist() == [5, 2, 0]
    assert object_count(events).dtype == np.int64


def test_no_events(events):
    nothing = events.take(np.array([], dtype=int))
    for score in (leading_object_pt_sum, total_pt, object_count):
        assert score(nothing).shape == (0,)


def test_heavy_packages_wait_until_they_are_needed():
    heavy = ("sklearn", "matplotlib", "scipy.stats")
    code = f"import l1ae.evaluation, sys; sys.exit(any(name in sys.modules for name in {heavy}))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
