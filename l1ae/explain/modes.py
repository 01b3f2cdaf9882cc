"""Hypotheses about formats: how a quantizer rounds and saturates, and how many bits an accumulator has."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from l1ae.circuit.formats import FixedFormat, Overflow, Rounding
from l1ae.circuit.nodes import Add, Dense, Dot, Input, Multiply, Node, Quantize, Scale, Subtract, Sum
from l1ae.circuit.reference import Words
from l1ae.explain.region import Hypothesis, Region, Tensor, finished

#: The rounding modes of `ap_fixed` that no circuit uses: (words, rest below the last bit, half of it) -> round up?
_OTHER_ROUNDINGS: dict[str, Callable[[Words, Words, np.int64], NDArray[np.bool_]]] = {
    "TRN_ZERO": lambda words, rest, half: (words < 0) & (rest > 0),
    "RND_ZERO": lambda words, rest, half: (rest > half) | ((rest == half) & (words < 0)),
    "RND_INF": lambda words, rest, half: (rest > half) | ((rest == half) & (words >= 0)),
    "RND_MIN_INF": lambda words, rest, half: rest > half,
}
#: What hls4ml takes where nobody says anything.
_DEFAULT = FixedFormat(True, 16, 6)
_SUMS = (Dense, Add, Subtract, Sum, Dot, Multiply, Scale)
_MOST_BITS = 8


def modes(region: Region) -> Iterator[Hypothesis]:
    """All of them, for the layer that differs first and then for those in front of it."""
    for node in reversed(region.nodes):
        if isinstance(node, Quantize):
            yield from _rules(region, node)
            yield from _missing(region, node)
            yield from _other_formats(region, node)
        elif isinstance(node, _SUMS):
            yield from _accumulators(region, node)
    for node in region.nodes:
        if any(isinstance(region.circuit[name], Input) for name in node.inputs):
            yield from _ports(region, node)


def to(format_: FixedFormat) -> Callable[[Tensor], Tensor]:
    """Bring a tensor to a format."""
    return lambda raw: Tensor(format_.quantize(raw.words, raw.fraction), format_.fraction)


def _place(region: Region, node: Node) -> str:
    """Names a node that is not the one whose words are compared."""
    return "" if node is region.target else f" in {node.name}"


def _rules(region: Region, node: Quantize) -> Iterator[Hypothesis]:
    """Other rounding, other overflow, then both."""
    own, place = node.format, _place(region, node)
    for rounding in Rounding:
        if rounding is not own.rounding:
            text = f"{rounding} instead of {own.rounding}{place}"
            yield Hypothesis("rounding mode", node.name, text, finish=to(replace(own, rounding=rounding)))
    for name in _OTHER_ROUNDINGS:
        text = f"{name} instead of {own.rounding}{place}"
        yield Hypothesis("rounding mode", node.name, text, finish=_rounded(own, name))
    symmetric = own.signed and own.width > 1
    overflows = [mode for mode in Overflow if mode is not own.overflow and (symmetric or mode is not Overflow.SAT_SYM)]
    for overflow in overflows:
        text = f"{overflow} instead of {own.overflow}{place}"
        yield Hypothesis("overflow mode", node.name, text, finish=to(replace(own, overflow=overflow)))
    for overflow in overflows:
        for rounding in Rounding:
            if rounding is not own.rounding:
                text = f"{rounding} and {overflow} instead of {own.rounding} and {own.overflow}{place}"
                other = replace(own, rounding=rounding, overflow=overflow)
                yield Hypothesis("rounding and overflow mode", node.name, text, finish=to(other))


def _rounded(own: FixedFormat, rounding: str) -> Callable[[Tensor], Tensor]:
    def finish(raw: Tensor) -> Tensor:
        shift = raw.fraction - own.fraction
        if not 0 < shift < 62:
            return to(own)(raw)
        floor = raw.words >> np.int64(shift)
        rest, half = raw.words - (floor << np.int64(shift)), np.int64(1 << (shift - 1))
        words = floor + _OTHER_ROUNDINGS[rounding](raw.words, rest, half)
        return to(own)(Tensor(words, own.fraction))

    return finish


def _missing(region: Region, node: Quantize) -> Iterator[Hypothesis]:
    """No quantizer at all, or one that keeps negative numbers, or loses them."""
    own, place = node.format, _place(region, node)
    yield Hypothesis("lost quantizer", node.name, f"no quantizer{place}", finish=lambda raw: raw)
    if own.signed:
        text = f"a rectifier behind the quantizer{place}"
        yield Hypothesis("needless rectifier", node.name, text, finish=lambda raw: _positive(to(own)(raw)))
        half = replace(own, signed=False, width=own.width - 1 or 1, integer=own.integer - 1)
        for unsigned in (half, replace(own, signed=False)):
            yield Hypothesis("needless rectifier", node.name, f"{unsigned}{place}", finish=to(unsigned))
    else:
        text = f"a rectifier without a quantizer{place}"
        yield Hypothesis("lost quantizer", node.name, text, finish=_positive)
        for more in [more for more in (1, 0) if 2 <= own.width + more <= 62]:
            signed = replace(own, signed=True, width=own.width + more, integer=own.integer + more)
            yield Hypothesis("missing rectifier", node.name, f"{signed} instead of {own}{place}", finish=to(signed))


def _positive(tensor: Tensor) -> Tensor:
    return Tensor(np.maximum(tensor.words, 0), tensor.fraction)


def _other_formats(region: Region, node: Quantize) -> Iterator[Hypothesis]:
    """One format with more or fewer bits on one side of the point, or with its point elsewhere, as it is or bare."""
    own = node.format
    shapes = [
        shape
        for by in [by for k in range(1, _MOST_BITS + 1) for by in (-k, k)]
        for shape in ((own.width + by, own.integer), (own.width + by, own.integer + by), (own.width, own.integer + by))
        if own.signed < shape[0] <= 62
    ]
    bare = FixedFormat(own.signed, own.width, own.integer)
    formats = [replace(own, width=width, integer=integer) for width, integer in shapes]
    formats += [replace(bare, width=width, integer=integer) for width, integer in shapes]
    for other in (*formats, _DEFAULT):
        text = f"{other} instead of {own}{_place(region, node)}"
        yield Hypothesis("precision", node.name, text, finish=to(other))


def _accumulators(region: Region, node: Node) -> Iterator[Hypothesis]:
    """A sum with fewer bits: it wraps or saturates above, or loses bits below, of the sum or of each product."""
    own = node.format
    spare = own.width - _needed_bits(region, node)
    for fewer in range(max(spare - 1, 1), min(spare + 3 * _MOST_BITS, own.width - own.signed)):
        # In C++ a sum has a sign, also where no result is negative.
        for signed in sorted({own.signed, own.width - fewer > 1}):
            short = FixedFormat(signed, own.width - fewer, own.integer - fewer)
            for overflow, verb in ((Overflow.WRAP, "wraps"), (Overflow.SAT, "saturates")):
                text = f"an accumulator of {short.width} bits that {verb} in {node.name}, which needs {own.width},"
                finish = to(replace(short, overflow=overflow))
                yield Hypothesis("accumulator too narrow", node.name, text, finish=finish)
    for lost in range(1, min(2 * _MOST_BITS, own.width - own.signed)):
        coarse = replace(own, width=own.width - lost)
        text = f"an accumulator without the last {lost} bits in {node.name}"
        yield Hypothesis("accumulator too coarse", node.name, text, finish=to(coarse))
        if isinstance(node, (Dense, Dot)):
            text = f"an accumulator that loses the last {lost} bits of each product in {node.name}"
            yield Hypothesis("accumulator too coarse", node.name, text, raw=_products_without(region, node, lost))
    default = None if not isinstance(node, (Dense, Dot)) else _products_without(region, node, own.fraction - 10)
    text = f"an accumulator {_DEFAULT} in {node.name}"
    yield Hypothesis("accumulator too narrow", node.name, text, raw=default, finish=to(_DEFAULT))


def _needed_bits(region: Region, node: Node) -> int:
    """Bits that the sums of these events need."""
    words = region.raws[node.name].words
    return FixedFormat.holding(int(words.min()), int(words.max()), 0).width


def _products_without(region: Region, node: Node, lost: int) -> Callable[[list[Tensor]], Tensor]:
    """The sum of products, and of a bias, that each lose their last bits."""

    def raw(operands: list[Tensor]) -> Tensor:
        if lost <= 0:
            return region.compute(node, operands)
        drop = np.int64(lost)
        if not isinstance(node, Dense):
            products = operands[0].words * operands[1].words
            fraction = operands[0].fraction + operands[1].fraction
            return Tensor((products >> drop).sum(axis=-1, keepdims=True), fraction - lost)
        (x,) = operands
        whole = region.compute(node, [Tensor(np.zeros_like(x.words[:1]), x.fraction)])  # the bias alone
        up = np.int64(whole.fraction - x.fraction - node.kernel_format.fraction)
        total = np.repeat(whole.words >> drop, len(x.words), axis=0)
        for column, weights in zip(x.words.T, node.matrix, strict=True):
            used = np.flatnonzero(weights)
            total[:, used] += (column[:, None] * weights[used] << up) >> drop
        return Tensor(total, whole.fraction - lost)

    return raw


def _ports(region: Region, node: Node) -> Iterator[Hypothesis]:
    """An input port that is read with fewer bits, or with another sign."""
    own = region.circuit[node.inputs[0]].format
    ports = [(FixedFormat(not own.signed, own.width, own.integer), "unsigned" if own.signed else "signed")]
    for fewer in range(1, min(_MOST_BITS, own.width - own.signed) + 1):
        if own.width - fewer > own.signed:
            short = FixedFormat(own.signed, own.width - fewer, own.integer - fewer)
            ports.append((short, f"of {short.width} bits that wraps"))
            ports.append((replace(short, overflow=Overflow.SAT), f"of {short.width} bits that saturates"))
    for port, text in ports:
        yield Hypothesis("input port", node.name, f"a port {node.inputs[0]} {text}", raw=_read(region, node, to(port)))


def _read(region: Region, node: Node, read: Callable[[Tensor], Tensor]) -> Callable[[list[Tensor]], Tensor]:
    """The first operand taken in another way; with two ports each is read on its own."""
    return lambda operands: region.compute(node, [read(operands[0]), *operands[1:]])


def shifted(region: Region) -> Iterator[Hypothesis]:
    """A value times a power of two, before or behind the format of a node."""
    for by in [by for k in range(1, _MOST_BITS + 1) for by in (k, -k)]:
        for node in reversed(region.nodes):

            def before(raw: Tensor, node: Node = node, by: int = by) -> Tensor:
                return finished(node, Tensor(raw.words, raw.fraction - by))

            def behind(raw: Tensor, node: Node = node, by: int = by) -> Tensor:
                words, fraction = finished(node, raw)
                return Tensor(words, fraction - by)

            factor = f"2**{by}"
            yield Hypothesis("shift", node.name, f"{node.name} times {factor}", finish=behind)
            # What wraps loses every bit when it is moved far enough, which would explain any zero.
            if node.format.overflow is not Overflow.WRAP:
                yield Hypothesis("shift", node.name, f"{node.name} times {factor} before its format", finish=before)
