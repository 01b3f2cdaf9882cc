"""The record of an emitted project: who made it from what, every type, every file."""

import datetime
import hashlib
import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ae.circuit.formats import FixedFormat
from l1ae.circuit.graph import Circuit
from l1ae.circuit.nodes import Dense, Lookup
from l1ae.config import FirmwareConfig
from l1ae.environment import versions
from l1ae.files import sha256
from l1ae.hardware.hls.layers import Plan
from l1ae.hardware.hls.sources import PROVENANCE, read_provenance

#: Folder of the RTL project inside of an HLS project.
RTL = "rtl"


def weight_digests(circuit: Circuit) -> dict[str, str]:
    """SHA-256 of the weights of each layer that has some.

    Of a kernel and then, where there is one, of a bias: the format as text, a zero byte, and the words as little-endian
    64-bit integers in C order. Of the tables of a Lookup the same.
    """
    digests = {}
    for node in circuit.nodes:
        parts: list[tuple[FixedFormat | None, NDArray[np.int64] | None]] = []
        if isinstance(node, Dense):
            parts = [(node.kernel_format, node.kernel), (node.bias_format, node.bias)]
        elif isinstance(node, Lookup):
            parts = [(node.format, node.tables)]
        total = hashlib.sha256()
        for format_, words in parts:
            if words is not None:
                total.update(f"{format_}\0".encode() + words.astype("<i8").tobytes())
        if parts:
            digests[node.name] = total.hexdigest()
    return digests


def hls_type(precision: Any) -> str:
    """A precision of hls4ml as it is written in C++."""
    modes = f",{precision.rounding_mode},{precision.saturation_mode}" if precision.saturation_mode else ""
    kind = "ap_fixed" if precision.signed else "ap_ufixed"
    return f"{kind}<{precision.width},{precision.integer}{'' if modes == ',TRN,WRAP' else modes}>"


def layer_records(graph: Any, planned: Plan, circuit: Circuit) -> list[dict[str, Any]]:
    """One record for each hls4ml node: its layer in the circuit, its operation, shape, and the types in it.

    `fraction` is the number of bits below the point that the circuit gives to the layer: the C simulation shows words
    on that grid, so that they compare with those of the circuit.
    """
    records = []
    for node in graph.graph.values():
        types = {
            attribute.removesuffix("_t"): hls_type(value.precision)
            for attribute, value in node.attributes.items()
            if attribute.endswith("_t") and hasattr(value, "precision") and attribute != "index_t"
        }
        types["result"] = hls_type(node.get_output_variable().type.precision)
        known = planned.nodes[node.name]
        shown = circuit[known.shows]
        record = {
            "node": node.name,
            "layer": known.shows,
            "kind": known.kind,
            "shape": list(shown.shape),
            "fraction": shown.format.fraction,
            "types": types,
        }
        cost = node.attributes.get("da_kernel_cost")
        if cost is not None:
            # A convolution has the adders of its kernel at every position.
            lut = float(cost) * math.prod(node.get_output_variable().shape[:-1])
            record["estimate"] = {"lut": lut, "source": "da4ml cost model, adders of the kernel only"}
        records.append(record)
    return records


def file_digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every file of the project but the record itself and the RTL project inside, which has its own."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != PROVENANCE)
    names = {path.relative_to(folder).as_posix(): path for path in files}
    return {name: sha256(path) for name, path in names.items() if not name.startswith(f"{RTL}/")}


def provenance(
    name: str, config: FirmwareConfig, circuit: Circuit, planned: Plan, layers: list[dict[str, Any]]
) -> dict[str, Any]:
    """The record of a project but for its files and what the caller adds; `inputs`, `outputs` are nodes of the C++."""
    return {
        "generator": "l1ae",
        "project": name,
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "versions": versions(),
        "firmware": config.model_dump(mode="json"),
        "weights_sha256": weight_digests(circuit),
        "inputs": planned.inputs,
        "outputs": planned.output_nodes,
        "layers": layers,
    }


def changed_files(folder: Path) -> tuple[str, ...]:
    """Files of an emitted project that were edited, removed, or added to its firmware since it was written, by name."""
    recorded: dict[str, str] = (read_provenance(folder) or {}).get("files_sha256", {})
    present = file_digests(folder)
    # Tools write their logs and projects beside firmware/, and build_lib.sh a library into it.
    added = {name for name in present if name.startswith("firmware/") and Path(name).suffix not in (".o", ".so")}
    changed = [name for name, digest in recorded.items() if present.get(name) != digest]
    return (*changed, *sorted(added - recorded.keys()))
