"""The work that an interrupted emulation leaves behind: parts of the output with checksums, and what they are of."""

import hashlib
import io
import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ae.errors import RunFolderError
from l1ae.files import atomic_path, write_text

_DIGEST = hashlib.sha256().digest_size


@dataclass(frozen=True)
class Part:
    """Event ids (N,), process codes (N,) and score words (N, m) of consecutive events."""

    event_id: NDArray[np.uint64]
    process: NDArray[np.uint8]
    scores: NDArray[np.signedinteger]


class Parts:
    """Parts in a folder, in order; those of another `record` are removed, and so is all from a damaged one on.

    `events`: how many there are; `discarded`: whether parts of another record lay there.
    """

    def __init__(self, folder: Path, record: Mapping[str, Any]) -> None:
        self.folder, self.events, self.discarded = folder, 0, False
        self._files: list[Path] = []
        text, key = json.dumps(record, sort_keys=True), folder / "record.json"
        if folder.exists():
            if not key.is_file() or key.read_text(encoding="utf-8") != text:
                self.discarded = True
                self.remove()
            else:
                self._take_over()
        if not key.is_file():
            write_text(key, text)

    def _take_over(self) -> None:
        """Count the parts that are whole; a write that was cut off leaves a file under another name."""
        while (file := self._file(len(self._files))).is_file():
            try:
                found = _read(file)
            except RunFolderError:
                break
            self.events += len(found.event_id)
            self._files.append(file)
        for other in self.folder.iterdir():
            if other not in self._files and other.name != "record.json":
                other.unlink()

    def _file(self, index: int) -> Path:
        return self.folder / f"{index:06d}.part"

    def append(self, part: Part) -> None:
        """Add a part, whole or not at all."""
        buffer = io.BytesIO()
        for column in (part.event_id, part.process, part.scores):
            np.save(buffer, column, allow_pickle=False)
        content = buffer.getvalue()
        file = self._file(len(self._files))
        with atomic_path(file) as temporary:
            temporary.write_bytes(hashlib.sha256(content).digest() + content)
        self._files.append(file)
        self.events += len(part.event_id)

    def __iter__(self) -> Iterator[Part]:
        return map(_read, self._files)

    def remove(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.folder)


def _read(file: Path) -> Part:
    content = file.read_bytes()
    if hashlib.sha256(content[_DIGEST:]).digest() != content[:_DIGEST]:
        raise RunFolderError(f"{file} is damaged: emulate the file again")
    buffer = io.BytesIO(content[_DIGEST:])
    return Part(*(np.load(buffer, allow_pickle=False) for _ in range(3)))
