"""Is a quantizer of QKeras, as activation and as weight, exact, refused, or wrong?

QKeras runs on every word of a source that covers the quantizer's range off its grid and far past both ends, and its
values are compared with the circuit's integers.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from qkeras import quantizers

from l1ae.circuit import Builder, Circuit, Clip, FixedFormat, Input, Leaky, Lookup, Quantize, Scale
from l1ae.circuit.activations import activate
from l1ae.circuit.evaluate import evaluate
from l1ae.circuit.quantizers import read_weights
from l1ae.errors import ConversionError

from .exactness_rows import Row

#: Units of the layer whose weights are quantized.
CHANNELS = 4


@dataclass(frozen=True)
class Result:
    """`status`: exact, refused, wrong, or none where there is nothing to check; `how`: the way, or the message."""

    status: str
    how: str

    def __str__(self) -> str:
        return {"none": "", "exact": f"exact ({self.how})"}.get(self.status, f"{self.status}: {self.how}")


def sources(quantizer: Any, tabulated: bool) -> list[tuple[FixedFormat, np.ndarray]]:
    """Formats of an operand around the range of a quantizer, two bits finer and four times as large, with words."""
    bits, integer = int(getattr(quantizer, "bits", 8)), int(getattr(quantizer, "integer", 1))
    if not hasattr(quantizer, "integer"):
        bits = min(bits, 10)
    fraction, whole = bits - integer + 2, integer + 3
    whole = max(whole, 2 - fraction)
    if fraction + whole <= 14 or tabulated:
        fraction = min(fraction, 15 - whole)
        format_ = FixedFormat(True, fraction + whole, whole)
        return [(format_, np.arange(format_.low, format_.high + 1))]
    # The fine grid around zero, and the whole range with as many bits as float32 has.
    fine = FixedFormat(True, 15, 15 - fraction)
    large = FixedFormat(True, min(fraction + whole, 24), whole)
    rng = np.random.default_rng(0)
    edges = [edge * 2 ** (large.width - 4) for edge in (-8, -4, -2, -1, 0, 1, 2, 4, 8)]
    words = np.concatenate(
        [np.arange(edge - 400, edge + 400) for edge in edges] + [rng.integers(-(2**23), 2**23, 2000)]
    )
    # QKeras returns x + (rounded - x), which float32 holds up to 2**24 steps of the quantizer.
    limit = int(min(large.high, 2.0 ** (24 + large.fraction - (fraction - 2))))
    words = np.unique(np.clip(words, -limit, limit))
    return [(fine, np.arange(fine.low, fine.high + 1)), (large, words)]


@contextmanager
def internal_sigmoid(mode: str) -> Iterator[None]:
    """QKeras with another approximation of the sigmoid."""
    quantizers.set_internal_sigmoid(mode)
    try:
        yield
    finally:
        quantizers.set_internal_sigmoid("hard")


def check_activation(row: Row, **changed: Any) -> Result:
    """Is the circuit of a quantizer on a node what QKeras computes, for every word of its sources?"""
    with internal_sigmoid(row.sigmoid):
        try:
            quantizer = row.make(**changed)
        except (AssertionError, ValueError):
            return Result("refused", "by qkeras")
        try:
            tried = [_circuit(quantizer, format_, words) for format_, words in _tried_sources(quantizer)]
        except ConversionError as error:
            return _refused(error)
        for circuit, words in tried:
            if circuit is None:
                return Result("exact", "nothing to do")
            values = np.ldexp(words.astype(np.float64), -circuit.input.format.fraction)
            wanted = evaluate(quantizer, values[:, None], "layer")
            got = circuit.value(circuit.output.name, circuit.reference(words[:, None]))
            if wrong := int((got != wanted).sum()):
                return Result(
                    "wrong", f"{wrong} of {len(words)} values, the first at {values[(got != wanted)[:, 0]][0]}"
                )
        return Result("exact", _way(tried[0][0]))


def _tried_sources(quantizer: Any) -> list[tuple[FixedFormat, np.ndarray]]:
    """Wide sources where a format is enough, else those that a table can have."""
    wide = sources(quantizer, tabulated=False)
    if len(wide) == 1:
        return wide
    circuit, _ = _circuit(quantizer, wide[0][0], wide[0][1])
    tabulated = circuit is not None and any(isinstance(node, Lookup) for node in circuit.nodes)
    return sources(quantizer, tabulated=True) if tabulated else wide


def _circuit(quantizer: Any, format_: FixedFormat, words: np.ndarray) -> tuple[Circuit | None, np.ndarray]:
    builder = Builder()
    builder.add(Input("input", (), (1,), format_))
    last = activate(builder, "output", "input", quantizer, "layer")
    return (None if last == "input" else Circuit(tuple(builder.nodes.values()))), words


def _way(circuit: Circuit | None) -> str:
    kinds = [type(node) for node in circuit.nodes] if circuit else []
    if Lookup in kinds:
        return "table"
    words = {Leaky: "leaky", Quantize: "format", Scale: "shift", Clip: "clip"}
    return ", ".join(words[kind] for kind in kinds if kind is not Input)


def weights_around(quantizer: Any) -> np.ndarray:
    """Weights on and off the grid of a quantizer, between ties, zeros of both signs, past both ends: (n, CHANNELS)."""
    format_, words = sources(quantizer, tabulated=True)[0]
    values = np.ldexp(words[:: max(len(words) // 4000, 1)].astype(np.float64), -format_.fraction).astype(np.float32)
    nudged = np.nextafter(values[:2000], np.float32(np.inf))
    random = np.random.default_rng(1).normal(0, 1, 2000).astype(np.float32)
    every = np.concatenate([values, nudged, random, [0.0, -0.0]], dtype=np.float32)
    # Twice the range, and within 2**24 steps, see `sources`.
    every = every[np.abs(every) <= 2.0 ** (getattr(quantizer, "integer", 2) + 1 + (format_.width < 15))]
    return np.resize(np.random.default_rng(2).permutation(every), (-(-len(every) // CHANNELS), CHANNELS))


def check_weights(row: Row, **changed: Any) -> Result:
    """Are the words of weights what QKeras multiplies with, bit for bit?"""
    if not row.is_quantizer:
        return Result("none", "")
    with internal_sigmoid(row.sigmoid):
        try:
            quantizer = row.make(**changed)
        except (AssertionError, ValueError):
            return Result("refused", "by qkeras")
        values = weights_around(quantizer)
        try:
            words, format_ = read_weights(quantizer, values, "layer")
        except ConversionError as error:
            return _refused(error)
        wanted = evaluate(quantizer, values, "layer")
        wrong = np.ldexp(words.astype(np.float64), -format_.fraction) != wanted
        inside = np.array_equal(np.clip(words, format_.low, format_.high), words)
        if wrong.any() or not inside:
            return Result("wrong", f"{wrong.sum()} of {wrong.size} weights")
        return Result("exact", "values" if format_.overflow.name == "WRAP" else "format")


def _refused(error: ConversionError) -> Result:
    assert "\n" not in str(error)
    return Result("refused", str(error).removeprefix("layer layer: "))
