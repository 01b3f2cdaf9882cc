"""Bunch crossings: hard collisions with pile-up through the detector, those that pass the filter kept."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from l1ae.errors import ToolchainError
from l1ae.events.generator.candidates import Candidates, draw_candidates, pile_up_only
from l1ae.events.generator.decays import DecayTable
from l1ae.events.generator.detector import ELECTRON_ROWS, MUON_ROWS, simulate
from l1ae.events.generator.fakes import list_fakes
from l1ae.events.generator.particles import Particles
from l1ae.events.generator.pileup import PileUpSource
from l1ae.events.generator.pythia import cross_section
from l1ae.events.generator.recipes import Process, Recipe
from l1ae.events.generator.weighted import draw_tries

_HARD_BATCH = 1000  # events that Pythia hands over at a time
_DETECTOR_BATCH = 64  # events in the detector step at a time: 30 MB of towers
_HOPELESS = 200_000  # generated events without one accepted: the recipe is wrong


class Tally(NamedTuple):
    """What it took to make some events, and the leading-order cross-section of the process (0: pile-up only).

    `generated` collisions stand for `tried` unweighted ones; `accepted` counts the copies that were left out, too.
    `soft`, `hard`: collisions of the pool, and collisions made for one event, that were laid over events.
    """

    generated: float
    tried: float
    accepted: float
    cross_section_pb: float
    soft: float
    hard: float


@dataclass(frozen=True)
class Crossings:
    """Accepted events: (n, 19, 3) in GeV and radians; which generated event each comes from, numbered from 0.

    `pile_up`: collisions of the pile-up in the crossing of each.
    """

    physical: NDArray[np.float64]
    origin: NDArray[np.int64]
    pile_up: NDArray[np.int64]
    tally: Tally


def make_crossings(
    recipe: Recipe,
    process: Process,
    count: int,
    pythia: Any,
    table: DecayTable | None,
    pile_up: PileUpSource,
    rng: np.random.Generator,
) -> Crossings:
    """`count` accepted events of a process (`pythia`: None when it is pile-up only; `table`: when it is weighted).

    Raises `ToolchainError` when hardly anything is accepted.
    """
    parts: list[NDArray[np.float64]] = []
    origins: list[NDArray[np.int64]] = []
    counts: list[NDArray[np.int64]] = []
    have = generated = left_out = 0
    tried = kept = 0.0
    most = process.weighted.max_copies if process.weighted is not None else None
    underlying = recipe.pile_up.underlying_events if process.switches else 0
    while have < count:
        batch = _draw(recipe, process, count, pythia, table, rng)
        used = batch.generated
        copies = np.zeros(used, dtype=np.int64)
        for first in range(0, len(batch.origin), _DETECTOR_BATCH):
            part = batch.take(np.arange(first, min(first + _DETECTOR_BATCH, len(batch.origin))))
            crossing = pile_up.overlay(part.particles, rng, underlying)
            physical, passing = _detected(crossing.particles, part.fakes, recipe, rng)
            index = np.flatnonzero(passing)
            if most is not None:
                fresh = first_copies(part.origin[index], copies, most)
                left_out += int(np.count_nonzero(~fresh))
                index = index[fresh]
            index = index[: count - have]
            parts.append(physical[index])
            origins.append(generated + part.origin[index])
            counts.append(crossing.pile_up[index])
            have += len(index)
            if have == count:
                used = (
                    int(part.origin[index[-1]]) + 1
                )  # what was generated after the last accepted event does not count
                break
        generated += used
        tried, kept = tried + float(batch.tried[:used].sum()), kept + float(batch.kept[:used].sum())
        if generated >= _HOPELESS and have == 0:
            raise ToolchainError(
                f"none of {generated} generated {process.name} events passes the filter; correct the recipe"
            )
    origin = np.unique(np.concatenate(origins), return_inverse=True)[1]
    sigma = cross_section(pythia) * tried / kept if pythia is not None else 0.0
    soft, hard = pile_up.used.tolist()
    tally = Tally(generated, tried, have + left_out, sigma, soft, hard)
    return Crossings(np.concatenate(parts), origin, np.concatenate(counts), tally)


def first_copies(origin: NDArray[np.int64], copies: NDArray[np.int64], most: int) -> NDArray[np.bool_]:
    """Which accepted events (ascending numbers of their generated events) are among the first `most` of theirs.

    `copies` counts those of each generated event and goes on.
    """
    rank = copies[origin] + np.arange(len(origin)) - np.searchsorted(origin, origin)
    np.add.at(copies, origin, 1)
    return np.asarray(rank < most)


def _draw(
    recipe: Recipe, process: Process, count: int, pythia: Any, table: DecayTable | None, rng: np.random.Generator
) -> Candidates:
    """A batch of collisions worth simulating."""
    if pythia is None:
        return pile_up_only(min(_DETECTOR_BATCH, count))
    if recipe.lepton_filter is None:
        return draw_candidates(pythia, min(_DETECTOR_BATCH, count), None, recipe.detector, process.displaced)
    batch = min(_HARD_BATCH, 40 * count)
    if process.weighted is not None and table is not None:
        return draw_tries(pythia, batch, process.weighted, table, recipe.lepton_filter, recipe.detector, rng)
    return draw_candidates(pythia, batch, recipe.lepton_filter, recipe.detector, process.displaced)


def _detected(
    crossing: Particles, fakes: NDArray[np.float64], recipe: Recipe, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The events as the detector sees them, and which of them pass the filter."""
    physical = list_fakes(simulate(crossing, rng, recipe.detector), fakes, recipe.detector)
    if recipe.lepton_filter is None:
        return physical, np.ones(len(physical), dtype=bool)
    leading = np.maximum(physical[:, ELECTRON_ROWS.start, 0], physical[:, MUON_ROWS.start, 0])
    return physical, leading > recipe.lepton_filter.min_pt
