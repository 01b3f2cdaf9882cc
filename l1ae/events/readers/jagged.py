"""Lists of different lengths per event, and how they become arrays."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from l1ae.errors import DataError
from l1ae.events.layout import Layout, ObjectKind
from l1ae.events.readers.mapping import ObjectMapping, SourceMapping
from l1ae.events.readers.raw import RawEvents, Units, file_ids, hashed_ids

#: More objects of one kind than any trigger sends: a damaged file must not ask for all the memory.
_MOST = 1024


@dataclass(frozen=True)
class Jagged:
    """N lists end to end: their lengths `counts` (N,) and all their `values`."""

    counts: NDArray[np.int64]
    values: NDArray

    def where(self, mask: NDArray[np.bool_]) -> "Jagged":
        """Only the entries that the mask (one per value) names."""
        event = np.repeat(np.arange(len(self.counts)), self.counts)
        return Jagged(np.bincount(event[mask], minlength=len(self.counts)).astype(np.int64), self.values[mask])

    def padded(self, width: int) -> NDArray:
        """(N, width) values, zeros behind the end of each list."""
        filled = np.arange(width) < self.counts[:, None]
        values = np.zeros(filled.shape, dtype=self.values.dtype)
        values[filled] = self.values
        return values


def to_objects(
    path: Path,
    kind: ObjectKind,
    part: ObjectMapping,
    units: Units,
    features: tuple[str, ...],
    columns: Mapping[str, Jagged],
) -> NDArray:
    """(N, slots, features) values of one kind; raises `DataError` when the columns do not belong together."""
    first = part.features["pt"]
    for name, column in columns.items():
        if not np.array_equal(column.counts, columns[first].counts):
            event = int(np.argmax(column.counts != columns[first].counts))
            raise DataError(
                f"{path}: {name} and {first} have different numbers of entries, first in event {event} of a block"
            )
    mask = np.ones(len(columns[first].values), dtype=bool)
    for name, code in part.where.items():
        mask &= columns[name].values == code
    lists = {name: columns[column].where(mask) for name, column in part.features.items() if name in kind.fields}
    width = max(kind.count, int(lists["pt"].counts.max(initial=0)))
    if width > max(_MOST, kind.count):
        raise DataError(f"{path}: an event has {width} objects {kind.name}, the file may be damaged")
    kinds, dtype = ("iu", np.int64) if units == "words" else ("iuf", np.float64)
    objects = np.zeros((len(lists["pt"].counts), width, len(features)), dtype=dtype)
    for name, values in lists.items():
        if values.values.dtype.kind not in kinds:
            expected = "integers (hardware words)" if units == "words" else "numbers"
            raise DataError(f"{path}: {part.features[name]} are {values.values.dtype}, expected {expected}")
        objects[..., features.index(name)] = values.padded(width)
    return objects


def to_ids(path: Path, names: tuple[str, ...], columns: Mapping[str, Jagged]) -> NDArray[np.uint64]:
    """Event ids from columns that have one integer per event."""
    for name in names:
        if (columns[name].counts != 1).any():
            raise DataError(f"{path}: {name} must have one number per event")
        if columns[name].values.dtype.kind not in "iu":
            raise DataError(f"{path}: {name} are {columns[name].values.dtype}, expected integers")
    return hashed_ids([columns[name].values for name in names])


def to_raw(
    path: Path,
    mapping: SourceMapping,
    layout: Layout,
    start: int,
    objects: Mapping[str, Mapping[str, Jagged]],
    event: Mapping[str, Jagged] | None,
) -> RawEvents:
    """The events of a block that begins with row `start`: `objects` are the columns of each kind."""
    arrays = {
        kind.name: to_objects(
            path, kind, mapping.objects[kind.name], mapping.units, layout.features, objects[kind.name]
        )
        for kind in layout.kinds
    }
    count = len(next(iter(arrays.values())))
    if mapping.event is None or event is None:
        ids = file_ids(path, start, start + count)
    else:
        ids = to_ids(path, mapping.event.columns, event)
    return RawEvents(arrays, np.zeros(count, dtype=np.uint8), ids)
