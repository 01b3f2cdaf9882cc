"""What the stages of a run have left: its firmware project and its JSON records, checked before they are used."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from l1ae.errors import RunFolderError
from l1ae.files import sha256
from l1ae.hardware.hls.sources import identity, read_provenance
from l1ae.runs import RunFolder

if TYPE_CHECKING:
    from l1ae.realisation import HardwareRecord


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
