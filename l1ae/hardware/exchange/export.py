"""Writing a circuit in one of the formats, checked before it gets its name."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from l1ae.circuit import Circuit
from l1ae.errors import ConversionError
from l1ae.files import atomic_path
from l1ae.hardware.exchange.check import compare
from l1ae.hardware.exchange.header import header
from l1ae.hardware.exchange.integers import integer_model
from l1ae.hardware.exchange.quantized import quantized_model

#: What can be written, and with which function.
FORMATS: dict[str, Callable[[Circuit, str], bytes]] = {
    "onnx": integer_model,
    "qonnx": quantized_model,
    "c": header,
}


def export(
    circuit: Circuit,
    file: Path,
    kind: str,
    *,
    name: str = "l1ae",
    words: Mapping[str, NDArray[np.int64]] | None = None,
    advance: Callable[[int], object] = lambda events: None,
) -> int:
    """Write the circuit as `kind` ("onnx", "qonnx", "c"); returns the number of events that were compared before.

    `words`: (N, n_inputs) by origin, on which the content of the file has to equal the reference; None for no check.
    Raises `ConversionError` for a circuit that the format cannot hold exactly, `VerificationError` when a word differs,
    and `ToolchainError` when a package is missing; nothing is written then.
    """
    if kind not in FORMATS:
        raise ConversionError(f"format {kind!r}: give one of {', '.join(FORMATS)}")
    content = FORMATS[kind](circuit, name)
    compared = 0 if words is None else compare(circuit, content, kind, words, advance)
    with atomic_path(file) as temporary:
        temporary.write_bytes(content)
    return compared
