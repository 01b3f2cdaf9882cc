"""Event files of l1ae as parquet: one column per input, for pandas, DuckDB, Spark and whatever reads parquet."""

import hashlib
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from l1ae.errors import DataError
from l1ae.events.io import CHUNK, PILE_UP, PieceWriter
from l1ae.events.layout import LEPTON, Layout
from l1ae.events.readers.raw import reading, shown
from l1ae.events.schema import EventSet
from l1ae.files import atomic_path

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

FORMAT = "l1ae-events-parquet-1"
#: The key of the file's metadata under which everything stands that is not a column.
KEY = b"l1ae"
_DIGEST = b"l1ae_sha256"


class ParquetEventWriter(PieceWriter):
    """Writes a parquet event file piece by piece; a context manager that leaves a whole file or none.

    Columns: int16 per input, named as `Layout.feature_names`; `process` text, `event_id` uint64, `pile_up` uint16 where
    the file holds it. Pages carry checksums; the metadata hold a CRC-32 of each row group's values and the SHA-256 of
    themselves.
    """

    def __init__(
        self,
        path: Path,
        process_names: Sequence[str],
        layout: Layout = LEPTON,
        metadata: Mapping[str, str] | None = None,
        pile_up: bool = False,
    ) -> None:
        super().__init__(path, process_names, layout, metadata, pile_up)
        self._checksums: list[int] = []
        self._waiting: list[EventSet] = []

    def __enter__(self) -> "ParquetEventWriter":
        import pyarrow as pa
        import pyarrow.parquet as pq

        columns = [(name, pa.int16()) for name in self.layout.feature_names()]
        columns += [("process", pa.dictionary(pa.int32(), pa.string())), ("event_id", pa.uint64())]
        self._schema = pa.schema([*columns, *([(PILE_UP, pa.uint16())] if self.pile_up else [])])
        with ExitStack() as stack:
            temporary = stack.enter_context(atomic_path(self.path))
            self._file = stack.enter_context(
                pq.ParquetWriter(temporary, self._schema, compression="zstd", write_page_checksum=True)
            )
            self._stack = stack.pop_all()
        return self

    def append(self, events: EventSet) -> None:
        """Add events; their process names and layout must be those of the file."""
        self.check(events)
        self._waiting.append(events)
        self.events += len(events)
        while sum(map(len, self._waiting)) >= CHUNK:
            joined = EventSet.concatenate(self._waiting)
            self._write(joined.take(slice(CHUNK)))
            self._waiting = [joined.take(slice(CHUNK, None))]

    def _write(self, events: EventSet) -> None:
        import pyarrow as pa

        inputs = np.ascontiguousarray(events.inputs.T, dtype=np.int16)
        names = pa.array(self.process_names, pa.string())
        process = pa.DictionaryArray.from_arrays(pa.array(events.process.astype(np.int32)), names)
        pile_up = None if events.pile_up is None else events.pile_up.astype(np.uint16)
        arrays = [*map(pa.array, inputs), process, pa.array(events.event_id)]
        arrays += [] if pile_up is None else [pa.array(pile_up)]
        self._file.write_table(pa.Table.from_arrays(arrays, schema=self._schema), row_group_size=CHUNK)
        self._checksums.append(_checksum(inputs, events.process, events.event_id, pile_up))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._stack:
            if error is not None:
                raise error
            if sum(map(len, self._waiting)):
                self._write(EventSet.concatenate(self._waiting))
            record = self.record() | {"format": FORMAT, "events": self.events, "checksums": self._checksums}
            text = json.dumps(record).encode()
            self._file.add_key_value_metadata({KEY: text, _DIGEST: hashlib.sha256(text).hexdigest()})


def is_event_file(path: Path) -> bool:
    """Whether a parquet file says that l1ae wrote it; raises `DataError` when it cannot be read at all."""
    with _opened(path) as file:
        return KEY in (file.metadata.metadata or {})


@contextmanager
def _opened(path: Path) -> "Iterator[pq.ParquetFile]":
    import pyarrow.parquet as pq

    with reading(path, "parquet"), pq.ParquetFile(path, page_checksum_verification=True) as file:
        yield file


class ParquetEventFile:
    """A parquet event file that is read piece by piece; `pile_up`: whether it holds the pile-up of each event.

    Raises `DataError` when the file is missing, truncated, damaged (checksums cover every value) or of another format.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        if not self.path.is_file():
            raise DataError(f"no event file {self.path}")
        with _opened(self.path) as file:
            record = self._record(file.metadata.metadata or {})
            self.layout = Layout.from_json(json.dumps(record["layout"]))
            self.process_names = tuple(record["process_names"])
            self.metadata: dict[str, str] = record["metadata"]
            self.events: int = record["events"]
            self.pile_up = bool(record.get(PILE_UP, False))
            self._checksums: list[int] = record["checksums"]
            if file.num_row_groups != len(self._checksums):
                raise DataError(f"{self.path} is damaged: {file.num_row_groups} of {len(self._checksums)} row groups")

    def _record(self, stored: Mapping[bytes, bytes]) -> dict[str, Any]:
        if KEY not in stored:
            raise DataError(
                f"{self.path} is parquet but not of format {FORMAT}: turn it into one with l1ae data convert"
            )
        text = stored[KEY]
        if hashlib.sha256(text).hexdigest().encode() != stored.get(_DIGEST):
            raise DataError(f"{self.path} is damaged: the checksum of its metadata is wrong")
        record: dict[str, Any] = json.loads(text)
        if record["format"] != FORMAT:
            raise DataError(f"{self.path} is of format {record['format']}, expected {FORMAT}")
        return record

    def __len__(self) -> int:
        return self.events

    def chunks(self, size: int = CHUNK) -> Iterator[EventSet]:
        """All events in order, at most `size` at a time."""
        found = 0
        for index, checksum in enumerate(self._checksums):
            events = self._group(index, checksum)
            found += len(events)
            for start in range(0, len(events), size):
                yield events.take(slice(start, start + size))
        if found != self.events:
            raise DataError(f"{self.path} is damaged: {found} of {self.events} events")

    def read(self) -> EventSet:
        """All events."""
        parts = list(self.chunks())
        if parts:
            return EventSet.concatenate(parts)
        words = np.zeros((0, *self.layout.shape), dtype=np.int16)
        process, event_id = np.zeros(0, dtype=np.uint8), np.zeros(0, dtype=np.uint64)
        pile_up = np.zeros(0, dtype=np.uint16) if self.pile_up else None
        return EventSet(words, process, self.process_names, event_id, self.metadata, self.layout, pile_up)

    def _group(self, index: int, checksum: int) -> EventSet:
        names = self.layout.feature_names()
        with _opened(self.path) as file:
            more = [PILE_UP] if self.pile_up else []
            table = file.read_row_group(index, columns=[*names, "process", "event_id", *more])
            inputs = np.empty((len(names), len(table)), dtype=np.int16)
            for row, name in zip(inputs, names, strict=True):
                row[:] = _values(table, name, np.int16)
            process = self._codes(table)
            event_id = _values(table, "event_id", np.uint64)
            pile_up = _values(table, PILE_UP, np.uint16) if self.pile_up else None
        if _checksum(inputs, process, event_id, pile_up) != checksum:
            raise DataError(f"{self.path} is damaged: the checksum of row group {index} is wrong")
        words = np.ascontiguousarray(inputs.T).reshape(-1, *self.layout.shape)
        return EventSet(words, process, self.process_names, event_id, self.metadata, self.layout, pile_up)

    def _codes(self, table: "pa.Table") -> NDArray[np.uint8]:
        column = table.column("process").combine_chunks().dictionary_encode()
        column.validate(full=True)
        found = column.dictionary.to_pylist()
        unknown = [name for name in found if name not in self.process_names]
        if unknown or column.null_count:
            raise DataError(f"{self.path} is damaged: process {shown(unknown)} is not among its names")
        codes = np.array([self.process_names.index(name) for name in found], dtype=np.uint8)
        return codes[column.indices.to_numpy(zero_copy_only=False)]


def _values(table: "pa.Table", name: str, kind: type[np.generic]) -> NDArray:
    column = table.column(name)
    if column.null_count or column.type != np.dtype(kind).name:
        raise ValueError(f"column {name} is {column.type} with {column.null_count} missing values")
    return column.to_numpy()


def _checksum(
    inputs: NDArray[np.int16],
    process: NDArray[np.uint8],
    event_id: NDArray[np.uint64],
    pile_up: NDArray[np.uint16] | None,
) -> int:
    """CRC-32 of the (n_inputs, N) words, process codes, event ids and pile-up of a row group, little endian."""
    state = zlib.crc32(inputs.astype("<i2", order="C", copy=False).data)
    state = zlib.crc32(np.ascontiguousarray(process).data, state)
    state = zlib.crc32(event_id.astype("<u8", order="C", copy=False).data, state)
    return state if pile_up is None else zlib.crc32(pile_up.astype("<u2", order="C", copy=False).data, state)
