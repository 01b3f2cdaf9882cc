"""The files that l1ae adds to an HLS project: README, test bench with its vectors, driver of the C simulation."""

from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
from numpy.typing import NDArray

from l1ae.circuit.formats import FixedFormat
from l1ae.config import FirmwareConfig
from l1ae.environment import versions
from l1ae.hardware.hls.checks import producers
from l1ae.hardware.hls.sources import Sources


def render(template: str, sources: Sources, **content: Any) -> str:
    """Fill a file of the templates folder."""
    text = resources.files("l1ae.hardware.hls").joinpath("templates", template).read_text(encoding="utf-8")
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True, autoescape=False)
    ports = {"project": sources.name, "input": sources.input, "output": sources.output, "layers": sources.layers}
    return environment.from_string(text).render(**ports, **content)


def write_test_bench(
    folder: Path, sources: Sources, words: NDArray[np.int64], scores: NDArray[np.int64], score: FixedFormat
) -> None:
    """Replace hls4ml's test bench, which prints, by one that compares; its vectors are exact decimals.

    `words` (N, n) are those of the input port, `scores` (N, m) the expected ones in the format `score`.
    """
    (folder / f"{sources.name}_test.cpp").write_text(render("testbench.cpp", sources), encoding="utf-8")
    data = folder / "tb_data"
    data.mkdir(exist_ok=True)
    columns = {
        "tb_input_features.dat": np.ldexp(words.astype(np.float64), -sources.input.format.fraction),
        "tb_output_predictions.dat": np.ldexp(scores.astype(np.float64), -score.fraction),
    }
    for file, values in columns.items():
        lines = (" ".join(f"{value:.17g}" for value in row) for row in values.tolist())
        (data / file).write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_readme(
    folder: Path,
    model: Any,
    sources: Sources,
    config: FirmwareConfig,
    layers: list[dict[str, Any]],
    events: int,
    features: Sequence[str] | None,
) -> None:
    """Write what a firmware engineer needs to know; `layers` are the records of the provenance."""
    size, width = sources.input.size, sources.input.format.width
    features = features or tuple(f"input {index}" for index in range(size))
    inputs: list[dict[str, Any]] = [
        {"feature": features[index], "bits": f"{width * (index + 1) - 1}:{width * index}"} for index in range(size)
    ]
    scaling = _input_scaling(model)
    if scaling is not None:
        for row, offset, shift in zip(inputs, scaling.offset, scaling.shift, strict=True):
            row.update(offset=offset, shift=shift)
    text = render(
        "README.md",
        sources,
        config=config,
        versions=versions(),
        inputs=inputs,
        scaled=scaling is not None,
        events=events,
        records=layers,
    )
    (folder / "README.md").write_text(text, encoding="utf-8")


def _input_scaling(model: Any) -> Any | None:
    """The InputScaling that all words go through first; None where the network begins in another way."""
    readers: dict[str, list[Any]] = {}
    for layer, producer in producers(model):
        readers.setdefault(producer.name, []).append(layer)
    (port,) = readers[model.layers[0].name]
    first = [layer for layer in readers.get(port.name, []) if not layer.name.startswith("present_words")]
    return first[0] if [type(layer).__name__ for layer in first] == ["InputScaling"] else None
