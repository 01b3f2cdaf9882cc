"""The detector: from stable particles to MET, electrons, muons and jets.

A fast, parametrised detector without a magnetic field (fakes: `fakes.py`): leptons are smeared and must be isolated,
everything else ends in calorimeter towers, towers make jets and the missing transverse momentum. Pile-up is subtracted
from isolation sums and jets as density times area (median of a grid, as in arXiv:0707.1378).
"""

import math

import numpy as np
from numpy.typing import NDArray

from l1ae.events.generator.jets import cluster
from l1ae.events.generator.particles import ELECTRON, HADRON, MUON, PHOTON, Particles
from l1ae.events.generator.recipes import Detector

_ETA_TOWERS, _PHI_TOWERS = 114, 72
_TOWERS = _ETA_TOWERS * _PHI_TOWERS
_TOWER_ETA, _TOWER_PHI = 0.087, 2 * math.pi / _PHI_TOWERS
_BLOCK = 6  # towers on a side of a cell of the pile-up density grid
_BLOCK_AREA = (_BLOCK * _TOWER_ETA) * (_BLOCK * _TOWER_PHI)
_CENTRAL_BLOCKS = slice(4, 15)  # |eta| < 2.87

#: Rows of the objects in an event (l1ae.events.layout.LEPTON).
MET_ROW, ELECTRON_ROWS, MUON_ROWS, JET_ROWS = 0, slice(1, 5), slice(5, 9), slice(9, 19)

#: Towers end here, and with them the detector.
MAX_ETA = _ETA_TOWERS // 2 * _TOWER_ETA


def simulate(particles: Particles, rng: np.random.Generator, detector: Detector) -> NDArray[np.float64]:
    """MET, 4 electrons, 4 muons and 10 jets of each event: (events, 19, 3), pT in GeV, eta, phi in radians."""
    physical = np.zeros((particles.events, 19, 3))
    if particles.events == 0:
        return physical
    candidate, pt = _smeared_leptons(particles, rng, detector)
    isolated = isolation(particles, candidate, detector) < detector.isolation_max * pt
    seen_muon = particles.kind[candidate] == MUON  # muons count in the MET whether isolated or not
    for kind, rows in ((ELECTRON, ELECTRON_ROWS), (MUON, MUON_ROWS)):
        listed = isolated & (particles.kind[candidate] == kind)
        index = candidate[listed]
        fill(physical, rows, particles.event[index], pt[listed], particles.eta[index], particles.phi[index])

    in_calorimeter = particles.kind != MUON
    in_calorimeter[candidate[isolated]] = False  # a listed electron is an object of its own
    tower = _towers(particles, in_calorimeter, rng, detector)
    rho = density(tower["event"], tower["et"], tower["cell"], particles.events)

    outside = isolated | seen_muon
    index = candidate[outside]
    event = np.concatenate([tower["event"], particles.event[index]])
    et = np.concatenate([tower["et"], pt[outside]])
    phi = np.concatenate([tower["phi"], particles.phi[index]])
    met_x = -np.bincount(event, et * np.cos(phi), particles.events)
    met_y = -np.bincount(event, et * np.sin(phi), particles.events)
    physical[:, MET_ROW, 0] = np.hypot(met_x, met_y)
    physical[:, MET_ROW, 2] = np.arctan2(met_y, met_x)

    event, pt, eta, phi = cluster(
        particles.events,
        tower["event"],
        tower["et"],
        tower["eta"],
        tower["phi"],
        detector.jet_radius,
        detector.jet_min_pt,
    )
    pt = pt - rho[event] * math.pi * detector.jet_radius**2
    keep = (pt > detector.jet_min_pt) & (np.abs(eta) < detector.jet_max_eta)
    keep &= ~near_lepton(physical, event, eta, phi, detector.overlap_cone)
    fill(physical, JET_ROWS, event[keep], pt[keep], eta[keep], phi[keep])
    return physical


def fill(physical: NDArray, rows: slice, event: NDArray, pt: NDArray, eta: NDArray, phi: NDArray) -> None:
    """Write the hardest objects of each event into `rows`, ordered by pT; the rest of the rows stays zero."""
    order = np.lexsort((-pt, event))
    event = event[order]
    rank = np.arange(len(event)) - np.searchsorted(event, event)
    keep = rank < rows.stop - rows.start
    order, event, row = order[keep], event[keep], rows.start + rank[keep]
    physical[event, row, 0] = pt[order]
    physical[event, row, 1] = eta[order]
    physical[event, row, 2] = phi[order]


def isolation(particles: Particles, candidate: NDArray[np.integer], detector: Detector) -> NDArray[np.float64]:
    """GeV of hadrons and photons around each candidate (index into `particles`), the pile-up density subtracted."""
    soft = (particles.kind == HADRON) | (particles.kind == PHOTON)
    event, pt = particles.event[soft], particles.pt[soft]
    rho = density(event, pt, _cell(particles.eta[soft], particles.phi[soft]), particles.events)
    around = cone_sums(particles, candidate, detector.isolation_cone)
    return around - rho[particles.event[candidate]] * math.pi * detector.isolation_cone**2


def cone_sums(particles: Particles, candidate: NDArray[np.integer], radius: float) -> NDArray[np.float64]:
    """Sum of the pT (GeV) of hadrons and photons of the same event within `radius` of each candidate."""
    offsets = particles.offsets
    sums = np.zeros(len(candidate))
    for number, index in enumerate(candidate):
        inside = slice(offsets[particles.event[index]], offsets[particles.event[index] + 1])
        kind = particles.kind[inside]
        near = (
            _distance2(particles.eta[inside] - particles.eta[index], particles.phi[inside] - particles.phi[index])
            < radius**2
        )
        sums[number] = particles.pt[inside][near & ((kind == HADRON) | (kind == PHOTON))].sum(dtype=np.float64)
    return sums


def density(event: NDArray, pt: NDArray, cell: NDArray, events: int) -> NDArray[np.float64]:
    """(events,) GeV of transverse momentum per unit area in eta and phi: median over a central grid of 0.52 x 0.52."""
    rows, columns = _ETA_TOWERS // _BLOCK, _PHI_TOWERS // _BLOCK
    block = (cell // _PHI_TOWERS // _BLOCK) * columns + cell % _PHI_TOWERS // _BLOCK
    grid = np.bincount(event.astype(np.int64) * rows * columns + block, pt, events * rows * columns)
    central = grid.reshape(events, rows, columns)[:, _CENTRAL_BLOCKS]
    return np.median(central.reshape(events, -1), axis=1) / _BLOCK_AREA


def _smeared_leptons(
    particles: Particles, rng: np.random.Generator, detector: Detector
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Index and measured pT (GeV) of the electrons and muons in acceptance."""
    limit = np.where(particles.kind == ELECTRON, detector.electron_max_eta, detector.muon_max_eta)
    lepton = (particles.kind == ELECTRON) | (particles.kind == MUON)
    candidate = np.flatnonzero(lepton & (np.abs(particles.eta) < limit))
    pt = particles.pt[candidate].astype(np.float64)
    energy = pt * np.cosh(particles.eta[candidate])
    electron = particles.kind[candidate] == ELECTRON
    resolution = np.where(
        electron,
        np.hypot(detector.em_stochastic / np.sqrt(energy), detector.em_constant),
        np.hypot(detector.muon_constant, detector.muon_slope * pt),
    )
    pt = pt * (1 + resolution * rng.standard_normal(len(pt)))
    seen = pt > detector.lepton_min_pt
    return candidate[seen], pt[seen]


def _cell(eta: NDArray, phi: NDArray) -> NDArray[np.int64]:
    """Tower number of each direction."""
    row = np.floor(eta / _TOWER_ETA).astype(np.int64) + _ETA_TOWERS // 2
    return np.clip(row, 0, _ETA_TOWERS - 1) * _PHI_TOWERS + np.floor(phi / _TOWER_PHI).astype(np.int64) % _PHI_TOWERS


def _towers(
    particles: Particles, inside: NDArray[np.bool_], rng: np.random.Generator, detector: Detector
) -> dict[str, NDArray]:
    """Towers above threshold: event, cell, et (GeV, smeared), eta and phi (a random point of the tower)."""
    event, pt = particles.event[inside].astype(np.int64), particles.pt[inside].astype(np.float64)
    number = event * _TOWERS + _cell(particles.eta[inside], particles.phi[inside])
    hadron = particles.kind[inside] == HADRON
    size = particles.events * _TOWERS
    parts = []
    for deposit, stochastic, constant in (
        (np.bincount(number[~hadron], pt[~hadron], size), detector.em_stochastic, detector.em_constant),
        (np.bincount(number[hadron], pt[hadron], size), detector.hadron_stochastic, detector.hadron_constant),
    ):
        deposit = deposit.astype(np.float64)  # numpy counts nothing as integers
        hit = np.flatnonzero(deposit)
        energy = deposit[hit] * np.cosh((hit % _TOWERS // _PHI_TOWERS - _ETA_TOWERS // 2 + 0.5) * _TOWER_ETA)
        # Log-normal: mean and width as asked for, and never negative.
        variance = np.log1p(stochastic**2 / energy + constant**2)
        deposit[hit] *= np.exp(np.sqrt(variance) * rng.standard_normal(len(hit)) - variance / 2)
        parts.append(deposit)
    total = parts[0] + parts[1]
    hit = np.flatnonzero(total > detector.tower_min_et)
    cell = hit % _TOWERS
    # A random point instead of the centre, or all jets of one tower would sit on the same few hardware words.
    eta = (cell // _PHI_TOWERS - _ETA_TOWERS // 2 + rng.random(len(hit))) * _TOWER_ETA
    phi = (cell % _PHI_TOWERS + rng.random(len(hit))) * _TOWER_PHI
    return {"event": hit // _TOWERS, "cell": cell, "et": total[hit], "eta": eta, "phi": phi}


def _distance2(eta: NDArray, phi: NDArray) -> NDArray:
    """Squared distance in eta and phi of two directions with these differences."""
    return eta**2 + (np.mod(phi + math.pi, 2 * math.pi) - math.pi) ** 2


def near_lepton(physical: NDArray, event: NDArray, eta: NDArray, phi: NDArray, radius: float) -> NDArray[np.bool_]:
    """Whether a listed lepton of the same event lies within `radius` of each direction."""
    leptons = physical[:, ELECTRON_ROWS.start : MUON_ROWS.stop][event]
    near = _distance2(leptons[..., 1] - eta[:, None], leptons[..., 2] - phi[:, None]) < radius**2
    return np.any(near & (leptons[..., 0] > 0), axis=1)
