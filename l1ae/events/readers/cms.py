"""The CMS Level-1 parquet dataset: hardware integers, a folder per object, a list per event and column."""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from l1ae.errors import DataError
from l1ae.events.layout import Layout
from l1ae.events.readers.jagged import Jagged, to_raw
from l1ae.events.readers.mapping import EventMapping, MappedReader, ObjectMapping, SourceMapping
from l1ae.events.readers.raw import RawEvents, reading, shown

if TYPE_CHECKING:
    import pyarrow as pa

_WHAT = "parquet"


class CmsReader(MappedReader):
    """A folder with one folder of parquet files per object, row i of each the same event.

    A single parquet file is read as well: there the columns are called FOLDER_COLUMN.
    """

    form = "cms"

    def __init__(self, path: Path, layout: Layout, process: str, mapping: SourceMapping) -> None:
        super().__init__(path, layout, process, mapping)
        self._parts: dict[str, ObjectMapping | EventMapping] = {
            kind.name: mapping.objects[kind.name] for kind in layout.kinds
        }
        if mapping.event is not None:
            self._parts["event ids"] = mapping.event
        self._folders = {name: _Folder(path, mapping.place(part), part.columns) for name, part in self._parts.items()}
        first = next(iter(self._folders.values()))
        for other in self._folders.values():
            if len(other) != len(first):
                raise DataError(
                    f"{path}: {first.name} holds {len(first)} events and {other.name} {len(other)}, "
                    "they cannot be joined row by row"
                )
            differing = next(
                (name for name in first.rows if other.rows.get(name, first.rows[name]) != first.rows[name]), None
            )
            if differing is not None:
                raise DataError(
                    f"{path}: {differing} has another number of events in {first.name} than in {other.name}"
                )

    def __len__(self) -> int:
        return len(next(iter(self._folders.values())))

    def chunks(self, size: int) -> Iterator[RawEvents]:
        """All events in order, `size` at a time."""
        names = tuple(self._folders)
        start = 0
        for blocks in zip(*(folder.blocks(size) for folder in self._folders.values()), strict=True):
            columns = dict(zip(names, blocks, strict=True))
            event = columns.pop("event ids", None)
            raw = to_raw(self.path, self.mapping, self.layout, start, columns, event)
            start += len(raw)
            yield raw


class _Folder:
    """The columns that one object needs, of all parquet files of its folder in the order of their names."""

    def __init__(self, path: Path, name: str, columns: tuple[str, ...]) -> None:
        import pyarrow.parquet as pq

        self.path, self.name, self.columns = path, name, columns
        self._prefix = ""
        if path.is_dir():
            folder = path / name
            if not folder.is_dir():
                found = shown(sorted(entry.name for entry in path.iterdir() if entry.is_dir()))
                raise DataError(f"{path} has no folder {name}, its folders are: {found}")
            self.files = sorted(folder.glob("*.parquet"))
            if not self.files:
                raise DataError(f"{folder} holds no parquet file")
        else:
            self.files, self._prefix = [path], f"{name}_"
        self.rows: dict[str, int] = {}
        for file in self.files:
            with reading(file, _WHAT), pq.ParquetFile(file) as parquet:
                self.rows[file.name] = parquet.metadata.num_rows
                known = parquet.schema_arrow.names
                missing = next((name for name in map(self._column, columns) if name not in known), None)
                if missing is not None:
                    raise DataError(f"{file} has no column {missing}, it has {shown(known)}")

    def __len__(self) -> int:
        return sum(self.rows.values())

    def _column(self, name: str) -> str:
        return name if name in ("run", "lumi", "event") and self._prefix else self._prefix + name

    def blocks(self, size: int) -> Iterator[dict[str, Jagged]]:
        """All rows in order, `size` at a time, whatever the row groups."""
        import pyarrow as pa

        kept: list[pa.Table] = []
        waiting = 0
        for table in chain.from_iterable(self._tables(file, size) for file in self.files):
            kept.append(table)
            waiting += len(table)
            while waiting >= size:
                joined = pa.concat_tables(kept)
                yield self._jagged(joined.slice(0, size))
                kept, waiting = [joined.slice(size)], waiting - size
        if waiting:
            yield self._jagged(pa.concat_tables(kept))

    def _tables(self, file: Path, size: int) -> "Iterator[pa.Table]":
        import pyarrow as pa
        import pyarrow.parquet as pq

        with reading(file, _WHAT):
            parquet = pq.ParquetFile(file)
        rows = 0
        with parquet:
            batches = parquet.iter_batches(batch_size=size, columns=[self._column(name) for name in self.columns])
            while True:
                with reading(file, _WHAT):
                    batch = next(batches, None)
                    if batch is None:
                        break
                    batch.validate(full=True)
                    rows += len(batch)
                    table = pa.Table.from_batches([batch])
                yield table
        if rows != self.rows[file.name]:
            raise DataError(f"{file} is truncated or damaged: it gives {rows} of {self.rows[file.name]} events")

    def _jagged(self, table: "pa.Table") -> dict[str, Jagged]:
        columns = {}
        for name in self.columns:
            with reading(self.path / self.name, _WHAT):
                columns[name] = self._lists(name, table.column(self._column(name)).combine_chunks())
        return columns

    def _lists(self, name: str, array: "pa.Array") -> Jagged:
        import pyarrow as pa

        if array.null_count:
            raise DataError(f"{self.path}: {self.name} {name} has {array.null_count} missing values (null)")
        if isinstance(array, pa.ListArray | pa.LargeListArray | pa.FixedSizeListArray):
            counts, values = array.value_lengths().to_numpy(zero_copy_only=False).astype(np.int64), array.flatten()
        else:
            counts, values = np.ones(len(array), dtype=np.int64), array
        if values.null_count:
            raise DataError(f"{self.path}: {self.name} {name} has {values.null_count} missing values (null)")
        if pa.types.is_null(values.type):  # what writers call a column of empty lists only
            values = values.cast(pa.int64())
        if not (pa.types.is_integer(values.type) or pa.types.is_floating(values.type)):
            raise DataError(f"{self.path}: {self.name} {name} are {values.type}, expected numbers")
        return Jagged(counts, values.to_numpy(zero_copy_only=False))
