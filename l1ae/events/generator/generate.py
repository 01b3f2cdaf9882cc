"""`generate`: a recipe and a seed in, an event file out, on as many processor cores as wanted.

The work is cut into chunks (`chunks.py`). A finished chunk is a file in a work folder, so an interrupted run goes on
where it stopped, and the result does not depend on the number of workers.
"""

import json
import math
import multiprocessing
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import NamedTuple

from l1ae.errors import ConfigError, RunFolderError, ToolchainError
from l1ae.events.generator.assemble import ID_BLOCK, assemble
from l1ae.events.generator.chunks import EVENT_ARRAYS, Chunk, make_chunk, start_worker
from l1ae.events.generator.library import find_recipe
from l1ae.events.generator.progress import Progress
from l1ae.events.generator.pythia import require_generators
from l1ae.events.generator.recipes import Recipe
from l1ae.events.io import write_events
from l1ae.files import write_text

CHUNK_EVENTS = 500
_POOL_CHUNKS = 10  # times as many collisions in a chunk of the pool: Pythia takes seconds to start for these
_SETTINGS = "settings.json"


def generate(
    recipe: str | Path,
    out: Path,
    *,
    events: int | None = None,
    signal_events: int | None = None,
    seed: int = 1,
    workers: int = 1,
    chunk_dir: Path | None = None,
    progress: bool = True,
    pool_events: int | None = None,
    chunk_events: int = CHUNK_EVENTS,
    overwrite: bool = False,
) -> Path:
    """Generate `events` background events and `signal_events` of each signal, and write them to `out`.

    `recipe`: the name of a shipped recipe or the path of a YAML file. `chunk_dir`: work folder (default: `out` with
    `.parts` added), removed at success; an interrupted run continues from it. `pool_events`: size of the pile-up pool,
    `chunk_events`: accepted events in a chunk; both change the events. `overwrite`: replace `out` when it exists.
    Raises `ConfigError` for an impossible request, `ToolchainError` when Pythia or FastJet is missing or fails,
    `RunFolderError` when the work folder belongs to other settings.
    """
    chosen = find_recipe(recipe)
    if min(workers, chunk_events, pool_events if pool_events is not None else 1) < 1:
        raise ConfigError("workers, pool events and events per chunk must be at least 1")
    if not 0 <= seed < 2**63:
        raise ConfigError(f"seed {seed} is out of range; choose 0 or a positive number below 2^63")
    if pool_events is not None:
        chosen = chosen.model_copy(update={"pool": chosen.pool.model_copy(update={"events": pool_events})})
    out = Path(out)
    _check_output(out, overwrite)
    counts = event_counts(chosen, events, signal_events)
    versions = require_generators()
    work = Path(chunk_dir) if chunk_dir is not None else out.with_name(out.name + ".parts")
    _open_work_folder(work, _settings(chosen, seed, chunk_events, versions))

    plan = make_plan(chosen, counts, seed, chunk_events, work)
    with Progress([*plan.common, *plan.events], shown=progress) as bar:
        run_chunks(plan.common, workers, work, bar)
        run_chunks(plan.events, workers, work, bar)
    write_events(out, assemble(chosen, seed, versions, plan.pool, plan.events))
    _clear_work_folder(work)
    return out


class Plan(NamedTuple):
    """All chunks of a sample: the pile-up pool and the decay tables come first, the events need them."""

    pool: list[Chunk]
    decays: dict[str, Chunk]
    events: list[Chunk]

    @property
    def common(self) -> list[Chunk]:
        """What has to be there before the events."""
        return [*self.decays.values(), *self.pool]


def make_plan(recipe: Recipe, counts: dict[str, int], seed: int, chunk_events: int, work: Path) -> Plan:
    """The chunks of `counts` events of each process, kept in the folder `work`."""
    pool = _pool_chunks(recipe, seed, chunk_events * _POOL_CHUNKS, work)
    decays = _decay_chunks(recipe, counts, seed, work)
    return Plan(pool, decays, _event_chunks(recipe, counts, seed, chunk_events, pool, decays, work))


def event_counts(recipe: Recipe, events: int | None, signal_events: int | None) -> dict[str, int]:
    """Events of each process: the background shared out by largest remainder, as many of each signal as asked for."""
    background = recipe.default_events if events is None else events
    signal = recipe.default_signal_events if signal_events is None else signal_events
    if background < 0 or signal < 0:
        raise ConfigError("a number of events cannot be negative")
    if max(background, signal) >= ID_BLOCK:
        raise ConfigError(f"more than {ID_BLOCK - 1} events of a process have no event ids; ask for fewer")
    if signal and not recipe.signals:
        raise ConfigError(f"the recipe {recipe.name} has no signals; leave out the number of signal events")
    if background == 0 and signal == 0:
        raise ConfigError("no events were asked for; ask for at least one background or signal event")
    exact = {process.name: background * process.share for process in recipe.backgrounds}
    counts = {name: math.floor(value + 1e-9) for name, value in exact.items()}
    by_remainder = sorted(exact, key=lambda name: counts[name] - exact[name])
    for name in by_remainder[: background - sum(counts.values())]:
        counts[name] += 1
    return counts | {process.name: signal for process in recipe.signals}


def run_chunks(chunks: Sequence[Chunk], workers: int, work: Path, bar: Progress) -> None:
    """Make the chunks that do not exist yet, in worker processes; the costliest processes should come first."""
    missing = []
    for chunk in chunks:
        if chunk.path.exists():
            bar.advance(chunk, fresh=False)
        else:
            missing.append(chunk)
    if not missing:
        return
    bar.begin([chunk.label for chunk in missing])
    executor = ProcessPoolExecutor(
        min(workers, len(missing)),
        multiprocessing.get_context("spawn"),
        initializer=start_worker,
        initargs=(work,),
    )
    try:
        futures = {executor.submit(make_chunk, chunk): chunk for chunk in missing}
        for future in as_completed(futures):
            future.result()
            bar.advance(futures[future])
    except BrokenProcessPool as error:
        raise ToolchainError(
            f"a worker process died, perhaps for want of memory; the logs are in {work}; run again with fewer workers"
        ) from error
    finally:
        executor.shutdown(cancel_futures=True)


def _check_output(out: Path, overwrite: bool) -> None:
    """Refuse before the work what could not be written after it."""
    if out.suffix not in (".h5", ".hdf5"):
        raise ConfigError(f"{out} must end with .h5: events are written as HDF5, l1ae data convert makes parquet of it")
    if out.is_dir():
        raise RunFolderError(f"{out} is a folder")
    if out.exists() and not overwrite:
        raise RunFolderError(f"{out} exists: overwrite it with --force")


def _pool_chunks(recipe: Recipe, seed: int, size: int, work: Path) -> list[Chunk]:
    chunks = []
    for index, first in enumerate(range(0, recipe.pool.events, size)):
        events = min(size, recipe.pool.events - first)
        chunks.append(Chunk(recipe, "pool", None, index, events, seed, work / f"pool-{index:05d}-{events}.npz"))
    return chunks


def _decay_chunks(recipe: Recipe, counts: dict[str, int], seed: int, work: Path) -> dict[str, Chunk]:
    """One decay table for each weighted process that is asked for."""
    return {
        process.name: Chunk(
            recipe, "decays", process, 0, process.weighted.decays, seed, work / f"process{code}-decays.npz"
        )
        for code, process in enumerate(recipe.processes)
        if process.weighted is not None and counts[process.name]
    }


def _event_chunks(
    recipe: Recipe,
    counts: dict[str, int],
    seed: int,
    size: int,
    pool: Sequence[Chunk],
    decays: dict[str, Chunk],
    work: Path,
) -> list[Chunk]:
    """Chunks of all processes, one of each process in turn, so that the time left can be told early."""
    chunks = []
    pool_paths = tuple(chunk.path for chunk in pool)
    for code, process in enumerate(recipe.processes):
        table = decays[process.name].path if process.name in decays else None
        for index, first in enumerate(range(0, counts[process.name], size)):
            events = min(size, counts[process.name] - first)
            path = work / f"process{code}-{index:05d}-{events}.npz"
            chunks.append(Chunk(recipe, "events", process, index, events, seed, path, pool_paths, table))
    totals = {process.name: max(1, counts[process.name]) for process in recipe.processes}
    return sorted(chunks, key=lambda chunk: chunk.index * size / totals[chunk.label])


def _settings(recipe: Recipe, seed: int, chunk_events: int, versions: dict[str, str]) -> dict[str, object]:
    """Everything that the contents of a chunk depend on."""
    return {
        "seed": seed,
        "chunk_events": chunk_events,
        "versions": versions,
        "recipe": recipe.model_dump(mode="json"),
        "event_chunks": list(EVENT_ARRAYS),
    }


def _open_work_folder(work: Path, settings: dict[str, object]) -> None:
    """Create the work folder, or take up one with the same settings; refuse any other folder."""
    text = json.dumps(settings, indent=1)
    note = work / _SETTINGS
    if note.is_file():
        if note.read_text(encoding="utf-8") != text:
            raise RunFolderError(
                f"{work} holds chunks of a run with other settings or versions, or of another version of l1ae; "
                "remove that folder to start afresh"
            )
        return
    if work.exists() and (not work.is_dir() or any(work.iterdir())):
        raise RunFolderError(f"{work} exists and is no work folder of the generator; choose another one")
    write_text(note, text)


def _clear_work_folder(work: Path) -> None:
    """Remove what a run left there, and nothing else."""
    for pattern in ("*.npz", "worker-*.log", _SETTINGS):
        for path in work.glob(pattern):
            path.unlink()
    if not any(work.iterdir()):
        work.rmdir()
