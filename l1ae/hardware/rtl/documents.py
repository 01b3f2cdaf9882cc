"""Everything beside the sources of an RTL project: test benches, constraints, board example, README."""

import math
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ae.circuit.graph import Circuit
from l1ae.files import sha256
from l1ae.hardware.rtl.names import vhdl_name
from l1ae.hardware.rtl.render import render
from l1ae.hardware.rtl.sources import Ports
from l1ae.hardware.rtl.values import Design
from l1ae.hardware.rtl.vectors import digits, line_bits, vectors

#: Bunch crossings of the LHC per microsecond, as trigger electronics count them.
CROSSINGS_MHZ = 40
_FRAME_BITS = 64


def write_documents(
    folder: Path,
    circuit: Circuit,
    design: Design,
    ports: Ports,
    record: Mapping[str, Any],
    words: NDArray[np.int64],
) -> None:
    """Write all of them; `record` is that of the project, `words` (N, n) are the events of the test benches."""
    name, digest = ports.name, sha256(folder / "circuit.json")
    frames = max(int(record["clock_mhz"] // CROSSINGS_MHZ), 1)
    content: dict[str, Any] = {
        **vars(ports),
        "record": record,
        "clock_mhz": record["clock_mhz"],
        "clock_ns": 1000 / record["clock_mhz"],
        "clocks": len(design.stages),
        "stages": design.stages,
        "levels": design.levels,
        "register_bits": design.register_bits,
        "n_tables": len(design.tables),
        "digest": digest,
        "vectors": len(words),
        "out_at": 4 * digits(ports.input_bits),
        "line_bits": line_bits(ports),
        "frame_bits": _FRAME_BITS,
        "frames": frames,
        "links": math.ceil(ports.input_bits / (_FRAME_BITS * frames)),
        "crossings": math.ceil(len(design.stages) * CROSSINGS_MHZ / record["clock_mhz"]),
        "entity": vhdl_name(name),
        "sources_glob": f"src/{name}*.v",
        "version": version("l1ae"),
        "rows": _rows(ports, record["info"].get("features")),
    }
    files = {
        "README.md": "README.md",
        "synth.tcl": "synth.tcl",
        f"constraints/{name}.xdc": "constraints.xdc",
        f"constraints/{name}.sdc": "constraints.sdc",
        f"tb/tb_{name}.v": "tb.v",
        f"board/{name}_board.v": "board.v",
        f"board/tb_{name}_board.v": "tb_board.v",
    }
    for target, template in files.items():
        (folder / target).parent.mkdir(exist_ok=True)
        (folder / target).write_text(render(template, **content), encoding="utf-8")
    (folder / "tb" / "vectors.hex").write_text(vectors(circuit, ports, words, digest), encoding="utf-8")


def _rows(ports: Ports, features: Any) -> list[dict[str, Any]]:
    """One row of the table of inputs and outputs for each element: port, element, bits, format."""
    rows, names = [], list(features or [])
    for top, nodes in (("in_words", ports.inputs), (ports.output_port, ports.outputs)):
        low = count = 0
        for node in nodes:
            for element in range(node.size):
                width = node.format.width
                named = names[count] if top == "in_words" and names else f"{node.name}[{element}]"
                text = " ".join(str(named).split()).replace("|", "\\|")
                rows.append({"port": top, "name": text, "bits": f"{low + width - 1}:{low}", "format": node.format})
                low, count = low + width, count + 1
    return rows
