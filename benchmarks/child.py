"""A verification in a process of its own, for its peak memory: RUN_FOLDER DATA_EVENTS RANDOM_EVENTS JSON_FILE."""

import json
import resource
import sys
from dataclasses import replace
from pathlib import Path

from l1ae import pipeline
from l1ae.config import VerificationConfig
from l1ae.runs import RunFolder
from l1ae.samples import Samples
from l1ae.terminal import Terminal


def main(folder: Path, data: int, random: int, record: Path) -> None:
    """Verify a few events, so that all code is loaded, then all of them, and write how far the peak rose."""
    run = RunFolder.open(folder)
    _verify(run, min(data, 10), 10)
    loaded = peak()
    events = _verify(run, data, random)
    width = Samples.open(run.config.data).layout.n_inputs
    facts = {
        "events": events,
        "input_bytes": events * width * 8,
        "peak_bytes": peak(),
        "added_bytes": peak() - loaded,
    }
    record.write_text(json.dumps(facts), encoding="utf-8")


def _verify(run: RunFolder, data: int, random: int) -> int:
    """How many events were verified; raises `VerificationError` when one differs."""
    settings = run.config.verification.model_dump() | {"events": data, "random": random}
    config = run.config.model_copy(update={"verification": VerificationConfig(**settings)})
    with Terminal() as ui:
        verdict, _ = pipeline.verify(replace(run, config=config), ui)
    verdict.check()
    return verdict.events


def peak() -> int:
    """Largest resident size of this process so far, in bytes.

    Not from getrusage where it can be helped: Linux lets a process inherit that figure from the one that started it.
    """
    status = Path("/proc/self/status")
    if status.is_file():
        kibibytes = next(line.split()[1] for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(kibibytes) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]))
