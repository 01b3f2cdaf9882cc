"""`EventStream`: the events of one or several files, read in chunks, so that a file need not fit into memory."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from l1ae.errors import DataError
from l1ae.events.io import CHUNK, EventFile
from l1ae.events.layout import Layout
from l1ae.events.schema import EventSet, codes_of
from l1ae.events.split import PARTS, Part, part_codes

#: Metadata that count the events of one file: equal numbers in two files do not mean that there are so many in all.
COUNTS = ("events", "independent_events", "generated", "pile_up_hard_collisions")


class EventStream:
    """Chunks of the events of some files, as often as they are asked for; files are read anew each time.

    Process codes are those of `process_names`, the union of the files' own. `objects` and `features` select from the
    layout, which all files must share. The pile-up of the events is known when every file holds it. Raises `DataError`
    for files that do not go together.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        objects: Mapping[str, int] | None = None,
        features: Sequence[str] | None = None,
    ) -> None:
        if len({path.resolve() for path in paths}) < len(paths):
            raise DataError("an event file is named twice")
        self.files = tuple(EventFile(path) for path in paths)
        if not self.files:
            raise DataError("no event file is named")
        for file in self.files[1:]:
            if file.layout != self.files[0].layout:
                raise DataError(f"{file.path} has another layout than {self.files[0].path}: they cannot be read as one")
        self.layout: Layout = self.files[0].layout.select(objects, features)
        self.process_names = tuple(dict.fromkeys(name for file in self.files for name in file.process_names))
        if len(self.process_names) > 255:
            raise DataError(f"{len(self.process_names)} processes in these files, at most 255 can be told apart")
        self.pile_up = all(file.pile_up for file in self.files)
        self.metadata = joined_metadata([(file.path.name, file.metadata) for file in self.files])

    def __len__(self) -> int:
        return sum(len(file) for file in self.files)

    def chunks(
        self, processes: Sequence[str] | None = None, part: Part | None = None, size: int = CHUNK
    ) -> Iterator[EventSet]:
        """The events of the named processes (None: all) in one part of the split (None: all), in the files' order.

        At most `size` events at a time; no chunk is empty.
        """
        wanted = None if processes is None else np.array(codes_of(processes, self.process_names), dtype=np.uint8)
        for file in self.files:
            codes = np.array([self.process_names.index(name) for name in file.process_names], dtype=np.uint8)
            for chunk in file.chunks(size):
                process = codes[chunk.process]
                keep = np.ones(len(chunk), dtype=bool) if wanted is None else np.isin(process, wanted)
                if part is not None:
                    keep &= part_codes(chunk.event_id) == PARTS.index(part)
                if not keep.any():
                    continue
                whole = EventSet(
                    chunk.words,
                    process,
                    self.process_names,
                    chunk.event_id,
                    self.metadata,
                    file.layout,
                    chunk.pile_up if self.pile_up else None,
                ).select(self.layout)
                yield whole if keep.all() else whole.take(keep)

    def counts(self) -> dict[str, dict[Part, int]]:
        """Events of each process in each part of the split; reads the event ids only."""
        table = np.zeros((len(self.process_names), len(PARTS)), dtype=np.int64)
        for file in self.files:
            codes = np.array([self.process_names.index(name) for name in file.process_names], dtype=np.int64)
            for process, event_id in file.labels():
                cell = codes[process] * len(PARTS) + part_codes(event_id)
                table += np.bincount(cell, minlength=table.size).reshape(table.shape)
        return {
            name: dict(zip(PARTS, map(int, row), strict=True))
            for name, row in zip(self.process_names, table, strict=True)
        }

    def read(self, processes: Sequence[str] | None = None, part: Part | None = None) -> EventSet:
        """All these events at once: for samples that are known to be small."""
        chunks = list(self.chunks(processes, part))
        return EventSet.concatenate(chunks) if chunks else self.empty()

    def empty(self) -> EventSet:
        """No events, with the names, layout and metadata of this stream."""
        return EventSet(
            np.zeros((0, *self.layout.shape), dtype=np.int16),
            np.zeros(0, dtype=np.uint8),
            self.process_names,
            np.zeros(0, dtype=np.uint64),
            self.metadata,
            self.layout,
            np.zeros(0, dtype=np.uint16) if self.pile_up else None,
        )

    def rows(self, index: NDArray[np.integer], processes: Sequence[str], part: Part) -> EventSet:
        """The events at these increasing positions among those of the processes and the part."""
        found, first = [], 0
        for chunk in self.chunks(processes, part):
            inside = np.searchsorted(index, [first, first + len(chunk)])
            if inside[1] > inside[0]:
                found.append(chunk.take(index[inside[0] : inside[1]] - first))
            first += len(chunk)
        return EventSet.concatenate(found) if found else self.empty()


def joined_metadata(records: Sequence[tuple[str, Mapping[str, str]]]) -> dict[str, str]:
    """What the files agree on, the union of their process lists, and the rest file by file."""
    if len(records) == 1:
        return dict(records[0][1])
    joined = {}
    for key in dict.fromkeys(key for _, record in records for key in record):
        values = [(name, record[key]) for name, record in records if key in record]
        if key in ("background_processes", "signal_processes"):
            joined[key] = ",".join(dict.fromkeys(name for _, value in values for name in value.split(",") if name))
        elif len({value for _, value in values}) == 1 and len(values) == len(records) and key not in COUNTS:
            joined[key] = values[0][1]
        else:
            joined[key] = "; ".join(f"{name}: {value}" for name, value in values)
    return joined
