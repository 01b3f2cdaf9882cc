"""Reading an emitted project back: ports, types and traced layers, from the C++ files themselves."""

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from l1ae.circuit.formats import FixedFormat, Overflow, Rounding
from l1ae.errors import ConversionError
from l1ae.files import sha256

PROVENANCE = "provenance.json"
_TYPEDEF = re.compile(r"typedef\s+(ap_u?(?:fixed|int))<([^<>]*)>\s+(\w+);")
_FUNCTION = re.compile(r"void\s+(\w+)\(([^()]*)\);")
_ARGUMENT = re.compile(r"\s*(\w+)\s+(\w+)\[([\d*]+)\]\s*")
_TRACED = re.compile(r'save_layer_output<(\w+)>\(\w+,\s*"(\w+)",\s*([\d*]+)\)')


@dataclass(frozen=True)
class Port:
    """An input or output of the top function, or the traced result of a layer: `size` words of `format`.

    `layer` is its name in the circuit, `name` that of the array in C++ and `type` that of the format; `shape` is that
    of one event, and `fraction` the bits below the point of the circuit's words.
    """

    layer: str
    name: str
    type: str
    format: FixedFormat
    shape: tuple[int, ...]
    fraction: int

    @property
    def size(self) -> int:
        """Words of one event."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class Sources:
    """An emitted project as its files describe it; `layers` maps the node names of the C++ to traced results.

    `inputs` and `outputs` are the ports in the order of the arguments of the top function.
    """

    folder: Path
    name: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    layers: dict[str, Port]

    @property
    def input(self) -> Port:
        """The only input port; raises `ConversionError` when there are several."""
        return self._only("inputs", self.inputs)

    @property
    def output(self) -> Port:
        """The only output port; raises like `input`."""
        return self._only("outputs", self.outputs)

    def _only(self, what: str, ports: tuple[Port, ...]) -> Port:
        if len(ports) > 1:
            raise ConversionError(f"{self.name} has {len(ports)} {what} ({', '.join(port.layer for port in ports)})")
        return ports[0]

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
        sources = parse_sources(folder, record)
        shown = {port.layer for port in sources.layers.values()}
        hidden = [str(layer["layer"]) for layer in record["layers"] if layer["kind"] not in ("Input", "Copy")]
        hidden = [name for name in hidden if name not in shown]
    except (OSError, LookupError, TypeError, UnicodeDecodeError) as error:
        raise ConversionError(f"the firmware project {folder} is damaged ({error}): emit it again") from error
    if hidden:
        raise ConversionError(f"{folder} no longer shows layer {', '.join(hidden)} to the verification: emit it again")
    return sources


def parse_sources(folder: Path, record: Mapping[str, Any]) -> Sources:
    """Ports and traced layers of the project in `folder`, of whose provenance `record` holds at least the layers."""
    name = str(record["project"])
    known = {str(layer["node"]): layer for layer in record["layers"]}
    types = parse_types((folder / "firmware" / "defines.h").read_text(encoding="utf-8"))

    def port(node: str, array: str, type_: str) -> Port:
        layer = known[node]
        shape = tuple(int(length) for length in layer["shape"])
        return Port(str(layer["layer"]), array, type_, types[type_], shape, int(layer["fraction"]))

    declared = _FUNCTION.search((folder / "firmware" / f"{name}.h").read_text(encoding="utf-8"))
    arguments = [_ARGUMENT.fullmatch(text) for text in declared.group(2).split(",")] if declared else []
    nodes = [*record["inputs"], *record["outputs"]]
    if len(arguments) != len(nodes) or not all(arguments):
        raise ConversionError(
            f"firmware/{name}.h declares no function with {len(record['inputs'])} inputs and "
            f"{len(record['outputs'])} outputs: emit it again"
        )
    found = [(argument.group(2), argument.group(1), argument.group(3)) for argument in arguments if argument]
    ports = [port(node, array, type_) for node, (array, type_, _) in zip(nodes, found, strict=True)]
    traced = _TRACED.findall((folder / "firmware" / f"{name}.cpp").read_text(encoding="utf-8"))
    layers = {node: port(node, node, type_) for type_, node, _ in traced if known[node]["kind"] != "Copy"}
    sizes = [*(size for *_, size in found), *(size for _, node, size in traced if node in layers)]
    for shown, size in zip([*ports, *layers.values()], sizes, strict=True):
        if math.prod(map(int, size.split("*"))) != shown.size:
            raise ConversionError(
                f"firmware/{name}: {shown.name} has {size} words instead of {shown.size}: emit it again"
            )
    inputs = len(record["inputs"])
    return Sources(folder, name, tuple(ports[:inputs]), tuple(ports[inputs:]), layers)
