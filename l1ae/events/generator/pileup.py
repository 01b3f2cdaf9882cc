"""Pile-up: the other collisions of a bunch crossing.

Soft collisions come from a pool that is used again and again. Collisions with a jet are recognisable, so they are kept
out of the pool, and each of them in the pile-up is made for its one event.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from l1ae.errors import ToolchainError
from l1ae.events.generator.hooks import want_parton_jet
from l1ae.events.generator.jets import cluster
from l1ae.events.generator.particles import ELECTRON, MUON, Particles, append, empty, merge
from l1ae.events.generator.pythia import draw, start
from l1ae.events.generator.recipes import Pool, Recipe

_BATCH = 250  # collisions that Pythia hands over at a time
_HOPELESS = 100_000  # collisions without one jet: the recipe is wrong


@dataclass(frozen=True)
class SoftPool:
    """The soft collisions, and the probability that a collision is none of them but has a jet above the veto."""

    collisions: Particles
    hard_probability: float


class HardCollisions:
    """Collisions with a jet above the veto of the pool, each handed out once."""

    def __init__(self, recipe: Recipe, seed: int, log: Path) -> None:
        self._recipe, self._seed, self._log = recipe, seed, log
        self._pythia: Any = None
        self._waiting = empty(0)

    def _hook(self) -> Any:
        pool = self._recipe.pool
        return want_parton_jet(pool.parton_scale_gev, pool.parton_jet_gev, pool.jet_radius)

    def take(self, count: int) -> Particles:
        """The next `count` of them; raises `ToolchainError` when Pythia's switches give none."""
        parts, have, made = [self._waiting], self._waiting.events, 0
        while have < count:
            if self._pythia is None:
                switches = (*self._recipe.pythia.common, *self._recipe.pythia.hard_collision)
                self._pythia = start("hard collisions", switches, self._seed, self._log, self._hook)
            batch = draw(self._pythia, _BATCH)
            chosen = batch.take_events(np.flatnonzero(has_jet(batch, self._recipe.pool)))
            parts.append(chosen)
            have, made = have + chosen.events, made + batch.events
            if made >= _HOPELESS and have == 0:
                raise ToolchainError(f"none of {made} hard collisions has a jet above the veto; correct the recipe")
        everything = append(parts)
        self._waiting = everything.take_events(np.arange(count, everything.events))
        return everything.take_events(np.arange(count))


class Overlaid(NamedTuple):
    """Bunch crossings, and how many collisions of the pile-up each of them holds: int64 (events,)."""

    particles: Particles
    pile_up: NDArray[np.int64]


class PileUpSource:
    """Lays pile-up over hard collisions; `used` counts the soft and the hard collisions that were laid."""

    def __init__(self, recipe: Recipe, pool: SoftPool, hard: HardCollisions) -> None:
        self._recipe, self._pool, self._hard = recipe, pool, hard
        self.used = np.zeros(2, dtype=np.int64)

    def overlay(self, events: Particles, rng: np.random.Generator, underlying: int = 0) -> Overlaid:
        """The events with a Poisson number of collisions, the pile-up, and `underlying` more laid over each.

        The latter stand for parts of the hard collision and are no pile-up.
        """
        recipe = self._recipe.pile_up
        mean = rng.choice(recipe.means, size=events.events, p=recipe.probabilities)
        pile_up = rng.poisson(mean)
        collisions = pile_up + underlying
        hard = rng.binomial(collisions, self._pool.hard_probability)
        self.used += [int((collisions - hard).sum()), int(hard.sum())]
        owner = np.repeat(np.arange(events.events), hard)
        fresh = self._hard.take(len(owner)).regroup(owner, events.events)
        soft = draw_soft(self._pool.collisions, collisions - hard, rng)
        return Overlaid(merge([events, soft, fresh]), pile_up)


def draw_soft(pool: Particles, collisions: NDArray[np.int64], rng: np.random.Generator) -> Particles:
    """As many collisions of the pool for each event as asked for, merged.

    Each is drawn with replacement, turned by a random angle and mirrored in eta or not, so that a collision which comes
    twice does not leave the same trace twice.
    """
    owner = np.repeat(np.arange(len(collisions)), collisions)
    chosen = rng.integers(pool.events, size=len(owner))
    drawn = pool.take_events(chosen, rotation=rng.uniform(0, 2 * np.pi, len(owner)))
    mirror = np.where(rng.random(len(owner)) < 0.5, np.float32(-1), np.float32(1))
    eta = drawn.eta * mirror[drawn.event]
    return Particles(drawn.events, drawn.event, drawn.pt, eta, drawn.phi, drawn.kind).regroup(owner, len(collisions))


def has_jet(particles: Particles, pool: Pool) -> NDArray[np.bool_]:
    """(events,) whether the particles, muons included, form an anti-kT jet above the veto."""
    found = np.zeros(particles.events, dtype=bool)
    # A jet above the veto needs that much scalar sum: most events need no clustering.
    total = np.bincount(particles.event, particles.pt, particles.events)
    busy = np.flatnonzero(total > pool.veto_jet_gev)
    chosen = particles.take_events(busy)
    event, pt, _, _ = cluster(
        len(busy), chosen.event, chosen.pt, chosen.eta, chosen.phi, pool.jet_radius, pool.veto_jet_gev
    )
    found[busy[event[pt > pool.veto_jet_gev]]] = True
    return found


def has_lepton(particles: Particles, pool: Pool) -> NDArray[np.bool_]:
    """(events,) whether there is an electron or muon above the veto."""
    lepton = (particles.kind == ELECTRON) | (particles.kind == MUON)
    return np.bincount(particles.event[lepton & (particles.pt > pool.veto_lepton_gev)], minlength=particles.events) > 0
