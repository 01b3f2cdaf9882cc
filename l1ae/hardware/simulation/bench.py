"""A design that runs clock by clock: what goes into its ports, and what is found on them."""

import ctypes
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from l1ae.circuit.formats import FixedFormat
from l1ae.circuit.graph import Circuit
from l1ae.errors import DataError, ToolchainError
from l1ae.hardware.simulation.bits import PortBits
from l1ae.hardware.simulation.build import Library, build

if TYPE_CHECKING:
    from l1ae.hardware.rtl import RtlProject

#: Clocks between two moments at which an interruption is noticed.
CHUNK = 4096


@dataclass(frozen=True, eq=False)
class Drive:
    """What the ports hold, clock by clock: words (N, n_inputs), valid (N,), reset (N,), threshold (N,)."""

    words: NDArray[np.int64]
    valid: NDArray[np.bool_]
    reset: NDArray[np.bool_]
    thresholds: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.words)

    def __getitem__(self, rows: slice) -> "Drive":
        return Drive(self.words[rows], self.valid[rows], self.reset[rows], self.thresholds[rows])


@dataclass(frozen=True, eq=False)
class Simulated:
    """What came out: clocks (M,) in which the output was valid, its words (M, m), its triggers (M,).

    Clocks count from the first one that was driven; what a rising edge finds belongs to its clock, so that an event
    offered in clock t comes out in clock t + latency. `stray`: clocks with a trigger and no valid output.
    """

    clocks: NDArray[np.int64]
    words: NDArray[np.int64]
    triggers: NDArray[np.bool_]
    stray: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Design:
    """A compiled design with the layout of its ports."""

    library: Library
    circuit: Circuit
    inputs: PortBits
    outputs: PortBits
    threshold: FixedFormat | None

    @classmethod
    def build(
        cls,
        project: "RtlProject",
        sources: Sequence[Path] | None,
        *,
        log: Path,
        cache: Path | None = None,
        advance: Callable[[], object] = lambda: None,
    ) -> "Design":
        """Compile the Verilog of a project, or `sources` with the same ports; raises `ToolchainError`."""
        circuit = project.circuit()
        files = project.sources if sources is None else sources
        library = build(files, project.name, project.output_port, log=log, cache=cache, advance=advance)
        inputs, outputs = PortBits.of(circuit.inputs), PortBits.of([circuit[name] for name in circuit.outputs])
        threshold = circuit.output.format if project.has_threshold else None
        wanted = {"in_words": inputs.bits, project.output_port: outputs.bits}
        if threshold is not None:
            wanted["threshold"] = threshold.width
        for name, bits in wanted.items():
            found = library.ports.get(name, 0)
            if found != bits:
                raise ToolchainError(
                    f"port {name} of module {project.name} has {found} bits, its circuit {bits}: "
                    "these are not the Verilog files of this project"
                )
        return cls(library, circuit, inputs, outputs, threshold)


class Bench:
    """One instance of a design whose registers wake up with random bits; a context manager."""

    def __init__(self, design: Design, seed: int) -> None:
        self._design, functions = design, design.library.functions
        functions.l1ae_new.restype = ctypes.c_void_p
        functions.l1ae_run.restype = ctypes.c_char_p
        self._functions = functions
        self._handle = ctypes.c_void_p(functions.l1ae_new(ctypes.c_int(seed)))
        self._clock = 0

    def __enter__(self) -> "Bench":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._functions.l1ae_delete(self._handle)

    def wake(self, words: NDArray[np.int64]) -> None:
        """A clock of reset, while an event (1, n) is offered that has to be ignored; clocks count from here."""
        nothing = np.zeros(len(words), dtype=np.int64)
        self._run(Drive(words, nothing == 0, nothing == 0, nothing))
        self._clock = 0

    def run(self, drive: Drive) -> Simulated:
        """Drive the ports for as many clocks as there are rows."""
        parts = [self._run(drive[start : start + CHUNK]) for start in range(0, len(drive), CHUNK)]
        return join(parts, self._design.outputs)

    def _run(self, drive: Drive) -> Simulated:
        design, clocks = self._design, len(drive)
        words = design.inputs.pack(drive.words)
        if design.threshold is None:
            thresholds = np.zeros((clocks, 2), dtype="<u4")
        else:
            thresholds = PortBits.elements([design.threshold]).pack(drive.thresholds[:, None])
        reset, offered = drive.reset.astype(np.uint8), drive.valid.astype(np.uint8)
        valid, trigger = np.zeros((2, clocks), dtype=np.uint8)
        outputs = np.zeros((clocks, 2 * design.outputs.lanes), dtype="<u4")
        message = self._functions.l1ae_run(
            self._handle,
            ctypes.c_size_t(clocks),
            _pointer(reset),
            _pointer(offered),
            _pointer(words),
            ctypes.c_size_t(words.shape[1]),
            _pointer(thresholds),
            _pointer(valid),
            _pointer(trigger),
            _pointer(outputs),
            ctypes.c_size_t(outputs.shape[1]),
        )
        if message is not None:
            reason = " ".join(message.decode(errors="replace").split())
            raise ToolchainError(f"the simulation stopped: {reason}")
        at = np.flatnonzero(valid)
        stray = np.flatnonzero((trigger != 0) & (valid == 0))
        clock, self._clock = self._clock, self._clock + clocks
        return Simulated(at + clock, design.outputs.unpack(outputs[at]), trigger[at] != 0, stray + clock)


def join(parts: Sequence[Simulated], outputs: PortBits) -> Simulated:
    """What came out of several runs, one after the other."""
    if len(parts) == 1:
        return parts[0]
    none = np.zeros(0, dtype=np.int64)
    return Simulated(
        np.concatenate([none, *(part.clocks for part in parts)]),
        np.concatenate([np.zeros((0, len(outputs.widths)), dtype=np.int64), *(part.words for part in parts)]),
        np.concatenate([none != 0, *(part.triggers for part in parts)]),
        np.concatenate([none, *(part.stray for part in parts)]),
    )


def simulate(
    sources: Sequence[Path] | None,
    project: "RtlProject",
    words: NDArray[np.integer],
    *,
    thresholds: Any = None,
    valid: Any = None,
    reset: Any = None,
    log: Path,
    cache: Path | None = None,
    seed: int = 1,
) -> Simulated:
    """Drive a design after a clock of reset, row by row, then idle until everything has come out.

    `words` (N, n_inputs), `thresholds` (a word of the score), `valid` (default: all) and `reset` (default: none) hold
    one row per clock, or one value for all. `sources`: None for those of the project. `seed` chooses the bits that
    registers wake up with. Raises `DataError` for rows that do not fit, `ToolchainError` when a tool is missing.
    """
    design = Design.build(project, sources, log=log, cache=cache)
    if thresholds is not None and design.threshold is None:
        raise DataError(f"{project.name} has no threshold: it has not one scalar output")
    rows = design.circuit.input_words(words)
    drive = Drive(
        rows,
        _per_clock(True if valid is None else valid, len(rows), "valid").astype(bool),
        _per_clock(False if reset is None else reset, len(rows), "reset").astype(bool),
        _per_clock(0 if thresholds is None else thresholds, len(rows), "thresholds").astype(np.int64),
    )
    if design.threshold is not None:
        low, high = design.threshold.low, design.threshold.high
        if drive.thresholds.size and not low <= drive.thresholds.min() <= drive.thresholds.max() <= high:
            raise DataError(f"thresholds: give words from {low} to {high}, as {design.threshold} has them")
    rng = np.random.default_rng(seed)
    with Bench(design, seed) as bench:
        bench.wake(garbage(design.circuit, 1, rng))
        last = int(drive.thresholds[-1]) if len(drive) else 0
        rest = idle(design, project.latency_clocks, rng, last)
        return join([bench.run(drive), bench.run(rest)], design.outputs)


def idle(design: Design, latency: int, rng: np.random.Generator, threshold: int = 0) -> Drive:
    """Clocks without an event, and with random words, until everything has come out and some more."""
    count = 2 * latency + 16
    nothing = np.zeros(count, dtype=np.int64)
    return Drive(garbage(design.circuit, count, rng), nothing != 0, nothing != 0, nothing + threshold)


def garbage(circuit: Circuit, count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Random words (count, n_inputs) of all ports."""
    low, high = circuit.port_range
    found: NDArray[np.int64] = rng.integers(low, high, (count, circuit.n_inputs), endpoint=True)
    return found


def _per_clock(values: Any, clocks: int, name: str) -> NDArray[Any]:
    with suppress(ValueError):
        return np.broadcast_to(np.asarray(values), (clocks,))
    raise DataError(f"{name} of shape {np.shape(values)}: give one for each of the {clocks} rows")


def _pointer(array: NDArray[Any]) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)
