"""QCD: events generated with a bias towards high pT, each tried again and again with new decays of its heavy hadrons.

An event of weight w is tried Poisson(tries * w) times, which undoes the bias exactly: tries are events without weights,
in their natural proportion. Most of them hold no lepton that could pass and are dropped before anything is simulated.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ae.events.generator.candidates import Candidates, promising_events
from l1ae.events.generator.decays import DecayTable, random_rotations
from l1ae.events.generator.detector import MAX_ETA
from l1ae.events.generator.fakes import FAKE_COLUMNS, draw_fakes, fake_tries
from l1ae.events.generator.particles import ELECTRON, MUON, Hadrons, Particles, append, from_kinds, members, merge
from l1ae.events.generator.pythia import draw_weighted
from l1ae.events.generator.recipes import Detector, LeptonFilter, Weighted


def draw_tries(
    pythia: Any,
    count: int,
    weighted: Weighted,
    table: DecayTable,
    lepton_filter: LeptonFilter,
    detector: Detector,
    rng: np.random.Generator,
) -> Candidates:
    """The promising tries of up to `count` further events."""
    particles, hadrons, kept, weights = draw_weighted(pythia, count, weighted.hadrons, weighted.keep_light)
    expected = weighted.tries * weights
    tries = np.repeat(np.arange(particles.events), rng.poisson(expected))
    leptons = _with_leptons(particles, hadrons, tries, table, lepton_filter, detector, rng)
    rate = fake_tries(detector) if weighted.fakes else 0.0
    faked = np.repeat(np.arange(particles.events), rng.poisson(expected * rate))
    with_jets = _with_decays(particles, hadrons, faked, table, rng)
    fakes = draw_fakes(with_jets, lepton_filter.min_pt, detector, rng)
    done = np.flatnonzero(fakes[:, 0])
    origin = np.concatenate([leptons[1], faked[done]])
    order = np.argsort(origin, kind="stable")  # as they would come one after another
    return Candidates(
        append([leptons[0], with_jets.take_events(done)]).take_events(order),
        origin[order],
        np.concatenate([np.zeros((len(leptons[1]), FAKE_COLUMNS)), fakes[done]])[order],
        expected,
        weighted.tries * kept,
    )


def _with_leptons(
    particles: Particles,
    hadrons: Hadrons,
    tries: NDArray[np.int64],
    table: DecayTable,
    lepton_filter: LeptonFilter,
    detector: Detector,
    rng: np.random.Generator,
) -> tuple[Particles, NDArray[np.int64]]:
    """Those of the tries (each the number of its event) that may pass the filter, and the event each comes from."""
    hard = np.flatnonzero(hadrons.largest_pt > lepton_filter.particle_pt)
    owner, index = _of_tries(hadrons.take(hard), tries, particles.events)
    index = hard[index]
    decay = table.choose(hadrons.take(index), rng)
    leptonic = table.leptonic(decay)
    rotation = random_rotations(int(leptonic.sum()), rng)
    products = table.boosted(decay[leptonic], hadrons.take(index[leptonic]), rotation)
    pt = np.hypot(products.momentum[:, 0], products.momentum[:, 1])
    lepton = ((products.kind == ELECTRON) | (products.kind == MUON)) & (pt > lepton_filter.particle_pt)
    promising = np.zeros(len(tries), dtype=bool)
    promising[owner[leptonic][products.hadron[lepton]]] = True
    # Leptons that the event has of its own are the same in all its tries.
    promising |= np.isin(tries, promising_events(particles, lepton_filter, detector))

    chosen = np.flatnonzero(promising)
    known = _Known(owner * len(hadrons.event) + index, decay, leptonic, rotation)
    candidates = _with_decays(particles, hadrons, tries[chosen], table, rng, chosen, known)
    passing = promising_events(candidates, lepton_filter, detector)
    return candidates.take_events(passing), tries[chosen[passing]]


@dataclass(frozen=True)
class _Known:
    """Decays that are settled already: `key`: ascending, number of the try times number of hadrons plus the hadron."""

    key: NDArray[np.int64]
    decay: NDArray[np.int64]
    turned: NDArray[np.bool_]
    rotation: NDArray[np.float64]  # of those that are `turned`, in order


def _with_decays(
    particles: Particles,
    hadrons: Hadrons,
    events: NDArray[np.int64],
    table: DecayTable,
    rng: np.random.Generator,
    tries: NDArray[np.int64] | None = None,
    known: _Known | None = None,
) -> Particles:
    """These events (ascending numbers, repeated for further tries) with all heavy hadrons decayed."""
    owner, index = _of_tries(hadrons, events, particles.events)
    decaying = hadrons.take(index)
    decay, rotation = table.choose(decaying, rng), random_rotations(len(index), rng)
    if tries is not None and known is not None and len(known.key):
        key = tries[owner] * len(hadrons.event) + index
        place = np.minimum(np.searchsorted(known.key, key), len(known.key) - 1)
        settled = known.key[place] == key
        decay[settled] = known.decay[place[settled]]
        turned = settled & known.turned[place]
        rotation[turned] = known.rotation[np.cumsum(known.turned)[place[turned]] - 1]
    products = table.boosted(decay, decaying, rotation)
    decayed = from_kinds(owner[products.hadron], products.kind, products.momentum, len(events), MAX_ETA)
    return merge([particles.take_events(events), decayed])


def _of_tries(hadrons: Hadrons, tries: NDArray[np.int64], events: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The hadrons of each try, ordered by try: the position of the try, and the hadron."""
    return members(np.searchsorted(hadrons.event, np.arange(events + 1)), tries)
