"""Circuits: integer operations with exact formats, their range proof, their reference and their corner inputs.

`lower` and `read_quantizer` import TensorFlow; they are loaded when they are first asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from l1ae.circuit.builder import Builder
from l1ae.circuit.corners import corner_words, tie_counts
from l1ae.circuit.formats import FixedFormat, Overflow, Rounding
from l1ae.circuit.graph import Circuit
from l1ae.circuit.nodes import (
    UNDECIDED,
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
from l1ae.circuit.ranges import NodeRange
from l1ae.circuit.tensors import Convolution, MaxPool, Wire

if TYPE_CHECKING:
    from l1ae.circuit.lowering import lower
    from l1ae.circuit.quantizers import read_quantizer

__all__ = [
    "UNDECIDED",
    "Add",
    "Builder",
    "Circuit",
    "Clip",
    "Convolution",
    "Dense",
    "Dot",
    "FixedFormat",
    "Input",
    "Leaky",
    "Lookup",
    "MaxPool",
    "Multiply",
    "Node",
    "NodeRange",
    "Overflow",
    "Quantize",
    "Rounding",
    "Scale",
    "Subtract",
    "Sum",
    "Wire",
    "corner_words",
    "lower",
    "read_quantizer",
    "tie_counts",
]

_LAZY = {"lower": "l1ae.circuit.lowering", "read_quantizer": "l1ae.circuit.quantizers"}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
