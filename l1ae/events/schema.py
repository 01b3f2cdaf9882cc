"""`EventSet`: collision events as the Level-1 trigger sees them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from l1ae.errors import DataError
from l1ae.events.scales import FEATURES, LAYOUT, N_INPUTS, N_OBJECTS, rows


@dataclass(frozen=True)
class EventSet:
    """Events in hardware words, with where each came from.

    `words`: int16 (N, 19, 3), columns pT, eta, phi in the units of `l1ae.events.scales`; absent objects are all zero.
    `process`: uint8 (N,), index into `process_names`. `event_id`: uint64 (N,), equal for copies of one generated event.
    Raises `DataError` when shapes, types or ranges do not fit.
    """

    words: NDArray[np.int16]
    process: NDArray[np.uint8]
    process_names: tuple[str, ...]
    event_id: NDArray[np.uint64]
    metadata: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.words.ndim != 3 or self.words.shape[1:] != (N_OBJECTS, len(FEATURES)):
            raise DataError(f"events have shape {self.words.shape}, expected (N, {N_OBJECTS}, {len(FEATURES)})")
        if not np.issubdtype(self.words.dtype, np.integer):
            raise DataError(f"events are {self.words.dtype}, expected integers (hardware words)")
        for name, values in (("process codes", self.process), ("event ids", self.event_id)):
            if not np.issubdtype(values.dtype, np.unsignedinteger):
                raise DataError(f"{name} are {values.dtype}, expected unsigned integers")
        count = len(self.words)
        if self.process.shape != (count,) or self.event_id.shape != (count,):
            raise DataError(f"{count} events with {len(self.process)} labels and {len(self.event_id)} event ids")
        if count and int(self.process.max()) >= len(self.process_names):
            raise DataError(f"process code {int(self.process.max())} has no name, names: {self.process_names}")
        for kind in LAYOUT:
            for column, scale in enumerate((kind.pt, kind.eta, kind.phi)):
                block = self.words[:, rows(kind), column]
                low, high = (scale.low, scale.high) if scale is not None else (0, 0)
                if count and (block.min() < low or block.max() > high):
                    raise DataError(
                        f"{kind.name} {FEATURES[column]} words run from {block.min()} to {block.max()}, "
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
    ) -> "EventSet":
        """Build from (N, 19, 3) values in GeV and radians; rows with pT 0 become absent."""
        physical = np.asarray(physical)
        if physical.ndim != 3 or physical.shape[1:] != (N_OBJECTS, len(FEATURES)):
            raise DataError(f"events have shape {physical.shape}, expected (N, {N_OBJECTS}, {len(FEATURES)})")
        finite = np.isfinite(physical)
        if not finite.all():
            bad = np.flatnonzero(~finite.all(axis=(1, 2)))
            raise DataError(f"{len(bad)} events hold NaN or infinite values, first event {bad[0]}; drop or repair them")
        if len(physical) and physical[..., 0].min() < 0:
            bad = np.flatnonzero((physical[..., 0] < 0).any(axis=1))
            raise DataError(f"{len(bad)} events hold a negative pT, first event {bad[0]}; drop or repair them")
        words = np.zeros(physical.shape, dtype=np.int16)
        for kind in LAYOUT:
            for column, scale in enumerate((kind.pt, kind.eta, kind.phi)):
                if scale is not None:
                    words[:, rows(kind), column] = scale.to_words(physical[:, rows(kind), column])
        words[words[..., 0] == 0] = 0
        return cls(words, process, tuple(process_names), event_id, dict(metadata or {}))

    def to_physical(self) -> NDArray[np.float64]:
        """(N, 19, 3) values in GeV and radians (phi in [-pi, pi)); absent objects are all zero."""
        physical = np.zeros(self.words.shape, dtype=np.float64)
        for kind in LAYOUT:
            for column, scale in enumerate((kind.pt, kind.eta, kind.phi)):
                if scale is not None:
                    physical[:, rows(kind), column] = scale.to_physical(self.words[:, rows(kind), column])
        return physical

    @property
    def inputs(self) -> NDArray[np.int16]:
        """(N, 57) words, the flattened layout: what the firmware's input port carries."""
        return self.words.reshape(len(self), N_INPUTS)

    @property
    def class_codes(self) -> NDArray[np.uint8]:
        """(N, 19) class of each object as in arXiv:2107.02157: 1 MET, 2 e/gamma, 3 muon, 4 jet, 0 where absent."""
        codes = np.concatenate([np.full(kind.count, kind.code, dtype=np.uint8) for kind in LAYOUT])
        return np.where(self.words[..., 0] > 0, codes, 0).astype(np.uint8)

    def take(self, index: NDArray) -> "EventSet":
        """The events chosen by an index or mask array."""
        return EventSet(self.words[index], self.process[index], self.process_names, self.event_id[index], self.metadata)

    def of(self, *names: str) -> "EventSet":
        """The events of the named processes; raises `DataError` for a name the set does not know."""
        unknown = [name for name in names if name not in self.process_names]
        if unknown:
            raise DataError(
                f"no process {', '.join(unknown)} in this event set, it holds {', '.join(self.process_names)}"
            )
        return self.take(np.isin(self.process, [self.process_names.index(name) for name in names]))

    @classmethod
    def concatenate(cls, parts: Sequence["EventSet"]) -> "EventSet":
        """Join sets with equal process names; metadata is that of the first."""
        if not parts:
            raise DataError("no event sets to join")
        if any(part.process_names != parts[0].process_names for part in parts):
            raise DataError("event sets with different process names cannot be joined")
        return cls(
            np.concatenate([part.words for part in parts]),
            np.concatenate([part.process for part in parts]),
            parts[0].process_names,
            np.concatenate([part.event_id for part in parts]),
            parts[0].metadata,
        )
