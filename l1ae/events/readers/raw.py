"""What a reader hands over: events as they stand in a file, before anything is checked."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from l1ae.errors import DataError, L1aeError
from l1ae.events.layout import Layout
from l1ae.events.schema import EventSet
from l1ae.events.split import splitmix64

#: `physical`: GeV, radians, pseudorapidity; `words`: integers as the hardware sends them.
Units = Literal["physical", "words"]


@dataclass(frozen=True)
class RawEvents:
    """N events as they stand in a file.

    `objects`: kind name -> (N, slots, features of the layout), float64 in GeV and radians or int64 hardware words; as
    many slots as the file has. `codes`: kind name -> (N, slots) class codes, where the file has them.
    """

    objects: Mapping[str, NDArray]
    process: NDArray[np.uint8]
    event_id: NDArray[np.uint64]
    codes: Mapping[str, NDArray[np.float64]] | None = None

    def __len__(self) -> int:
        return len(self.event_id)

    def head(self, count: int) -> "RawEvents":
        """The first `count` events."""
        codes = None if self.codes is None else {name: array[:count] for name, array in self.codes.items()}
        objects = {name: array[:count] for name, array in self.objects.items()}
        return RawEvents(objects, self.process[:count], self.event_id[:count], codes)


class Reader(ABC):
    """A file or folder of events that is read piece by piece; raises `DataError` when that is not possible.

    `layout` is what the events are read into. `as_sent` names the kinds whose order in the file is that of the hardware
    and not that of pT. `known_ids`: the event ids come from the file and not from its name and row numbers. `pile_up`:
    the events carry their number of pile-up collisions. `codes`: class code of each kind, in formats that have them.
    """

    form: str
    units: Units = "physical"
    as_sent: frozenset[str] = frozenset()
    known_ids: bool = False
    pile_up: bool = False
    codes: Mapping[str, int] = MappingProxyType({})

    def __init__(self, path: Path, layout: Layout, process_names: tuple[str, ...]) -> None:
        self.path, self.layout, self.process_names = path, layout, process_names
        self.metadata: dict[str, str] = {}

    @abstractmethod
    def __len__(self) -> int:
        """Events in the file."""

    @abstractmethod
    def chunks(self, size: int) -> Iterator[RawEvents | EventSet]:
        """All events in order, `size` at a time; files of l1ae itself give checked `EventSet`s."""


def file_ids(path: Path, start: int, stop: int) -> NDArray[np.uint64]:
    """Event ids of the rows from `start` to `stop` of a file: 24 bits of a hash of its name, 40 bits of row number.

    An id stays what it is when the file grows or moves to another folder.
    """
    name = int.from_bytes(hashlib.sha256(path.name.encode()).digest()[:3], "big")
    return np.arange(start, stop, dtype=np.uint64) + np.uint64(name << 40)


def hashed_ids(columns: list[NDArray[np.integer]]) -> NDArray[np.uint64]:
    """Event ids of (N,) integers such as run, luminosity section and event number; equal for equal numbers.

    The columns are chained through `splitmix64`.
    """
    mixed = np.zeros(len(columns[0]), dtype=np.uint64)
    for column in columns:
        mixed = splitmix64(mixed ^ column.astype(np.uint64))
    return mixed


def shown(names: Iterable[object]) -> str:
    """Names from a file as part of a message: one line, printable, not too long."""
    text = ", ".join(str(name) for name in names) or "nothing"
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)[:300]


@contextmanager
def reading(path: Path, what: str) -> Iterator[None]:
    """Turn whatever a library says about a file into a `DataError` of one line.

    The libraries that parse damaged files raise nearly every exception there is, uproot above all.
    """
    try:
        yield
    except L1aeError:
        raise
    except PermissionError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or 'permission denied'}") from error
    except MemoryError as error:
        raise DataError(f"{path} asks for more memory than there is, it may be damaged") from error
    except Exception as error:
        reason = shown([" ".join(str(error).split()) or type(error).__name__])
        raise DataError(f"{path} cannot be read as {what}, it may be truncated or damaged: {reason}") from error
