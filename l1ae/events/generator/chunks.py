"""One chunk of work: a fixed number of accepted events of one process, made from a seed of its own.

A chunk depends on the recipe, the seed, its kind and its number only, never on the worker that makes it. Two kinds of
chunks are made before the events and serve all of them: the pile-up pool and the tables of decays.
"""

import os
import threading
import time
import zlib
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from l1ae.events.generator.crossings import make_crossings
from l1ae.events.generator.decays import DecayTable, make_table
from l1ae.events.generator.hooks import keep_heavy
from l1ae.events.generator.particles import Particles, append
from l1ae.events.generator.pileup import HardCollisions, PileUpSource, SoftPool, has_jet, has_lepton
from l1ae.events.generator.pythia import draw, start
from l1ae.events.generator.recipes import Process, Recipe
from l1ae.events.schema import EventSet
from l1ae.files import atomic_path

_SOFT_BATCH = 250  # collisions that Pythia hands over at a time
#: What the file of a chunk of events holds; a work folder with other contents is not taken up again.
EVENT_ARRAYS = ("words", "origin", "pile_up", "tally")
_COLUMNS = ("event", "pt", "eta", "phi", "kind")


@dataclass(frozen=True)
class Chunk:
    """Chunk number `index` of its kind, kept at `path`: `events` accepted events, collisions or decays of each hadron.

    `kind`: `events` of `process`, `decays` for `process`, or `pool`. `pool`, `decays`: files that the events need.
    """

    recipe: Recipe
    kind: Literal["events", "decays", "pool"]
    process: Process | None
    index: int
    events: int
    seed: int
    path: Path
    pool: tuple[Path, ...] = ()
    decays: Path | None = None

    @property
    def label(self) -> str:
        """What is made, for messages and progress."""
        name = self.process.name if self.process is not None else "pile-up"
        return name if self.kind == "events" else f"{name} {self.kind}"

    def seeds(self, purpose: str) -> tuple[np.random.Generator, int]:
        """Random numbers of this chunk for one purpose, and a seed for Pythia; chunks of one kind share none."""
        origin = [self.seed, *(zlib.crc32(text.encode()) for text in (self.label, purpose))]
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
    makers = {"events": _make_events, "decays": _make_decays, "pool": _make_pool}
    arrays = makers[chunk.kind](chunk, _log_path(chunk.path.parent))
    with atomic_path(chunk.path) as temporary, temporary.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)


def _log_path(folder: Path) -> Path:
    return folder / f"worker-{os.getpid()}.log"


def _make_pool(chunk: Chunk, log: Path) -> dict[str, NDArray]:
    """Minimum-bias collisions without a jet or lepton, and the numbers generated, with a jet, with just a lepton."""
    recipe = chunk.recipe
    pythia = start(chunk.label, (*recipe.pythia.common, *recipe.pythia.minimum_bias), chunk.seeds("")[1], log)
    parts: list[Particles] = []
    counts = np.zeros(3, dtype=np.int64)
    while sum(part.events for part in parts) < chunk.events:
        batch = draw(pythia, min(_SOFT_BATCH, chunk.events))
        jet, lepton = has_jet(batch, recipe.pool), has_lepton(batch, recipe.pool)
        parts.append(batch.take_events(np.flatnonzero(~jet & ~lepton)))
        counts += [batch.events, int(jet.sum()), int((lepton & ~jet).sum())]
    pool = append(parts).take_events(np.arange(chunk.events))
    return {name: getattr(pool, name) for name in _COLUMNS} | {"size": np.array(pool.events), "counts": counts}


def _make_decays(chunk: Chunk, log: Path) -> dict[str, NDArray]:
    """Decays at rest of the hadrons that a weighted process keeps stable."""
    if chunk.process is None or chunk.process.weighted is None:
        raise ValueError("decays are made for weighted processes only")
    switches = (*chunk.recipe.pythia.common, "ProcessLevel:all = off")
    pythia = start(chunk.label, switches, chunk.seeds("")[1], log)
    return make_table(pythia, chunk.process.weighted.hadrons, chunk.events).arrays()


@lru_cache(maxsize=1)
def load_pool(paths: tuple[Path, ...]) -> SoftPool:
    """The pile-up pool, read once per worker."""
    parts = []
    generated = with_jet = 0
    for path in paths:
        with np.load(path) as file:
            columns = {name: file[name] for name in _COLUMNS}
            parts.append(Particles(events=int(file["size"]), **columns))
            generated, with_jet = generated + int(file["counts"][0]), with_jet + int(file["counts"][1])
    return SoftPool(append(parts), with_jet / generated)


@lru_cache(maxsize=1)
def _load_table(path: Path) -> DecayTable:
    """A decay table, read once per worker."""
    with np.load(path) as file:
        return DecayTable.from_arrays(file)


def _make_events(chunk: Chunk, log: Path) -> dict[str, NDArray]:
    """Accepted events in hardware words, which of them come from one generated event, their pile-up, what it took."""
    recipe, process = chunk.recipe, chunk.process
    if process is None:
        raise ValueError("events are made of a process")
    rng, seed = chunk.seeds("")
    pythia = None
    if process.switches:
        switches = (*recipe.pythia.common, *recipe.pythia.hard, *process.switches)
        hook = partial(keep_heavy, process.weighted.keep_light, seed) if process.weighted is not None else None
        pythia = start(process.name, switches, seed, log, hook)
    table = _load_table(chunk.decays) if chunk.decays is not None else None
    hard = HardCollisions(recipe, chunk.seeds("hard collisions")[1], log)
    pile_up = PileUpSource(recipe, load_pool(chunk.pool), hard)
    made = make_crossings(recipe, process, chunk.events, pythia, table, pile_up, rng)
    codes = np.zeros(chunk.events, dtype=np.uint8)
    events = EventSet.from_physical(made.physical, codes, (process.name,), made.origin.astype(np.uint64))
    arrays = events.words, made.origin, made.pile_up.astype(np.uint16), np.array(made.tally)
    return dict(zip(EVENT_ARRAYS, arrays, strict=True))
