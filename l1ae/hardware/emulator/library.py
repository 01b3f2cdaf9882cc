"""A circuit as C++ for sixteen events side by side, the text of a shared library that emulates many events."""

from dataclasses import dataclass

import numpy as np

from l1ae.circuit.graph import Circuit
from l1ae.hardware.emulator.elements import Dialect
from l1ae.hardware.emulator.linear import Linear
from l1ae.hardware.emulator.source import Printer, template

_TYPES = {32: "W32", 64: "W64"}
_KINDS = ("pairs", "floats", "words32", "words64")
#: Macro by which compilers say that a processor multiplies bytes four at a time, for all of a vector of 64 bytes.
_QUADS = "__AVX512VNNI__"


@dataclass(frozen=True)
class Words:
    """Integer types of the words that go into a library and come out of it."""

    input: np.dtype
    output: np.dtype

    @classmethod
    def of(cls, circuit: Circuit) -> "Words":
        """The smallest of int16, int32 and int64 that hold every word of the ports."""
        inputs = [end for port in circuit.inputs for end in (port.format.low, port.format.high)]
        formats = [circuit[name].format for name in circuit.outputs]
        return cls(_smallest(inputs), _smallest([end for one in formats for end in (one.low, one.high)]))


def library_code(circuit: Circuit, features: frozenset[str]) -> str:
    """C++ with the functions `l1ae_run` and `l1ae_digest`; the digest is the macro DIGEST.

    `features`: macros that the compiler defines for the processor. Raises `ConversionError` for what 64 bits cannot
    compute.
    """
    words = Words.of(circuit)
    ends = np.iinfo(words.input)
    kinds = ("quads", *_KINDS) if _QUADS in features else _KINDS
    dialect = Dialect(_TYPES, (int(ends.min), int(ends.max)), "put(out, {place}, {value});", 0, kinds)
    outputs = sum(circuit[name].size for name in circuit.outputs)
    macros = {"IN": f"{words.input.name}_t", "OUT": f"{words.output.name}_t", "N": circuit.n_inputs, "M": outputs}
    macros["WORDS"] = _TYPES[max(32, 8 * words.input.itemsize)]
    defined = "\n".join(f"#define {name} {value}" for name, value in macros.items())
    opening = ["Words words[PADDED];", "columns(rows, words);"]
    body = LanePrinter(circuit, dialect).text("static void block(const IN *rows, OUT *out)", opening)
    return "\n".join([template("lanes.h"), defined, template("rows.h"), body, template("run.h")])


class LanePrinter(Printer):
    """Prints a circuit for vectors of events."""

    def _call(self, layer: Linear, source: str, sums: str) -> str:
        windows = "0" if layer.windows is None else self.constant(layer.windows, 32)
        type_ = "float" if layer.kind == "floats" else None
        weights, start = (self.constant(words, layer.bits, type_) for words in (layer.grouped(), layer.start))
        sizes = ", ".join(map(str, (layer.positions, *layer.kernel.shape)))
        return f"{layer.kind}<{sizes}>({source}, {windows}, {weights}, {start}, {layer.offset}, {sums});"


def _smallest(ends: list[int]) -> np.dtype:
    kinds = (np.dtype(np.int16), np.dtype(np.int32), np.dtype(np.int64))
    return next(kind for kind in kinds if np.iinfo(kind).min <= min(ends) and max(ends) <= np.iinfo(kind).max)
