import math
from functools import partial

import numpy as np
import pytest

from l1ae.events.generator import weighted
from l1ae.events.generator.candidates import promising_events
from l1ae.events.generator.crossings import first_copies
from l1ae.events.generator.hooks import keep_heavy
from l1ae.events.generator.particles import ELECTRON, HADRON, MUON, Hadrons, empty
from l1ae.events.generator.pythia import cross_section, draw_weighted, start

B0, MASS = 511, 5.27958


def hadrons(*pts, event=None):
    event = np.arange(len(pts)) if event is None else np.array(event)
    momentum = [[pt, 0.0, 0.0, math.hypot(pt, MASS)] for pt in pts]
    return Hadrons(event, np.full(len(pts), B0), np.array(momentum))


@pytest.fixture
def settings(lepton):
    chosen = next(process.weighted for process in lepton.processes if process.weighted is not None)
    return chosen.model_copy(update={"tries": 100.0, "fakes": False})


@pytest.fixture
def tries(lepton, settings, table, rng, monkeypatch):
    """Draws tries of given events; settings of the process can be changed."""

    def draw(particles, heavy, weights, detector=lepton.detector, **changes):
        drawn = (particles, heavy, np.asarray(weights, dtype=float), np.asarray(weights, dtype=float))
        monkeypatch.setattr(weighted, "draw_weighted", lambda *_: drawn)
        changed = settings.model_copy(update=changes)
        return weighted.draw_tries(None, 0, changed, table, lepton.lepton_filter, detector, rng)

    return draw


def test_an_event_is_tried_in_proportion_to_its_weight(tries):
    weights = np.tile([0.0, 1.0, 10.0], 20)
    found = tries(empty(60), hadrons(*[60.0] * 60), weights, tries=2000.0)
    accepted = np.bincount(found.origin % 3, minlength=3)
    assert accepted[0] == 0
    assert accepted[2] > 1000
    assert accepted[1] / accepted[2] == pytest.approx(0.1, rel=0.2)
    np.testing.assert_allclose(found.tried, 2000 * weights)
    assert found.generated == 60
    assert (np.diff(found.origin) >= 0).all()
    assert found.particles.events == len(found.origin)
    assert not found.fakes.any()


def test_the_tries_that_are_kept_are_those_with_an_isolated_lepton(tries, lepton, table, rng):
    found = tries(empty(20), hadrons(*[60.0] * 20), np.ones(20), tries=4000.0)
    assert promising_events(found.particles, lepton.lepton_filter, lepton.detector).tolist() == list(
        range(found.particles.events)
    )
    # The same rate as from decays of the hadron one by one, without the shortcut through leptonic decays.
    events = np.arange(80_000)
    plain = weighted._with_decays(empty(80_000), hadrons(*[60.0] * 80_000), events, table, rng)
    passing = len(promising_events(plain, lepton.lepton_filter, lepton.detector))
    assert abs(len(found.origin) - passing) < 5 * math.sqrt(len(found.origin) + passing)
    hardest = [np.sort(some.pt[some.kind >= ELECTRON])[-50:].mean() for some in (found.particles, plain)]
    assert hardest[0] == pytest.approx(hardest[1], rel=0.1)


def test_tries_of_one_event_differ_in_the_decays_only(tries, particles):
    rest = particles([[(HADRON, 30.0, 1.0, 3.0)]] * 2)
    found = tries(rest, hadrons(80.0, 50.0, 70.0, event=[0, 0, 1]), [1.0, 1.0], tries=3000.0)
    assert len(found.origin) > 20
    fixed = found.particles.pt == 30.0
    assert np.bincount(found.particles.event[fixed]).tolist() == [1] * len(found.origin)
    leptons = found.particles.pt[(found.particles.kind >= ELECTRON) & (found.particles.pt > 20)]
    assert len(np.unique(leptons)) == len(leptons)


def test_soft_hadrons_give_nothing(tries, lepton):
    assert lepton.lepton_filter.particle_pt == 20
    assert len(tries(empty(2), hadrons(15.0, 19.0), [1.0, 1.0], tries=20_000.0).origin) == 0


def test_a_lepton_that_the_event_has_of_its_own_counts_in_every_try(tries, particles):
    found = tries(particles([[(MUON, 40.0, 0.0, 1.0)], []]), hadrons(15.0, 15.0), [1.0, 1.0], tries=50.0)
    assert set(found.origin.tolist()) == {0}
    assert len(found.origin) == pytest.approx(50, abs=30)


def test_fakes_come_at_the_rates_of_the_detector(tries, detector, particles):
    weights = np.tile([1.0, 3.0], 500)
    rates = {"electron_fake_rate": 4e-4, "muon_fake_rate": 1e-4, "fake_jets": 3, "fake_pt_fraction": (0.9, 1.0)}
    often = detector.model_copy(update=rates)
    jets = particles([[(HADRON, 100.0, 0.0, 0.0), (HADRON, 90.0, 1.0, 2.0), (HADRON, 20.0, 1.0, -2.0)]] * 1000)
    found = tries(jets, hadrons(*[5.0] * 1000), weights, often, tries=1000.0, fakes=True)
    assert (found.fakes[:, 0] > 80).all()
    assert len(found.origin) == pytest.approx(1000 * weights.sum() * 5e-4 * 2, rel=0.1)  # two jets are hard enough
    assert (found.origin % 2).mean() == pytest.approx(0.75, abs=0.05)
    assert (found.fakes[:, 3] == ELECTRON).mean() == pytest.approx(0.8, abs=0.05)
    assert len(tries(jets, hadrons(*[5.0] * 1000), weights, often, tries=1000.0).origin) == 0


def test_pythia_keeps_heavy_processes_and_weighs_the_others(lepton):
    process = next(process for process in lepton.processes if process.weighted is not None)
    switches = (*lepton.pythia.common, *lepton.pythia.hard, *process.switches)
    quick = (*switches, "PartonLevel:FSR = off", "PartonLevel:ISR = off", "HadronLevel:all = off", "Print:quiet = on")
    light, total = {}, {}
    for keep in (1.0, 0.25):
        hook = partial(keep_heavy, keep, 1) if keep < 1 else None
        pythia = start("x", quick, 7, None, hook)
        *_, kept, weights = draw_weighted(pythia, 4000, process.weighted.hadrons, 0.25)
        assert set(np.round(weights / kept, 3)) == {1.0, 4.0}
        light[keep] = np.mean(weights > 2 * kept)
        undone = weights if keep < 1 else kept
        total[keep] = cross_section(pythia) * undone.sum() / kept.sum()
    odds = light[1.0] / (1 - light[1.0])
    assert light[0.25] / (1 - light[0.25]) == pytest.approx(odds / 4, rel=0.2)
    assert total[0.25] == pytest.approx(total[1.0], rel=0.05)  # in pb: what was left out is counted


def test_one_generated_event_gives_so_many_events_and_no_more():
    copies = np.zeros(4, dtype=np.int64)
    # In two parts, as they come from the detector step: event 1 five times and then twice more, event 3 once.
    first = first_copies(np.array([0, 1, 1, 1, 1, 1]), copies, 3)
    second = first_copies(np.array([1, 1, 3]), copies, 3)
    assert first.tolist() == [True, True, True, True, False, False]
    assert second.tolist() == [False, False, True]
    assert copies.tolist() == [1, 7, 0, 1]
