"""`write_package`: a version of a model in a package folder, checked by the program that comes with it."""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
from numpy.typing import NDArray

from l1ae.circuit import Circuit, FixedFormat, Node
from l1ae.errors import ConfigError, ConversionError, RunFolderError
from l1ae.files import replace_folder, sha256
from l1ae.hardware.emulator.source import event_code
from l1ae.hardware.hls.documents import scaling_of
from l1ae.hardware.hls.names import is_identifier
from l1ae.hardware.package.check import ap_types, check

#: The file that tells a folder of packages from others, and lists its versions.
MANIFEST = "package.json"
#: Vectors that stay in the package; all that are given are compared before.
_SHIPPED = 4000


@dataclass(frozen=True)
class Package:
    """A version that was written: its folder, and the events on which it equals the reference."""

    folder: Path
    model: str
    compared: int
    shipped: int


def write_package(
    circuit: Circuit,
    name: str,
    version: int,
    out: Path,
    *,
    words: Mapping[str, NDArray[np.int64]],
    thresholds: Sequence[Mapping[str, Any]] = (),
    features: Sequence[str] | None = None,
    origin: Mapping[str, Any] | None = None,
    log: Path,
) -> Package:
    """Add version `version` of the model `name` to the package folder `out`, which is made when it is not there.

    `words`: (N, n_inputs) by origin, on which the library has to equal the reference. `thresholds`, `features`,
    `origin`: what is known about the model. `log` gets what make and g++ say. Raises `ConfigError` for a name that C++
    or the folder does not take, `ConversionError` for a circuit that does not fit the interface, `ToolchainError`
    without make or g++ and `VerificationError` when a word differs; `out` is then as it was.
    """
    model = f"{name}_v{version}"
    if not is_identifier(model) or version < 0:
        raise ConfigError(f"--name {name} --version {version}: {model} is no name of C++; letters, digits, underscores")
    record = _record(circuit, model, features, origin or {})
    manifest = _manifest(out, name, model)
    vectors = np.unique(np.concatenate(list(words.values())), axis=0)
    kept = np.sort(np.random.default_rng(1).permutation(len(vectors))[:_SHIPPED])
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".package-", dir=out.parent) as temporary:
            draft, place = Path(temporary) / "draft", Path(temporary) / "trial"
            if out.exists():
                shutil.copytree(out, draft)
            folder = draft / model
            folder.mkdir(parents=True)
            content = {"name": name, "model": model, **record}
            (folder / "circuit.h").write_text(event_code(circuit, model), encoding="utf-8")
            (folder / f"{model}.h").write_text(_render("types.h", **content), encoding="utf-8")
            (folder / f"{model}.cpp").write_text(_render("model.cpp", **content), encoding="utf-8")
            (folder / "vectors.txt").write_text(_vectors(circuit, vectors[kept]), encoding="utf-8")
            (folder / "thresholds.json").write_text(_json(list(thresholds)), encoding="utf-8")
            record["files"] = {path.name: sha256(path) for path in sorted(folder.iterdir())}
            (folder / "record.json").write_text(_json(record), encoding="utf-8")
            summary = {key: record[key] for key in ("input", "result", "code_sha256", "l1ae_version")}
            manifest["versions"][model] = summary | {"model": model, "thresholds": list(thresholds)}
            _write_common(draft, manifest)
            shutil.copytree(draft, place)
            (place / model / "vectors.txt").write_text(_vectors(circuit, vectors), encoding="utf-8")
            check(place, model, log)
            replace_folder(draft, out, Path(temporary) / "previous")
    except OSError as error:
        raise RunFolderError(f"cannot write {out}: {error.strerror or error}") from error
    return Package(out, model, len(vectors), len(kept))


def _record(circuit: Circuit, model: str, features: Sequence[str] | None, origin: Mapping[str, Any]) -> dict[str, Any]:
    """What is known about a version, for programs and for the templates."""
    if len(circuit.inputs) != 1 or len(circuit.outputs) != 1:
        raise ConversionError(
            f"{model}: the interface passes one array in and one out, this circuit has {len(circuit.inputs)} inputs "
            f"and {len(circuit.outputs)} outputs; use l1ae export --format c"
        )
    port, result = circuit.input, circuit.output
    names = list(features or (f"input {index}" for index in range(port.size)))
    scaling = scaling_of(circuit, port)
    inputs: list[dict[str, Any]] = [{"name": one} for one in names]
    if scaling is not None:
        for one, offset, shift in zip(inputs, scaling.offset, scaling.shift, strict=True):
            one.update(offset=offset, shift=shift)
    return {
        "model": model,
        "input": _port(port),
        "result": _port(result),
        "inputs": inputs,
        "code_sha256": hashlib.sha256(event_code(circuit, "circuit").encode()).hexdigest(),
        "l1ae_version": installed("l1ae"),
        "origin": dict(origin),
    }


def _port(node: Node) -> dict[str, Any]:
    one = node.format
    return {"type": _cpp(one), "size": node.size, "width": one.width, "signed": one.signed, "fraction": one.fraction}


def _cpp(one: FixedFormat) -> str:
    """The type of the arbitrary precision headers."""
    return f"ap_{'' if one.signed else 'u'}fixed<{one.width},{one.integer},AP_{one.rounding},AP_{one.overflow}>"


def _manifest(out: Path, name: str, model: str) -> dict[str, Any]:
    """The list of versions of a folder, without those of `model`, which must not be there."""
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return {"name": name, "versions": {}}
    try:
        found: dict[str, Any] = json.loads((out / MANIFEST).read_text(encoding="utf-8"))
        versions = found["versions"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            f"{out} is no package folder of l1ae (no {MANIFEST} that can be read): name another"
        ) from error
    if found.get("name") != name:
        raise ConfigError(f"{out} holds versions of {found.get('name')}: name another folder for {name}")
    if model in versions or (out / model).exists():
        raise ConfigError(f"{out} has {model} already, and a version never changes: give the next --version")
    return found


def _write_common(draft: Path, manifest: dict[str, Any]) -> None:
    """What all versions share."""
    versions = sorted(manifest["versions"].values(), key=lambda one: int(one["model"].rpartition("_v")[2]))
    manifest["versions"] = {one["model"]: one for one in versions}
    for name in ("Makefile", "README.md", "check.cpp", "exports.map"):
        (draft / name).write_text(_render(name, name=manifest["name"], versions=versions), encoding="utf-8")
    (draft / MANIFEST).write_text(_json(manifest), encoding="utf-8")
    (draft / ".gitignore").write_text("*.so\ncheck_*\n!check.cpp\ninstall/\n", encoding="utf-8")
    include = draft / "stand-in" / "include"
    if not include.exists():
        shutil.copytree(ap_types(), include)
        (include / "hls4ml").mkdir()
        (include / "hls4ml" / "emulator.h").write_text(_render("emulator.h"), encoding="utf-8")


def _vectors(circuit: Circuit, words: NDArray[np.int64]) -> str:
    """One event a line: input words, then those of the reference."""
    rows = np.concatenate([words, circuit.output_words(words)], axis=1).tolist()
    head = f"# {circuit.n_inputs} input words, then the expected words of the result"
    return "\n".join([head, *(" ".join(map(str, row)) for row in rows), ""])


def _render(template: str, **content: Any) -> str:
    text = resources.files("l1ae.hardware.package").joinpath("templates", template).read_text(encoding="utf-8")
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined, keep_trailing_newline=True, trim_blocks=True, autoescape=False
    )
    return environment.from_string(text).render(**content)


def _json(content: Any) -> str:
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"
