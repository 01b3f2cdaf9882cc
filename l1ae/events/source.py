"""Where a run's events come from."""

import hashlib
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

from l1ae.errors import DataError
from l1ae.files import sha256


def sample_path() -> Path:
    """The event file that l1ae ships (see the README beside it)."""
    return Path(str(resources.files("l1ae.events") / "sample" / "lepton.h5"))


def resolve(name: str) -> Path:
    """The path behind `sample` or a file name; raises `DataError` when there is no such file."""
    path = sample_path() if name == "sample" else Path(name).expanduser().resolve()
    if not path.is_file():
        raise DataError(f"no event file {name}; `sample` names the one that l1ae ships")
    if path.suffix == ".parquet":
        raise DataError(
            f"{path}: a run reads HDF5, turn it into that with l1ae data convert {path.name} {path.stem}.h5"
        )
    return path


def digest(paths: Sequence[Path]) -> str:
    """SHA-256 of a file; of several, that of their digests in order."""
    digests = [sha256(path) for path in paths]
    return digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()
