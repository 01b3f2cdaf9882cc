import math

import numpy as np
import pytest

from l1ae.events.generator.particles import (
    ELECTRON,
    HADRON,
    MUON,
    PHOTON,
    Hadrons,
    append,
    empty,
    from_kinds,
    impact,
    kinds,
    members,
    visible,
)

RADIUS, LENGTH = 1290.0, 3000.0  # mm


def test_particles_are_sorted_into_kinds_and_the_invisible_is_dropped():
    pdg = np.array([211, 22, 111, -11, 13, -14, 130, 22])
    momentum = np.array([[3.0, 4.0, pz] for pz in (0, 1, 0, 0, 0, 0, 0, 1e5)])
    assert visible(pdg).tolist() == [code != -14 for code in pdg]
    kept = visible(pdg)
    seen = from_kinds(np.zeros(7), kinds(pdg[kept]), momentum[kept], 1, 4.959)
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


def test_append_puts_events_one_after_another(particles):
    some = particles([[(HADRON, float(i + 1), 0.0, 0.0)] * i for i in range(5)])
    again = append([some.take_events(np.arange(2)), empty(1), some.take_events(np.arange(2, 5))])
    assert again.events == 6
    assert again.event.tolist() == [1, 3, 3, 4, 4, 4, 5, 5, 5, 5]
    np.testing.assert_array_equal(again.pt, some.pt)


def test_members_of_chosen_groups():
    owner, index = members(np.array([0, 2, 2, 5]), np.array([2, 1, 0, 2]))
    assert owner.tolist() == [0, 0, 0, 2, 2, 3, 3, 3]
    assert index.tolist() == [2, 3, 4, 0, 1, 2, 3, 4]


def test_no_decay_product_is_harder_than_the_limit():
    along = Hadrons(np.array([0]), np.array([511]), np.array([[3.0, 4.0, 12.0, math.sqrt(169 + 5.28**2)]]))
    # A massless product that flies along with the hadron, in the frame where the hadron moves transversely.
    assert along.largest_pt[0] == pytest.approx((5 + math.sqrt(25 + 5.28**2)) / 2)


def directions(momentum):
    return np.arcsinh(momentum[:, 2] / np.hypot(momentum[:, 0], momentum[:, 1])), np.arctan2(*momentum[:, 1::-1].T)


def test_prompt_particles_hit_the_calorimeter_where_they_fly(rng):
    momentum = rng.normal(size=(1000, 3)) * rng.exponential(10, (1000, 1))
    moved, inside = impact(momentum, np.zeros((1000, 3)), rng.random(1000) < 0.2, RADIUS, LENGTH)
    assert inside.all()
    np.testing.assert_allclose(moved, momentum, rtol=1e-9, atol=1e-12)


def test_displaced_particles_hit_the_calorimeter_somewhere_else():
    vertex = np.array(
        [[1000.0, 0, 0], [1000.0, 0, 0], [0, 0, 2000.0], [0, 500.0, 1000.0], [1300.0, 0, 0], [0, 0, -3100]]
    )
    momentum = np.array([[0, 10.0, 0], [0, 10.0, 0], [1e-6, 0, 5.0], [0, 3.0, 0], [1.0, 0, 0], [0, 1.0, 0]])
    muon = np.array([False, True, False, False, False, True])
    moved, inside = impact(momentum, vertex, muon, RADIUS, LENGTH)
    assert inside.tolist() == [True, True, True, True, False, False]
    np.testing.assert_allclose(np.linalg.norm(moved, axis=1), np.linalg.norm(momentum, axis=1))
    eta, phi = directions(moved[:4])
    assert phi[0] == pytest.approx(math.atan2(math.sqrt(RADIUS**2 - 1000**2), 1000))
    np.testing.assert_array_equal(moved[1], momentum[1])  # the muon keeps its direction
    assert eta[2] > 10  # along the beam: out of the end cap
    assert (eta[3], phi[3]) == (pytest.approx(math.asinh(1000 / RADIUS)), pytest.approx(math.pi / 2))
