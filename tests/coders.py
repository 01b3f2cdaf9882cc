"""Run folders with circuits of random weights, laid out as the trained ones, in milliseconds and without TensorFlow."""

from pathlib import Path
from typing import Any

import numpy as np
import yaml

from l1ae.autoencoder.relative import Relative
from l1ae.circuit import (
    UNDECIDED,
    Circuit,
    Dense,
    Dot,
    FixedFormat,
    Input,
    Lookup,
    Node,
    Quantize,
    Scale,
    Subtract,
)
from l1ae.config import load_config
from l1ae.events.layout import LEPTON, Layout
from l1ae.runs import RunFolder

SEEN = FixedFormat.parse("ap_fixed<8,4,RND_CONV,SAT>")
CODE = FixedFormat.parse("ap_fixed<6,3,RND_CONV,SAT>")
_WEIGHTS = FixedFormat.parse("ap_fixed<8,3,RND_CONV,SAT>")
_ADDRESS = FixedFormat.parse("ap_ufixed<9,9,RND_CONV,SAT>")
_RECTIFIED = FixedFormat.parse("ap_ufixed<8,4,RND_CONV,SAT>")


def front(layout: Layout = LEPTON, *, offset: Any = 0, shift: Any = 3, tables: bool = False) -> list[Node]:
    """Port, scaling and, with `tables`, logarithmic tables: hardware words to the node `scaled`."""
    n, width = layout.n_inputs, layout.word_width
    port = FixedFormat(True, width, width, SEEN.rounding, SEEN.overflow)
    offset, shift = (np.broadcast_to(values, n).tolist() for values in (offset, shift))
    nodes: list[Node] = [
        Input("words", (), (n,), port),
        Quantize("port", ("words",), (n,), port),
        Scale("scaling", ("port",), (n,), UNDECIDED, tuple(offset), tuple(shift)),
    ]
    if not tables:
        return [*nodes, Quantize("scaled", ("scaling",), (n,), SEEN)]
    entries = np.rint(16 * np.log2(1 + np.arange(2**_ADDRESS.width) / 8)) - 64
    table = np.tile(np.clip(entries, SEEN.low, SEEN.high).astype(int), (n, 1))
    format_ = FixedFormat.holding(int(table.min()), int(table.max()), SEEN.fraction)
    address = Quantize("address", ("scaling",), (n,), _ADDRESS)
    return [*nodes, address, Lookup("scaled", ("address",), (n,), format_, table, 0, 0)]


def relative_front(layout: Layout = LEPTON) -> list[Node]:
    """As `front` with tables; phi passes as the cosine of the difference to the phi of the missing momentum."""
    relative = Relative.of(layout)
    n, whole = layout.n_inputs, FixedFormat(True, 14, 14)
    nodes = front(layout)
    words, port = nodes[:2]
    one = FixedFormat.parse("ap_ufixed<1,1,RND_CONV,SAT>")
    down = [max(relative.bits(ratio) - 9, 0) if ratio else 0 for ratio in relative.ratio]
    first = [relative.first_word(ratio) if ratio else 0 for ratio in relative.ratio]
    address = np.arange(2**9)
    table = np.tile(np.clip(address - 100, SEEN.low, SEEN.high), (n, 1))
    for index, ratio in enumerate(relative.ratio):
        if ratio:
            table[index] = np.rint(16 * relative.cosine(first[index] + (address << down[index]), index))
    format_ = FixedFormat.holding(int(table.min()), int(table.max()), SEEN.fraction)
    return [
        words,
        port,
        Dense("difference", ("port",), (n,), UNDECIDED, relative.kernel, whole, relative.bias, whole),
        Quantize("presence", ("port",), (n,), one),
        Dense("absence", ("presence",), (n,), UNDECIDED, relative.absence, whole, None, None),
        Subtract("relative", ("difference", "absence"), (n,), UNDECIDED),
        Scale("scaling", ("relative",), (n,), UNDECIDED, tuple(first), tuple(down)),
        Quantize("address", ("scaling",), (n,), _ADDRESS),
        Lookup("scaled", ("address",), (n,), format_, table, 0, 0),
    ]


def dense(name: str, source: str, inputs: int, units: int, rng: np.random.Generator) -> Dense:
    kernel = rng.integers(-24, 25, (inputs, units))
    bias = rng.integers(-40, 41, units)
    return Dense(name, (source,), (units,), UNDECIDED, kernel, _WEIGHTS, bias, _WEIGHTS)


def autoencoder(
    layout: Layout = LEPTON, *, latent: int = 3, decoder: bool = True, seed: int = 1, begin: list[Node] | None = None
) -> Circuit:
    """A circuit with a decoder and a squared error, or with the squared radius of its code."""
    rng, n = np.random.default_rng(seed), layout.n_inputs
    nodes = [
        *(front(layout) if begin is None else begin),
        dense("encoder_1", "scaled", n, 6, rng),
        Quantize("encoder_1_relu", ("encoder_1",), (6,), _RECTIFIED),
        dense("code", "encoder_1_relu", 6, latent, rng),
        Quantize("code_quantized", ("code",), (latent,), CODE),
    ]
    if decoder:
        nodes += [
            dense("decoder_1", "code_quantized", latent, 6, rng),
            Quantize("decoder_1_relu", ("decoder_1",), (6,), _RECTIFIED),
            dense("output", "decoder_1_relu", 6, n, rng),
            Quantize("reconstruction", ("output",), (n,), SEEN),
            Subtract("residual", ("scaled", "reconstruction"), (n,), UNDECIDED),
        ]
    error = "residual" if decoder else "code_quantized"
    return Circuit.derive([*nodes, Dot("score", (error, error), (1,), UNDECIDED)])


def write_run(
    folder: Path, events: Path, kind: str = "undercomplete", layout: Layout = LEPTON, **sections: Any
) -> RunFolder:
    """A run of that kind on these events as far as encode and generate need it: a configuration and circuits."""
    folder.mkdir(parents=True)
    content: dict[str, Any] = {"name": "made", "data": {"file": str(events)}, "autoencoder": {"kind": kind}}
    for name, section in sections.items():
        content[name] = content.get(name, {}) | section
    (folder / "config.yaml").write_text(yaml.safe_dump(content))
    run = RunFolder(folder, load_config(folder / "config.yaml"))
    autoencoder(layout, decoder=kind != "variational").save(run.circuit)
    if kind == "variational":
        autoencoder(layout).save(run.decoded)
    return run
