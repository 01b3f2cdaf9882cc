import math

import numpy as np
import pytest

from l1ae.events.generator.particles import ELECTRON, HADRON, MUON, PHOTON, append, from_momenta
from l1ae.events.generator.pileup import overlay, split, without_jets


def test_from_momenta_sorts_particles_into_kinds_and_drops_the_invisible():
    pdg = np.array([211, 22, 111, -11, 13, -14, 130, 22])
    pz = np.array([0, 1, 0, 0, 0, 0, 0, 1e5])
    seen = from_momenta(np.zeros(8), pdg, np.full(8, 3.0), np.full(8, 4.0), pz, 1, 4.959)
    assert seen.kind.tolist() == [HADRON, PHOTON, PHOTON, ELECTRON, MUON, HADRON]
    np.testing.assert_allclose(seen.pt, 5.0)
    np.testing.assert_allclose(seen.phi, math.atan2(4, 3), rtol=1e-6)
    assert seen.eta[1] == pytest.approx(math.asinh(0.2))


def test_events_can_be_taken_repeatedly_and_turned(particles):
    some = particles([[(HADRON, 1.0, 0.0, 0.0)], [], [(MUON, 2.0, 1.0, 1.0), (PHOTON, 3.0, 2.0, 2.0)]])
    taken = some.take_events(np.array([2, 1, 2, 0]), rotation=np.array([0.0, 9.0, 1.0, 0.5]))
    assert taken.event.tolist() == [0, 0, 2, 2, 3]
    assert taken.pt.tolist() == [2, 3, 2, 3, 1]
    np.testing.assert_allclose(taken.phi, [1, 2, 2, 3, 0.5])
    assert taken.offsets.tolist() == [0, 2, 2, 4, 5]


def test_append_and_split_are_inverse(particles):
    some = particles([[(HADRON, float(i + 1), 0.0, 0.0)] * i for i in range(5)])
    parts = list(split(some, 2))
    assert [part.events for part in parts] == [2, 2, 1]
    again = append(parts)
    assert again.events == 5
    np.testing.assert_array_equal(again.event, some.event)
    np.testing.assert_array_equal(again.pt, some.pt)


def test_overlay_adds_the_stated_number_of_collisions(particles, rng):
    hard = particles([[(MUON, 50.0, 0.0, 0.0)]] * 2000)
    pool = particles([[(HADRON, 1.0, 1.0, 0.0)], [(PHOTON, 2.0, 2.0, 1.0)]])
    crossing = overlay(hard, pool, mean=5.0, extra=1, rng=rng)
    added = np.bincount(crossing.event, minlength=2000) - 1
    assert added.min() >= 1
    assert added.mean() == pytest.approx(6, abs=0.2)
    assert added.var() == pytest.approx(5, abs=0.6)
    assert (crossing.kind == MUON).sum() == 2000
    assert set(np.unique(np.abs(crossing.eta[crossing.kind != MUON]))) == {1.0, 2.0}
    assert (crossing.eta < 0).any()
    assert (np.diff(crossing.event) >= 0).all()
    assert len(np.unique(crossing.phi[crossing.kind == HADRON])) > 1000


def test_without_jets_vetoes_hard_events(particles):
    soft = [(HADRON, 15.0, 0.0, phi) for phi in (0.0, 2.0, 4.0)]
    some = particles([soft, [(HADRON, 25.0, 0.0, 0.0), (PHOTON, 20.0, 0.1, 0.1)], [], [(MUON, 45.0, 1.0, 1.0)]])
    assert without_jets(some, 40.0).tolist() == [0, 2]
    assert without_jets(particles([]), 40.0).tolist() == []
