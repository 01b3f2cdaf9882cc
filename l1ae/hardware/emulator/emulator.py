"""`Emulator`: a circuit compiled for this machine, with the words of the reference at the speed of its processor."""

import ctypes
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ae.circuit.corners import corner_words
from l1ae.circuit.formats import Overflow
from l1ae.circuit.graph import Circuit
from l1ae.errors import ToolchainError
from l1ae.hardware.emulator.build import Target, build
from l1ae.hardware.emulator.library import Words, library_code

#: Events that one thread takes at a time.
CHUNK = 16_384
#: Random events that a library is compared on whenever it is loaded, and when it is made.
_LOADED, _MADE = 256, 4096


class Emulator:
    """The output words of a circuit for many events, from compiled code that uses every core.

    `target`: "native" uses all instructions of this processor, "portable" only common ones; the words are the same.
    `cache`: where libraries are kept, by default in the user's cache; `log`: where the compiler's messages go;
    `threads`: by default one for each core that this process may use.
    Raises `ToolchainError` when there is no g++, when it fails, and when the library does not give the words of the
    reference: on its corner words and random ones when it is made, on random ones whenever it is loaded. Raises
    `ConversionError` for a circuit that 64 bits cannot compute.
    """

    def __init__(
        self,
        circuit: Circuit,
        *,
        target: Target = "native",
        cache: Path | None = None,
        log: Path | None = None,
        threads: int | None = None,
    ) -> None:
        self.circuit = circuit
        self.target = target
        self.threads = threads or _cores()
        self._words = Words.of(circuit)
        self._outputs = sum(circuit[name].size for name in circuit.outputs)
        # The code clips; words that a port wraps, and those of wider types, go through the reference's own rules.
        self._direct = len(circuit.inputs) == 1 and circuit.inputs[0].format.overflow is not Overflow.WRAP
        self.library, self._functions = build(
            lambda features: library_code(circuit, features), target, self._check_made, cache=cache, log=log
        )
        self._check(self._functions, self._random(_LOADED), self.library)

    @property
    def dtype(self) -> np.dtype:
        """Type of the output words: the smallest of int16, int32 and int64 that holds them all."""
        return self._words.output

    @property
    def input_dtype(self) -> np.dtype:
        """Type of input words that are taken without a copy."""
        return self._words.input

    def __call__(self, values: Any) -> NDArray[np.signedinteger]:
        """Words (N, m) of all outputs side by side, flattened: those of `Circuit.output_words`, in the type `dtype`.

        `values` as for `Circuit.input_words`; C-contiguous arrays (N, n) of the type `input_dtype` are the fastest.
        """
        chunks, events = self._chunks(values)
        found = np.empty((events, self._outputs), dtype=self.dtype)

        def run(rows: slice) -> None:
            self._run(self._functions, self._prepared(chunks, rows), found[rows])

        pieces = list(_pieces(events))
        if len(pieces) < 2 or self.threads == 1:
            for rows in pieces:
                run(rows)
            return found
        # ctypes lets go of the GIL, and the code has no state: threads run in parallel.
        with ThreadPoolExecutor(min(self.threads, len(pieces))) as pool:
            for _ in pool.map(run, pieces):
                pass
        return found

    def _chunks(self, values: Any) -> tuple[list[NDArray[Any]], int]:
        """The arrays that are cut into chunks, one or one for each port, and how many events they have."""
        if isinstance(values, Sequence) and len(values) == len(self.circuit.inputs) and np.ndim(values[0]) > 1:
            arrays = [np.asarray(array) for array in values]
        else:
            arrays = [np.asarray(values)]
        if len({len(array) if array.ndim else -1 for array in arrays}) > 1 or arrays[0].ndim < 2:
            self.circuit.input_words(values)  # says what is wrong
        self._prepared(arrays, slice(0, 0))
        return arrays, len(arrays[0])

    def _prepared(self, arrays: list[NDArray[Any]], rows: slice) -> NDArray[Any]:
        """Some events as the code takes them."""
        parts = [array[rows] for array in arrays]
        (first, *_) = parts
        fits = first.dtype.kind in "iu" and np.can_cast(first.dtype, self.input_dtype)
        if self._direct and fits and first.shape[1:] in (self.circuit.inputs[0].shape, (self.circuit.n_inputs,)):
            return np.ascontiguousarray(first, dtype=self.input_dtype)
        given = parts if len(parts) > 1 else first
        return np.ascontiguousarray(self.circuit.input_words(given), dtype=self.input_dtype)

    def _run(self, functions: ctypes.CDLL, words: NDArray[Any], out: NDArray[Any]) -> None:
        pointers = (array.ctypes.data_as(ctypes.c_void_p) for array in (words, out))
        functions.l1ae_run(*pointers, ctypes.c_int64(len(words)))

    def _random(self, events: int) -> NDArray[np.int64]:
        low, high = self.circuit.port_range
        return np.random.default_rng(events).integers(low, high, (events, self.circuit.n_inputs), endpoint=True)

    def _check_made(self, functions: ctypes.CDLL) -> None:
        words = np.concatenate([corner_words(self.circuit), self._random(_MADE)])
        self._check(functions, words, "the library that g++ has made")

    def _check(self, functions: ctypes.CDLL, words: NDArray[np.int64], what: object) -> None:
        """Raise `ToolchainError` when a library does not give the words of the reference."""
        found = np.empty((len(words), self._outputs), dtype=self.dtype)
        self._run(functions, np.ascontiguousarray(words, dtype=self.input_dtype), found)
        wrong = int((found != self.circuit.output_words(words)).any(axis=1).sum())
        if wrong:
            raise ToolchainError(
                f"{what} differs from the reference in {wrong} of {len(words)} events: remove it and try again, "
                'or choose target="portable"'
            )


def _pieces(events: int) -> Iterator[slice]:
    for start in range(0, events, CHUNK):
        yield slice(start, min(start + CHUNK, events))


def _cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
