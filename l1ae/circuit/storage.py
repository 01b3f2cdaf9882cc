"""A circuit as JSON: one object per node, formats as in HLS, one line per row of a kernel."""

import json
import re
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from l1ae.circuit.formats import FixedFormat
from l1ae.circuit.nodes import (
    Add,
    Clip,
    Dense,
    Dot,
    Input,
    Leaky,
    Lookup,
    Multiply,
    Node,
    Quantize,
    Scale,
    Subtract,
    Sum,
)
from l1ae.circuit.tensors import Convolution, MaxPool, Wire
from l1ae.errors import ConversionError, RunFolderError
from l1ae.files import write_text

_SCHEMA = "l1ae circuit 2"
_VECTORS = (Input, Quantize, Scale, Dense, Subtract, Add, Multiply, Sum, Lookup, Clip, Leaky, Dot)
_TENSORS = (Convolution, MaxPool, Wire)
_OPERATIONS: dict[str, type[Node]] = {cls.__name__: cls for cls in (*_VECTORS, *_TENSORS)}
_ARRAYS = ("kernel", "bias", "tables")
_INNERMOST_LIST = re.compile(r"\[\s+([^\[\]{}]*?)\s+\]")


def save(nodes: Sequence[Node], outputs: Sequence[str], path: Path) -> None:
    """Write nodes and the names of the outputs to `path`, whole or not at all."""
    content = {"schema": _SCHEMA, "outputs": list(outputs), "nodes": [_encode(node) for node in nodes]}
    text = json.dumps(content, indent=1)
    # One number per line would be unreadable.
    text = _INNERMOST_LIST.sub(lambda match: "[" + re.sub(r"\s*\n\s*", " ", match.group(1)) + "]", text)
    write_text(path, text + "\n")


def load(path: Path) -> tuple[tuple[Node, ...], tuple[str, ...]]:
    """Read nodes and outputs from `path`; raises `RunFolderError` when it is missing or damaged."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["schema"] != _SCHEMA:
            raise RunFolderError(
                f"{path} has schema {content['schema']!r} instead of {_SCHEMA!r}: convert the model again"
            )
        return tuple(_decode(entry) for entry in content["nodes"]), tuple(map(str, content["outputs"]))
    except OSError as error:
        raise RunFolderError(f"cannot read the circuit {path}: {error.strerror or error}") from error
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, ConversionError) as error:
        reason = " ".join(f"{type(error).__name__} {error}".split())
        raise RunFolderError(f"{path} is not a circuit ({reason}): convert the model again") from error


def _encode(node: Node) -> dict[str, Any]:
    entry: dict[str, Any] = {"operation": type(node).__name__}
    for field in fields(node):
        value = getattr(node, field.name)
        if isinstance(value, FixedFormat):
            value = str(value)
        elif isinstance(value, np.ndarray):
            value = value.tolist()
        entry[field.name] = value
    return entry


def _decode(entry: dict[str, Any]) -> Node:
    cls = _OPERATIONS[entry.pop("operation")]
    values: dict[str, Any] = {}
    for name, value in entry.items():
        if value is not None and name.endswith("format"):
            value = FixedFormat.parse(value)
        elif isinstance(value, list) and name not in _ARRAYS:
            value = tuple(value)
        elif isinstance(value, list):
            value = _integers(value, name)
        values[name] = value
    return cls(**values)


def _integers(value: list[Any], name: str) -> np.ndarray:
    array = np.array(value)
    if array.dtype.kind != "i":
        raise ValueError(f"{name} holds something other than integers")
    return array.astype(np.int64)
