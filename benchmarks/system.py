"""Reading event files, starting the program, and the memory of a verification."""

import json
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from benchmarks.clock import Spread, in_turns
from benchmarks.record import Row
from benchmarks.subject import Subject
from l1ae.errors import ToolchainError, VerificationError
from l1ae.events.io import read_events

_ROOT = Path(__file__).resolve().parents[1]
_MIB = 2**20


def reading(data: Path, repeats: int, advance: Callable[[], Any] = lambda: None) -> Row:
    """Seconds to read an event file that lies in the page cache."""

    def plain() -> dict[str, np.ndarray]:
        with h5py.File(data, "r") as file:
            return {name: file[name][:] for name in ("words", "process", "event_id")}

    expected = plain()

    def check(name: str, found: Any) -> None:
        values = found if isinstance(found, dict) else {key: getattr(found, key) for key in expected}
        if not all(np.array_equal(values[key], expected[key]) for key in expected):
            raise VerificationError(f"{name} reads other events from {data} than h5py; no figures")
        advance()

    baseline = "the same datasets with h5py"
    times = in_turns({"read_events": lambda: read_events(data), baseline: plain}, repeats, check)
    spread, plain_spread = (Spread.of(values) for values in times.values())
    sizes = {"events": len(expected["words"]), "bytes": data.stat().st_size}
    return Row("reading", "read_events (checks every word)", "s", "lower", spread, baseline, plain_spread, sizes)


def start_up(repeats: int, advance: Callable[[], Any] = lambda: None) -> Row:
    """Wall seconds of `l1ae --help`."""
    program = Path(sysconfig.get_path("scripts")) / "l1ae"
    if not program.is_file():
        raise ToolchainError(f"{program} is missing: pip install --editable .")
    baseline = "python -c pass"

    def start(*command: str) -> None:
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    actions = {
        "l1ae --help": partial(start, str(program), "--help"),
        baseline: partial(start, sys.executable, "-c", "pass"),
    }
    in_turns(actions, 1)  # untimed: files come into the page cache
    times = in_turns(actions, repeats, lambda *_: advance())
    spread, baseline_spread = (Spread.of(values) for values in times.values())
    return Row("start-up", "l1ae --help", "s", "lower", spread, baseline, baseline_spread, {"process": 1})


def memory(subject: Subject, events: int, folder: Path) -> list[Row]:
    """Memory of `l1ae verify` on `events` events, in a process of its own, against the array of its inputs."""
    data = min(events // 2, subject.samples.test_events())
    record = folder / "memory.json"
    command = [sys.executable, "-m", "benchmarks.child", str(subject.run.path), str(data), str(events - data)]
    log = subject.run.log("memory")
    with log.open("w", encoding="utf-8") as file:
        done = subprocess.run([*command, str(record)], cwd=_ROOT, stdout=file, stderr=file, check=False)
    if done.returncode:
        raise VerificationError(f"verifying {subject.run.config.name} failed: {log.read_text(encoding='utf-8')[-500:]}")
    found = json.loads(record.read_text(encoding="utf-8"))
    baseline, sizes = "the inputs as float64", {"events": found["events"]}
    inputs = Spread.of([found["input_bytes"] / _MIB])
    group = f"memory of l1ae verify {subject.run.config.name}"
    return [
        Row(group, what, "MiB", "lower", Spread.of([found[key] / _MIB]), baseline, inputs, sizes)
        for what, key in (("added by the events", "added_bytes"), ("peak of the process", "peak_bytes"))
    ]
