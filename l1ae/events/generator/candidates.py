"""Hard collisions that may pass the lepton filter, judged by their particles before anything is simulated."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ae.events.generator.detector import cone_sums
from l1ae.events.generator.fakes import FAKE_COLUMNS
from l1ae.events.generator.particles import ELECTRON, MUON, Particles, empty
from l1ae.events.generator.pythia import draw
from l1ae.events.generator.recipes import Detector, LeptonFilter


@dataclass(frozen=True)
class Candidates:
    """Hard collisions worth simulating, out of some that were generated, in the order of these.

    `origin`: which of the generated collisions each comes from; `fakes`: (n, 4) leptons that jets fake, as in
    `fakes.py`; `tried`: how many unweighted collisions each of the generated ones stands for; `kept`: the same, without
    those in whose place it was generated because they were left out.
    """

    particles: Particles
    origin: NDArray[np.int64]
    fakes: NDArray[np.float64]
    tried: NDArray[np.float64]
    kept: NDArray[np.float64]

    @property
    def generated(self) -> int:
        """Number of collisions that were generated."""
        return len(self.tried)

    def take(self, index: NDArray[np.int64]) -> "Candidates":
        """Some of them, out of as many that were generated."""
        return Candidates(
            self.particles.take_events(index), self.origin[index], self.fakes[index], self.tried, self.kept
        )


def draw_candidates(
    pythia: Any, count: int, lepton_filter: LeptonFilter | None, detector: Detector, displaced: bool
) -> Candidates:
    """The promising ones (all of them without a filter) of up to `count` further events."""
    hard = draw(pythia, count, detector if displaced else None)
    origin = np.arange(hard.events)
    if lepton_filter is not None:
        origin = promising_events(hard, lepton_filter, detector)
    one = np.ones(hard.events)
    return Candidates(hard.take_events(origin), origin, np.zeros((len(origin), FAKE_COLUMNS)), one, one)


def pile_up_only(count: int) -> Candidates:
    """Crossings without a collision of their own."""
    return Candidates(empty(count), np.arange(count), np.zeros((count, FAKE_COLUMNS)), np.ones(count), np.ones(count))


def promising_events(hard: Particles, lepton_filter: LeptonFilter, detector: Detector) -> NDArray[np.int64]:
    """Events that may pass the lepton filter after the detector step, judged by their hard particles alone.

    The margins cover the resolution and the subtracted pile-up: what is left out here would fail there.
    """
    candidate = np.flatnonzero(
        (
            ((hard.kind == ELECTRON) & (np.abs(hard.eta) < detector.electron_max_eta))
            | ((hard.kind == MUON) & (np.abs(hard.eta) < detector.muon_max_eta))
        )
        & (hard.pt > lepton_filter.particle_pt)
    )
    limit = lepton_filter.particle_isolation * hard.pt[candidate] + lepton_filter.particle_isolation_offset
    isolated = cone_sums(hard, candidate, detector.isolation_cone) < limit
    return np.unique(hard.event[candidate[isolated]]).astype(np.int64)
