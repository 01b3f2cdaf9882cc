"""The screen between a file and an `EventSet`: bad events are found, named, counted, and left out only on request."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from l1ae.errors import DataError
from l1ae.events.layout import ObjectKind
from l1ae.events.readers.raw import RawEvents, Reader
from l1ae.events.scales import HardwareScale
from l1ae.events.schema import EventSet

#: What a rounded angle may lie beyond pi: single precision, with room.
_ROUNDING = 1e-5
#: No detector sees a particle beyond.
_MAX_ETA = 10.0
_UNSORTED = "objects are not ordered by pT"


def _any(faults: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(N,) which of the events have a fault anywhere."""
    return np.asarray(faults.reshape(len(faults), -1).any(axis=1))


@dataclass(frozen=True)
class Skipped:
    """How many events had one fault, and the first of them, counted from 0 in the file."""

    events: int
    first: int


@dataclass
class Screen:
    """Checks the events of a reader and turns them into hardware words.

    A bad event raises `DataError`, or is left out when `skip_bad` is set; `sort` orders objects by pT instead of
    refusing them. Afterwards `skipped` says how many events had which fault (an event counts once, with its first
    fault), and `saturated` how many words of which field lie at the end where the hardware saturates.
    """

    reader: Reader
    skip_bad: bool = False
    sort: bool = False
    read: int = 0
    kept: int = 0
    skipped: dict[str, Skipped] = field(default_factory=dict)
    saturated: dict[str, int] = field(default_factory=dict)

    def events(self, size: int, limit: int | None = None) -> Iterator[EventSet]:
        """The good ones among the first `limit` events, at most `size` at a time; no chunk is empty."""
        total = len(self.reader) if limit is None else min(limit, len(self.reader))
        for chunk in self.reader.chunks(size):
            if self.read >= total:
                return
            rest = total - self.read
            if isinstance(chunk, EventSet):
                good = chunk.take(slice(rest)) if rest < len(chunk) else chunk
                self.read += len(good)
            else:
                part = chunk.head(rest) if rest < len(chunk) else chunk
                good = self._screened(part)
                self.read += len(part)
            if len(good):
                self._count_saturated(good)
                self.kept += len(good)
                yield good

    def _screened(self, raw: RawEvents) -> EventSet:
        faults: dict[tuple[int, str], NDArray[np.bool_]] = {}
        for kind in self.reader.layout.kinds:
            codes = None if raw.codes is None else raw.codes[kind.name]
            ordered = not self.sort and kind.name not in self.reader.as_sent
            for rank, reason, bad in self._faults(kind, raw.objects[kind.name], codes, ordered):
                key = rank, reason
                faults[key] = faults[key] | bad if key in faults else bad
        good = self._without({reason: faults[rank, reason] for rank, reason in sorted(faults)}, len(raw))
        words = [self._words(kind, raw.objects[kind.name][good]) for kind in self.reader.layout.kinds]
        return EventSet(
            np.concatenate(words, axis=1),
            raw.process[good],
            self.reader.process_names,
            raw.event_id[good],
            self.reader.metadata,
            self.reader.layout,
        )

    def _without(self, faults: Mapping[str, NDArray[np.bool_]], count: int) -> NDArray[np.bool_]:
        """Mask of the good events; raises when there are bad ones and nobody asked to leave them out."""
        good = np.ones(count, dtype=bool)
        found = {}
        for reason, bad in faults.items():
            new = bad & good
            if new.any():
                found[reason] = Skipped(int(new.sum()), self.read + int(np.argmax(new)))
                good &= ~bad
        if found and not self.skip_bad:
            listed = ", ".join(
                f"{skipped.events} because {reason} (first event {skipped.first})" for reason, skipped in found.items()
            )
            fix = "order them with --sort or leave" if _UNSORTED in found else "leave"
            raise DataError(
                f"{self.reader.path}: {count - int(good.sum())} bad among the first {self.read + count} events: "
                f"{listed}; {fix} them out with --skip-bad"
            )
        for reason, skipped in found.items():
            before = self.skipped.get(reason, Skipped(0, skipped.first))
            self.skipped[reason] = Skipped(before.events + skipped.events, before.first)
        return good

    def _faults(
        self, kind: ObjectKind, values: NDArray, codes: NDArray | None, ordered: bool
    ) -> Iterator[tuple[int, str, NDArray[np.bool_]]]:
        """Every fault of objects (N, slots, features): its rank, its name, the mask of the events that have it."""
        features = self.reader.layout.features
        present = values[..., 0] > 0
        if self.reader.units == "physical":
            yield 0, "a value is NaN", _any(np.isnan(values))
            yield 1, "a value is infinite", _any(np.isinf(values))
            yield 2, "a pT is negative", _any(values[..., 0] < 0)
        if codes is not None:
            code = self.reader.codes[kind.name]
            yield 3, "a class code is unknown", _any(~np.isin(codes, [0, *self.reader.codes.values()]))
            yield 4, "a class code stands in the wrong row", _any((codes != code) & (present | (codes != 0)))
        for column, feature in enumerate(features):
            scale = kind.scale(feature)
            if scale is not None:
                outside = self._outside(feature, scale, values[..., column])
                yield 5 + column, f"{feature} is outside its range", _any(outside if column == 0 else outside & present)
        if kind.sum:
            yield 98, "a sum stands more than once", np.asarray(present.sum(axis=1) > kind.count)
        if ordered:
            # A gap left by a removed object is no fault: each pT must not exceed the smallest one before it.
            pt = values[..., 0]
            before = np.minimum.accumulate(np.where(present, pt, np.inf), axis=1)[:, :-1]
            yield 99, _UNSORTED, _any(present[:, 1:] & (pt[:, 1:] > before))

    def _outside(self, feature: str, scale: HardwareScale, values: NDArray) -> NDArray[np.bool_]:
        """Values that no detector gives, or words that the hardware field cannot hold."""
        if self.reader.units == "words":
            return (values < scale.low) | (values > scale.high)
        if scale.period is not None:
            return np.abs(values) > scale.period * scale.lsb / 2 + _ROUNDING
        return np.abs(values) > (_MAX_ETA if feature == "eta" else math.inf)

    def _words(self, kind: ObjectKind, values: NDArray) -> NDArray[np.int16]:
        """(N, count, features) words of good objects: ordered, without gaps, the leading ones of the kind."""
        values = np.where(values[..., :1] > 0, values, 0)  # what a removed object left behind
        if self.sort and kind.name not in self.reader.as_sent:
            order = np.argsort(-values[..., 0], axis=1, kind="stable")
            values = np.take_along_axis(values, order[..., None], axis=1)
        words: NDArray[np.int16] = np.zeros(values.shape, dtype=np.int16)
        for column, feature in enumerate(self.reader.layout.features):
            scale = kind.scale(feature)
            if scale is not None:
                part = values[..., column]
                with np.errstate(over="ignore"):  # a pT near the end of double precision saturates like any other
                    words[..., column] = scale.to_words(part) if self.reader.units == "physical" else part
        empty = words[..., 0] == 0
        words[empty] = 0
        gaps = (empty[:, :-1] & ~empty[:, 1:]).any(axis=1)
        if gaps.any():
            order = np.argsort(empty[gaps], axis=1, kind="stable")
            words[gaps] = np.take_along_axis(words[gaps], order[..., None], axis=1)
        if words.shape[1] < kind.count:
            words = np.pad(words, ((0, 0), (0, kind.count - words.shape[1]), (0, 0)))
        return words[:, : kind.count]

    def _count_saturated(self, events: EventSet) -> None:
        present = events.present
        for kind, rows, column, feature, scale in events.layout.columns():
            if scale is not None:
                ends = scale.saturated(events.words[:, rows, column]) & present[:, rows]
                if ends.any():
                    name = f"{kind.name} {feature}"
                    self.saturated[name] = self.saturated.get(name, 0) + int(ends.sum())
