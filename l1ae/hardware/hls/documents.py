"""The files that l1ae adds to an HLS project: README, test bench with its vectors, driver of the C simulation."""

from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
from numpy.typing import NDArray

from l1ae.circuit.graph import Circuit
from l1ae.circuit.nodes import Input, Quantize, Scale
from l1ae.config import FirmwareConfig
from l1ae.environment import versions
from l1ae.hardware.hls.sources import Port, Sources


def render(template: str, sources: Sources, **content: Any) -> str:
    """Fill a file of the templates folder."""
    text = resources.files("l1ae.hardware.hls").joinpath("templates", template).read_text(encoding="utf-8")
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True, autoescape=False)
    ports = {
        "project": sources.name,
        "inputs": sources.inputs,
        "outputs": sources.outputs,
        "n_in": sum(port.size for port in sources.inputs),
        "n_out": sum(port.size for port in sources.outputs),
        "layers": sources.layers,
        "places": _places,
    }
    return environment.from_string(text).render(**ports, **content)


def _places(array: str, ports: Sequence[Port]) -> str:
    """Arguments of a call: where the words of each port begin in one array of all."""
    starts = np.cumsum([0, *(port.size for port in ports[:-1])]).tolist()
    return ", ".join(f"{array} + {start}" for start in starts)


def write_test_bench(folder: Path, sources: Sources, circuit: Circuit, words: NDArray[np.int64]) -> None:
    """Replace hls4ml's test bench, which prints, by one that compares; its vectors are exact decimals.

    `words` (N, n) are those of all input ports; what the outputs have to be comes from the integer reference.
    """
    (folder / f"{sources.name}_test.cpp").write_text(render("testbench.cpp", sources), encoding="utf-8")
    data = folder / "tb_data"
    data.mkdir(exist_ok=True)
    expected = circuit.output_words(words)
    ports = (circuit.inputs, tuple(circuit[name] for name in circuit.outputs))
    files = ("tb_input_features.dat", "tb_output_predictions.dat")
    for file, nodes, columns in zip(files, ports, (words, expected), strict=True):
        fractions = np.repeat([node.format.fraction for node in nodes], [node.size for node in nodes])
        values = np.ldexp(columns.astype(np.float64), -fractions)
        lines = (" ".join(f"{value:.17g}" for value in row) for row in values.tolist())
        (data / file).write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_readme(
    folder: Path,
    circuit: Circuit,
    sources: Sources,
    config: FirmwareConfig,
    layers: list[dict[str, Any]],
    events: int,
    features: Sequence[str] | None,
) -> None:
    """Write what a firmware engineer needs to know; `layers` are the records of the provenance."""
    names = features or [f"input {index}" for port in circuit.inputs for index in range(port.size)]
    ports = []
    for node, port in zip(circuit.inputs, sources.inputs, strict=True):
        width, columns = port.format.width, circuit.columns[node.name]
        rows: list[dict[str, Any]] = [
            {"feature": _cell(name), "bits": f"{width * (index + 1) - 1}:{width * index}"}
            for index, name in enumerate(names[columns])
        ]
        scaling = scaling_of(circuit, node)
        if scaling is not None:
            for row, offset, shift in zip(rows, scaling.offset, scaling.shift, strict=True):
                row.update(offset=offset, shift=shift)
        ports.append({"port": port, "scaled": scaling is not None, "rows": rows})
    text = render(
        "README.md",
        sources,
        config=config,
        versions=versions(),
        ports=ports,
        scaled=any(port["scaled"] for port in ports),
        events=events,
        records=[{**layer, "layer": _cell(layer["layer"])} for layer in layers],
    )
    (folder / "README.md").write_text(text, encoding="utf-8")


def _cell(text: str) -> str:
    """Text that may stand in a table of Markdown."""
    return " ".join(text.split()).replace("|", "\\|")


def scaling_of(circuit: Circuit, port: Input) -> Scale | None:
    """The Scale that all words of a port go through first; None where the network begins in another way."""
    readers = _readers(circuit, port.name)
    if len(readers) == 1 and isinstance(readers[0], Quantize) and readers[0].format == port.format:
        readers = _readers(circuit, readers[0].name)
    first = [node for node in readers if not node.name.startswith("present_words")]
    return first[0] if len(first) == 1 and isinstance(first[0], Scale) else None


def _readers(circuit: Circuit, name: str) -> list[Any]:
    return [node for node in circuit.nodes if name in node.inputs]
