"""Event files of l1ae: HDF5, hardware words, labels, event ids, layout; written and read in chunks."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from l1ae.errors import DataError
from l1ae.events.columns import BLOCK, ColumnWriter
from l1ae.events.layout import LEPTON, Layout
from l1ae.events.schema import EventSet

FORMAT = "l1ae-events-2"
_TYPES: dict[str, type[np.generic]] = {"words": np.int16, "process": np.uint8, "event_id": np.uint64}
#: The column that a file may have besides, under this name in the file's record.
PILE_UP = "pile_up"

#: Events that are read at a time: 8 MB of words in the default layout.
CHUNK = 16 * BLOCK


class PieceWriter:
    """What the writers of event files have in common: what goes into a file, and what may be added to it.

    `pile_up`: whether the file holds the number of pile-up collisions of each event.
    """

    def __init__(
        self,
        path: Path,
        process_names: Sequence[str],
        layout: Layout = LEPTON,
        metadata: Mapping[str, str] | None = None,
        pile_up: bool = False,
    ) -> None:
        self.path, self.process_names, self.layout = Path(path), tuple(process_names), layout
        self.pile_up = pile_up
        self.metadata = dict(metadata or {})
        self.events = 0
        self._stack = ExitStack()

    def check(self, events: EventSet) -> None:
        """Raise `DataError` unless process names, layout and columns of the events are those of the file."""
        if events.process_names != self.process_names or events.layout != self.layout:
            raise DataError(f"{self.path}: events with other process names or another layout cannot be added")
        if (events.pile_up is not None) != self.pile_up:
            have, others = ("with", "without") if self.pile_up else ("without", "with")
            raise DataError(f"{self.path}: events {others} pile-up counts cannot be added to a file {have} them")

    def record(self) -> dict[str, Any]:
        """What stands in the file beside the events."""
        record = {
            "layout": self.layout.model_dump(mode="json"),
            "process_names": self.process_names,
            "metadata": self.metadata,
        }
        # Stated only where it is so: without the column a file is, bit for bit, what it was before there were any.
        return record | ({PILE_UP: True} if self.pile_up else {})


class EventWriter(PieceWriter):
    """Writes an event file piece by piece; a context manager that leaves a whole file or none."""

    def __enter__(self) -> "EventWriter":
        self._types = column_types(self.pile_up)
        columns = {name: (kind, self.layout.shape if name == "words" else ()) for name, kind in self._types.items()}
        self._columns = self._stack.enter_context(ColumnWriter(self.path, FORMAT, columns, self.record))
        return self

    def append(self, events: EventSet) -> None:
        """Add events; their process names and layout must be those of the file."""
        self.check(events)
        self._columns.append({name: getattr(events, name) for name in self._types})
        self.events = self._columns.rows

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)


def column_types(pile_up: bool) -> dict[str, type[np.generic]]:
    """Names and types of the datasets of an event file."""
    return _TYPES | ({PILE_UP: np.uint16} if pile_up else {})


def text_attribute(file: h5py.File, name: str) -> str:
    """A text of fixed length among the attributes of a file, empty when there is none."""
    if name not in file.attrs or file.attrs.get_id(name).dtype.kind != "S":
        return ""
    return bytes(file.attrs[name]).decode()


class EventFile:
    """An event file that is read piece by piece; `pile_up`: whether it holds the pile-up of each event.

    Raises `DataError` when the file is missing, truncated, damaged or of another format.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        if not self.path.is_file():
            raise DataError(f"no event file {self.path}")
        with self._opened() as file:
            if str(file.attrs.get("format", "")).startswith("l1ae-events"):
                raise DataError(f"{self.path} was written by an older l1ae: generate or convert the events again")
            if text_attribute(file, "format") != FORMAT:
                raise DataError(
                    f"{self.path} is an HDF5 file but not of format {FORMAT}: turn it into one with l1ae data convert"
                )
            record = json.loads(text_attribute(file, "record"))
            self.pile_up = bool(record.get(PILE_UP, False))
            self._types = column_types(self.pile_up)
            missing = [name for name in self._types if not isinstance(file.get(name), h5py.Dataset)]
            if missing:
                raise DataError(f"{self.path} lacks {', '.join(missing)}")
            self.layout = Layout.from_json(json.dumps(record["layout"]))
            self.process_names = tuple(map(str, record["process_names"]))
            self.metadata = {key: str(value) for key, value in record["metadata"].items()}
            self._check({name: file[name] for name in self._types})
            self.events = len(file["words"])

    def __len__(self) -> int:
        return self.events

    def chunks(self, size: int = CHUNK) -> Iterator[EventSet]:
        """All events in order, `size` at a time."""
        with self._opened() as file:
            for start in range(0, self.events, size):
                yield self._events(file, start, min(start + size, self.events))

    def labels(self, size: int = 64 * CHUNK) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.uint64]]]:
        """Process codes and event ids of all events in order, `size` at a time; the words are not read."""
        with self._opened() as file:
            for start in range(0, self.events, size):
                process = file["process"][start : start + size]
                if int(process.max()) >= len(self.process_names):
                    raise DataError(f"{self.path}: process code {int(process.max())} has no name")
                yield process, file["event_id"][start : start + size]

    def read(self, start: int = 0, stop: int | None = None) -> EventSet:
        """The events from `start` to `stop`."""
        with self._opened() as file:
            return self._events(file, start, self.events if stop is None else stop)

    def _events(self, file: h5py.File, start: int, stop: int) -> EventSet:
        columns = {name: file[name][start:stop].astype(kind, copy=False) for name, kind in self._types.items()}
        try:
            return EventSet(process_names=self.process_names, metadata=self.metadata, layout=self.layout, **columns)
        except DataError as error:
            raise DataError(f"{self.path}: {error}") from error

    @contextmanager
    def _opened(self) -> Iterator[h5py.File]:
        try:
            with h5py.File(self.path, "r") as file:
                yield file
        except PermissionError as error:
            raise DataError(f"{self.path} cannot be read: {error.strerror or 'permission denied'}") from error
        except (OSError, KeyError, TypeError, ValueError, RuntimeError) as error:
            reason = " ".join(str(error).split())
            raise DataError(f"{self.path} cannot be read as HDF5, it may be truncated or damaged: {reason}") from error

    def _check(self, datasets: Mapping[str, h5py.Dataset]) -> None:
        for name, kind in self._types.items():
            if datasets[name].dtype != kind:
                raise DataError(f"{self.path}: {name} are {datasets[name].dtype}, expected {np.dtype(kind).name}")
        objects, features = self.layout.shape
        if datasets["words"].shape[1:] != self.layout.shape:
            raise DataError(
                f"{self.path}: events have shape {datasets['words'].shape}, expected (N, {objects}, {features})"
            )
        counts = [datasets[name].shape[0] if datasets[name].shape else 0 for name in self._types]
        if len(set(counts)) > 1:
            more = f" and {counts[3]} pile-up counts" if self.pile_up else ""
            raise DataError(f"{self.path}: {counts[0]} events with {counts[1]} labels and {counts[2]} event ids{more}")


def write_events(path: Path, events: EventSet) -> None:
    """Write an event file (compressed, with checksums, atomically)."""
    known = events.pile_up is not None
    with EventWriter(path, events.process_names, events.layout, events.metadata, known) as writer:
        for start in range(0, len(events), CHUNK):
            writer.append(replace(events.take(slice(start, start + CHUNK)), metadata={}))


def read_events(path: Path) -> EventSet:
    """Read a whole event file; raises `DataError` when it is missing, truncated, damaged or of another format."""
    return EventFile(path).read()
