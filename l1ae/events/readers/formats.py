"""Which format a file has, and the reader for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import h5py

from l1ae.errors import ConfigError, DataError
from l1ae.events import io
from l1ae.events.layout import GLOBAL_TRIGGER, LEPTON, Layout
from l1ae.events.parquet import ParquetEventFile, is_event_file
from l1ae.events.readers.arrays import NumpyReader
from l1ae.events.readers.cms import CmsReader
from l1ae.events.readers.mapping import SourceMapping, load_mapping
from l1ae.events.readers.ntuple import RootReader
from l1ae.events.readers.own import OwnReader, within
from l1ae.events.readers.public import PublicReader
from l1ae.events.readers.raw import Reader, reading

#: Names of the formats and what they are.
FORMATS = {
    "l1ae": "event files of l1ae, HDF5",
    "parquet": "event files of l1ae, parquet",
    "public": "HDF5 of arXiv:2107.02157",
    "cms": "CMS Level-1 parquet, a folder per object",
    "root": "ROOT trees",
    "numpy": ".npy and .npz",
}
_MAPPED = ("cms", "root")
_HDF5 = b"\x89HDF\r\n\x1a\n"
_MAGIC = {
    b"PAR1": "parquet",
    b"root": "root",
    b"\x93NUMPY": "numpy",
    b"PK": "numpy",
    _HDF5: "hdf5",
}


@dataclass(frozen=True)
class Choice:
    """What is asked of the inputs: their format (None: look), their layout, and what to keep of it."""

    form: str | None = None
    layout: Layout | None = None
    mapping: Path | None = None
    objects: Mapping[str, int] | None = None
    features: Sequence[str] | None = None


def detect(path: Path) -> str:
    """Name of the format of a file or folder, by its content; raises `DataError`."""
    if path.is_dir():
        return "cms"
    if not path.exists():
        raise DataError(f"no event file {path}")
    with reading(path, "an event file"), path.open("rb") as file:
        start = file.read(8)
    if not start:
        raise DataError(f"{path} is empty")
    found = next((form for magic, form in _MAGIC.items() if start.startswith(magic)), None)
    if found is None:
        raise DataError(
            f"{path} is in none of the formats {', '.join(FORMATS)}, or damaged; --from FORMAT tries one nevertheless"
        )
    if found == "parquet":
        return "parquet" if is_event_file(path) else "cms"
    if found == "hdf5":
        with reading(path, "HDF5"), h5py.File(path, "r") as content:
            name = content.attrs.get("format", b"")
            name = name if isinstance(name, bytes) else str(name).encode()
            return "l1ae" if name.startswith(b"l1ae-events") else "public"
    return found


def is_old_hdf5(path: Path) -> bool:
    """Whether a file is HDF5 with tables that have no checksums: versions 0 and 1 of the superblock."""
    try:
        with path.open("rb") as file:
            return file.read(8) == _HDF5 and file.read(1) < b"\2"
    except OSError:
        return False  # opening it for real says why


def open_reader(path: Path, process: str, choice: Choice) -> Reader:
    """The reader for a file; raises `DataError` for the file and `ConfigError` for the choice."""
    form = choice.form or detect(path)
    if choice.mapping is not None and form not in _MAPPED:
        raise ConfigError(f"{path} is in the format {form}, which needs no mapping")
    if form == "l1ae" or form == "parquet":
        file = io.EventFile(path) if form == "l1ae" else ParquetEventFile(path)
        base = file.layout if choice.layout is None else within(path, file.layout, choice.layout)
        return OwnReader(file, base.select(choice.objects, choice.features))
    mapping: SourceMapping | None = load_mapping(choice.mapping, form) if form in _MAPPED else None
    base = choice.layout or (LEPTON if mapping is None else GLOBAL_TRIGGER)
    layout = base.select(choice.objects, choice.features)
    if form != "cms" and not path.is_file():
        raise DataError(f"{path} is a folder" if path.is_dir() else f"no event file {path}")
    if mapping is not None:
        return (CmsReader if form == "cms" else RootReader)(path, layout, process, mapping)
    if form == "public":
        return PublicReader(path, layout, process)
    return NumpyReader(path, layout, process, whole=base)
