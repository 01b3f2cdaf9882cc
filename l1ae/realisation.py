"""From a circuit to Verilog, its simulation and its netlist, and the record of what was found."""

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pydantic
from numpy.typing import NDArray

from l1ae.circuit import Circuit
from l1ae.config import RtlConfig, VerificationConfig
from l1ae.errors import RunFolderError
from l1ae.files import sha256, write_text
from l1ae.firmware import RANDOM_EVENTS, Firmware
from l1ae.hardware.figures import HardwareFigure
from l1ae.hardware.hls.sources import read_provenance
from l1ae.hardware.netlist import synthesise
from l1ae.hardware.rtl import RtlProject, emit_rtl, read_rtl
from l1ae.hardware.rtl.names import top_name
from l1ae.hardware.simulation import RtlVerdict, check_rtl
from l1ae.records import Record
from l1ae.stimuli import stimuli
from l1ae.terminal import Terminal

#: Folder of the Verilog inside of a firmware project.
RTL = "rtl"
#: What is known about the Verilog of a firmware project, and the folder of its netlist, inside of the project.
HARDWARE, NETLIST = "hardware.json", "netlist"
#: Events of each origin that the netlist is simulated with, slowly, since it is single bits; of the corner words all.
NETLIST_EVENTS = 2000
#: Events, beside the corner words, in the test bench of the Verilog.
_VECTORS = 1000


class HardwareRecord(Record):
    """What became of the Verilog of a circuit: simulated, synthesised, and its netlist simulated; None if not done.

    `settings`: what the Verilog was made for. `circuit_sha256`, `rtl_sha256`: what this is about.
    """

    settings: RtlConfig
    part: str
    folder: str
    circuit_sha256: str
    rtl_sha256: str
    rtl: RtlVerdict
    netlist: RtlVerdict | None
    figures: tuple[HardwareFigure, ...]

    def check(self) -> None:
        """Raise `VerificationError` when RTL or netlist differ from the reference."""
        self.rtl.check()
        if self.netlist is not None:
            self.netlist.check()


def write_rtl(
    circuit: Circuit,
    name: str,
    folder: Path,
    settings: RtlConfig,
    part: str,
    stimuli: Mapping[str, NDArray[np.int64]],
    *,
    info: Mapping[str, Any] | None = None,
) -> RtlProject:
    """Write the Verilog of a circuit into `folder`, with the corner words and some other `stimuli` as its vectors."""
    others = [words[:_VECTORS] for origin, words in stimuli.items() if origin != "corner"]
    words = np.concatenate([stimuli["corner"], *others])
    return emit_rtl(circuit, name, folder, part=part, config=settings, words=words, info=info)


def examine(
    project: RtlProject,
    settings: RtlConfig,
    stimuli: Mapping[str, NDArray[np.int64]],
    *,
    netlist: Path,
    logs: Path,
    ui: Terminal,
    relative_to: Path,
) -> HardwareRecord:
    """Simulate the Verilog, synthesise it when `settings` say so, and simulate the netlist.

    `stimuli`: words (N, n_inputs) by origin. `netlist`: folder for the netlist; `logs`: for what the tools say. The
    record names the project relative to `relative_to`.
    """
    verdict = check_rtl(project, stimuli, log=logs / "verilator.log", ui=ui)
    _show(verdict.lines(), ui)
    figures: Sequence[HardwareFigure] = verdict.figures(project)
    checked = None
    if settings.synthesise and verdict.exact:
        found = synthesise(project, log=logs / "yosys.log", folder=netlist, ui=ui)
        figures = (*figures, *found.figures)
        sample = {origin: words if origin == "corner" else words[:NETLIST_EVENTS] for origin, words in stimuli.items()}
        checked = check_rtl(project, sample, sources=[found.verilog], log=logs / "verilator.log", ui=ui)
        ui.say(f"  netlist: {checked.sentence}")
    return HardwareRecord(
        settings=settings,
        part=project.part,
        folder=_relative(project.path, relative_to),
        circuit_sha256=sha256(project.path / "circuit.json"),
        rtl_sha256=project.digest(),
        rtl=verdict,
        netlist=checked,
        figures=tuple(figures),
    )


def examine_again(
    project: RtlProject, record: HardwareRecord, stimuli: Mapping[str, NDArray[np.int64]], *, logs: Path, ui: Terminal
) -> HardwareRecord:
    """Simulate the Verilog as it lies there; what is known about its netlist stays unless the Verilog has changed."""
    verdict = check_rtl(project, stimuli, log=logs / "verilator.log", ui=ui)
    _show(verdict.lines(), ui)
    same = record.rtl_sha256 == project.digest()
    figures = [figure for figure in record.figures if same and figure.stage != "RTL simulation"]
    return record.model_copy(
        update={
            "rtl_sha256": project.digest(),
            "rtl": verdict,
            "netlist": record.netlist if same else None,
            "figures": (*verdict.figures(project), *figures),
        }
    )


def realise(
    firmware: Firmware,
    settings: RtlConfig | None,
    out: Path | None,
    *,
    logs: Path,
    ui: Terminal,
    events: int = RANDOM_EVENTS,
) -> HardwareRecord:
    """Verilog, simulation and netlist of a converted model, inside of its project or in `out`.

    Simulated with random and corner words. The record goes to hardware.json in the project, the netlist beside it.
    `settings` None simulates the Verilog that was written before, as it lies there, instead.
    """
    folder, file = firmware.folder, firmware.folder / HARDWARE
    inputs = stimuli(firmware.circuit, None, VerificationConfig(random=events))
    words = {origin: firmware.circuit.input_words(values) for origin, values in inputs.items()}
    if settings is None:
        before = read_hardware(file, f"l1ae rtl {folder}")
        project = read_rtl((folder / before.folder).resolve())
        record = examine_again(project, before, words, logs=logs, ui=ui)
    else:
        made = read_provenance(folder) or {}
        name, part = top_name(str(made["project"])), str(made["firmware"]["part"])
        project = write_rtl(firmware.circuit, name, out or folder / RTL, settings, part, words)
        ui.say(f"  {project.path}: {project.latency_clocks} clocks of {settings.clock_ns:.4g} ns")
        record = examine(project, settings, words, netlist=folder / NETLIST, logs=logs, ui=ui, relative_to=folder)
    write_hardware(file, record)
    return record


def write_hardware(file: Path, record: HardwareRecord) -> None:
    """Write what was found, atomically."""
    write_text(file, record.model_dump_json(indent=1) + "\n")


def read_hardware(file: Path, command: str) -> HardwareRecord:
    """What was found; raises `RunFolderError` with the `command` that finds it again when there is no such record."""
    if not file.is_file():
        raise RunFolderError(f"{file.parent} has no Verilog yet: {command}")
    try:
        return HardwareRecord.model_validate_json(file.read_bytes())
    except (OSError, pydantic.ValidationError) as error:
        raise RunFolderError(f"{file} is damaged or of another version of l1ae: {command}") from error


def _show(lines: Iterable[str], ui: Terminal) -> None:
    for line in lines:
        ui.say(f"  {line}")


def _relative(path: Path, start: Path) -> str:
    return Path(os.path.relpath(path.resolve(), start.resolve())).as_posix()
