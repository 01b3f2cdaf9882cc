"""The public dataset of arXiv:2107.02157: HDF5, 19 objects, GeV and radians."""

from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from l1ae.errors import ConfigError, DataError
from l1ae.events.layout import LEPTON, Layout
from l1ae.events.readers.raw import RawEvents, Reader, file_ids, reading, shown

_KEY, _IDS = "Particles", "EvtId"
_NAMES = ("Pt", "Eta", "Phi", "Class")
_CLASSES = ("MET_class_1", "Four_Ele_class_2", "Four_Mu_class_3", "Ten_Jet_class_4")
_COLUMNS = {"pt": 0, "eta": 1, "phi": 2}
_CLASS = 3
_WHAT = "the HDF5 format of arXiv:2107.02157"


class PublicReader(Reader):
    """(N, 19, 4) values under the key `Particles`: pT in GeV, eta, phi in radians, class code.

    Quirks: a row without object is zero, except that a removed jet may have kept its phi and its class; such rows stand
    between the other jets. The black box has event ids under `EvtId`.
    """

    form = "public"

    def __init__(self, path: Path, layout: Layout, process: str) -> None:
        super().__init__(path, layout, (process,))
        self.codes = {kind.name: kind.code for kind in LEPTON.kinds}
        for kind in layout.kinds:
            if kind.name not in self.codes:
                raise ConfigError(
                    f"{path} holds no {kind.name}, it holds {', '.join(self.codes)}: choose with --objects"
                )
        strange = next((name for name in layout.features if name not in _COLUMNS), None)
        if strange is not None:
            raise ConfigError(
                f"{path} holds no feature {strange}, it holds {', '.join(_COLUMNS)}: choose with --features"
            )
        with reading(path, _WHAT), h5py.File(path, "r") as file:
            if not isinstance(file.get(_KEY), h5py.Dataset):
                raise DataError(f"{path} has no dataset {_KEY}, it has {shown(file)}")
            particles = file[_KEY]
            if particles.ndim != 3 or particles.shape[1:] != (LEPTON.n_objects, len(_NAMES)):
                raise DataError(f"{path}: {_KEY} have shape {particles.shape}, expected (N, 19, 4)")
            if particles.dtype.kind != "f":
                raise DataError(f"{path}: {_KEY} are {particles.dtype}, expected floating-point numbers")
            self._check_names(file, "Particles_Names", _NAMES)
            self._check_names(file, "Particles_Classes", _CLASSES)
            self._events = len(particles)
            self.known_ids = _IDS in file
            if self.known_ids and (file[_IDS].shape != (self._events,) or file[_IDS].dtype.kind not in "iu"):
                raise DataError(
                    f"{path}: {_IDS} are {file[_IDS].dtype} {file[_IDS].shape}, expected one integer per event"
                )

    def __len__(self) -> int:
        return self._events

    def chunks(self, size: int) -> Iterator[RawEvents]:
        """All events in order, `size` at a time."""
        with reading(self.path, _WHAT):
            file = h5py.File(self.path, "r")
        with file:
            for start in range(0, self._events, size):
                stop = min(start + size, self._events)
                with reading(self.path, _WHAT):
                    particles = file[_KEY][start:stop]
                    ids = file[_IDS][start:stop].astype(np.uint64) if self.known_ids else None
                if len(particles) != stop - start:
                    raise DataError(f"{self.path} has changed while it was read")
                yield self._raw(particles, file_ids(self.path, start, stop) if ids is None else ids)

    def _raw(self, particles: NDArray, ids: NDArray[np.uint64]) -> RawEvents:
        rows = {kind.name: particles[:, LEPTON.rows(kind.name)] for kind in self.layout.kinds}
        columns = [_COLUMNS[feature] for feature in self.layout.features]
        objects = {name: values[..., columns].astype(np.float64, copy=False) for name, values in rows.items()}
        codes = {name: values[..., _CLASS] for name, values in rows.items()}
        return RawEvents(objects, np.zeros(len(ids), dtype=np.uint8), ids, codes)

    def _check_names(self, file: h5py.File, key: str, expected: tuple[str, ...]) -> None:
        if key in file:
            found = tuple(name.decode() if isinstance(name, bytes) else str(name) for name in file[key][()])
            if found != expected:
                raise DataError(f"{self.path}: {key} are {shown(found)}; expected {', '.join(expected)}")
