"""What the stages of a run have left: its firmware project and its JSON records, checked before they are used."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from l1ae.circuit import Circuit
from l1ae.config import VerificationConfig
from l1ae.errors import RunFolderError
from l1ae.files import sha256
from l1ae.hardware.hls.sources import identity, read_provenance
from l1ae.runs import RunFolder
from l1ae.samples import Samples
from l1ae.stimuli import choose, stimuli

if TYPE_CHECKING:
    from collections.abc import Callable

    from l1ae.events.schema import EventSet
    from l1ae.realisation import HardwareRecord
    from l1ae.report.comparisons import OtherScore


def project_of(run: RunFolder) -> Path:
    """The HLS project of a run; raises `RunFolderError` when there is none."""
    project = (run.path / project_name(run)).resolve()
    if not project.is_dir():
        raise RunFolderError(f"the firmware project {project} is gone: l1ae convert {run.path}")
    written = read_record(run, run.conversion, "convert", "provenance_sha256")["provenance_sha256"]
    if identity(project) != written:
        raise RunFolderError(f"{project} was written again, by another run perhaps: l1ae convert {run.path}")
    if (read_provenance(project) or {}).get("firmware") != run.config.firmware.model_dump(mode="json"):
        raise RunFolderError(
            f"{project} was made with other firmware settings than config.yaml: l1ae convert {run.path}"
        )
    return project


def project_name(run: RunFolder) -> str:
    """The project as a path relative to the run folder, so that both can be moved together."""
    return str(read_record(run, run.conversion, "convert", "project")["project"])


def read_record(run: RunFolder, file: Path, command: str, key: str) -> dict[str, Any]:
    """A JSON record of an earlier stage, which has to hold `key`; `command` makes it again."""
    try:
        record = json.loads(run.need(file, command).read_text(encoding="utf-8"))
    except ValueError:
        record = None
    if not isinstance(record, dict) or key not in record:
        raise RunFolderError(f"{file} is damaged: remove it, then l1ae {command} {run.path}")
    return record


def run_stimuli(run: RunFolder, circuit: Circuit, config: VerificationConfig) -> dict[str, NDArray[np.float64]]:
    """What a verification of the run feeds to every implementation, values (N, n_inputs) by origin."""
    samples = Samples.open(run.config.data)
    chosen = choose(samples.test_events(), config)
    return stimuli(circuit, samples.stream.rows(chosen, samples.processes, "test").inputs, config)


def forget_reports(run: RunFolder) -> None:
    """Remove the reports of a run, whose content is no longer true."""
    for file in (run.report_json, run.report_html):
        file.unlink(missing_ok=True)


def hardware_of(run: RunFolder) -> "HardwareRecord":
    """What is known about the Verilog of a run; raises `RunFolderError` before `l1ae rtl`, and for another circuit."""
    from l1ae.realisation import read_hardware

    record = read_hardware(run.hardware, f"l1ae rtl {run.path}")
    if record.circuit_sha256 != sha256(run.need(run.circuit, "convert")):
        raise RunFolderError(f"{run.hardware} is about another circuit than {run.circuit}: l1ae rtl {run.path}")
    return record


def current_hardware(run: RunFolder) -> "HardwareRecord | None":
    """The same, or None before `l1ae rtl`; raises `RunFolderError` when the RTL was edited since, or is gone."""
    from l1ae.hardware.rtl import read_rtl

    if not run.hardware.is_file():
        return None
    record = hardware_of(run)
    folder = (run.path / record.folder).resolve()
    if read_rtl(folder).digest() != record.rtl_sha256:
        raise RunFolderError(
            f"the RTL in {folder} has changed since it was simulated: l1ae rtl {run.path}, with --check to keep it"
        )
    return record


def other_scores(run: RunFolder) -> dict[str, "OtherScore"]:
    """Scores of the other networks of the run to compare with, by name: the same in float, and a student's teacher."""
    from l1ae.report.comparisons import OtherScore

    known = (
        ("the same in float", run.floating, "the same network and score in float32, behind the same inputs"),
        ("its teacher", run.teacher, "the large float network that the student has learned from"),
    )
    return {
        name: OtherScore(description, "the unit of the score", _keras_score(file))
        for name, file, description in known
        if file.is_file()
    }


def _keras_score(file: Path) -> "Callable[[EventSet], NDArray[Any]]":
    from l1ae.autoencoder import inference

    model = inference.load_model(file)
    return lambda events: inference.scores(model, events.inputs)[:, 0]
