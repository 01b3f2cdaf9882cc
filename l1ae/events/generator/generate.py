"""`generate`: a recipe and a seed in, an event file out, on as many processor cores as wanted.

The work is cut into chunks (`chunks.py`). A finished chunk is a file in a work folder, so an interrupted run goes on
where it stopped, and the result does not depend on the number of workers.
"""

import json
import math
import multiprocessing
import zlib
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from l1ae import environment
from l1ae.errors import ConfigError, RunFolderError, ToolchainError
from l1ae.events.generator.chunks import Chunk, make_chunk, start_worker
from l1ae.events.generator.detector import Detector
from l1ae.events.generator.progress import Progress
from l1ae.events.generator.pythia import require_generators
from l1ae.events.generator.recipes import (
    COMMON_SWITCHES,
    HARD_SWITCHES,
    MINIMUM_BIAS_SWITCHES,
    Recipe,
    find_recipe,
)
from l1ae.events.io import write_events
from l1ae.events.schema import EventSet
from l1ae.files import write_text

CHUNK_EVENTS = 500
#: Event ids: process code times this, plus the number of the event within its process.
ID_BLOCK = 1_000_000_000
_SETTINGS = "settings.json"


def generate(
    recipe: str,
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
) -> Path:
    """Generate `events` background events and `signal_events` of each signal, and write them to `out`.

    `chunk_dir`: work folder (default: `out` with `.parts` added), removed at success; an interrupted run continues from
    it. `pool_events`: size of the pile-up pool, `chunk_events`: accepted events in a chunk; both change the events.
    Raises `ConfigError` for an impossible request, `ToolchainError` when Pythia or FastJet is missing or fails,
    `RunFolderError` when the work folder belongs to other settings.
    """
    chosen = find_recipe(recipe)
    if pool_events is not None and chosen.pool_events:
        chosen = replace(chosen, pool_events=pool_events)
    if min(workers, chunk_events, pool_events if pool_events is not None else 1) < 1:
        raise ConfigError("workers, pool events and events per chunk must be at least 1")
    if not 0 <= seed < 2**63:
        raise ConfigError(f"seed {seed} is out of range; choose 0 or a positive number below 2^63")
    out = Path(out)
    counts = event_counts(chosen, events, signal_events)
    versions = require_generators()
    work = Path(chunk_dir) if chunk_dir is not None else out.with_name(out.name + ".parts")
    detector = Detector()
    settings = _settings(chosen, detector, seed, chunk_events, versions)
    _open_work_folder(work, settings)

    pool = _pool_chunks(chosen, seed, chunk_events, work)
    chunks = _event_chunks(chosen, counts, seed, chunk_events, work, tuple(chunk.path for chunk in pool))
    with Progress([*pool, *chunks], shown=progress) as bar:
        run_chunks(pool, workers, work, bar)
        run_chunks(chunks, workers, work, bar)
    write_events(out, _assemble(chosen, detector, seed, versions, pool, chunks))
    _clear_work_folder(work)
    return out


def event_counts(recipe: Recipe, events: int | None, signal_events: int | None) -> dict[str, int]:
    """Events of each process: the background shared out by largest remainder, as many of each signal as asked for."""
    background = recipe.default_events if events is None else events
    signal = recipe.default_signal_events if signal_events is None else signal_events
    if background < 0 or signal < 0:
        raise ConfigError("a number of events cannot be negative")
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


def _pool_chunks(recipe: Recipe, seed: int, size: int, work: Path) -> list[Chunk]:
    chunks = []
    for index, first in enumerate(range(0, recipe.pool_events, size)):
        events = min(size, recipe.pool_events - first)
        chunks.append(Chunk(recipe, None, index, events, seed, work / f"pool-{index:05d}-{events}.npz"))
    return chunks


def _event_chunks(
    recipe: Recipe, counts: dict[str, int], seed: int, size: int, work: Path, pool: tuple[Path, ...]
) -> list[Chunk]:
    """Chunks of all processes, one of each process in turn, so that the time left can be told early."""
    chunks = []
    for code, process in enumerate(recipe.processes):
        for index, first in enumerate(range(0, counts[process.name], size)):
            events = min(size, counts[process.name] - first)
            path = work / f"process{code}-{index:05d}-{events}.npz"
            chunks.append(Chunk(recipe, process, index, events, seed, path, pool))
    totals = {process.name: max(1, counts[process.name]) for process in recipe.processes}
    return sorted(chunks, key=lambda chunk: chunk.index * size / totals[chunk.label])


def _settings(
    recipe: Recipe, detector: Detector, seed: int, chunk_events: int, versions: dict[str, str]
) -> dict[str, object]:
    """Everything that the contents of a chunk depend on."""
    return {
        "seed": seed,
        "chunk_events": chunk_events,
        "versions": versions,
        "recipe": asdict(recipe),
        "switches": [COMMON_SWITCHES, HARD_SWITCHES, MINIMUM_BIAS_SWITCHES],
        "detector": asdict(detector),
    }


def _open_work_folder(work: Path, settings: dict[str, object]) -> None:
    """Create the work folder, or take up one with the same settings; refuse any other folder."""
    text = json.dumps(settings, indent=1)
    note = work / _SETTINGS
    if note.is_file():
        if note.read_text(encoding="utf-8") != text:
            raise RunFolderError(
                f"{work} holds chunks of a run with other settings or versions; remove that folder to start afresh"
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


def _assemble(
    recipe: Recipe,
    detector: Detector,
    seed: int,
    versions: dict[str, str],
    pool: Sequence[Chunk],
    chunks: Sequence[Chunk],
) -> EventSet:
    """All chunks as one event set in a seeded random order, with the record of how it was made."""
    names = tuple(process.name for process in recipe.processes)
    generated = dict.fromkeys(names, 0)
    accepted = dict.fromkeys(names, 0)
    kept = dict.fromkeys(names, 0)
    parts = []
    for chunk in sorted(chunks, key=lambda chunk: (names.index(chunk.label), chunk.index)):
        code = names.index(chunk.label)
        with np.load(chunk.path) as file:
            words, (made, passed) = file["words"], file["counts"].tolist()
        first = code * ID_BLOCK + kept[chunk.label]
        identity = np.arange(first, first + len(words), dtype=np.uint64)
        parts.append(EventSet(words, np.full(len(words), code, dtype=np.uint8), names, identity))
        generated[chunk.label] += made
        accepted[chunk.label] += passed
        kept[chunk.label] += len(words)
    events = EventSet.concatenate(parts)
    order = np.random.default_rng([seed, zlib.crc32(b"order")]).permutation(len(events))
    metadata = {
        "recipe": recipe.name,
        "description": recipe.description,
        "seed": str(seed),
        "l1ae": environment.versions()["l1ae"],
        **versions,
        "collisions": "proton-proton, 13 TeV, Pythia's default tune",
        "background_processes": ",".join(process.name for process in recipe.backgrounds),
        "signal_processes": ",".join(process.name for process in recipe.signals),
        "mixture": json.dumps({process.name: process.share for process in recipe.backgrounds}),
        "events": json.dumps(kept),
        "generated": json.dumps(generated),
        "filter_efficiency": json.dumps(
            {name: round(accepted[name] / generated[name], 5) for name in names if generated[name]}
        ),
        "lepton_filter": json.dumps(asdict(recipe.lepton_filter)) if recipe.lepton_filter else "none",
        "pile_up": f"Poisson, mean {recipe.pile_up:g}",
        "underlying_event": _underlying_note(recipe),
        "pile_up_pool": _pool_note(recipe, pool),
        "switches": json.dumps({process.name: process.switches for process in recipe.processes}),
        "common_switches": json.dumps(COMMON_SWITCHES),
        "hard_process_switches": json.dumps(HARD_SWITCHES if recipe.pool_events else ()),
        "minimum_bias_switches": json.dumps(MINIMUM_BIAS_SWITCHES),
        "detector": json.dumps(asdict(detector)),
        "reuse": "no generated event is used twice, except those of the pile-up pool",
    }
    return replace(events.take(order), metadata=metadata)


def _underlying_note(recipe: Recipe) -> str:
    if not recipe.underlying_events:
        return "multi-parton interactions of Pythia"
    return f"{recipe.underlying_events} more pool event, in place of the hard process' multi-parton interactions"


def _pool_note(recipe: Recipe, pool: Sequence[Chunk]) -> str:
    if not pool:
        return "none: every overlaid event is generated for one bunch crossing only"
    made = passed = 0
    for chunk in pool:
        with np.load(chunk.path) as file:
            counts = file["counts"].tolist()
        made, passed = made + counts[0], passed + counts[1]
    return (
        f"{sum(chunk.events for chunk in pool)} minimum-bias events with multi-parton interactions, those with a jet "
        f"above {recipe.pool_veto_gev:g} GeV left out ({made - passed} of {made}); drawn with replacement, turned by a "
        "random angle, mirrored in eta at random"
    )
