"""Verifying whatever a path names: a run folder, a firmware project, or a model file."""

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from l1ae import pipeline
from l1ae.circuit import Circuit
from l1ae.errors import L1aeError, RunFolderError
from l1ae.firmware import CIRCUIT, MODEL_FILES, RANDOM_EVENTS, Firmware, convert
from l1ae.hardware.hls.sources import PROVENANCE
from l1ae.implementations import recorded
from l1ae.outcomes import Kind, Outcome
from l1ae.runs import RunFolder
from l1ae.terminal import Terminal, quiet
from l1ae.verify import Verdict

#: Characters of an unexpected error that are shown.
_REASON = 500


@dataclass(frozen=True)
class Options:
    """How to verify: `events` of each kind (None: what is usual), `ap_types` headers, and options to convert files."""

    events: int | None = None
    ap_types: Path | None = None
    conversion: dict[str, Any] | None = None


def kind_of(path: Path) -> Kind:
    """What lies at a path; raises `RunFolderError` when it is nothing that can be verified."""
    if (path / "config.yaml").is_file():
        return "run"
    if (path / PROVENANCE).is_file():
        return "project"
    if path.suffix in MODEL_FILES:
        return "model"
    raise RunFolderError(
        f"{path} holds no run and no firmware project and is no model file: give a folder of l1ae run or l1ae convert, "
        "or a .keras or .h5 file"
    )


def verify_path(path: Path, options: Options, ui: Terminal) -> Outcome:
    """Verify what a path names; a failure of any kind is an outcome too, so that the paths after it are verified."""
    start = time.monotonic()
    kind: Kind = "unknown"
    try:
        kind = kind_of(path)
        verify = {"run": _run, "project": _project, "model": _model}[kind]
        found = verify(path, options, ui)
    except L1aeError as error:
        return Outcome(str(path), kind, time.monotonic() - start, error=error)
    except Exception as error:  # of Keras, hls4ml, or a fault of l1ae
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        unexpected = L1aeError(f"{path}: unexpected {reason[:_REASON]}; report it to l1ae with the model")
        return Outcome(str(path), kind, time.monotonic() - start, error=unexpected)
    verdict, circuit, record, notes = found
    return Outcome(str(path), kind, time.monotonic() - start, verdict, record, len(circuit.nodes), notes)


_Found = tuple[Verdict, Circuit, dict[str, Any], tuple[str, ...]]


def _run(path: Path, options: Options, ui: Terminal) -> _Found:
    run = RunFolder.open(path)
    verdict, record = pipeline.verify(run, ui, events=options.events, ap_types=options.ap_types)
    return verdict, Circuit.load(run.circuit), record, ()


def _project(path: Path, options: Options, ui: Terminal) -> _Found:
    ui.stage(f"verify: {path}")
    with scratch_log("verify") as log:
        return _verified(Firmware.open(path), options, ui, log)


def _model(path: Path, options: Options, ui: Terminal) -> _Found:
    ui.stage(f"verify: {path}, converted for this")
    with scratch_log("verify") as log, tempfile.TemporaryDirectory() as folder:
        with quiet(log):
            firmware = convert(path, Path(folder) / path.stem, **(options.conversion or {}))
        return _verified(firmware, options, ui, log)


def _verified(firmware: Firmware, options: Options, ui: Terminal, log: Path) -> _Found:
    with quiet(log):
        events = options.events or RANDOM_EVENTS
        verdict = firmware.verify(events=events, ap_types=options.ap_types, log=log.with_name("g++.log"), ui=ui)
    for line in (*firmware.notes, *verdict.lines()):
        ui.say(f"  {line}")
    record = recorded(verdict, firmware.folder, firmware.folder / CIRCUIT)
    return verdict, firmware.circuit, record, firmware.notes


@contextmanager
def scratch_log(name: str) -> Iterator[Path]:
    """A log file that is kept only when the message of an error names it."""
    folder = Path(tempfile.mkdtemp(prefix="l1ae-"))
    keep = False
    try:
        yield folder / f"{name}.log"
    except BaseException as error:
        keep = str(folder) in str(error)
        raise
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)
