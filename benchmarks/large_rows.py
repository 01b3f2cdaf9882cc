"""Rates and memory on a file as large as the public one, each pass in a process of its own."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.clock import Spread
from benchmarks.record import Row
from l1ae.errors import ToolchainError

_ROOT = Path(__file__).resolve().parents[1]
_MIB = 2**20
BASELINE = "plain h5py, the same chunks"
_BASELINE_MEMORY = "plain h5py, the whole file in memory"
_RATES = {
    "stream": "every event in chunks (every word checked)",
    "summary": "l1ae data info (counts, duplicates)",
    "training_input": "training input (split, scattered over buckets, read back)",
    "training": "l1ae train, one epoch, from the file to the model",
    "evaluation": "scores of all test events, with ROC and thresholds",
}


def measure(action: str, file: Path, folder: Path) -> dict[str, Any]:
    """Seconds, events and peak memory of one pass, see `benchmarks.large`."""
    return _child(folder, action, "benchmarks.large", action, str(file), str(folder))


def _child(folder: Path, name: str, module: str, *arguments: str) -> dict[str, Any]:
    """What a process of its own measured."""
    record, log = folder / f"{name}.json", folder / f"{name}.log"
    command = [sys.executable, "-m", module, *arguments, str(record)]
    with log.open("w", encoding="utf-8") as output:
        done = subprocess.run(command, cwd=_ROOT, stdout=output, stderr=output, check=False)
    if done.returncode:
        raise ToolchainError(f"measuring {name} failed: {log.read_text(encoding='utf-8')[-500:]}")
    found: dict[str, Any] = json.loads(record.read_text(encoding="utf-8"))
    return found


def generation(recipe: str, events: int, pool: int, data: Path, folder: Path, advance: Callable[[], Any]) -> list[Row]:
    """Accepted events per second of every process on one core, against h5py's reading of an event file."""
    folder.mkdir(parents=True, exist_ok=True)
    plain = measure("plain", data, folder)
    found = _child(folder, "generation", "benchmarks.generation", recipe, str(events), str(pool), str(folder))
    advance()
    reading = Spread.of([plain["events"] / plain["seconds"]])
    sizes = {"events each": events, "pool events": pool}
    return [
        Row(
            f"generation, {Path(recipe).stem}",
            name,
            "events/s",
            "higher",
            Spread.of([events / taken]),
            BASELINE,
            reading,
            sizes,
        )
        for name, taken in found["seconds"].items()
    ]


def rows(file: Path, folder: Path, advance: Callable[[], Any]) -> list[Row]:
    """Events per second and peak memory of every pass against h5py's own reading of the same file."""
    found = {}
    for action in ("plain", "whole", *_RATES):
        found[action] = measure(action, file, folder)
        advance()
    events = found["plain"]["events"]
    plain = Spread.of([events / found["plain"]["seconds"]])
    whole = Spread.of([found["whole"]["peak_bytes"] / _MIB])
    result = []
    for action, name in _RATES.items():
        rate = Spread.of([found[action]["events"] / found[action]["seconds"]])
        sizes = {"events in the file": events}
        result.append(Row("large file, rate", name, "events/s", "higher", rate, BASELINE, plain, sizes))
    for action, name in _RATES.items():
        memory = Spread.of([found[action]["peak_bytes"] / _MIB])
        sizes = {"events in the file": events}
        result.append(Row("large file, peak memory", name, "MiB", "lower", memory, _BASELINE_MEMORY, whole, sizes))
    return result


def conversion(file: Path, folder: Path, advance: Callable[[], Any]) -> list[Row]:
    """Events per second and peak memory of converting a file in the public format."""
    found = {}
    for action in ("plain", "whole", "convert"):
        found[action] = measure(action, file, folder)
        advance()
    events = {"events": found["convert"]["events"]}
    rates = [Spread.of([found[action]["events"] / found[action]["seconds"]]) for action in ("convert", "plain")]
    memory = [Spread.of([found[action]["peak_bytes"] / _MIB]) for action in ("convert", "whole")]
    name, group = "l1ae data convert", "conversion from the public format"
    return [
        Row(f"{group}, rate", name, "events/s", "higher", rates[0], BASELINE, rates[1], events),
        Row(f"{group}, peak memory", name, "MiB", "lower", memory[0], _BASELINE_MEMORY, memory[1], events),
    ]
