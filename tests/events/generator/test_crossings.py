"""Crossings that are accepted; the pile-up is a stand-in whose every crossing says which one it is."""

import numpy as np
import pytest

from l1ae.events.generator.crossings import make_crossings
from l1ae.events.generator.detector import MUON_ROWS
from l1ae.events.generator.particles import MUON
from l1ae.events.generator.pileup import Overlaid
from l1ae.events.generator.recipes import Process

CROSSINGS_ONLY = Process(name="pile-up", switches=(), share=1.0)


class Numbered:
    """Lays one muon over crossing number k, which counts k collisions: of 30 GeV + k when k is even, soft otherwise."""

    def __init__(self, particles):
        self.particles, self.laid, self.used = particles, 0, np.zeros(2)

    def overlay(self, events, rng, underlying=0):
        numbers = np.arange(self.laid, self.laid + events.events)
        self.laid += events.events
        muons = [[(MUON, 30.0 + k if k % 2 == 0 else 5.0, 0.0, 0.0)] for k in numbers]
        return Overlaid(self.particles(muons), numbers)


@pytest.mark.parametrize("count", [1, 7, 100])
def test_the_pile_up_is_that_of_the_events_that_pass(lepton, perfect, particles, rng, count):
    recipe = lepton.model_copy(update={"detector": perfect})
    made = make_crossings(recipe, CROSSINGS_ONLY, count, None, None, Numbered(particles), rng)
    assert len(made.physical) == len(made.origin) == len(made.pile_up) == count
    assert made.pile_up.tolist() == list(range(0, 2 * count, 2))
    np.testing.assert_allclose(made.physical[:, MUON_ROWS.start, 0], 30 + made.pile_up, rtol=1e-5)
