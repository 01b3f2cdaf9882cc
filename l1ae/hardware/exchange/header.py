"""A circuit as a C header without dependencies, and the header compiled, to be compared."""

import ctypes
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ae.circuit import Circuit, Node
from l1ae.errors import ToolchainError
from l1ae.hardware.emulator.source import event_code
from l1ae.hardware.hls.names import is_identifier
from l1ae.terminal import first_error

_HEADER = """\
/* {name}: one event after the other, in integers, equal to the firmware bit for bit. Written by l1ae; not to be edited.
 *
 *   static void {name}_event(const int64_t *words, int64_t *out)
 *
 * words: those of the inputs, inside of their formats
{ports}
 * out: those of the outputs
{results}
 * A word stands for the value word * 2**-(bits below the point). C99 and C++; needs <stdint.h> alone, keeps no state,
 * can be called from many threads.
 */
#ifndef {guard}
#define {guard}
#include <stdint.h>
enum {{ {name}_INPUTS = {inputs}, {name}_OUTPUTS = {outputs} }};
{code}#endif
"""

_DRIVER = """\
#include "model.h"
void l1ae_run(const int64_t *words, int64_t *out, int64_t events)
{
  for (int64_t i = 0; i < events; ++i) NAME_event(words + i * NAME_INPUTS, out + i * NAME_OUTPUTS);
}
"""
_FLAGS = (
    "-x",
    "c",
    "-std=c99",
    "-pedantic-errors",
    "-O2",
    "-shared",
    "-fPIC",
    "-Wall",
    "-Werror",
    "-Wno-unused-function",
)


def header(circuit: Circuit, name: str) -> bytes:
    """The header, whose names begin with `name`; raises `ConversionError` for what 64 bits cannot compute."""
    name = prefix(name)
    outputs = [circuit[output] for output in circuit.outputs]
    text = _HEADER.format(
        name=name,
        guard=f"{name.upper()}_H",
        inputs=circuit.n_inputs,
        outputs=sum(node.size for node in outputs),
        ports=_listed(circuit.inputs),
        results=_listed(outputs),
        code=event_code(circuit, name),
    )
    return text.encode()


def prefix(name: str) -> str:
    """A name that C takes as the beginning of others."""
    return name if is_identifier(name) else f"model_{name}"


def compiled(circuit: Circuit, content: bytes) -> Callable[[dict[str, NDArray[Any]]], list[NDArray[Any]]]:
    """The header as a function from the words of each port to those of each output; raises `ToolchainError`."""
    compiler = shutil.which("gcc") or shutil.which("g++")
    if compiler is None:
        raise ToolchainError("gcc not found, which checks the header: install it, or leave the check out")
    name = content.split(b"void ", 1)[1].split(b"_event(", 1)[0].decode()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "model.h").write_bytes(content)
        (folder / "driver.c").write_text(_DRIVER.replace("NAME", name), encoding="utf-8")
        with (folder / "log").open("wb") as log:
            command = [compiler, *_FLAGS, "driver.c", "-o", "model.so"]
            environment = {**os.environ, "LC_ALL": "C"}
            done = subprocess.run(command, cwd=folder, stdout=log, stderr=log, env=environment, check=False)
        if done.returncode:
            raise ToolchainError(f"gcc failed on the header: {first_error(folder / 'log', 0) or done.returncode}")
        function = ctypes.CDLL(str(folder / "model.so")).l1ae_run
    sizes = [circuit[output].size for output in circuit.outputs]

    def run(given: dict[str, NDArray[Any]]) -> list[NDArray[Any]]:
        ports = [given[port.name].reshape(-1, port.size) for port in circuit.inputs]
        words = np.ascontiguousarray(np.concatenate(ports, axis=1), dtype=np.int64)
        found = np.empty((len(words), sum(sizes)), dtype=np.int64)
        function(*(array.ctypes.data_as(ctypes.c_void_p) for array in (words, found)), ctypes.c_int64(len(words)))
        parts = np.split(found, np.cumsum(sizes)[:-1], axis=1)
        return [part.reshape(-1, *circuit[output].shape) for part, output in zip(parts, circuit.outputs, strict=True)]

    return run


def _listed(nodes: Any) -> str:
    return "\n".join(map(_line, nodes))


def _line(node: Node) -> str:
    name = re.sub(r"[^\w.-]", "_", node.name)  # nothing that could end a comment
    return f" *   {name}: {node.size} x {node.format}, {node.format.fraction} bits below the point"
