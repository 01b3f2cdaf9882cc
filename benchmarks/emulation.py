"""`python -m benchmarks.emulation`: events per second of every way to emulate a model, on the same events and cores.

Nothing is reported unless all give the same integers, and the emulator those of the reference on many more events.
"""

import ctypes
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import record
from benchmarks.clock import Spread, seconds
from benchmarks.record import Row
from benchmarks.scoring import BASELINE, THREADS, Scores, hls4ml_predict, rates
from benchmarks.subject import Subject, prepare
from l1ae.circuit import Circuit, corner_words
from l1ae.circuit.nodes import Dense
from l1ae.circuit.tensors import Convolution
from l1ae.errors import L1aeError, ToolchainError, VerificationError
from l1ae.events.source import sample_path
from l1ae.hardware.emulator.emulator import Emulator
from l1ae.hardware.package import write_package
from l1ae.terminal import Terminal, quiet

_HERE = Path(__file__).resolve().parent
#: The anchors of the field: an encoder with its score, and the whole autoencoder.
CONFIGS = tuple(_HERE / "configs" / f"{name}.yaml" for name in ("encoder", "autoencoder"))
EMULATOR = f"l1ae.Emulator, {THREADS} threads"
#: Events that the reference takes at a time.
_BLOCK = 50_000
_XLA_BATCH = 16_384
_PEAK_ROUNDS = 20_000_000


def implementations(subject: Subject, folder: Path) -> dict[str, tuple[Scores, int]]:
    """Hardware words (N, n) to score words (N, 1), by name; the baseline comes first.

    With each how many copies of the events it gets, so that a fast one works for longer than a clock tick.
    """
    native, one = (Emulator(subject.circuit, threads=threads) for threads in (THREADS, 1))
    portable = Emulator(subject.circuit, target="portable", threads=THREADS)
    return {
        BASELINE: (hls4ml_predict(subject.hls4ml_library, subject.simulation.sources), 1),
        f"numpy int64 (the reference), {THREADS} threads": (partial(reference, subject.circuit), 5),
        f"packaged library, {THREADS} threads": (packaged(subject, folder), 20),
        f"QKeras under XLA, batches of {_XLA_BATCH}": (xla(subject), 50),
        f"l1ae.Emulator without special instructions, {THREADS} threads": (portable, 50),
        "l1ae.Emulator, 1 thread": (one, 300),
        EMULATOR: (native, 300),
    }


def reference(circuit: Circuit, words: NDArray[np.integer]) -> NDArray[np.int64]:
    """The integer reference, some blocks of events side by side."""
    blocks = [words[start : start + _BLOCK] for start in range(0, len(words), _BLOCK)]
    with ThreadPoolExecutor(THREADS) as pool:
        return np.concatenate(list(pool.map(circuit.output_words, blocks)))


def xla(subject: Subject) -> Scores:
    """The Keras model compiled by XLA, on as many cores as TensorFlow may use."""
    import tensorflow as tf

    from l1ae.autoencoder import inference

    output, model = subject.circuit.output, subject.model
    compiled = tf.function(lambda words: model(words, training=False), jit_compile=True)

    def scores(words: NDArray[np.integer]) -> NDArray[np.int64]:
        found = []
        for start in range(0, len(words), _XLA_BATCH):
            part = words[start : start + _XLA_BATCH].astype(np.float32)
            padded = np.zeros((_XLA_BATCH, part.shape[1]), dtype=np.float32)  # another shape would be compiled anew
            padded[: len(part)] = part
            found.append(compiled(tf.constant(padded)).numpy()[: len(part)])
        return inference.to_integers(output.name, np.concatenate(found), output.format.fraction)

    return scores


def packaged(subject: Subject, folder: Path) -> Scores:
    """The library of an emulator package, built by its own Makefile, called as an experiment does."""
    circuit, out = subject.circuit, folder / f"package-{subject.run.config.name}"
    if circuit.input.format.fraction:
        raise ToolchainError("the driver of the package takes ports without bits below the point")
    words = {"corner": corner_words(circuit)}
    write_package(circuit, "BENCH", 1, out, words=words, log=folder / "package.log")
    subprocess.run(["make", "--silent", "all"], cwd=out, check=True, capture_output=True)
    driver = out / "driver.so"
    command = [
        "g++",
        "-std=c++17",
        "-O3",
        "-fPIC",
        "-shared",
        "-DMODEL=BENCH_v1",
        '-DMODEL_HEADER="BENCH_v1/BENCH_v1.h"',
    ]
    places = [f"-I{out}", f"-I{out / 'stand-in' / 'include'}"]
    subprocess.run(
        [*command, *places, str(_HERE / "package_driver.cpp"), "-o", str(driver), "-ldl", "-pthread"], check=True
    )
    run = ctypes.CDLL(str(driver)).run
    library = str(out / "BENCH_v1.so").encode()

    def scores(words: NDArray[np.integer]) -> NDArray[np.int64]:
        given = np.ascontiguousarray(words, dtype=np.int16)
        found = np.empty((len(given), circuit.output.size), dtype=np.int64)
        pointers = (array.ctypes.data_as(ctypes.c_void_p) for array in (given, found))
        if run(library, *pointers, ctypes.c_int64(len(given)), ctypes.c_int64(THREADS)):
            raise ToolchainError(f"{out / 'BENCH_v1.so'} cannot be loaded")
        return found

    return scores


def rows(
    subject: Subject, words: NDArray[np.integer], sizes: "EmulationSizes", folder: Path, ui: Terminal
) -> list[Row]:
    """Rates of all implementations of one model, and the arithmetic of the emulator against the peak of the cores."""
    candidates = implementations(subject, folder)
    exact = agreement(subject.circuit, words, sizes.compared, ui)
    with ui.progress("calls", len(candidates) * (sizes.repeats + 1)) as advance:
        found = rates(f"{subject.shape}, emulation", candidates, words, sizes.repeats, advance)
    found = [row.with_sizes(exact) if row.name == EMULATOR else row for row in found]
    fastest = next(row for row in found if row.name == EMULATOR)
    return [*found, _arithmetic(subject, fastest, sizes.repeats, folder)]


def agreement(circuit: Circuit, words: NDArray[np.integer], events: int, ui: Terminal) -> dict[str, int]:
    """How many events the emulator and the reference were compared on: those given, then random words of the ports.

    Raises `VerificationError` at the first that differs.
    """
    emulator = Emulator(circuit)
    low, high = circuit.port_range
    rng = np.random.default_rng(1)
    done = 0
    with ui.progress("events compared with the reference", events) as advance:
        while done < events:
            count = min(THREADS * _BLOCK, events - done)
            if done == 0:
                part = words[:count]
            else:
                part = rng.integers(low, high, (count, circuit.n_inputs), endpoint=True).astype(emulator.input_dtype)
            wrong = int((emulator(part) != reference(circuit, part)).any(axis=1).sum())
            if wrong:
                raise VerificationError(f"{EMULATOR} differs from the reference in {wrong} of {len(part)} events")
            done += len(part)
            advance(len(part))
    return {"events equal to the reference": done}


def products(circuit: Circuit) -> int:
    """Multiplications of an event in dense layers and convolutions, those by zero included."""
    total = 0
    for node in circuit.nodes:
        if isinstance(node, Convolution):
            total += node.windows.shape[0] * node.kernel.size
        elif isinstance(node, Dense):
            total += node.kernel.size
    return total


def _arithmetic(subject: Subject, rate: Row, repeats: int, folder: Path) -> Row:
    """The emulator's products per second in the unit of what the same cores can do at most."""
    count = products(subject.circuit)
    found = rate.measured
    measured = Spread(count * found.median, count * found.low, count * found.high, found.repeats)
    name = f"products of layers in {EMULATOR}"
    baseline = f"the products that {THREADS} cores can add up at most, in the same instructions"
    return Row(
        f"arithmetic {subject.shape}",
        name,
        "products/s",
        "higher",
        measured,
        baseline,
        peak(repeats, folder),
        {"products an event": count},
    )


def peak(repeats: int, folder: Path, rounds: int = _PEAK_ROUNDS) -> Spread:
    """Products per second of all threads together."""
    library = folder / "peak.so"
    templates = resources.files("l1ae.hardware.emulator").joinpath("templates")
    with resources.as_file(templates) as place:
        flags = ["-std=c++17", "-O3", "-march=native", "-fPIC", "-shared", "-w", f"-I{place}"]
        subprocess.run(["g++", *flags, str(_HERE / "peak.cpp"), "-o", str(library)], check=True)
    run: Any = ctypes.CDLL(str(library)).run
    run.restype = ctypes.c_int64

    def one(_: int) -> int:
        kept = ctypes.c_int32()
        return int(run(ctypes.c_int64(rounds), ctypes.c_int32(0x01020304), ctypes.byref(kept)))

    def all_threads() -> int:
        with ThreadPoolExecutor(THREADS) as pool:
            return sum(pool.map(one, range(THREADS)))

    found = []
    for _ in range(repeats):
        taken, each = seconds(all_threads)
        found.append(each * rounds / taken)
    return Spread.of(found)


@dataclass(frozen=True)
class EmulationSizes:
    """How much is measured: events that all get, calls of each, events compared with the reference."""

    events: int = 10_000
    repeats: int = 5
    compared: int = 10_000_000


def measure(configs: Sequence[Path], data: Path, sizes: EmulationSizes, ui: Terminal, folder: Path) -> list[Row]:
    """All rows; `folder` takes what is made on the way. Raises `VerificationError` when a word differs."""
    found: list[Row] = []
    for config in configs:
        ui.stage(f"bench: build, convert and compile {config.stem}")
        subject = prepare(config, data, folder, ui)
        words = subject.samples.first_test_events(sizes.events).inputs
        ui.stage(f"bench: emulation, {subject.shape}")
        found += rows(subject, words, sizes, folder, ui)
    return found


def main() -> int:
    """Exit code 0, or that of the failure."""
    before = record.machine()
    with tempfile.TemporaryDirectory(prefix="l1ae-bench-") as temporary, Terminal() as ui:
        folder = Path(temporary)
        try:
            with quiet(folder / "bench.log"):
                found = measure(CONFIGS, sample_path(), EmulationSizes(), ui, folder)
        except L1aeError as error:
            ui.say(f"bench: error: {error}")
            return error.exit_code
        ui.console.print(record.table(found, before))
    return 0


if __name__ == "__main__":
    sys.exit(main())
