"""The C simulation of an emitted project: its own files, compiled with g++, called with many events at once."""

import ctypes
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ae.circuit.formats import FixedFormat
from l1ae.errors import DataError, RunFolderError, ToolchainError
from l1ae.hardware.hls.documents import render
from l1ae.hardware.hls.sources import Port, Sources, read_sources

#: The language standard is the one that the emitted build script gives to the vendor's compiler.
_FLAGS = ("-O1", "-std=c++11", "-fPIC", "-shared", "-fno-gnu-unique", "-Wl,-Bsymbolic", "-w")
_CHUNK = 2_000
Progress = Callable[[int], object]


@dataclass(frozen=True)
class CSimulation:
    """A compiled project; its layers go by the names of the Keras layers whose output they hold."""

    sources: Sources
    library: Path
    _functions: ctypes.CDLL = field(repr=False)
    _lock: Lock = field(default_factory=Lock, repr=False)  # tracing is global in the emitted code

    @classmethod
    def build(cls, folder: Path, *, cache: Path | None = None, log: Path | None = None) -> "CSimulation":
        """Compile the project in `folder`, or take the library compiled from exactly these sources with this compiler.

        `cache`: where libraries are kept; `log`: where the compiler's messages go, by default beside the library.
        Raises `ToolchainError` when there is no g++ or when it fails.
        """
        sources = read_sources(Path(folder))
        compiler = shutil.which("g++")
        if compiler is None:
            raise ToolchainError("g++ not found: install it, with apt install g++ or dnf install gcc-c++")
        driver = render("csim_driver.cpp", sources)
        version = subprocess.run([compiler, "--version"], capture_output=True, text=True, check=False).stdout
        digest = sources.digest()
        key = hashlib.sha256("\0".join([digest, driver, version, *_FLAGS]).encode()).hexdigest()[:32]
        cache = cache or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "l1ae" / "csim"
        library = cache / f"{sources.name}-{key}.so"
        if not library.exists():
            try:
                cache.mkdir(parents=True, exist_ok=True)
                _compile(compiler, sources, digest, driver, library, log or library.with_suffix(".log"))
            except OSError as error:
                raise RunFolderError(f"cannot write {cache}: {error.strerror or error}") from error
        try:
            functions = ctypes.CDLL(str(library), mode=os.RTLD_LOCAL | os.RTLD_NOW)
        except OSError as error:
            raise ToolchainError(f"{library} cannot be loaded ({error}): remove it and build again") from error
        return cls(sources, library, functions)

    @property
    def input(self) -> FixedFormat:
        """Format of the input port."""
        return self.sources.input.format

    @property
    def output(self) -> FixedFormat:
        """Format of the score port."""
        return self.sources.output.format

    @property
    def formats(self) -> dict[str, FixedFormat]:
        """Formats of the traced layers in the C++; their words come on the grid of the circuit, see `fractions`."""
        return {port.name: port.format for port in self.sources.layers.values()}

    @property
    def fractions(self) -> dict[str, int]:
        """Bits below the point of the words that `trace` gives, the same as in the circuit."""
        return {port.name: port.fraction for port in self.sources.layers.values()}

    def scores(self, words: Any, *, workers: int = 2, progress: Progress | None = None) -> NDArray[Any]:
        """Score words (N, m), on the grid of the circuit, of inputs (N, n); see `predict`."""
        return _words(self.predict(words, workers=workers, progress=progress), self.sources.output)

    def predict(self, values: Any, *, workers: int = 2, progress: Progress | None = None) -> NDArray[np.float64]:
        """Scores (N, m) as numbers, of inputs (N, n) or of one event (n,).

        Integers are words of the input port, floats are values; what does not fit the port is rounded and saturated on
        the way in, as the model does. `progress` is told the number of events done so far.
        """
        inputs = self._inputs(values)
        outputs = np.zeros((len(inputs), self.sources.output.size))

        def run(rows: slice) -> int:
            self._functions.l1ae_run(_pointer(inputs[rows]), _pointer(outputs[rows]), _size(rows))
            return rows.stop

        # ctypes lets go of the GIL, and the emitted code only reads its weights: threads run in parallel.
        with self._lock, ThreadPoolExecutor(max(1, workers)) as pool:
            for done in pool.map(run, _chunks(len(inputs))):
                if progress is not None:
                    progress(done)
        return outputs

    def trace(self, words: Any, *, progress: Progress | None = None) -> dict[str, NDArray[Any]]:
        """Words (N, size) of every layer, by its Keras name and in the order of computation; inputs as above."""
        inputs = self._inputs(words)
        layers = list(self.sources.layers.values())
        traced = np.zeros((len(inputs), sum(layer.size for layer in layers)))
        outputs = np.zeros((len(inputs), self.sources.output.size))
        with self._lock:
            for rows in _chunks(len(inputs)):
                arrays = (inputs[rows], outputs[rows], traced[rows])
                self._functions.l1ae_trace(*map(_pointer, arrays), _size(rows))
                if progress is not None:
                    progress(rows.stop)
        columns = np.split(traced, np.cumsum([layer.size for layer in layers])[:-1], axis=1)
        return {layer.name: _words(values, layer) for layer, values in zip(layers, columns, strict=True)}

    def _inputs(self, values: Any) -> NDArray[np.float64]:
        given = np.atleast_2d(np.asarray(values))
        inputs = np.ascontiguousarray(given, dtype=np.float64)
        if given.dtype.kind in "iu":
            inputs = np.ldexp(inputs, -self.input.fraction)
        if inputs.ndim != 2 or inputs.shape[1] != self.sources.input.size:
            raise DataError(f"inputs of shape {inputs.shape}: {self.sources.name} takes (N, {self.sources.input.size})")
        if not np.isfinite(inputs).all():
            raise DataError("inputs hold infinities or NaN")
        return inputs


def _compile(compiler: str, sources: Sources, digest: str, driver: str, library: Path, log: Path) -> None:
    """Compile into a temporary folder beside the library, then move it into place."""
    with tempfile.TemporaryDirectory(prefix=".build-", dir=library.parent) as temporary:
        source, built = Path(temporary) / "driver.cpp", Path(temporary) / library.name
        source.write_text(driver, encoding="utf-8")
        firmware, name = sources.folder / "firmware", sources.name
        files = [firmware / f"{name}.cpp", sources.folder / f"{name}_bridge.cpp", source]
        command = [compiler, *_FLAGS, f"-I{firmware / 'ap_types'}", *map(str, files), "-o", str(built)]
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


def _chunks(events: int) -> Iterator[slice]:
    for start in range(0, events, _CHUNK):
        yield slice(start, min(start + _CHUNK, events))


def _size(rows: slice) -> ctypes.c_size_t:
    return ctypes.c_size_t(rows.stop - rows.start)


def _pointer(array: NDArray[np.float64]) -> Any:
    return array.ctypes.data_as(ctypes.POINTER(ctypes.c_double))


def _words(values: NDArray[np.float64], port: Port) -> NDArray[Any]:
    """Values as words on the grid of the circuit; doubles hold up to 53 bits.

    Firmware that was changed can give values between two words: they stay as they are, and equal no integer.
    """
    if port.format.width > 53:
        raise ToolchainError(f"{port.name} is {port.format}: the C simulation shows words of up to 53 bits")
    words = np.ldexp(values, port.fraction)
    return words.astype(np.int64) if np.array_equal(words, np.rint(words)) else words
