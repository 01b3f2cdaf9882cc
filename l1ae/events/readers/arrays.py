"""Plain numpy: `.npy` and `.npz` files, read piece by piece without a memory map."""

import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from l1ae.errors import DataError
from l1ae.events.layout import Layout
from l1ae.events.readers.raw import RawEvents, Reader, file_ids, reading, shown

_WHAT = "numpy"
_HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
_EVENTS = ("words", "physical")
_KEYS = (*_EVENTS, "process", "event_id", "process_names")


class _Rows:
    """The rows of one `.npy` stream, read in order."""

    def __init__(self, path: Path, name: str, file: IO[bytes]) -> None:
        self.path, self.name, self._file = path, name, file
        version = npy.read_magic(file)
        if version not in _HEADERS:
            raise DataError(f"{path}: {name} is of numpy format {version}, which is not read")
        self.shape, fortran, self.dtype = _HEADERS[version](file)
        if self.dtype.hasobject or self.dtype.kind not in "iufSU":
            raise DataError(f"{path}: {name} are {self.dtype}, expected numbers")
        if fortran and len(self.shape) > 1:
            raise DataError(f"{path}: {name} lie column by column: save numpy.ascontiguousarray of it")

    def read(self, count: int) -> NDArray:
        """The next `count` rows; raises `DataError` when the file ends before."""
        shape = (count, *self.shape[1:])
        size = int(np.prod(shape, dtype=object)) * self.dtype.itemsize
        content = self._file.read(size)
        if len(content) != size:
            raise DataError(f"{self.path} is truncated: {self.name} should have shape {self.shape}")
        return np.frombuffer(content, dtype=self.dtype).reshape(shape)

    def finish(self) -> None:
        """Raise `DataError` when there is more than the header says; a zip archive checks its checksum here."""
        if self._file.read(1):
            raise DataError(f"{self.path}: {self.name} hold more than their header says, the file may be damaged")


class NumpyReader(Reader):
    """(N, objects, features) in the order of a layout: integers are hardware words, floats GeV and radians.

    A `.npz` has the array `words` or `physical`, and optionally `process` (N,), `event_id` (N,) and `process_names`.
    """

    form = "numpy"

    def __init__(self, path: Path, layout: Layout, process: str, whole: Layout | None = None) -> None:
        super().__init__(path, layout, (process,))
        self._whole = layout if whole is None else whole
        with reading(path, _WHAT), ExitStack() as stack:
            arrays = self._open(stack)
            events = self._events_of(arrays)
            self._events = events.shape[0]
            self.units = "physical" if events.dtype.kind == "f" else "words"
            self.known_ids = "event_id" in arrays
            if "process_names" in arrays:
                names = arrays["process_names"]
                if names.dtype.kind != "U" or len(names.shape) != 1 or not 1 <= names.shape[0] <= 255:
                    raise DataError(f"{path}: process_names are {names.dtype} {names.shape}, expected 1 to 255 texts")
                self.process_names = tuple(str(name) for name in names.read(names.shape[0]))
            elif "process" in arrays:
                raise DataError(f"{path} has process codes and no process_names")
            if len(self.process_names) > 1 and "process" not in arrays:
                raise DataError(f"{path} has several process_names and no array process")

    def __len__(self) -> int:
        return self._events

    def chunks(self, size: int) -> Iterator[RawEvents]:
        """All events in order, `size` at a time."""
        with ExitStack() as stack:
            with reading(self.path, _WHAT):
                arrays = self._open(stack)
                events = self._events_of(arrays)
            for start in range(0, self._events, size):
                stop = min(start + size, self._events)
                with reading(self.path, _WHAT):
                    raw = self._raw(arrays, events, start, stop)
                yield raw
            with reading(self.path, _WHAT):
                for name in set(arrays) - {"process_names"}:
                    arrays[name].finish()

    def _open(self, stack: ExitStack) -> dict[str, _Rows]:
        file = stack.enter_context(self.path.open("rb"))
        if file.read(2) != b"PK":
            file.seek(0)
            return {"physical": _Rows(self.path, "events", file)}
        archive = stack.enter_context(zipfile.ZipFile(self.path))
        names = [name.removesuffix(".npy") for name in archive.namelist()]
        unknown = next((name for name in names if name not in _KEYS), None)
        if unknown is not None:
            raise DataError(f"{self.path} has an array {shown([unknown])}, known are {', '.join(_KEYS)}")
        if len(set(names)) < len(names) or sum(name in names for name in _EVENTS) != 1:
            raise DataError(f"{self.path} has the arrays {shown(names)}; expected one of words and physical")
        return {name: _Rows(self.path, name, stack.enter_context(archive.open(f"{name}.npy"))) for name in names}

    def _events_of(self, arrays: dict[str, _Rows]) -> _Rows:
        """The array of the events, after a look at all shapes and types."""
        events = arrays.get("words") or arrays["physical"]
        if len(events.shape) != 3 or events.shape[1:] != self._whole.shape:
            objects, features = self._whole.shape
            raise DataError(
                f"{self.path}: {events.name} have shape {events.shape}, expected (N, {objects}, {features}); "
                "name their layout with --layout"
            )
        kinds = {"words": "iu", "physical": "f", "events": "iuf"}[events.name]
        if events.dtype.kind not in kinds:
            expected = "integers" if kinds == "iu" else "floating-point numbers"
            raise DataError(f"{self.path}: {events.name} are {events.dtype}, expected {expected}")
        for name in ("process", "event_id"):
            if name in arrays and (arrays[name].shape != events.shape[:1] or arrays[name].dtype.kind not in "iu"):
                found = f"{arrays[name].dtype} {arrays[name].shape}"
                raise DataError(f"{self.path}: {name} are {found}, expected one integer per event")
        return events

    def _raw(self, arrays: dict[str, _Rows], events: _Rows, start: int, stop: int) -> RawEvents:
        values = events.read(stop - start).astype(np.float64 if self.units == "physical" else np.int64)
        columns = [self._whole.features.index(feature) for feature in self.layout.features]
        objects = {kind.name: values[:, self._whole.rows(kind.name)][..., columns] for kind in self.layout.kinds}
        process = np.zeros(stop - start, dtype=np.uint8)
        if "process" in arrays:
            codes = arrays["process"].read(stop - start)
            if codes.min() < 0 or codes.max() >= len(self.process_names):
                raise DataError(
                    f"{self.path}: process codes run to {codes.max()}, there are {len(self.process_names)} names"
                )
            process = codes.astype(np.uint8)
        ids = file_ids(self.path, start, stop)
        if "event_id" in arrays:
            ids = arrays["event_id"].read(stop - start).astype(np.uint64)
        return RawEvents(objects, process, ids)
