"""One writer at a time: a lock that ends with its process, however that ends."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from l1ae.errors import RunFolderError


@contextmanager
def only_writer(path: Path) -> Iterator[None]:
    """Hold the lock file `path`; raises `RunFolderError` when another process does, or when it cannot be made."""
    while True:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise RunFolderError(f"cannot write {path}: {error.strerror}") from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(handle)
            raise RunFolderError(f"another process is writing {path.parent}: wait for it ({path.name})") from error
        if _is(path, handle):
            break
        os.close(handle)  # the one before has removed the file between
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(handle)


def _is(path: Path, handle: int) -> bool:
    try:
        return path.stat().st_ino == os.fstat(handle).st_ino
    except FileNotFoundError:
        return False
