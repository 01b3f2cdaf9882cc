"""Columns of one length in an HDF5 file: compressed, with checksums, whole or not at all."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

import h5py
import numpy as np
from numpy.typing import DTypeLike, NDArray

from l1ae.errors import RunFolderError
from l1ae.events.sink import Sink, sink
from l1ae.files import atomic_path

#: Rows in one compressed block of a file.
BLOCK = 4096
#: Rows of a column that are written before those of the next column.
_STRIPE = 16 * BLOCK


class ColumnWriter:
    """Writes columns piece by piece; a context manager that leaves a whole file or none.

    `columns`: name -> (type, shape of a row). `form` names the format of the file; `record` is asked at the end for
    what stands in it beside the columns. The same rows give the same bytes, however they are cut into pieces:
    stripes of whole blocks are written one after the other, each once.
    """

    def __init__(
        self,
        path: Path,
        form: str,
        columns: Mapping[str, tuple[DTypeLike, tuple[int, ...]]],
        record: Callable[[], Mapping[str, Any]],
    ) -> None:
        self.path, self.form, self.columns, self.record = Path(path), form, dict(columns), record
        self.rows = self._written = 0
        self._waiting: dict[str, NDArray] = {}
        self._datasets: list[tuple[str, h5py.Dataset]] = []
        self._stack = ExitStack()

    def __enter__(self) -> "ColumnWriter":
        with ExitStack() as stack:
            temporary = stack.enter_context(atomic_path(self.path))
            stack.enter_context(_as_oserror(self.path))
            self._sink = stack.enter_context(sink(temporary))
            self._file = stack.enter_context(_created(self._sink))
            for name, (kind, shape) in self.columns.items():
                dataset = self._file.create_dataset(
                    name,
                    shape=(0, *shape),
                    maxshape=(None, *shape),
                    chunks=(BLOCK, *shape),
                    dtype=kind,
                    compression="gzip",
                    compression_opts=4,
                    shuffle=True,
                    fletcher32=True,
                )
                self._datasets.append((name, dataset))
            self._stack = stack.pop_all()
        return self

    def append(self, rows: Mapping[str, NDArray]) -> None:
        """Add rows: of each column as many."""
        count = len(next(iter(rows.values())))
        if self._waiting:
            rows = {name: np.concatenate([self._waiting[name], rows[name]]) for name in self.columns}
        self.rows += count
        start, there = 0, self.rows - self._written
        while there - start >= _STRIPE:
            self._write({name: rows[name][start : start + _STRIPE] for name in self.columns}, _STRIPE)
            start += _STRIPE
        self._waiting = {name: np.array(rows[name][start:]) for name in self.columns}

    def _write(self, rows: Mapping[str, NDArray], count: int) -> None:
        if count:
            for name, dataset in self._datasets:
                dataset.resize(self._written + count, axis=0)
                dataset[self._written :] = rows[name]
                # Left to HDF5, where a block lies would depend on when it leaves its cache.
                dataset.flush()
        self._sink.check()
        self._written += count

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._stack:
            if error is not None:
                raise error
            self._write(self._waiting, self.rows - self._written)
            self._datasets.clear()
            # Of fixed length: HDF5 keeps texts of variable length without a checksum, and hangs where one is damaged.
            self._file.attrs["format"] = np.bytes_(self.form)
            self._file.attrs["record"] = np.bytes_(json.dumps(self.record()))


def _created(place: Sink) -> h5py.File:
    """A new HDF5 file without the time of its creation, which `h5py.File` would let HDF5 write into it."""
    access, creation = h5py.h5p.create(h5py.h5p.FILE_ACCESS), h5py.h5p.create(h5py.h5p.FILE_CREATE)
    access.set_fclose_degree(h5py.h5f.CLOSE_STRONG)
    # The newest file format has checksums for its own tables, and a filter of each dataset for the data.
    access.set_libver_bounds(h5py.h5f.LIBVER_LATEST, h5py.h5f.LIBVER_LATEST)
    access.set_fileobj_driver(h5py.h5fd.fileobj_driver, place)
    creation.set_obj_track_times(False)
    return h5py.File(h5py.h5f.create(b"columns", h5py.h5f.ACC_TRUNC, fapl=access, fcpl=creation))


@contextmanager
def _as_oserror(path: Path) -> Iterator[None]:
    """HDF5 reports a full disk in several ways, some of them no `OSError`."""
    try:
        yield
    except RuntimeError as error:
        raise RunFolderError(f"cannot write {path}: {' '.join(str(error).split())}") from error
