"""`emulate_file`: the scores of one event file, written whole; what an interrupted run has done is kept and used."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from l1ae.circuit import Circuit
from l1ae.emulation.lock import only_writer
from l1ae.emulation.output import SUFFIXES, writer
from l1ae.emulation.parts import Part, Parts
from l1ae.errors import ConfigError, DataError
from l1ae.events.io import CHUNK, EventFile
from l1ae.events.parquet import ParquetEventFile
from l1ae.events.schema import EventSet
from l1ae.files import sha256
from l1ae.hardware.emulator.emulator import Emulator

#: Events of one part, the unit of the work that an interruption leaves behind.
PART = 4 * CHUNK


@dataclass(frozen=True)
class Job:
    """What is asked of every file: paths and numbers only, so that it can be sent to another process.

    `circuit`: a file of `Circuit.save`. An event passes a threshold when its score word is at least as large.
    `objects`, `features`: what enters the circuit, as `Layout.select` takes it; None: everything.
    """

    circuit: Path
    thresholds: tuple[int, ...] = ()
    objects: dict[str, int] | None = None
    features: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Emulated:
    """What became of one file: events, those taken over from an interrupted run, events that pass each threshold."""

    data: Path
    out: Path
    events: int
    resumed: int
    discarded: bool
    sha256: str
    passed: dict[int, int]


def emulate_file(
    job: Job, data: Path, out: Path, *, advance: Callable[[int], object] | None = None, part: int = PART
) -> Emulated:
    """Write event ids, processes, score words and decisions of all events of `data` to `out`, HDF5 or parquet.

    The same input gives the same bytes, resumed or not. `discarded`: partial work of another circuit, other data or
    other thresholds lay there and was started over. Raises `DataError` for events that cannot be read, do not fit the
    circuit, or change meanwhile, `ConfigError` for a name or a threshold that makes no sense, what `Emulator` does,
    and `RunFolderError` while another process writes the same output.
    """
    check_names(data, out)
    circuit = Circuit.load(job.circuit)
    thresholds = _thresholds(job, circuit)
    emulator = Emulator(circuit)
    with only_writer(out.parent / f".unfinished-{out.name}.lock"), _unchanged(data):
        file = opened(data)
        layout = file.layout.select(job.objects, job.features)
        if layout.n_inputs != circuit.n_inputs:
            raise DataError(f"{data}: {layout.n_inputs} words per event, the circuit takes {circuit.n_inputs}")
        record = {
            "circuit_sha256": sha256(job.circuit),
            "data_sha256": sha256(data),
            "events": len(file),
            "inputs": [[port.name, str(port.format)] for port in circuit.inputs],
            "input_names": list(layout.feature_names()),
            "outputs": [[name, str(circuit[name].format)] for name in circuit.outputs],
            "thresholds": list(thresholds),
            "process_names": list(file.process_names),
        }
        parts = Parts(out.parent / f".unfinished-{out.name}", record | {"part": part})
        resumed = parts.events
        if advance is not None:
            advance(resumed)
        for events in _pieces(file, parts.events, part):
            parts.append(Part(events.event_id, events.process, emulator(events.select(layout).inputs)))
            if advance is not None:
                advance(len(events))
        if parts.events != len(file):
            raise DataError(f"{data} is damaged: {parts.events} of {len(file)} events could be read")
    passed = np.zeros(len(thresholds), dtype=np.int64)
    with writer(out, circuit, emulator.dtype, record) as append:
        for found in parts:
            decisions = found.scores[:, :1] >= np.array(thresholds, dtype=np.int64)
            passed += decisions.sum(axis=0)
            append(found, decisions)
    parts.remove()
    counts = dict(zip(thresholds, passed.tolist(), strict=True))
    return Emulated(data, out, len(file), resumed, parts.discarded, sha256(out), counts)


def check_names(data: Path, out: Path) -> None:
    """Raise `ConfigError` unless the output can be written under this name without touching the data."""
    if out.suffix not in SUFFIXES:
        raise ConfigError(f"{out}: the name of the output must end in {' or '.join(SUFFIXES)}")
    if out.resolve() == data.resolve():
        raise ConfigError(f"{out} is the event file itself: give the output another name")


def opened(path: Path) -> EventFile | ParquetEventFile:
    """An event file of either format."""
    return ParquetEventFile(path) if path.suffix == ".parquet" else EventFile(path)


def _thresholds(job: Job, circuit: Circuit) -> tuple[int, ...]:
    if job.thresholds and sum(circuit[name].size for name in circuit.outputs) != 1:
        raise ConfigError("thresholds need a circuit whose output is one score")
    if len(set(job.thresholds)) < len(job.thresholds):
        raise ConfigError("a threshold is named twice")
    beyond = next((one for one in job.thresholds if not -(2**63) <= one < 2**63), None)
    if beyond is not None:
        raise ConfigError(f"threshold {beyond} is no 64-bit word")
    return job.thresholds


def _pieces(file: EventFile | ParquetEventFile, start: int, size: int) -> Iterator[EventSet]:
    """The events from `start` on, `size` at a time."""
    if isinstance(file, EventFile):
        for first in range(start, len(file), size):
            yield file.read(first, min(first + size, len(file)))
        return
    waiting: list[EventSet] = []
    for events in file.chunks():  # a row group is read whole, so that what is known is read again and skipped
        skipped = min(start, len(events))
        start -= skipped
        if skipped < len(events):
            waiting.append(events.take(slice(skipped, None)))
        while sum(map(len, waiting)) >= size:
            joined = EventSet.concatenate(waiting)
            yield joined.take(slice(size))
            waiting = [joined.take(slice(size, None))]
    if sum(map(len, waiting)):
        yield EventSet.concatenate(waiting)


@contextmanager
def _unchanged(path: Path) -> Iterator[None]:
    """Raise `DataError` when the file is another one at the end of the block: its checksum would be a lie."""
    if not path.is_file():
        raise DataError(f"no event file {path}")
    before = path.stat()
    yield
    after = path.stat() if path.is_file() else None
    if after is None or (before.st_ino, before.st_size, before.st_mtime_ns) != (
        after.st_ino,
        after.st_size,
        after.st_mtime_ns,
    ):
        raise DataError(f"{path} was changed while it was read: emulate it again")
