"""ROOT files through uproot: trees and branches are named in a mapping."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from l1ae.errors import DataError
from l1ae.events.layout import Layout
from l1ae.events.readers.jagged import Jagged, to_raw
from l1ae.events.readers.mapping import EventMapping, MappedReader, ObjectMapping, SourceMapping
from l1ae.events.readers.raw import RawEvents, reading, shown

_WHAT = "ROOT"


class RootReader(MappedReader):
    """Trees with a list, an array of fixed length or one number per event and branch; entry i of each is one event."""

    form = "root"

    def __init__(self, path: Path, layout: Layout, process: str, mapping: SourceMapping) -> None:
        super().__init__(path, layout, process, mapping)
        parts: list[ObjectMapping | EventMapping] = [mapping.objects[kind.name] for kind in layout.kinds]
        if mapping.event is not None:
            parts.append(mapping.event)
        self._branches: dict[str, tuple[str, ...]] = {}
        for part in parts:
            tree = mapping.place(part)
            self._branches[tree] = tuple(dict.fromkeys((*self._branches.get(tree, ()), *part.columns)))
        with reading(path, _WHAT), ExitStack() as stack:
            trees = self._trees(stack)
            counts = {name: int(tree.num_entries) for name, tree in trees.items()}
        if len(set(counts.values())) > 1:
            listed = ", ".join(f"{name} {count}" for name, count in counts.items())
            raise DataError(f"{path}: the trees have different numbers of entries: {listed}")
        self._events = next(iter(counts.values()))

    def __len__(self) -> int:
        return self._events

    def chunks(self, size: int) -> Iterator[RawEvents]:
        """All events in order, `size` at a time."""
        with ExitStack() as stack:
            with reading(self.path, _WHAT):
                trees = self._trees(stack)
                iterators = {
                    name: trees[name].iterate(list(branches), step_size=size, library="ak")
                    for name, branches in self._branches.items()
                }
            for start in range(0, self._events, size):
                with reading(self.path, _WHAT):
                    arrays = {name: next(iterator, None) for name, iterator in iterators.items()}
                    raw = self._raw(arrays, start, min(size, self._events - start))
                yield raw

    def _trees(self, stack: ExitStack) -> dict[str, Any]:
        """The trees, after a look whether every branch is there."""
        import uproot

        file = stack.enter_context(uproot.open(self.path))
        if self.path.stat().st_size < file.file.fEND:
            raise DataError(f"{self.path} is truncated: {self.path.stat().st_size} of {file.file.fEND} bytes")
        trees = {}
        for name, branches in self._branches.items():
            if name not in file:
                known = shown(sorted({key.split(";")[0] for key in file.keys()}))  # noqa: SIM118
                raise DataError(f"{self.path} has no tree {name}, it has {known}")
            tree = file[name]
            if not hasattr(tree, "num_entries"):
                raise DataError(f"{self.path}: {name} is no tree")
            missing = next((branch for branch in branches if branch not in tree), None)
            if missing is not None:
                raise DataError(f"{self.path}: {name} has no branch {missing}")
            trees[name] = tree
        return trees

    def _raw(self, arrays: dict[str, Any], start: int, count: int) -> RawEvents:
        for name, array in arrays.items():
            if array is None or len(array) != count:
                raise DataError(
                    f"{self.path}: {name} ends before its number of entries, it may be truncated or damaged"
                )
        columns = {
            name: {branch: self._jagged(branch, arrays[name][branch], count) for branch in branches}
            for name, branches in self._branches.items()
        }

        def of(part: ObjectMapping | EventMapping) -> dict[str, Jagged]:
            tree = columns[self.mapping.place(part)]
            return {name: tree[name] for name in part.columns}

        objects = {kind.name: of(self.mapping.objects[kind.name]) for kind in self.layout.kinds}
        event = None if self.mapping.event is None else of(self.mapping.event)
        return to_raw(self.path, self.mapping, self.layout, start, objects, event)

    def _jagged(self, branch: str, array: Any, count: int) -> Jagged:
        import awkward as ak

        if array.ndim > 2 or ak.fields(array):
            raise DataError(
                f"{self.path}: {branch} has {shown([array.type])}, expected a number or a list of numbers per event"
            )
        if array.ndim == 1:
            return Jagged(np.ones(count, dtype=np.int64), ak.to_numpy(array))
        return Jagged(ak.to_numpy(ak.num(array)).astype(np.int64), ak.to_numpy(ak.flatten(array)))
