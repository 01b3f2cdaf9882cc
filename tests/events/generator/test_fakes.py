import numpy as np
import pytest

from l1ae.events.generator.detector import ELECTRON_ROWS, JET_ROWS, MUON_ROWS
from l1ae.events.generator.fakes import draw_fakes, fake_tries, list_fakes
from l1ae.events.generator.particles import ELECTRON, HADRON, MUON

JETS = ((200.0, 0.5, 1.0), (100.0, -1.0, 2.0), (90.0, 1.5, -1.0), (80.0, -2.0, -2.0), (70.0, 0.0, 0.0))
MIN_PT = 23.0


@pytest.fixture
def drawn(particles, detector, rng):
    """Fakes of many copies of an event with these jets, each a single particle."""
    return lambda jets, count=8000: draw_fakes(
        particles([[(HADRON, *jet) for jet in jets]] * count), MIN_PT, detector, rng
    )


@pytest.mark.parametrize("number", [0, 1, 2, 4, 5])
def test_each_of_the_hardest_jets_has_the_same_chance(drawn, detector, number):
    fakes = drawn(JETS[:number])
    done = fakes[:, 0] > 0
    possible = min(number, detector.fake_jets)
    assert done.mean() == pytest.approx(possible / detector.fake_jets, abs=0.025)
    for _, eta, _ in JETS[:possible]:
        assert np.isclose(fakes[done, 1], eta).sum() / len(fakes) == pytest.approx(1 / detector.fake_jets, abs=0.025)
    # So the number of fakes of an event is the number of its jets times the rate.
    rate = detector.electron_fake_rate + detector.muon_fake_rate
    assert fake_tries(detector) * done.mean() == pytest.approx(possible * rate, rel=0.1)


def test_a_fake_has_the_direction_and_a_part_of_the_pt_of_its_jet(drawn, detector):
    fakes = drawn(JETS[:1])
    fakes = fakes[fakes[:, 0] > 0]
    low, high = detector.fake_pt_fraction
    np.testing.assert_allclose(fakes[:, 1:3], [JETS[0][1:]] * len(fakes), rtol=1e-5)
    assert (fakes[:, 0].min(), fakes[:, 0].max()) == (pytest.approx(low * 200, 0.02), pytest.approx(high * 200, 0.02))
    share = detector.electron_fake_rate / (detector.electron_fake_rate + detector.muon_fake_rate)
    assert (fakes[:, 3] == ELECTRON).mean() == pytest.approx(share, abs=0.05)
    assert set(fakes[:, 3]) == {ELECTRON, MUON}


def test_only_fakes_above_the_threshold_are_drawn(drawn, detector):
    low, high = detector.fake_pt_fraction
    fakes = drawn([(30.0, 0.0, 0.0)])[:, 0]
    assert (fakes[fakes > 0] > MIN_PT).all()
    expected = (high - MIN_PT / 30) / (high - low) / detector.fake_jets
    assert (fakes > 0).mean() == pytest.approx(expected, abs=0.02)
    assert not drawn([(0.99 * MIN_PT / high, 0.0, 0.0)]).any()


def test_jets_outside_the_acceptance_fake_nothing(drawn, detector):
    fakes = drawn([(100.0, 2.5, 0.0)])
    assert set(fakes[fakes[:, 0] > 0, 3]) == {ELECTRON}  # muons end at 2.1, electrons at 3.0
    assert not drawn([(100.0, 3.5, 0.0)]).any()


def listed(count, jets, lepton=(45.0, -2.0, 3.0)):
    physical = np.zeros((count, 19, 3))
    physical[:, 0] = (33.0, 0.0, 1.5)
    physical[:, JET_ROWS.start : JET_ROWS.start + len(jets)] = jets
    physical[:, ELECTRON_ROWS.start] = physical[:, MUON_ROWS.start] = lepton
    return physical


def test_a_fake_is_listed_in_place_of_its_jet(detector):
    physical = listed(4, JETS)
    fakes = np.zeros((4, 4))
    fakes[1] = (60.0, 1.55, -1.05, ELECTRON)  # beside the third jet
    fakes[2] = (30.0, 0.0, 1.0, MUON)  # beside none
    done = list_fakes(physical, fakes, detector)
    np.testing.assert_array_equal(done[[0, 3]], physical[[0, 3]])
    np.testing.assert_allclose(done[1, ELECTRON_ROWS][:3], [fakes[1, :3], physical[1, ELECTRON_ROWS.start], [0, 0, 0]])
    np.testing.assert_allclose(done[1, JET_ROWS][:5], [JETS[0], JETS[1], JETS[3], JETS[4], (0, 0, 0)])
    np.testing.assert_allclose(done[2, MUON_ROWS][:3], [physical[2, MUON_ROWS.start], fakes[2, :3], [0, 0, 0]])
    np.testing.assert_array_equal(done[2, JET_ROWS], physical[2, JET_ROWS])
    np.testing.assert_array_equal(done[:, 0], physical[:, 0])
    np.testing.assert_array_equal(physical, listed(4, JETS))  # the input is left alone
