"""Files are written whole or not at all: to a temporary name beside the target, then renamed."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from l1ae.errors import RunFolderError


@contextmanager
def atomic_path(target: Path) -> Iterator[Path]:
    """Yield a temporary path that replaces `target` when the block ends well and disappears when it does not.

    Raises `RunFolderError` when the disk is full or the folder cannot be written.
    """
    temporary: Path | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".partial-", suffix=f"-{target.name}", dir=target.parent)
        os.close(handle)
        temporary = Path(name)
        yield temporary
        temporary.chmod(0o644)
        temporary.replace(target)
    except OSError as error:
        # Libraries put their own text, of several lines at times, where the system's reason belongs.
        reason = os.strerror(error.errno) if error.errno else " ".join(str(error).split())
        raise RunFolderError(f"cannot write {target}: {reason}") from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def sha256(path: Path) -> str:
    """SHA-256 of the content of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_text(target: Path, text: str) -> None:
    """Write a text file atomically."""
    with atomic_path(target) as temporary:
        temporary.write_text(text, encoding="utf-8")


def cache_folder(name: str) -> Path:
    """Where things that were built are kept by their content, in the user's cache."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "l1ae" / name


def replace_folder(draft: Path, folder: Path, previous: Path) -> None:
    """Put the draft in the place of the folder; what was there comes back when that fails, by way of `previous`."""
    if folder.exists():
        folder.rename(previous)
    try:
        draft.rename(folder)
    except BaseException:
        if previous.exists():
            previous.rename(folder)
        raise
    if previous.exists():
        shutil.rmtree(previous)
