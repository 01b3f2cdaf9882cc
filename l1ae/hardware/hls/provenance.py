"""The record of an emitted project: who made it from what, every type, every file."""

import datetime
import hashlib
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from l1ae.circuit.graph import Circuit
from l1ae.config import FirmwareConfig
from l1ae.environment import versions
from l1ae.files import sha256
from l1ae.hardware.hls.checks import WEIGHTED, quantized_weights
from l1ae.hardware.hls.sources import PROVENANCE, read_provenance


def weight_digests(model: Any) -> dict[str, str]:
    """SHA-256 of the quantized weights of each layer: kernel, then bias, as little-endian float32 in C order.

    Of the tables of a TableLookup: as little-endian 32-bit integers.
    """
    digests = {}
    for layer in model.layers:
        if type(layer).__name__ in WEIGHTED:
            total = hashlib.sha256()
            for values in quantized_weights(layer):
                if values is not None:
                    total.update(values.astype("<f4").tobytes())
            digests[layer.name] = total.hexdigest()
        elif type(layer).__name__ == "TableLookup":
            digests[layer.name] = hashlib.sha256(layer.tables.astype("<i4").tobytes()).hexdigest()
    return digests


def hls_type(precision: Any) -> str:
    """A precision of hls4ml as it is written in C++."""
    modes = f",{precision.rounding_mode},{precision.saturation_mode}" if precision.saturation_mode else ""
    kind = "ap_fixed" if precision.signed else "ap_ufixed"
    return f"{kind}<{precision.width},{precision.integer}{'' if modes == ',TRN,WRAP' else modes}>"


def layer_records(graph: Any, names: Mapping[str, str], circuit: Circuit) -> list[dict[str, Any]]:
    """One record for each hls4ml node: its Keras layer, its kind, the types of everything in it.

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
        layer = names[node.name]
        fraction = circuit[layer].format.fraction
        record = {"node": node.name, "layer": layer, "kind": node.class_name, "fraction": fraction, "types": types}
        cost = node.attributes.get("da_kernel_cost")
        if cost is not None:
            # A convolution has the adders of its kernel at every position.
            lut = float(cost) * math.prod(node.get_output_variable().shape[:-1])
            record["estimate"] = {"lut": lut, "source": "da4ml cost model, adders of the kernel only"}
        records.append(record)
    return records


def file_digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every file of the project but the record itself."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != PROVENANCE)
    return {path.relative_to(folder).as_posix(): sha256(path) for path in files}


def provenance(
    folder: Path,
    name: str,
    config: FirmwareConfig,
    model: Any,
    layers: list[dict[str, Any]],
    info: Mapping[str, Any],
) -> dict[str, Any]:
    """The whole record; `info` is what the caller wants to be remembered, such as its configuration."""
    return {
        "generator": "l1ae",
        "project": name,
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "versions": versions(),
        "firmware": config.model_dump(mode="json"),
        "info": dict(info),
        "weights_sha256": weight_digests(model),
        "layers": layers,
        "files_sha256": file_digests(folder),
    }


def changed_files(folder: Path) -> tuple[str, ...]:
    """Files of an emitted project that were edited or removed since it was written, by name."""
    recorded: dict[str, str] = (read_provenance(folder) or {}).get("files_sha256", {})
    present = file_digests(folder)
    return tuple(name for name, digest in recorded.items() if present.get(name) != digest)
