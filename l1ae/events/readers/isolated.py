"""Readers in a process of their own: HDF5 crashes on some damaged files, and takes its process with it.

The tables of old HDF5 files, which h5py writes unless told otherwise, have no checksums; damage there is followed
blindly. Event files of l1ae are in the new format, whose tables have them.
"""

import os
import pickle
import subprocess
import sys
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from l1ae.errors import DataError, L1aeError
from l1ae.events.readers.formats import Choice, is_old_hdf5, open_reader
from l1ae.events.readers.raw import RawEvents, Reader
from l1ae.events.schema import EventSet

COMMAND = [sys.executable, "-P", "-m", "l1ae.events.readers.isolated"]


def open_safely(path: Path, process: str, choice: Choice) -> Reader:
    """The reader for a file, in a process of its own where the file could crash it."""
    return (IsolatedReader if is_old_hdf5(path) else open_reader)(path, process, choice)


class IsolatedReader(Reader):
    """A reader whose file is opened and read by another process; raises `DataError` when that one crashes."""

    def __init__(self, path: Path, process: str, choice: Choice) -> None:
        self._asked = path, process, choice
        self._child: _Child | None = _Child(path, self._asked)
        header: dict[str, Any] = self._child.receive()
        super().__init__(path, header["layout"], header["process_names"])
        self.form, self.units, self.as_sent = header["form"], header["units"], header["as_sent"]
        self.known_ids, self.codes, self.metadata = header["known_ids"], header["codes"], header["metadata"]
        self.pile_up = header["pile_up"]
        self._events: int = header["events"]

    def __len__(self) -> int:
        return self._events

    def chunks(self, size: int) -> Iterator[RawEvents | EventSet]:
        """All events in order, `size` at a time."""
        child, self._child = self._child, None
        if child is None:
            child = _Child(self.path, self._asked)
            child.receive()
        child.send(size)
        while (chunk := child.receive()) is not None:
            yield chunk
        child.end()


class _Child:
    """The other process: it is sent what to open and how many events at a time, and sends what it finds."""

    def __init__(self, path: Path, asked: tuple[Path, str, Choice]) -> None:
        self._path = path
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(COMMAND, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL)
        self.end = weakref.finalize(self, _end, self._process)
        self.send(asked)

    def send(self, message: object) -> None:
        try:
            assert self._process.stdin is not None
            pickle.dump(message, self._process.stdin)
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # it has crashed: `receive` says so

    def receive(self) -> Any:
        try:
            assert self._process.stdout is not None
            message = pickle.load(self._process.stdout)
        except (EOFError, pickle.UnpicklingError) as error:
            self.end()
            raise DataError(f"{self._path} is damaged: the HDF5 library crashed on it") from error
        if isinstance(message, L1aeError):
            self.end()
            raise message
        return message


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.communicate()


def main() -> None:
    """What the other process does."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print must not get between the answers

    def answer(message: object) -> None:
        pickle.dump(message, answers, protocol=pickle.HIGHEST_PROTOCOL)
        answers.flush()

    try:
        reader = open_reader(*pickle.load(sys.stdin.buffer))
        names = ("form", "units", "as_sent", "known_ids", "pile_up", "layout", "process_names", "metadata")
        header = {name: getattr(reader, name) for name in names}
        answer(header | {"codes": dict(reader.codes), "events": len(reader)})
        for chunk in reader.chunks(pickle.load(sys.stdin.buffer)):
            answer(chunk)
        answer(None)
    except L1aeError as error:
        answer(error)


if __name__ == "__main__":
    main()
