import math

import numpy as np
import pytest

from l1ae.events.generator.detector import density, fill, isolation, simulate
from l1ae.events.generator.particles import ELECTRON, HADRON, MUON, PHOTON
from l1ae.events.schema import EventSet

MET, FIRST_ELECTRON, FIRST_MUON, FIRST_JET = 0, 1, 5, 9


def listed(event):
    """Number of electrons, muons and jets of one (19, 3) event."""
    return tuple(int((event[rows, 0] > 0).sum()) for rows in (slice(1, 5), slice(5, 9), slice(9, 19)))


@pytest.mark.parametrize(("kind", "row"), [(ELECTRON, FIRST_ELECTRON), (MUON, FIRST_MUON)])
def test_single_lepton_comes_out_where_it_went(particles, perfect, rng, kind, row):
    event = simulate(particles([[(kind, 50.0, 1.2, -2.0)]]), rng, perfect)[0]
    np.testing.assert_allclose(event[row], [50.0, 1.2, -2.0], rtol=1e-6)
    np.testing.assert_allclose(event[MET], [50.0, 0.0, math.pi - 2.0], rtol=1e-6)
    others = np.delete(event, [MET, row], axis=0)
    assert not others.any()


def test_resolution_is_the_stated_one(particles, detector, rng):
    many = particles([[(ELECTRON, 40.0, 0.0, 0.0), (MUON, 40.0, 0.0, 3.0)]] * 4000)
    physical = simulate(many, rng, detector)
    expected = {
        FIRST_ELECTRON: math.hypot(detector.em_stochastic / math.sqrt(40), detector.em_constant),
        FIRST_MUON: math.hypot(detector.muon_constant, detector.muon_slope * 40),
    }
    for row, resolution in expected.items():
        ratio = physical[:, row, 0] / 40
        assert ratio.mean() == pytest.approx(1, abs=0.001)
        assert ratio.std() == pytest.approx(resolution, rel=0.1)


def test_calorimeter_smearing_keeps_the_mean(particles, detector, rng):
    physical = simulate(particles([[(HADRON, 100.0, 0.5, 1.0)]] * 3000), rng, detector)
    ratio = physical[:, FIRST_JET, 0] / 100
    assert ratio.mean() == pytest.approx(1, abs=0.01)
    assert ratio.std() == pytest.approx(math.hypot(1 / math.sqrt(100 * math.cosh(0.5)), 0.05), rel=0.1)


@pytest.mark.parametrize("beside", [HADRON, PHOTON])
def test_isolation_counts_hadrons_and_photons(particles, perfect, rng, beside):
    alone = [(ELECTRON, 30.0, 0.5, 0.0)]
    physical = simulate(
        particles([[*alone, (beside, 12.0, 0.6, 0.1)], [*alone, (beside, 15.0, 0.6, 0.1)]]), rng, perfect
    )
    assert listed(physical[0])[0] == 1
    assert listed(physical[1]) == (0, 0, 1)  # not isolated: the electron is a part of a jet
    assert physical[1, FIRST_JET, 0] == pytest.approx(45, rel=0.02)


def test_isolation_does_not_count_other_leptons(particles, perfect, rng):
    event = simulate(particles([[(ELECTRON, 30.0, 0.5, 0.0), (MUON, 29.0, 0.5, 0.1)]]), rng, perfect)[0]
    assert listed(event)[:2] == (1, 1)


def test_pile_up_density_is_subtracted_from_isolation(particles, perfect):
    eta, phi = np.meshgrid(np.arange(-4.9, 4.9, 0.1), np.arange(0, 6.28, 0.1))
    haze = [(HADRON, 0.1, e, p) for e, p in zip(eta.ravel(), phi.ravel(), strict=True)]
    some = particles([[(MUON, 30.0, 0.0, 1.0), *haze]])
    candidate = np.flatnonzero(some.kind == MUON)
    assert isolation(some, candidate, perfect)[0] == pytest.approx(0, abs=0.8)
    assert isolation(particles([[(MUON, 30.0, 0.0, 1.0), *haze[:1]]]), np.array([0]), perfect)[0] == 0


def test_density_of_an_even_haze(rng):
    number = 114 * 72
    rho = density(np.zeros(number, dtype=int), np.full(number, 0.1), np.arange(number), 1)
    assert rho[0] == pytest.approx(0.1 / (0.087 * 2 * math.pi / 72))


def test_balanced_jets_have_no_missing_momentum(particles, perfect, rng):
    event = simulate(particles([[(HADRON, 60.0, 0.3, 0.5), (HADRON, 60.0, -1.0, 0.5 - math.pi)]]), rng, perfect)[0]
    assert listed(event) == (0, 0, 2)
    assert event[MET, 0] < 6  # the tower's size
    np.testing.assert_allclose(event[FIRST_JET : FIRST_JET + 2, 0], 60, rtol=1e-6)


def test_missing_momentum_points_away_from_what_is_seen(particles, perfect, rng):
    event = simulate(particles([[(HADRON, 60.0, 0.3, 0.5)]]), rng, perfect)[0]
    assert event[MET, 0] == pytest.approx(60, rel=1e-6)
    assert abs(abs(event[MET, 2] - 0.5) - math.pi) < 0.1
    assert event[MET, 1] == 0


def test_muon_that_is_not_isolated_counts_in_the_missing_momentum(particles, perfect, rng):
    inside = [(HADRON, 60.0, 0.3, 0.0), (MUON, 40.0, 0.3, 0.05)]
    event = simulate(particles([[*inside, (HADRON, 100.0, 0.0, math.pi)]]), rng, perfect)[0]
    assert listed(event) == (0, 0, 2)
    assert event[MET, 0] < 10


@pytest.mark.parametrize(("distance", "jets"), [(0.35, 0), (0.6, 1)])
def test_jets_beside_a_lepton_are_removed(particles, perfect, rng, distance, jets):
    event = simulate(particles([[(MUON, 80.0, 0.0, 0.0), (HADRON, 25.0, distance, 0.0)]]), rng, perfect)[0]
    assert listed(event) == (0, 1, jets)


def test_acceptance(particles, perfect, rng):
    physical = simulate(
        particles(
            [
                [(ELECTRON, 40.0, 3.2, 0.0)],
                [(MUON, 40.0, 2.3, 0.0)],
                [(HADRON, 40.0, 4.3, 0.0)],
                [(ELECTRON, 2.0, 0.0, 0.0)],
                [(HADRON, 12.0, 0.0, 0.0)],
            ]
        ),
        rng,
        perfect,
    )
    assert [listed(event) for event in physical] == [(0, 0, 1), (0, 0, 0), (0, 0, 0), (0, 0, 0), (0, 0, 0)]
    assert physical[1, MET, 0] == 0  # a muon outside the acceptance is invisible
    assert physical[2, MET, 0] == pytest.approx(40, rel=1e-6)


def test_the_hardest_are_kept_in_order_and_the_rest_is_zero(particles, perfect, rng):
    muons = [(MUON, float(pt), -2 + pt / 10, pt / 10) for pt in (5, 30, 10, 20, 25)]
    event = simulate(particles([muons]), rng, perfect)[0]
    np.testing.assert_allclose(event[FIRST_MUON : FIRST_MUON + 4, 0], [30, 25, 20, 10], rtol=1e-6)
    assert not event[1:5].any()
    assert not event[9:].any()


def test_fill_leaves_absent_rows_zero():
    physical = np.zeros((3, 19, 3))
    fill(physical, slice(9, 19), np.array([2, 0, 2]), np.array([20.0, 30.0, 40.0]), np.ones(3), np.full(3, 2.0))
    assert physical[2, 9:11, 0].tolist() == [40, 20]
    assert physical[0, 9].tolist() == [30, 1, 2]
    assert np.count_nonzero(physical) == 9


def test_events_without_particles(particles, detector, rng):
    assert simulate(particles([]), rng, detector).shape == (0, 19, 3)
    assert not simulate(particles([[], []]), rng, detector).any()


def test_output_fits_the_hardware_words(particles, detector, rng):
    crowd = [
        (kind, pt, eta, phi)
        for kind in (HADRON, PHOTON, ELECTRON, MUON)
        for pt, eta, phi in ((3000.0, 1.9, 3.14159), (300.0, -4.95, -3.14159), (30.0, 3.9, 0.0))
    ]
    physical = simulate(particles([crowd] * 20), rng, detector)
    events = EventSet.from_physical(physical, np.zeros(20, np.uint8), ("x",), np.arange(20, dtype=np.uint64))
    assert np.isfinite(physical).all()
    assert len(events) == 20
