"""Fakes: jets that are taken for an electron or a muon."""

import numpy as np
from numpy.typing import NDArray

from l1ae.events.generator.detector import ELECTRON_ROWS, JET_ROWS, MUON_ROWS, fill, near_lepton
from l1ae.events.generator.jets import cluster
from l1ae.events.generator.particles import ELECTRON, MUON, Particles
from l1ae.events.generator.recipes import Detector

#: pT (GeV), eta, phi and kind of a fake lepton; all zero where there is none.
FAKE_COLUMNS = 4


def fake_tries(detector: Detector) -> float:
    """Mean number of times that each event must be given to `draw_fakes` to get fakes at the rates of the detector."""
    return (detector.electron_fake_rate + detector.muon_fake_rate) * detector.fake_jets


def draw_fakes(
    particles: Particles, min_pt: float, detector: Detector, rng: np.random.Generator
) -> NDArray[np.float64]:
    """(events, 4) a lepton above `min_pt` GeV that one of the jets of each hard collision fakes, or zeros.

    One of the `fake_jets` hardest anti-kT jets of the particles is chosen, be there one or not: with n jets there is
    one with probability n / `fake_jets`, so that every jet has the same chance in every event. Electron or muon: in
    proportion to the rates. The lepton takes the direction of the jet and a fraction of its pT.
    """
    count = particles.events
    slot = rng.integers(detector.fake_jets, size=count)
    fraction = rng.uniform(*detector.fake_pt_fraction, count)
    total = detector.electron_fake_rate + detector.muon_fake_rate
    electron = rng.random(count) * total < detector.electron_fake_rate
    jets = np.zeros((count, detector.fake_jets, 3))
    columns = (particles.event, particles.pt, particles.eta, particles.phi)
    fill(jets, slice(0, detector.fake_jets), *cluster(count, *columns, detector.jet_radius, min_pt))
    fakes = np.zeros((count, FAKE_COLUMNS))
    fakes[:, :3] = jets[np.arange(count), slot]
    fakes[:, 0] *= fraction
    fakes[:, 3] = np.where(electron, ELECTRON, MUON)
    limit = np.where(electron, detector.electron_max_eta, detector.muon_max_eta)
    fakes[(fakes[:, 0] <= min_pt) | (np.abs(fakes[:, 1]) >= limit)] = 0
    return fakes


def list_fakes(physical: NDArray[np.float64], fakes: NDArray[np.float64], detector: Detector) -> NDArray[np.float64]:
    """The events (n, 19, 3) with their fakes (n, 4) among the leptons, without the jets that overlap with them.

    The MET stays what the calorimeter says.
    """
    physical = physical.copy()
    for kind, rows in ((ELECTRON, ELECTRON_ROWS), (MUON, MUON_ROWS)):
        new = np.flatnonzero((fakes[:, 0] > 0) & (fakes[:, 3] == kind))
        _relist(physical, rows, new, np.concatenate([physical[new, rows], fakes[new, None, :3]], axis=1))
    faked = np.flatnonzero(fakes[:, 0] > 0)
    jets = physical[faked, JET_ROWS]
    number = np.repeat(faked, jets.shape[1])
    overlap = near_lepton(physical, number, jets[..., 1].ravel(), jets[..., 2].ravel(), detector.overlap_cone)
    _relist(physical, JET_ROWS, faked, np.where(overlap.reshape(jets.shape[:2])[..., None], 0, jets))
    return physical


def _relist(physical: NDArray, rows: slice, events: NDArray, objects: NDArray) -> None:
    """Write the objects (len(events), any number, 3) into these rows in order of pT; those with pT 0 are left out."""
    event, flat = np.repeat(events, objects.shape[1]), objects.reshape(-1, 3)
    present = flat[:, 0] > 0
    physical[events, rows] = 0
    fill(physical, rows, event[present], *flat[present].T)
