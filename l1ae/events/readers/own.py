"""Event files of l1ae itself, HDF5 or parquet, to be joined or given another layout."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from l1ae.errors import ConfigError
from l1ae.events.io import EventFile
from l1ae.events.layout import Layout
from l1ae.events.parquet import ParquetEventFile
from l1ae.events.readers.raw import Reader
from l1ae.events.schema import EventSet


class OwnReader(Reader):
    """A checked event file; the ids, processes, pile-up counts and metadata are kept."""

    known_ids = True
    units = "words"

    def __init__(self, file: EventFile | ParquetEventFile, layout: Layout) -> None:
        super().__init__(file.path, layout, file.process_names)
        self.form = "l1ae" if isinstance(file, EventFile) else "parquet"
        self.metadata, self.pile_up = dict(file.metadata), file.pile_up
        self._file = file

    def __len__(self) -> int:
        return len(self._file)

    def chunks(self, size: int) -> Iterator[EventSet]:
        """All events in order, `size` at a time."""
        for events in self._file.chunks(size):
            yield replace(events, metadata={}).select(self.layout)


def within(path: Path, have: Layout, wanted: Layout) -> Layout:
    """`wanted`, if it is a selection of the layout that a file has; raises `ConfigError`."""
    chosen = have.select({kind.name: kind.count for kind in wanted.kinds}, wanted.features)
    if chosen != wanted:
        raise ConfigError(f"{path}: the layout that was asked for is no selection of the layout in the file")
    return wanted
