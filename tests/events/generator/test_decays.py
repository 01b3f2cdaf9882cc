import math

import numpy as np
import pytest
from scipy import stats

from l1ae.events.generator.decays import DecayTable, Products, boost, random_rotations
from l1ae.events.generator.particles import ELECTRON, MUON, Hadrons
from l1ae.events.generator.pythia import start

MASS = {511: 5.27958, 5122: 5.6194, 411: 1.86962}


def flying(code, count, pt, eta=0.7):
    momentum = np.array([pt, 0.0, pt * math.sinh(eta)])
    energy = math.sqrt(momentum @ momentum + MASS[code] ** 2)
    return Hadrons(np.arange(count), np.full(count, code), np.tile([*momentum, energy], (count, 1)))


def lepton_pt(products: Products):
    lepton = (products.kind == ELECTRON) | (products.kind == MUON)
    return np.hypot(products.momentum[lepton, 0], products.momentum[lepton, 1])


def test_a_boost_to_rest_and_back_changes_nothing(rng):
    momentum = rng.normal(size=(100, 3)) * 5
    energy = np.sqrt((momentum**2).sum(axis=1) + 0.14**2)
    frame = np.array([3.0, -20.0, 15.0, math.sqrt(634 + 25)])[None].repeat(100, axis=0)
    there = boost(momentum, energy, frame)
    np.testing.assert_allclose(there[:, 3] ** 2 - (there[:, :3] ** 2).sum(axis=1), 0.14**2, rtol=1e-6)
    back = boost(there[:, :3], there[:, 3], frame * [-1, -1, -1, 1])
    np.testing.assert_allclose(back, np.column_stack([momentum, energy]), rtol=1e-9, atol=1e-9)


def test_a_particle_at_rest_gets_the_momentum_of_the_frame():
    frame = np.array([[3.0, -4.0, 12.0, math.sqrt(169 + 4)]])
    np.testing.assert_allclose(boost(np.zeros((1, 3)), np.array([1.0]), frame), frame / 2)


def test_rotations_are_uniform(rng):
    rotation = random_rotations(20_000, rng)
    np.testing.assert_allclose(rotation @ rotation.transpose(0, 2, 1), np.eye(3)[None].repeat(20_000, 0), atol=1e-12)
    np.testing.assert_allclose(np.linalg.det(rotation), 1)
    for axis in range(3):
        turned = rotation[:, :, axis]
        assert stats.kstest(turned[:, 2], stats.uniform(-1, 2).cdf).pvalue > 1e-3
        assert stats.kstest(np.arctan2(turned[:, 1], turned[:, 0]), stats.uniform(-np.pi, 2 * np.pi).cdf).pvalue > 1e-3


def test_energy_and_momentum_of_visible_decays_stay_below_those_of_the_hadron(table, rng):
    hadrons = flying(511, 2000, 40.0)
    products = table.boosted(table.choose(hadrons, rng), hadrons, random_rotations(2000, rng))
    total = np.zeros((2000, 4))
    np.add.at(total, products.hadron, products.momentum)
    assert (total[:, 3] < hadrons.momentum[:, 3] * (1 + 1e-5)).all()
    complete = np.isclose(total[:, 3], hadrons.momentum[:, 3], rtol=1e-5)  # no neutrino
    assert 0.5 < complete.mean() < 0.9
    np.testing.assert_allclose(total[complete], hadrons.momentum[complete], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("code", [511, 5122, 411])
def test_boosted_decays_are_those_that_pythia_makes_in_flight(lepton, table, rng, code):
    count = 4000
    hadrons = flying(code, count, 40.0)
    pythia = start("x", (*lepton.pythia.common, "ProcessLevel:all = off", "Print:quiet = on"), seed=11)
    direct = []
    for first in range(0, count, 100):
        pythia.event.reset()
        for px, py, pz, energy in hadrons.momentum[first : first + 100].tolist():
            pythia.event.append(code, 83, 0, 0, px, py, pz, energy, MASS[code])
        assert pythia.next()
        direct += [particle.pT() for particle in pythia.event if particle.isFinal() and particle.idAbs() in (11, 13)]
    mine = lepton_pt(table.boosted(table.choose(hadrons, rng), hadrons, random_rotations(count, rng)))
    assert abs(len(mine) - len(direct)) < 4 * math.sqrt(len(mine) + len(direct))
    assert stats.ks_2samp(mine, direct).pvalue > 1e-3
    assert stats.ks_2samp(mine, np.array(direct) * 1.25).pvalue < 1e-3  # a spectrum off by a quarter would be seen


def test_leptonic_decays_are_those_with_a_lepton(table, rng):
    hadrons = flying(511, 1000, 40.0)
    chosen = table.choose(hadrons, rng)
    products = table.boosted(chosen, hadrons, random_rotations(1000, rng))
    found = np.zeros(1000, dtype=bool)
    found[products.hadron[(products.kind == ELECTRON) | (products.kind == MUON)]] = True
    np.testing.assert_array_equal(table.leptonic(chosen), found)


def test_each_hadron_draws_from_its_own_decays(table, rng):
    mixed = Hadrons(np.zeros(3), np.array([411, 511, 5122]).repeat(500), np.ones((1500, 4)))
    species = table.choose(mixed, rng) // table.decays
    assert species.reshape(3, 500).std(axis=1).tolist() == [0, 0, 0]
    assert [table.codes[i] for i in species[::500]] == [411, 511, 5122]


def test_a_table_survives_its_file(table, tmp_path, rng):
    np.savez(tmp_path / "table.npz", **table.arrays())
    with np.load(tmp_path / "table.npz") as file:
        again = DecayTable.from_arrays(file)
    assert (again.codes, again.decays) == (table.codes, table.decays)
    np.testing.assert_array_equal(again.momentum, table.momentum)
    np.testing.assert_array_equal(again.first, table.first)
