"""One chunk of work: a fixed number of accepted events of one process, made from a seed of its own.

A chunk depends on the recipe, the seed, the process and its number only, never on the worker that makes it.
"""

import os
import threading
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from l1ae.errors import ToolchainError
from l1ae.events.generator.detector import Detector, cone_sums, simulate
from l1ae.events.generator.particles import ELECTRON, MUON, Particles, append
from l1ae.events.generator.pileup import overlay, split, without_jets
from l1ae.events.generator.pythia import draw, start
from l1ae.events.generator.recipes import HARD_SWITCHES, MINIMUM_BIAS_SWITCHES, LeptonFilter, Process, Recipe
from l1ae.events.schema import EventSet
from l1ae.files import atomic_path

POOL = "minimum bias"
_HARD_BATCH, _SOFT_BATCH = 1000, 250  # events that Pythia hands over at a time, fewer for tiny chunks
_DETECTOR_BATCH = 64  # events in the detector step at a time: 30 MB of towers
_HOPELESS = 200_000  # generated events without one accepted: the recipe is wrong


@dataclass(frozen=True)
class Chunk:
    """Chunk number `index` of a process (None: of the pile-up pool), `events` accepted events, kept at `path`."""

    recipe: Recipe
    process: Process | None
    index: int
    events: int
    seed: int
    path: Path
    pool: tuple[Path, ...] = ()
    detector: Detector = field(default_factory=Detector)

    @property
    def label(self) -> str:
        """Name of the process, for messages and progress."""
        return POOL if self.process is None else self.process.name

    def random(self) -> tuple[np.random.Generator, int]:
        """This chunk's own random numbers, and its seed for Pythia (no two chunks of a process share one)."""
        origin = [self.seed, zlib.crc32(self.label.encode())]
        first = int(np.random.SeedSequence(origin).generate_state(1)[0])
        return np.random.default_rng([*origin, self.index]), first + self.index


def start_worker(log_folder: Path) -> None:
    """Send everything that Pythia and FastJet write in this process to a log file of its own."""
    log = os.open(_log_path(log_folder), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()


def _end_with_parent(parent: int) -> None:
    """End this worker when the main process was killed; it would wait for work for ever otherwise."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def make_chunk(chunk: Chunk) -> None:
    """Generate a chunk and write it; runs in a worker process."""
    log = _log_path(chunk.path.parent)
    arrays = _make_pool(chunk, log) if chunk.process is None else _make_events(chunk, chunk.process, log)
    with atomic_path(chunk.path) as temporary, temporary.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)


def _log_path(folder: Path) -> Path:
    return folder / f"worker-{os.getpid()}.log"


def _make_pool(chunk: Chunk, log: Path) -> dict[str, NDArray]:
    """Minimum-bias events without a hard jet."""
    _, seed = chunk.random()
    pythia = start(POOL, MINIMUM_BIAS_SWITCHES, seed, log)
    parts: list[Particles] = []
    generated = accepted = 0
    while accepted < chunk.events:
        batch = draw(pythia, min(_SOFT_BATCH, chunk.events))
        soft = without_jets(batch, chunk.recipe.pool_veto_gev)
        parts.append(batch.take_events(soft))
        generated, accepted = generated + batch.events, accepted + len(soft)
    pool = append(parts).take_events(np.arange(chunk.events))
    names = ("event", "pt", "eta", "phi", "kind")
    return {name: getattr(pool, name) for name in names} | {
        "size": np.array(pool.events),
        "counts": np.array([generated, accepted]),
    }


@lru_cache(maxsize=1)
def _load_pool(paths: tuple[Path, ...]) -> Particles:
    """The pile-up pool, read once per worker."""
    parts = []
    for path in paths:
        with np.load(path) as file:
            columns = {name: file[name] for name in ("event", "pt", "eta", "phi", "kind")}
            parts.append(Particles(events=int(file["size"]), **columns))
    return append(parts)


def _make_events(chunk: Chunk, process: Process, log: Path) -> dict[str, NDArray]:
    """Accepted events in hardware words, with how many were generated and accepted."""
    rng, seed = chunk.random()
    if chunk.recipe.lepton_filter is not None:
        crossings = _filtered(chunk, process, chunk.recipe.lepton_filter, rng, seed, log)
    else:
        crossings = _unfiltered(chunk, rng, seed, log)
    accepted: list[NDArray] = []
    have = generated = 0
    while have < chunk.events:
        count, physical = next(crossings)
        generated, have = generated + count, have + len(physical)
        accepted.append(physical)
        if generated >= _HOPELESS and have == 0:
            raise ToolchainError(
                f"none of {generated} generated {process.name} events passes the filter; correct the recipe"
            )
    physical = np.concatenate(accepted)[: chunk.events]
    codes = np.zeros(len(physical), dtype=np.uint8)
    events = EventSet.from_physical(physical, codes, (process.name,), np.arange(len(physical), dtype=np.uint64))
    return {"words": events.words, "counts": np.array([generated, have])}


def _filtered(
    chunk: Chunk,
    process: Process,
    lepton_filter: LeptonFilter,
    rng: np.random.Generator,
    seed: int,
    log: Path,
) -> Iterator[tuple[int, NDArray[np.float64]]]:
    """Batches of hard events with pile-up that pass the lepton filter: (number generated, accepted events)."""
    pythia = start(process.name, (*HARD_SWITCHES, *process.switches), seed, log)
    pool = _load_pool(chunk.pool)
    while True:
        batch = draw(pythia, min(_HARD_BATCH, 40 * chunk.events))
        promising = batch.take_events(promising_events(batch, lepton_filter, chunk.detector))
        found = [np.zeros((0, 19, 3))]
        for part in split(promising, _DETECTOR_BATCH):
            crossing = overlay(part, pool, chunk.recipe.pile_up, chunk.recipe.underlying_events, rng)
            physical = simulate(crossing, rng, chunk.detector)
            found.append(physical[np.maximum(physical[:, 1, 0], physical[:, 5, 0]) > lepton_filter.min_pt])
        yield batch.events, np.concatenate(found)


def _unfiltered(
    chunk: Chunk, rng: np.random.Generator, seed: int, log: Path
) -> Iterator[tuple[int, NDArray[np.float64]]]:
    """Batches of bunch crossings made of fresh minimum-bias events, all accepted."""
    pythia = start(POOL, MINIMUM_BIAS_SWITCHES, seed, log)
    while True:
        count = min(_DETECTOR_BATCH, chunk.events)
        collisions = rng.poisson(chunk.recipe.pile_up, count)
        parts = []
        missing = int(collisions.sum())
        while missing > 0:
            parts.append(draw(pythia, min(missing, _SOFT_BATCH)))
            missing -= parts[-1].events
        if parts:
            crossing = append(parts).regroup(np.repeat(np.arange(count), collisions), count)
            yield count, simulate(crossing, rng, chunk.detector)
        else:
            yield count, np.zeros((count, 19, 3))


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
    return np.unique(hard.event[candidate[isolated]])
