"""Emitting a circuit as an RTL project, written whole or not at all, and reading it back."""

import hashlib
import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ae.circuit.graph import Circuit
from l1ae.config import RtlConfig
from l1ae.errors import ConversionError, DataError, RunFolderError
from l1ae.files import replace_folder, sha256
from l1ae.hardware.rtl.documents import write_documents
from l1ae.hardware.rtl.names import check_name
from l1ae.hardware.rtl.pipeline import pipeline
from l1ae.hardware.rtl.sources import describe, write_sources

SCHEMA = "l1ae rtl 1"
RECORD = "rtl.json"
#: The circuit inside of a project.
CIRCUIT = "circuit.json"


@dataclass(frozen=True)
class RtlProject:
    """An RTL project in `path`: top module `name`, for `part` at `clock_mhz`.

    `latency_clocks`: from valid in to valid out. `adder_levels`: of the whole logic; `levels_per_stage`: of its longest
    stage, the comparison with the threshold included; `stage_levels`: of each. `register_bits`: of all layers.
    `sources`: the Verilog files in the order in which they compile. `input_bits`, `output_bits`, `threshold_bits`
    (0 where there is no threshold): widths of the ports of the top module, whose output is called `output_port`.
    """

    path: Path
    name: str
    part: str
    clock_mhz: float
    latency_clocks: int
    adder_levels: int
    levels_per_stage: int
    stage_levels: tuple[int, ...]
    register_bits: int
    sources: tuple[Path, ...]
    output_port: str
    input_bits: int
    output_bits: int
    threshold_bits: int

    @property
    def has_threshold(self) -> bool:
        """Whether the top module compares its score with a threshold and gives a trigger bit."""
        return self.threshold_bits > 0

    def circuit(self) -> Circuit:
        """The circuit that the project was made from."""
        return Circuit.load(self.path / CIRCUIT)

    def changed_files(self) -> tuple[str, ...]:
        """Files that were edited or removed since the project was written, and sources that were added, by name."""
        recorded: dict[str, str] = _record(self.path)["files_sha256"]
        present = {name: self.path / name for name in recorded}
        changed = [name for name, file in present.items() if not file.is_file() or sha256(file) != recorded[name]]
        # Tools write their logs and results beside the sources, and not among them.
        added = {
            file.relative_to(self.path).as_posix()
            for folder in ("src", "vhdl")
            for file in (self.path / folder).rglob("*")
            if file.is_file()
        }
        return (*changed, *sorted(added - recorded.keys()))

    def digest(self) -> str:
        """SHA-256 over names and contents of the Verilog files, as they are now."""
        total = hashlib.sha256()
        for file in self.sources:
            if not file.is_file():
                raise RunFolderError(f"{file} is gone: write the RTL project again")
            total.update(f"{file.relative_to(self.path).as_posix()}\0{sha256(file)}\0".encode())
        return total.hexdigest()


def emit_rtl(
    circuit: Circuit,
    name: str,
    folder: Path,
    *,
    part: str,
    config: RtlConfig,
    words: NDArray[np.integer],
    info: Mapping[str, Any] | None = None,
) -> RtlProject:
    """Write the pipeline of a circuit as Verilog and VHDL into `folder`, with test benches and constraints.

    `words` (N, n) of all input ports side by side become the vectors of the test bench; what its outputs have to be
    comes from the integer reference. `info` goes into rtl.json; its entry "features" (n names) is shown in README.md.
    An older RTL project of l1ae in `folder` is replaced, any other content is refused.
    Raises `ConversionError` before anything is written when the pipeline cannot be built or computes anything else.
    """
    folder = Path(folder).resolve()  # a link is followed, not replaced
    check_name(name)
    words, details = np.asarray(words), dict(info or {})
    if words.ndim != 2 or words.shape[1] != circuit.n_inputs or not len(words) or words.dtype.kind not in "iu":
        raise DataError(
            f"stimulus of shape {words.shape} and type {words.dtype}: give integers (N, {circuit.n_inputs})"
        )
    if len(details.get("features", ())) not in (0, circuit.n_inputs):
        raise DataError(f"{len(details['features'])} names for {circuit.n_inputs} inputs")
    _check_target(folder)
    design = pipeline(circuit, config)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as temporary:
            draft = Path(temporary) / folder.name
            draft.mkdir()
            circuit.save(draft / CIRCUIT)
            ports = describe(design, circuit, name)
            sources = write_sources(draft, design, ports)
            record: dict[str, Any] = {
                "schema": SCHEMA,
                "name": name,
                "part": part,
                "clock_mhz": config.clock_mhz,
                "latency_clocks": len(design.stages),
                "adder_levels": design.levels,
                "levels_per_stage": max(stage.levels for stage in design.stages),
                "stage_levels": [stage.levels for stage in design.stages],
                "register_bits": design.register_bits,
                "sources": sources,
                "output_port": ports.output_port,
                "input_bits": ports.input_bits,
                "output_bits": ports.output_bits,
                "threshold_bits": ports.threshold_bits,
                "versions": {"l1ae": version("l1ae"), "da4ml": version("da4ml")},
                "info": details,
            }
            write_documents(draft, circuit, design, ports, record, circuit.input_words(words))
            record["files_sha256"] = {
                file.relative_to(draft).as_posix(): sha256(file) for file in sorted(draft.rglob("*")) if file.is_file()
            }
            (draft / RECORD).write_text(json.dumps(record, indent=2, default=str) + "\n", encoding="utf-8")
            replace_folder(draft, folder, Path(temporary) / "previous")
    except OSError as error:
        raise RunFolderError(f"cannot write {folder}: {error.strerror or error}") from error
    return read_rtl(folder)


def read_rtl(folder: Path) -> RtlProject:
    """Read the RTL project in `folder`; raises `RunFolderError` when there is none, or a damaged one."""
    folder = Path(folder).resolve()
    record = _record(folder)
    try:
        return RtlProject(
            path=folder,
            name=str(record["name"]),
            part=str(record["part"]),
            clock_mhz=float(record["clock_mhz"]),
            latency_clocks=int(record["latency_clocks"]),
            adder_levels=int(record["adder_levels"]),
            levels_per_stage=int(record["levels_per_stage"]),
            stage_levels=tuple(int(levels) for levels in record["stage_levels"]),
            register_bits=int(record["register_bits"]),
            sources=tuple(folder / str(name) for name in record["sources"]),
            output_port=str(record["output_port"]),
            input_bits=int(record["input_bits"]),
            output_bits=int(record["output_bits"]),
            threshold_bits=int(record["threshold_bits"]),
        )
    except (LookupError, TypeError, ValueError) as error:
        raise RunFolderError(f"{folder / RECORD} is damaged ({error!r}): write the RTL project again") from error


def _record(folder: Path) -> dict[str, Any]:
    record = _known(folder)
    if record is None:
        raise RunFolderError(f"{folder} holds no RTL project of l1ae: write one with l1ae rtl")
    return record


def _known(folder: Path) -> dict[str, Any] | None:
    """What rtl.json says; None where there is none of ours."""
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    known = isinstance(record, dict) and record.get("schema") == SCHEMA and isinstance(record.get("files_sha256"), dict)
    return record if known else None


def _check_target(folder: Path) -> None:
    if folder.is_dir() and not any(folder.iterdir()):
        return
    if (folder.exists() or folder.is_symlink()) and _known(folder) is None:
        raise ConversionError(f"{folder} exists and is no RTL project of l1ae: choose another folder or remove it")
