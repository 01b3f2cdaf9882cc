"""`Buckets`: events in random order, of which only one bucket is in memory at a time.

A file is often sorted by process, so neighbours must be torn apart. Each event is thrown into one of K buckets at
random while the file is read once; a bucket is permuted when it is used. The two steps together are a uniformly random
order of all events (the distribution part of a bucket sort with random keys), at the price of one copy on disk.
"""

import json
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from l1ae.errors import RunFolderError
from l1ae.files import write_text

#: Events in a bucket, on average: 30 MB of words in the default layout.
BUCKET_EVENTS = 2**18
_RECORD = "buckets.json"


class Buckets:
    """Hardware words (N, n) in buckets; `bucket(i)` reads the i-th. Small samples are one bucket, kept in memory."""

    def __init__(self, counts: tuple[int, ...], bucket: Callable[[int], NDArray[np.int16]]) -> None:
        self.counts = counts
        self.bucket = bucket

    def __len__(self) -> int:
        return sum(self.counts)

    def __iter__(self) -> Iterator[NDArray[np.int16]]:
        return (self.bucket(index) for index in range(len(self.counts)))

    @classmethod
    def of(cls, words: NDArray[np.int16]) -> "Buckets":
        """An array as one bucket."""
        return cls((len(words),), lambda _: words)

    @classmethod
    def scatter(
        cls, chunks: Iterable[NDArray[np.int16]], events: int, folder: Path, key: str, bucket_events: int | None = None
    ) -> "Buckets":
        """Throw the rows of `chunks`, `events` in all, into buckets below `folder`.

        The same chunks and the same `key` give the same buckets, and a folder that is complete is used again. Raises
        `RunFolderError` when the disk is full or the events are not as many as announced.
        """
        number = max(1, -(-events // (bucket_events or BUCKET_EVENTS)))
        if number == 1:
            parts = list(chunks)
            return cls.of(np.concatenate(parts) if parts else np.zeros((0, 0), dtype=np.int16))
        settings = {"key": key, "events": events, "buckets": number}
        found = _read(folder, settings)
        if found is None:
            found = _write(chunks, folder, settings, number)
        counts, width = found
        if sum(counts) != events:
            raise RunFolderError(f"{sum(counts)} events were read where {events} were announced: the file has changed")

        def read(index: int) -> NDArray[np.int16]:
            return np.fromfile(_path(folder, index), dtype=np.int16).reshape(counts[index], width)

        return cls(counts, read)


def _path(folder: Path, index: int) -> Path:
    return folder / f"{index:05d}.int16"


def _read(folder: Path, settings: dict[str, object]) -> tuple[tuple[int, ...], int] | None:
    """Sizes of the buckets and words per event, when the folder was written with these settings to its end."""
    try:
        record = json.loads((folder / _RECORD).read_text(encoding="utf-8"))
        if record["settings"] != settings:
            return None
        counts, width = tuple(record["counts"]), record["width"]
        whole = all(_path(folder, i).stat().st_size == 2 * width * count for i, count in enumerate(counts))
        return (counts, width) if whole else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write(
    chunks: Iterable[NDArray[np.int16]], folder: Path, settings: dict[str, object], number: int
) -> tuple[tuple[int, ...], int]:
    rng = np.random.default_rng([number, 0x73687566])
    counts = np.zeros(number, dtype=np.int64)
    width = 0
    try:
        if folder.exists():
            shutil.rmtree(folder)
        folder.mkdir(parents=True)
        with ExitStack() as stack:
            files = [stack.enter_context(_path(folder, index).open("wb")) for index in range(number)]
            for words in chunks:
                width = words.shape[1]
                target = rng.integers(number, size=len(words))
                order = np.argsort(target, kind="stable")
                sizes = np.bincount(target, minlength=number)
                for file, rows in zip(files, np.split(words[order], np.cumsum(sizes)[:-1]), strict=True):
                    file.write(np.ascontiguousarray(rows, dtype=np.int16).data)
                counts += sizes
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise RunFolderError(f"cannot write the shuffled events to {folder}: {error.strerror or error}") from error
    found = tuple(int(count) for count in counts), int(width)
    # Written last: without it the folder counts as unfinished.
    write_text(folder / _RECORD, json.dumps({"settings": settings, "counts": found[0], "width": found[1]}))
    return found
