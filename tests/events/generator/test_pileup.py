import numpy as np
import pytest

from l1ae.errors import ToolchainError
from l1ae.events.generator import pileup
from l1ae.events.generator.detector import JET_ROWS, simulate
from l1ae.events.generator.particles import ELECTRON, HADRON, MUON, PHOTON, empty
from l1ae.events.generator.pileup import HardCollisions, PileUpSource, SoftPool, draw_soft, has_jet, has_lepton
from l1ae.events.generator.recipes import PileUp


class Labelled:
    """Hard collisions of one particle each, of pT 100, 101, 102 ... in the order in which they are taken."""

    def __init__(self, particles):
        self.particles, self.taken = particles, 0

    def take(self, count):
        first = self.taken
        self.taken += count
        return self.particles([[(HADRON, 100.0 + first + i, 0.0, 0.0)] for i in range(count)])


@pytest.fixture
def soft(particles):
    return particles([[(HADRON, 1.0, 1.0, 0.0)], [(PHOTON, 2.0, 2.0, 1.0)]])


def source(lepton, soft, hard, probability, **pile_up):
    settings = PileUp(**{"underlying_events": 0} | pile_up)
    return PileUpSource(lepton.model_copy(update={"pile_up": settings}), SoftPool(soft, probability), hard)


def test_overlay_adds_the_stated_number_of_collisions(lepton, particles, soft, rng):
    hard = particles([[(MUON, 50.0, 0.0, 0.0)]] * 2000)
    crossing, pile_up = source(lepton, soft, Labelled(particles), 0.0, mean=5.0).overlay(hard, rng, underlying=1)
    added = np.bincount(crossing.event, minlength=2000) - 1
    assert (added == pile_up + 1).all(), "what stands for the underlying event is no pile-up"
    assert added.min() >= 1
    assert added.mean() == pytest.approx(6, abs=0.2)
    assert added.var() == pytest.approx(5, abs=0.6)
    assert (crossing.kind == MUON).sum() == 2000
    assert set(np.unique(np.abs(crossing.eta[crossing.kind != MUON]))) == {1.0, 2.0}
    assert (crossing.eta < 0).any()
    assert (np.diff(crossing.event) >= 0).all()
    assert len(np.unique(crossing.phi[crossing.kind == HADRON])) > 1000


def test_the_mean_is_drawn_from_the_profile(lepton, particles, soft, rng):
    some = source(lepton, soft, Labelled(particles), 0.0, profile=((2.0, 3.0), (40.0, 1.0)))
    crossing, pile_up = some.overlay(empty(4000), rng)
    collisions = np.bincount(crossing.event, minlength=4000)
    assert (collisions == pile_up).all()
    assert (collisions < 15).mean() == pytest.approx(0.75, abs=0.03)
    assert collisions[collisions < 15].mean() == pytest.approx(2, abs=0.1)
    assert collisions[collisions > 15].mean() == pytest.approx(40, abs=1)


def test_hard_collisions_come_in_their_proportion_and_never_twice(lepton, particles, soft, rng):
    hard = Labelled(particles)
    some = source(lepton, soft, hard, 0.05, mean=20.0)
    crossings, pile_up = zip(*(some.overlay(empty(500), rng) for _ in range(4)), strict=True)
    labels = np.concatenate([crossing.pt[crossing.pt >= 100] for crossing in crossings])
    assert len(np.unique(labels)) == len(labels) == hard.taken
    assert len(labels) == pytest.approx(2000 * 20 * 0.05, rel=0.1)
    assert np.sum(pile_up) == some.used.sum(), "collisions with a jet are pile-up like the others"
    assert some.used.tolist() == [sum((crossing.pt < 100).sum() for crossing in crossings), len(labels)]


def test_collisions_with_jets_or_leptons_are_seen(lepton, particles):
    jet, lepton_limit = lepton.pool.veto_jet_gev, lepton.pool.veto_lepton_gev
    spread = [(HADRON, 0.75 * jet, 0.0, phi) for phi in (0.0, 2.0, 4.0)]
    some = particles(
        [
            spread,
            [(HADRON, 0.6 * jet, 0.0, 0.0), (PHOTON, 0.6 * jet, 0.1, 0.1)],
            [],
            [(MUON, 1.1 * jet, 1.0, 1.0)],
            [(ELECTRON, 1.1 * lepton_limit, 1.0, 1.0)],
            [(MUON, 0.9 * lepton_limit, 1.0, 1.0)],
        ]
    )
    assert has_jet(some, lepton.pool).tolist() == [False, True, False, True, False, False]
    assert has_lepton(some, lepton.pool).tolist() == [False, False, False, True, True, False]
    assert has_jet(particles([]), lepton.pool).tolist() == []


def test_each_hard_collision_is_handed_out_once(lepton, particles, tmp_path, monkeypatch):
    made = iter(range(10**6))

    def batch(pythia, count):
        numbers = [next(made) for _ in range(count)]
        return particles([[(HADRON, 30.0 + number if number % 2 else 5.0, 0.0, 0.0)] for number in numbers])

    monkeypatch.setattr(pileup, "start", lambda *_: None)
    monkeypatch.setattr(pileup, "draw", batch)
    hard = HardCollisions(lepton, 1, tmp_path / "log")
    taken = [hard.take(count) for count in (0, 3, 0, 200, 1)]
    assert [some.events for some in taken] == [0, 3, 0, 200, 1]
    labels = np.concatenate([some.pt for some in taken])
    assert len(np.unique(labels)) == len(labels) == 204
    assert labels.min() > lepton.pool.veto_jet_gev


def test_hard_collisions_without_jets_are_an_error(lepton, particles, tmp_path, monkeypatch):
    monkeypatch.setattr(pileup, "start", lambda *_: None)
    monkeypatch.setattr(pileup, "draw", lambda *_: empty(50_000))
    with pytest.raises(ToolchainError, match="none of 100000 hard collisions has a jet above the veto"):
        HardCollisions(lepton, 1, tmp_path / "log").take(1)


def repeats(physical):
    """Equal pairs of (pT, |eta|) among leading jets of different events, and how many chance would give."""
    jet = physical[physical[:, JET_ROWS.start, 0] > 25, JET_ROWS.start]
    width, acceptance = 0.1, 4.0
    pt, eta = np.rint(jet[:, 0] / 4).astype(int), np.rint(np.abs(jet[:, 1]) / width).astype(int)

    def pairs(values):
        counts = np.unique(values, return_counts=True)[1]
        return int((counts * (counts - 1) // 2).sum())

    return pairs(pt * 1000 + eta), pairs(pt) * width / acceptance


@pytest.mark.parametrize("vetoed", [True, False])
def test_the_veto_keeps_out_what_would_be_recognised(lepton, perfect, particles, rng, vetoed):
    # A pool of 200 collisions, one of them with a jet of 60 GeV; a perfect detector is the hardest case.
    pt, eta, phi = rng.exponential(1.0, (200, 60)), rng.uniform(-4, 4, (200, 60)), rng.uniform(-3, 3, (200, 60))
    soft = [[(HADRON, *particle) for particle in zip(*some, strict=True)] for some in zip(pt, eta, phi, strict=True)]
    pool = particles([*soft, [(HADRON, 60.0, 1.234, 0.5)]])
    if vetoed:
        pool = pool.take_events(np.flatnonzero(~has_jet(pool, lepton.pool)))
    seen, chance = repeats(simulate(draw_soft(pool, rng.poisson(20, 800), rng), rng, perfect))
    if vetoed:
        assert seen < chance + 5 * np.sqrt(chance + 1)
    else:
        assert seen > chance + 20 * np.sqrt(chance + 1)
