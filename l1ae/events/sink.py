"""A file for HDF5 to write into that never fails under it.

HDF5 crashes the process when it closes a file whose last writes failed, as on a full disk. `Sink` keeps what the disk
refuses in memory, so that HDF5 ends in good order, and remembers the error for its owner to raise.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Sink:
    """A binary file for h5py, open for reading and writing; after the first `error` nothing more goes to the disk."""

    def __init__(self, path: Path) -> None:
        self._file: int | None = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        self._kept: list[tuple[int, bytes]] = []
        self._place = self._size = 0
        self.error: OSError | None = None

    def check(self) -> None:
        """Raise the first error of the writes, if there was one."""
        if self.error is not None:
            raise self.error

    def tell(self) -> int:
        """Where the next byte goes."""
        return self._place

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place; the end counts what the disk refused."""
        self._place = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._size}[whence]
        return self._place

    def truncate(self, size: int | None = None) -> int:
        """Set the length."""
        self._size = self._place if size is None else size
        if self.error is None and self._file is not None:
            try:
                os.ftruncate(self._file, self._size)
            except OSError as error:
                self.error = error
        return self._size

    def write(self, content: bytes | memoryview) -> int:
        """Write all of it, to the disk or into memory."""
        data, done = memoryview(content).cast("B"), 0
        if self.error is None and self._file is not None:
            try:
                while done < len(data):
                    done += os.pwrite(self._file, data[done:], self._place + done)
            except OSError as error:
                self.error = error
        if done < len(data):
            self._kept.append((self._place + done, bytes(data[done:])))
        self._place += len(data)
        self._size = max(self._size, self._place)
        return len(data)

    def readinto(self, buffer: memoryview) -> int:
        """What was written, wherever it went; zeros where nothing was."""
        view, start = memoryview(buffer).cast("B"), self._place
        count = max(0, min(len(view), self._size - start))
        found = b"" if self._file is None else os.pread(self._file, count, start)
        view[:count] = found.ljust(count, b"\0")
        for offset, data in self._kept:
            first, last = max(offset, start), min(offset + len(data), start + count)
            if first < last:
                view[first - start : last - start] = data[first - offset : last - offset]
        self._place += count
        return count

    def read(self, size: int = -1) -> bytes:
        """The next bytes; h5py takes a thing with this method for a file."""
        buffer = bytearray(self._size - self._place if size < 0 else size)
        return bytes(buffer[: self.readinto(memoryview(buffer))])

    def flush(self) -> None:
        """Nothing is kept back that the disk would take."""

    def close(self) -> None:
        """Close the file; what HDF5 still writes afterwards is lost."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


@contextmanager
def sink(path: Path) -> Iterator[Sink]:
    """An open `Sink`; raises the first error of its writes at the end of the block."""
    file = Sink(path)
    try:
        yield file
        file.check()
    finally:
        file.close()
