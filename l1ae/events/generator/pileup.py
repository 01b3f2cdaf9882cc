"""Pile-up: minimum-bias events laid over hard collisions."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from l1ae.events.generator.jets import cluster
from l1ae.events.generator.particles import MUON, Particles, merge


def overlay(hard: Particles, pool: Particles, mean: float, extra: int, rng: np.random.Generator) -> Particles:
    """Lay `extra` plus a Poisson number (mean `mean`) of pool events over each hard event.

    Each is drawn with replacement, turned by a random angle and mirrored in eta or not, so that a pool event which
    comes twice does not leave the same trace twice.
    """
    owner = np.repeat(np.arange(hard.events), rng.poisson(mean, hard.events) + extra)
    chosen = rng.integers(pool.events, size=len(owner))
    overlaid = pool.take_events(chosen, rotation=rng.uniform(0, 2 * np.pi, len(owner)))
    mirror = np.where(rng.random(len(owner)) < 0.5, np.float32(-1), np.float32(1))
    overlaid = Particles(
        overlaid.events,
        overlaid.event,
        overlaid.pt,
        overlaid.eta * mirror[overlaid.event],
        overlaid.phi,
        overlaid.kind,
    )
    return merge([hard, overlaid.regroup(owner, hard.events)])


def without_jets(particles: Particles, threshold: float, radius: float = 0.4) -> NDArray[np.int64]:
    """Events whose particles, muons included, form no anti-kT jet above `threshold` GeV."""
    if particles.events == 0:
        return np.arange(0)
    # A jet above the threshold needs that much scalar sum: most events need no clustering.
    total = np.bincount(particles.event, particles.pt, particles.events)
    busy = np.flatnonzero(total > threshold)
    chosen = particles.take_events(busy)
    event, pt, _, _ = cluster(len(busy), chosen.event, chosen.pt, chosen.eta, chosen.phi, radius, threshold)
    hard_lepton = particles.event[(particles.kind == MUON) & (particles.pt > threshold)]
    return np.setdiff1d(np.arange(particles.events), np.concatenate([busy[event[pt > threshold]], hard_lepton]))


def split(particles: Particles, size: int) -> Iterator[Particles]:
    """Cut into sets of at most `size` events, in order."""
    for first in range(0, particles.events, size):
        yield particles.take_events(np.arange(first, min(first + size, particles.events)))
