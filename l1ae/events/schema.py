"""`EventSet`: collision events as the Level-1 trigger sees them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from l1ae.errors import DataError
from l1ae.events.layout import LEPTON, Layout


@dataclass(frozen=True)
class EventSet:
    """Events in hardware words, with where each came from.

    `words`: int16 (N, objects, features) in the scales of `layout`; absent objects are all zero.
    `process`: uint8 (N,), index into `process_names`. `event_id`: uint64 (N,), equal for copies of one generated event.
    `pile_up`: uint16 or uint8 (N,), the other proton collisions of the bunch crossing, None when they are not known.
    Raises `DataError` when shapes, types or ranges do not fit.
    """

    words: NDArray[np.int16]
    process: NDArray[np.uint8]
    process_names: tuple[str, ...]
    event_id: NDArray[np.uint64]
    metadata: Mapping[str, str] = field(default_factory=dict)
    layout: Layout = LEPTON
    pile_up: NDArray[np.unsignedinteger] | None = None

    def __post_init__(self) -> None:
        check_shape(self.words, self.layout)
        if not np.issubdtype(self.words.dtype, np.integer):
            raise DataError(f"events are {self.words.dtype}, expected integers (hardware words)")
        for name, values in (("process codes", self.process), ("event ids", self.event_id)):
            if not np.issubdtype(values.dtype, np.unsignedinteger):
                raise DataError(f"{name} are {values.dtype}, expected unsigned integers")
        count = len(self.words)
        if self.process.shape != (count,) or self.event_id.shape != (count,):
            raise DataError(f"{count} events with {len(self.process)} labels and {len(self.event_id)} event ids")
        if self.pile_up is not None:
            check_pile_up(self.pile_up, count)
        if count and int(self.process.max()) >= len(self.process_names):
            raise DataError(f"process code {int(self.process.max())} has no name, names: {self.process_names}")
        for kind, rows, column, feature, scale in self.layout.columns():
            block = self.words[:, rows, column]
            low, high = (scale.low, scale.high) if scale is not None else (0, 0)
            if count and (block.min() < low or block.max() > high):
                raise DataError(
                    f"{kind.name} {feature} words run from {block.min()} to {block.max()}, "
                    f"the hardware word holds {low} to {high}"
                )

    def __len__(self) -> int:
        return len(self.words)

    @classmethod
    def from_physical(
        cls,
        physical: NDArray[np.floating],
        process: NDArray[np.uint8],
        process_names: Sequence[str],
        event_id: NDArray[np.uint64],
        metadata: Mapping[str, str] | None = None,
        layout: Layout = LEPTON,
    ) -> "EventSet":
        """Build from (N, objects, features) values in GeV and radians; rows with pT 0 become absent."""
        physical = np.asarray(physical)
        check_shape(physical, layout)
        finite = np.isfinite(physical)
        if not finite.all():
            bad = np.flatnonzero(~finite.all(axis=(1, 2)))
            raise DataError(f"{len(bad)} events hold NaN or infinite values, first event {bad[0]}; drop or repair them")
        if len(physical) and physical[..., 0].min() < 0:
            bad = np.flatnonzero((physical[..., 0] < 0).any(axis=1))
            raise DataError(f"{len(bad)} events hold a negative pT, first event {bad[0]}; drop or repair them")
        return cls(to_words(physical, layout), process, tuple(process_names), event_id, dict(metadata or {}), layout)

    def to_physical(self) -> NDArray[np.float64]:
        """(N, objects, features) values in GeV and radians (phi in [-pi, pi)); absent objects are all zero."""
        physical = np.zeros(self.words.shape, dtype=np.float64)
        for _, rows, column, _, scale in self.layout.columns():
            if scale is not None:
                physical[:, rows, column] = scale.to_physical(self.words[:, rows, column])
        return physical

    @property
    def inputs(self) -> NDArray[np.int16]:
        """(N, n_inputs) words, the flattened layout: what the firmware's input port carries."""
        return self.words.reshape(len(self), self.layout.n_inputs)

    @property
    def present(self) -> NDArray[np.bool_]:
        """(N, objects) whether each object is there."""
        return self.words[..., 0] > 0

    @property
    def class_codes(self) -> NDArray[np.uint8]:
        """(N, objects) class of each object, 0 where absent; in the default layout as in arXiv:2107.02157."""
        return np.where(self.present, self.layout.class_codes, 0).astype(np.uint8)

    def take(self, index: NDArray | slice) -> "EventSet":
        """The events chosen by an index or mask array."""
        return replace(
            self,
            words=self.words[index],
            process=self.process[index],
            event_id=self.event_id[index],
            pile_up=None if self.pile_up is None else self.pile_up[index],
        )

    def without_pile_up(self) -> "EventSet":
        """The same events, their pile-up not known."""
        return self if self.pile_up is None else replace(self, pile_up=None)

    def of(self, *names: str) -> "EventSet":
        """The events of the named processes; raises `DataError` for a name the set does not know."""
        return self.take(np.isin(self.process, codes_of(names, self.process_names)))

    def select(self, layout: Layout) -> "EventSet":
        """The same events with the objects and features of `layout`, a selection of their own."""
        if layout == self.layout:
            return self
        rows, columns = self.layout.positions(layout)
        return replace(self, words=np.ascontiguousarray(self.words[:, rows[:, None], columns]), layout=layout)

    @classmethod
    def concatenate(cls, parts: Sequence["EventSet"]) -> "EventSet":
        """Join sets with equal process names and layouts; metadata is that of the first.

        The pile-up of the whole is known when that of every part is.
        """
        if not parts:
            raise DataError("no event sets to join")
        if any(part.process_names != parts[0].process_names for part in parts):
            raise DataError("event sets with different process names cannot be joined")
        if any(part.layout != parts[0].layout for part in parts):
            raise DataError("event sets with different layouts cannot be joined")
        known = [part.pile_up for part in parts if part.pile_up is not None]
        return replace(
            parts[0],
            words=np.concatenate([part.words for part in parts]),
            process=np.concatenate([part.process for part in parts]),
            event_id=np.concatenate([part.event_id for part in parts]),
            pile_up=np.concatenate(known) if len(known) == len(parts) else None,
        )


def to_words(physical: NDArray[np.floating], layout: Layout) -> NDArray[np.int16]:
    """Hardware words (N, objects, features) of finite values in GeV and radians; rows with pT word 0 become zero."""
    words = np.zeros(physical.shape, dtype=np.int16)
    for _, rows, column, _, scale in layout.columns():
        if scale is not None:
            words[:, rows, column] = scale.to_words(physical[:, rows, column])
    words[words[..., 0] == 0] = 0
    return words


def check_shape(array: NDArray, layout: Layout) -> None:
    """Raise `DataError` when an array is not (N, objects, features)."""
    objects, features = layout.shape
    if array.ndim != 3 or array.shape[1:] != layout.shape:
        raise DataError(f"events have shape {array.shape}, expected (N, {objects}, {features})")


def check_pile_up(pile_up: NDArray, events: int) -> None:
    """Raise `DataError` unless these are counts of collisions, one for each of so many events."""
    if pile_up.dtype not in (np.uint8, np.uint16):
        raise DataError(f"pile-up counts are {pile_up.dtype}, expected uint16 or uint8")
    if pile_up.shape != (events,):
        raise DataError(f"{events} events with pile-up counts of shape {pile_up.shape}")


def codes_of(names: Sequence[str], known: Sequence[str]) -> list[int]:
    """Codes of the named processes; raises `DataError` for a name that is not among the `known`."""
    unknown = [name for name in names if name not in known]
    if unknown:
        raise DataError(f"no process {', '.join(unknown)} in this event set, it holds {', '.join(known)}")
    return [known.index(name) for name in names]
