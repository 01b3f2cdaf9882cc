"""The C simulation of an emitted project: its own files, compiled with g++, called with many events at once."""

import ctypes
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ae.circuit.formats import FixedFormat
from l1ae.circuit.reference import as_keras_reads
from l1ae.errors import DataError, RunFolderError, ToolchainError
from l1ae.files import cache_folder, sha256
from l1ae.hardware.hls.checks import WIDEST_PORT
from l1ae.hardware.hls.documents import render
from l1ae.hardware.hls.sources import Port, Sources, read_sources

#: The language standard is the one that the emitted build script gives to the vendor's compiler.
_FLAGS = ("-O1", "-std=c++11", "-fPIC", "-shared", "-fno-gnu-unique", "-Wl,-Bsymbolic", "-w")
_CHUNK = 2_000
Progress = Callable[[int], object]


@dataclass(frozen=True)
class CSimulation:
    """A compiled project; its layers go by the names of the circuit nodes whose words they hold."""

    sources: Sources
    library: Path
    _functions: ctypes.CDLL = field(repr=False)
    _lock: Lock = field(default_factory=Lock, repr=False)  # tracing is global in the emitted code

    @classmethod
    def build(
        cls, folder: Path, *, cache: Path | None = None, log: Path | None = None, ap_types: Path | None = None
    ) -> "CSimulation":
        """Compile the project in `folder`, or take the library compiled from exactly these sources with this compiler.

        `cache`: where libraries are kept; `log`: where the compiler's messages go, by default beside the library;
        `ap_types`: a folder whose headers, directly or in include/, take the place of the project's own `ap_fixed`
        types, such as the public HLS_arbitrary_Precision_Types of Xilinx.
        Raises `ToolchainError` when there is no g++, when it fails, or when `ap_types` has no ap_fixed.h.
        """
        sources = read_sources(Path(folder))
        headers = None if ap_types is None else _headers(Path(ap_types))
        compiler = shutil.which("g++")
        if compiler is None:
            raise ToolchainError("g++ not found: install it, with apt install g++ or dnf install gcc-c++")
        driver = render("csim_driver.cpp", sources)
        version = subprocess.run([compiler, "--version"], capture_output=True, text=True, check=False).stdout
        digest = sources.digest()
        parts = [digest, driver, version, *_FLAGS, *([] if headers is None else _digests(headers))]
        key = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]
        cache = cache or cache_folder("csim")
        library = cache / f"{sources.name}-{key}.so"
        if not library.exists():
            try:
                cache.mkdir(parents=True, exist_ok=True)
                _compile(compiler, sources, digest, driver, library, log or library.with_suffix(".log"), headers)
            except OSError as error:
                raise RunFolderError(f"cannot write {cache}: {error.strerror or error}") from error
        try:
            functions = ctypes.CDLL(str(library), mode=os.RTLD_LOCAL | os.RTLD_NOW)
        except OSError as error:
            raise ToolchainError(f"{library} cannot be loaded ({error}): remove it and build again") from error
        return cls(sources, library, functions)

    @property
    def input(self) -> FixedFormat:
        """Format of the only input port."""
        return self.sources.input.format

    @property
    def output(self) -> FixedFormat:
        """Format of the only output port."""
        return self.sources.output.format

    @property
    def formats(self) -> dict[str, FixedFormat]:
        """Formats of the traced layers in the C++; their words come on the grid of the circuit, see `fractions`."""
        return {port.layer: port.format for port in self._shown}

    @property
    def fractions(self) -> dict[str, int]:
        """Bits below the point of the words that `trace` gives, the same as in the circuit."""
        return {port.layer: port.fraction for port in self._shown}

    @property
    def _shown(self) -> list[Port]:
        """The traced layers, then the outputs that no traced layer holds, such as copies of an input."""
        layers = list(self.sources.layers.values())
        names = {port.layer for port in layers}
        return [*layers, *(port for port in self.sources.outputs if port.layer not in names)]

    def scores(self, words: Any, *, workers: int = 2, progress: Progress | None = None) -> NDArray[Any]:
        """Words (N, m) of all outputs side by side, flattened, on the grid of the circuit; inputs as for `predict`."""
        return _all_words(self.predict(words, workers=workers, progress=progress), self.sources.outputs)

    def predict(self, values: Any, *, workers: int = 2, progress: Progress | None = None) -> NDArray[np.float64]:
        """Values (N, m) of all outputs side by side, flattened.

        `values`: one array (N, *shape) or (N, size) per input port, one array (N, n) for all of them side by side, or
        one event (n,). Integers are words of their port, floats are values; what does not fit a port is rounded and
        saturated on the way in, as the model does. `progress` is told the number of events done so far.
        """
        inputs = self._inputs(values)
        outputs = np.zeros((len(inputs), _size(self.sources.outputs)))

        def run(rows: slice) -> int:
            self._functions.l1ae_run(_pointer(inputs[rows]), _pointer(outputs[rows]), _events(rows))
            return rows.stop

        # ctypes lets go of the GIL, and the emitted code only reads its weights: threads run in parallel.
        with self._lock, ThreadPoolExecutor(max(1, workers)) as pool:
            for done in pool.map(run, _chunks(len(inputs))):
                if progress is not None:
                    progress(done)
        return outputs

    def trace(self, values: Any, *, progress: Progress | None = None) -> dict[str, NDArray[Any]]:
        """Words (N, size) of every layer, by its name in the circuit, in the order of computation; inputs as above."""
        inputs = self._inputs(values)
        layers = list(self.sources.layers.values())
        traced = np.zeros((len(inputs), _size(layers)))
        outputs = np.zeros((len(inputs), _size(self.sources.outputs)))
        with self._lock:
            for rows in _chunks(len(inputs)):
                arrays = (inputs[rows], outputs[rows], traced[rows])
                self._functions.l1ae_trace(*map(_pointer, arrays), _events(rows))
                if progress is not None:
                    progress(rows.stop)
        found = _columns(outputs, self.sources.outputs) + _columns(traced, layers)
        words = {port.layer: _words(part, port) for port, part in found}
        return {port.layer: words[port.layer] for port in self._shown}

    def _inputs(self, values: Any) -> NDArray[np.float64]:
        """Values (N, n) of all ports side by side."""
        ports = self.sources.inputs
        one_each = isinstance(values, (list, tuple)) and len(values) > 0 and np.ndim(values[0]) > 1
        given = [np.asarray(array) for array in values] if one_each else [np.atleast_2d(np.asarray(values))]
        if not one_each and given[0].shape[1:] == (_size(ports),):
            given = [part for _, part in _columns(given[0], ports)]
        takes = " and ".join(f"(N, {', '.join(map(str, port.shape))})" for port in ports)
        fits = [array.shape[1:] in (port.shape, (port.size,)) for array, port in zip(given, ports, strict=False)]
        if len(given) != len(ports) or not all(fits) or len({len(array) for array in given}) > 1:
            shapes = " and ".join(str(array.shape) for array in given)
            raise DataError(f"inputs of shape {shapes}: {self.sources.name} takes {takes}")
        parts = []
        for array, port in zip(given, ports, strict=True):
            part = array.reshape(len(array), port.size)
            if array.dtype.kind in "iu":
                parts.append(np.ldexp(part.astype(np.float64), -port.format.fraction))
            else:
                parts.append(as_keras_reads(part, port.format).astype(np.float64))
        inputs = np.ascontiguousarray(np.concatenate(parts, axis=1))
        if not np.isfinite(inputs).all():
            raise DataError("inputs hold infinities or NaN")
        return inputs


def _headers(folder: Path) -> Path:
    """Where the headers of a folder of `ap_fixed` types are."""
    for place in (folder, folder / "include"):
        if (place / "ap_fixed.h").is_file():
            return place.resolve()
    raise ToolchainError(f"{folder} holds no ap_fixed.h, nor does {folder / 'include'}: name the folder that does")


def _digests(headers: Path) -> list[str]:
    """Names and digests of everything below a folder of headers."""
    files = sorted(path for path in headers.rglob("*") if path.suffix in (".h", ".hpp") and path.is_file())
    return [f"{path.relative_to(headers).as_posix()} {sha256(path)}" for path in files]


def _compile(
    compiler: str, sources: Sources, digest: str, driver: str, library: Path, log: Path, headers: Path | None
) -> None:
    """Compile into a temporary folder beside the library, then move it into place."""
    with tempfile.TemporaryDirectory(prefix=".build-", dir=library.parent) as temporary:
        source, built = Path(temporary) / "driver.cpp", Path(temporary) / library.name
        source.write_text(driver, encoding="utf-8")
        firmware, name = sources.folder / "firmware", sources.name
        places = [firmware / "ap_types"]
        if headers is not None:
            # What is no such type (streams, helpers) still comes from the project; nothing else may.
            rest = Path(temporary) / "rest"
            shutil.copytree(firmware / "ap_types", rest, ignore=_types)
            places = [headers, rest]
        files = [firmware / f"{name}.cpp", sources.folder / f"{name}_bridge.cpp", source]
        command = [compiler, *_FLAGS, *(f"-I{place}" for place in places), *map(str, files), "-o", str(built)]
        result = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
        if result.returncode:
            log.parent.mkdir(parents=True, exist_ok=True)
            log.write_text(f"{' '.join(command)}\n{result.stderr}{result.stdout}", encoding="utf-8")
            first = re.search(r"^.*\berror: .*$", result.stderr, re.MULTILINE)
            reason = first.group().strip() if first else f"exit status {result.returncode}"
            raise ToolchainError(f"g++ failed on project {sources.name}: {reason}; all messages are in {log}")
        if sources.digest() != digest:
            raise ToolchainError(f"project {sources.name} was edited while it was being compiled: run this again")
        built.replace(library)


def _types(folder: str, names: list[str]) -> set[str]:
    """The headers of the arbitrary precision types, and what they are made of."""
    return {name for name in names if name == "etc" or (name.startswith("ap_") and name != "ap_shift_reg.h")}


def _chunks(events: int) -> Iterator[slice]:
    for start in range(0, events, _CHUNK):
        yield slice(start, min(start + _CHUNK, events))


def _events(rows: slice) -> ctypes.c_size_t:
    return ctypes.c_size_t(rows.stop - rows.start)


def _pointer(array: NDArray[np.float64]) -> Any:
    return array.ctypes.data_as(ctypes.POINTER(ctypes.c_double))


def _words(values: NDArray[np.float64], port: Port) -> NDArray[Any]:
    """Values as words on the grid of the circuit; doubles hold up to 53 bits.

    Firmware that was changed can give values between two words: they stay as they are, and equal no integer.
    """
    if port.format.width > WIDEST_PORT:
        raise ToolchainError(f"{port.layer} is {port.format}: the C simulation shows words of up to {WIDEST_PORT} bits")
    words = np.ldexp(values, port.fraction)
    return words.astype(np.int64) if np.array_equal(words, np.rint(words)) else words


def _all_words(values: NDArray[np.float64], ports: Sequence[Port]) -> NDArray[Any]:
    return np.concatenate([_words(part, port) for port, part in _columns(values, ports)], axis=1)


def _columns(values: NDArray[Any], ports: Sequence[Port]) -> list[tuple[Port, NDArray[Any]]]:
    """Each port with its columns of an array in which they stand side by side."""
    ends = np.cumsum([port.size for port in ports])
    return [(port, values[:, end - port.size : end]) for port, end in zip(ports, ends, strict=True)]


def _size(ports: Sequence[Port]) -> int:
    return sum(port.size for port in ports)
