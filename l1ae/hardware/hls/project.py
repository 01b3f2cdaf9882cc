"""Emitting an HLS project: converted by hls4ml with exact types, written whole or not at all."""

import io
import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ae.circuit.graph import Circuit
from l1ae.config import FirmwareConfig
from l1ae.errors import ConversionError, DataError, RunFolderError
from l1ae.files import replace_folder
from l1ae.hardware.hls.checks import check
from l1ae.hardware.hls.conversion import UNSET, captured, convert
from l1ae.hardware.hls.documents import write_readme, write_test_bench
from l1ae.hardware.hls.provenance import file_digests, layer_records, provenance
from l1ae.hardware.hls.sources import PROVENANCE, parse_sources, read_provenance

#: The circuit inside of a project.
CIRCUIT = "circuit.json"
_LOG = "hls4ml.log"


def emit(
    circuit: Circuit,
    config: FirmwareConfig,
    name: str,
    folder: Path,
    *,
    words: NDArray[np.integer],
    features: Sequence[str] | None = None,
    info: Mapping[str, Any] | None = None,
    extras: Sequence[Path] = (),
) -> Path:
    """Write the HLS project of a circuit into `folder` and return the folder.

    `words` (N, n) of all input ports side by side are the stimulus of the test bench; what its outputs have to be comes
    from the integer reference. `features` names the inputs, `info` goes into provenance.json; `extras` are files that
    are copied into the project, where circuit.json holds the circuit. An older project of l1ae in `folder` is
    replaced, any other content is refused.
    Raises `ConversionError` before anything is written when the firmware could differ from the circuit.
    """
    folder = Path(folder).resolve()  # a link is followed, not replaced
    check(circuit, config, name)
    words, size = np.asarray(words), circuit.n_inputs
    if words.ndim != 2 or words.shape[1] != size or not len(words) or words.dtype.kind not in "iu":
        raise DataError(f"stimulus of shape {words.shape} and type {words.dtype}: give integers (N, {size})")
    if features is not None and len(features) != size:
        raise DataError(f"{len(features)} names for {size} inputs")
    _check_target(folder)
    messages = io.StringIO()
    graph, planned = convert(circuit, config, name, folder, messages)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as temporary:
            draft = Path(temporary) / folder.name
            graph.config.config["OutputDir"] = str(draft)
            draft.mkdir()
            with captured(messages):
                graph.write()
            _forget_this_machine(draft, graph.config.config["Stamp"], messages.getvalue())
            layers = layer_records(graph, planned, circuit)
            record = provenance(name, config, circuit, planned, layers)
            sources = parse_sources(draft, record)
            write_test_bench(draft, sources, circuit, circuit.input_words(words))
            write_readme(draft, circuit, sources, config, layers, len(words), features)
            circuit.save(draft / CIRCUIT)
            for file in extras:
                _copy(Path(file), draft)
            record |= {"info": dict(info or {}), "files_sha256": file_digests(draft)}
            (draft / PROVENANCE).write_text(json.dumps(record, indent=2, default=str) + "\n", encoding="utf-8")
            replace_folder(draft, folder, Path(temporary) / "previous")
    except OSError as error:
        raise RunFolderError(f"cannot write {folder}: {error.strerror or error}") from error
    return folder


def _copy(file: Path, draft: Path) -> None:
    if (draft / file.name).exists():
        raise ConversionError(f"{file}: a file of the project has this name already, rename it")
    shutil.copyfile(file, draft / file.name)


def _forget_this_machine(draft: Path, stamp: str, messages: str) -> None:
    """Make the files independent of where, and of how often, they were written."""
    (draft / _LOG).write_text(messages.replace(str(draft.resolve()), ".").replace(str(draft), "."), encoding="utf-8")
    settings = draft / "hls4ml_config.yml"
    lines = settings.read_text(encoding="utf-8").splitlines(keepends=True)
    lines = ["OutputDir: .\n" if line.startswith("OutputDir:") else line for line in lines]
    settings.write_text("".join(lines), encoding="utf-8")
    for file in (settings, draft / "build_lib.sh"):
        text = file.read_text(encoding="utf-8").replace(f"'{stamp}'", stamp)  # YAML quotes one that is all digits
        text = text.replace(stamp, "l1ae").replace(UNSET, "auto")
        file.write_text(text, encoding="utf-8")


def _check_target(folder: Path) -> None:
    if folder.is_dir() and not any(folder.iterdir()):
        return
    if (folder.exists() or folder.is_symlink()) and read_provenance(folder) is None:
        raise ConversionError(f"{folder} exists and is no firmware project of l1ae: choose another folder or remove it")
