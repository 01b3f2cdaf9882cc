"""Event files of l1ae: HDF5, hardware words, labels, event ids."""

from pathlib import Path

import h5py
import numpy as np

from l1ae.errors import DataError
from l1ae.events.schema import EventSet
from l1ae.files import atomic_path

FORMAT = "l1ae-events-1"
_DATASETS = ("words", "process", "event_id")


def write_events(path: Path, events: EventSet) -> None:
    """Write an event file (compressed, atomically)."""
    with atomic_path(Path(path)) as temporary, h5py.File(temporary, "w") as file:
        file.attrs["format"] = FORMAT
        file.attrs["process_names"] = list(events.process_names)
        for key, value in events.metadata.items():
            file.attrs[f"meta:{key}"] = value
        for name in _DATASETS:
            data = getattr(events, name)
            packed = {"compression": "gzip", "compression_opts": 9, "shuffle": True} if data.size else {}
            file.create_dataset(name, data=data, **packed)


def read_events(path: Path) -> EventSet:
    """Read an event file; raises `DataError` when it is missing, truncated or of another format."""
    path = Path(path)
    if not path.is_file():
        raise DataError(f"no event file {path}")
    try:
        with h5py.File(path, "r") as file:
            if file.attrs.get("format") != FORMAT:
                raise DataError(f"{path} is an HDF5 file but not of format {FORMAT}")
            missing = [name for name in _DATASETS if not isinstance(file.get(name), h5py.Dataset)]
            if missing:
                raise DataError(f"{path} lacks {', '.join(missing)}")
            names = tuple(str(name) for name in file.attrs["process_names"])
            metadata = {key[5:]: str(value) for key, value in file.attrs.items() if key.startswith("meta:")}
            words, process, event_id = (np.asarray(file[name][()]) for name in _DATASETS)
    except (OSError, KeyError, TypeError) as error:
        raise DataError(f"{path} cannot be read as HDF5, it may be truncated: {error}") from error
    if np.issubdtype(words.dtype, np.floating) and not np.isfinite(words).all():
        raise DataError(f"{path} holds NaN or infinite features")
    return EventSet(words, process, names, event_id, metadata)
