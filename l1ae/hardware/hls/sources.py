"""Reading an emitted project back: ports, types and traced layers, from the C++ files themselves."""

import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from l1ae.circuit.formats import FixedFormat, Overflow, Rounding
from l1ae.errors import ConversionError
from l1ae.files import sha256

PROVENANCE = "provenance.json"
_TYPEDEF = re.compile(r"typedef\s+(ap_u?(?:fixed|int))<([^<>]*)>\s+(\w+);")
_PORTS = re.compile(r"void\s+(\w+)\(\s*(\w+)\s+(\w+)\[(\d+)\],\s*(\w+)\s+(\w+)\[(\d+)\]\s*\);")
_TRACED = re.compile(r'save_layer_output<(\w+)>\(\w+,\s*"(\w+)",\s*([\d*]+)\)')


@dataclass(frozen=True)
class Port:
    """An input or output of the top function, or the traced result of a layer: `size` words of `format`.

    `type` is the name that the C++ gives to the format; `fraction` the bits below the point of the circuit's words.
    """

    name: str
    type: str
    format: FixedFormat
    size: int
    fraction: int


@dataclass(frozen=True)
class Sources:
    """An emitted project as its files describe it; `layers` maps the node names of the C++ to traced results."""

    folder: Path
    name: str
    input: Port
    output: Port
    layers: dict[str, Port]

    @property
    def files(self) -> list[Path]:
        """All C++ files that the C simulation is made of, in order."""
        firmware = self.folder / "firmware"
        found = [path for path in firmware.rglob("*") if path.suffix in (".h", ".cpp", ".hpp") and path.is_file()]
        return sorted([*found, self.folder / f"{self.name}_bridge.cpp"])

    def digest(self) -> str:
        """SHA-256 over names and contents of all those files."""
        total = hashlib.sha256()
        for path in self.files:
            total.update(f"{path.relative_to(self.folder).as_posix()}\0{sha256(path)}\0".encode())
        return total.hexdigest()


def parse_types(defines: str) -> dict[str, FixedFormat]:
    """The fixed-point types of a defines.h by name; types of more than 62 bits are left out."""
    types = {}
    for kind, arguments, name in _TYPEDEF.findall(defines):
        values = [argument.strip() for argument in arguments.split(",")]
        if int(values[0]) > 62:
            continue
        integer = int(values[1]) if "fixed" in kind else int(values[0])
        modes = [value.removeprefix("AP_") for value in values[2:4]] or ["TRN", "WRAP"]
        try:
            rounding, overflow = Rounding(modes[0]), Overflow(modes[1])
        except ValueError as error:
            raise ConversionError(
                f"type {name}: {error}; l1ae emits RND_CONV, RND, TRN and SAT, SAT_SYM, WRAP"
            ) from error
        types[name] = FixedFormat("ap_u" not in kind, int(values[0]), integer, rounding, overflow)
    return types


def read_provenance(folder: Path) -> dict[str, Any] | None:
    """The provenance record of a project that l1ae emitted; None for any other folder."""
    try:
        record = json.loads((folder / PROVENANCE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) and record.get("generator") == "l1ae" else None


def identity(folder: Path) -> str:
    """SHA-256 of the provenance record without its date: equal for equal projects, also after edits of other files."""
    record = {key: value for key, value in (read_provenance(folder) or {}).items() if key != "created"}
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()


def read_sources(folder: Path) -> Sources:
    """Read the project in `folder`; raises `ConversionError` when it is none or was damaged."""
    record = read_provenance(folder)
    if record is None:
        raise ConversionError(f"{folder} holds no firmware project of l1ae: emit one first")
    try:
        sources = parse_sources(folder, str(record["project"]), record["layers"])
        hidden = [str(layer["layer"]) for layer in record["layers"][1:] if layer["node"] not in sources.layers]
    except (OSError, LookupError, TypeError, UnicodeDecodeError) as error:
        raise ConversionError(f"the firmware project {folder} is damaged ({error}): emit it again") from error
    if hidden:
        raise ConversionError(f"{folder} no longer shows layer {', '.join(hidden)} to the verification: emit it again")
    return sources


def parse_sources(folder: Path, name: str, layers: Sequence[Mapping[str, Any]]) -> Sources:
    """Ports and traced layers of the project `name` in `folder`; `layers` are the records of its provenance."""
    types = parse_types((folder / "firmware" / "defines.h").read_text(encoding="utf-8"))
    ports = _PORTS.search((folder / "firmware" / f"{name}.h").read_text(encoding="utf-8"))
    if ports is None:
        raise ConversionError(f"firmware/{name}.h declares no function with one input and one output")
    _, in_type, in_name, in_size, out_type, out_name, out_size = ports.groups()
    traced = _TRACED.findall((folder / "firmware" / f"{name}.cpp").read_text(encoding="utf-8"))
    known = {str(layer["node"]): (str(layer["layer"]), int(layer["fraction"])) for layer in layers}
    return Sources(
        folder=folder,
        name=name,
        input=Port(in_name, in_type, types[in_type], int(in_size), int(layers[0]["fraction"])),
        output=Port(out_name, out_type, types[out_type], int(out_size), int(layers[-1]["fraction"])),
        layers={
            node: Port(known[node][0], type_, types[type_], math.prod(map(int, size.split("*"))), known[node][1])
            for type_, node, size in traced
        },
    )
