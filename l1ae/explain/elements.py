"""Hypotheses about operations on single elements: offsets, shifts, tables, limits, and results that never change."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from l1ae.circuit.nodes import Clip, Leaky, Lookup, Quantize, Scale
from l1ae.explain.region import Hypothesis, Region, Tensor, finished

_SHIFTS = 8
_LISTED = 3


def elements(region: Region) -> Iterator[Hypothesis]:
    """All of them, for the layer that differs first and then for those in front of it."""
    for node in reversed(region.nodes):
        if isinstance(node, Scale):
            yield from _scales(region, node)
        elif isinstance(node, Lookup):
            yield from _tables(region, node)
        elif isinstance(node, Clip):
            yield from _limits(node)
        elif isinstance(node, Leaky):
            yield from _slopes(node)


def _scales(region: Region, node: Scale) -> Iterator[Hypothesis]:
    """Another offset, else another shift, else both, for every element that differs."""
    whole = region.raws[node.name]
    if region.settle(node, Tensor(whole.words[:1], whole.fraction)) is None:
        return
    for by_offset, by_shift in ((True, False), (False, True), (True, True)):
        offset, shift, places = list(node.offset), list(node.shift), []
        for place in region.elements:
            solved = _solved(region, node, place, by_offset, by_shift)
            if solved is None:
                break
            if solved != (offset[place], shift[place]):
                places.append(place)
            offset[place], shift[place] = solved
        else:
            if places:
                cause = "input offset" if not by_shift else "shift" if not by_offset else "input offset and shift"
                told = [_told(node, place, offset[place], shift[place]) for place in places[:_LISTED]]
                more = f" and {len(places) - _LISTED} more changed" if len(places) > _LISTED else ""
                text = f"{node.name} with {', '.join(told)}{more}"
                other = replace(node, offset=tuple(offset), shift=tuple(shift))
                yield Hypothesis(cause, node.name, text, other)


def _told(node: Scale, place: int, offset: int, shift: int) -> str:
    parts = []
    if offset != node.offset[place]:
        parts.append(f"offset {offset} instead of {node.offset[place]}")
    if shift != node.shift[place]:
        parts.append(f"shift {shift} instead of {node.shift[place]}")
    return f"{' and '.join(parts)} at element {place}"


def _solved(region: Region, node: Scale, place: int, by_offset: bool, by_shift: bool) -> tuple[int, int] | None:
    """Offset and shift of one element that give all of its words."""
    (operand,) = region.operands(node)
    x, found = operand.words[:, place], region.found[:, place]
    own, shift = node.offset[place], node.shift[place]
    shifts = [shift + by for k in range(_SHIFTS + 1) for by in {k, -k}] if by_shift else [shift]
    last = region.target
    inside = np.ones(len(x), dtype=bool)
    if isinstance(last, Quantize):
        inside = (found > last.format.low) & (found < last.format.high)
    for tried in shifts:
        offsets = [own]
        if by_offset:
            ends = np.ldexp(x[inside].astype(np.float64), -operand.fraction)
            guesses = ends - np.ldexp(found[inside], tried - last.format.fraction)
            near = np.rint(np.quantile(guesses, (0, 0.25, 0.5, 0.75, 1))).astype(np.int64) if len(guesses) else guesses
            bits = [own ^ (1 << bit) for bit in range(abs(own).bit_length() + 2)]
            some = [*bits, -own, 0, *node.offset, *(int(word) + by for word in near for by in (0, -1, 1))]
            offsets = [*(word for word in dict.fromkeys(some) if word != own), own]
        for offset in offsets:
            # One element stands for all: the rule is the same for each.
            alone = replace(node, offset=(offset,), shift=(tried,), shape=(1,))
            words = region.settle(node, region.compute(alone, [Tensor(x[:, None], operand.fraction)]))
            if words is not None and np.array_equal(words[:, 0], found):
                return offset, tried
    return None


def _tables(region: Region, node: Lookup) -> Iterator[Hypothesis]:
    """Tables shifted, exchanged or in another order, then the entries that are read."""
    size = node.tables.shape[1]
    for by in (1, -1, 2, -2):
        places = np.clip(np.arange(size) + by, 0, size - 1)
        for words, how in ((node.tables[:, places], ""), (np.roll(node.tables, -by, axis=1), ", round its ends")):
            text = f"{node.name} with its tables shifted by {by}{how}"
            yield Hypothesis("table shifted", node.name, text, replace(node, tables=words))
    orders = {
        "in reverse order": np.arange(size)[::-1],
        "with their halves exchanged, as if an index had no sign": np.roll(np.arange(size), size // 2),
    }
    for text, order in orders.items():
        other = replace(node, tables=node.tables[:, order])
        yield Hypothesis("table order", node.name, f"{node.name} with its tables {text}", other)
    if len(node.tables) > 1:
        for by in (1, -1):
            text = f"{node.name} with the table of the {'next' if by > 0 else 'previous'} element"
            yield Hypothesis("table order", node.name, text, replace(node, tables=np.roll(node.tables, -by, axis=0)))


def entries(region: Region) -> Iterator[Hypothesis]:
    """Entries of a table as the words show them; `score` sees whether an entry always gives the same."""
    node = region.target
    if not isinstance(node, Lookup) or not np.array_equal(region.found, np.rint(region.found)):
        return
    tables = node.tables.copy()
    index = region.operands(node)[0].words - node.low
    rows = np.broadcast_to(np.arange(node.size) % len(tables), index.shape)
    wrong = region.wrong
    tables[rows[wrong], index[wrong]] = region.found[wrong].astype(np.int64)
    changed = np.argwhere(tables != node.tables)
    if not len(changed):
        return
    told = [
        f"entry {entry + node.low} of table {row} {tables[row, entry]} instead of {node.tables[row, entry]}"
        for row, entry in changed[:_LISTED].tolist()
    ]
    more = f" and {len(changed) - _LISTED} more changed" if len(changed) > _LISTED else ""
    cause = "table entry" if len(changed) <= _LISTED else "table"
    yield Hypothesis(cause, node.name, f"{node.name} with {', '.join(told)}{more}", replace(node, tables=tables))


def _limits(node: Clip) -> Iterator[Hypothesis]:
    for end in ("low", "high"):
        limit = getattr(node, end)
        if limit is None:
            continue
        cause = "missing rectifier" if (end, limit) == ("low", 0) else "limit"
        text = f"{node.name} without its {'lower' if end == 'low' else 'upper'} limit"
        yield Hypothesis(cause, node.name, text, _limited(node, end, None), finish=_exact)
        for other in (2 * limit, limit // 2, limit - 1, limit + 1, -limit):
            if other != limit:
                text = f"{node.name} with a limit of {other} instead of {limit}"
                yield Hypothesis("limit", node.name, text, _limited(node, end, other))
    if node.low is None:
        yield Hypothesis("needless rectifier", node.name, f"{node.name} and a rectifier", replace(node, low=0))


def _exact(raw: Tensor) -> Tensor:
    """A result that needs another format than its node has."""
    return raw


def _limited(node: Clip, end: str, limit: int | None) -> Clip:
    return replace(node, low=limit) if end == "low" else replace(node, high=limit)


def _slopes(node: Leaky) -> Iterator[Hypothesis]:
    for shift in range(max(node.shift - _SHIFTS, 0), node.shift + _SHIFTS):
        if shift == 0:
            text = f"{node.name} that leaves negative values as they are"
            yield Hypothesis("missing rectifier", node.name, text, replace(node, shift=0), finish=_exact)
        elif shift != node.shift:
            text = f"{node.name} with a shift of {shift} instead of {node.shift}"
            yield Hypothesis("slope", node.name, text, replace(node, shift=shift))
    flat = Clip(node.name, node.inputs, node.shape, node.format, 0, None, 0)
    yield Hypothesis("slope", node.name, f"{node.name} that makes negative values zero", flat)


def results(region: Region) -> Iterator[Hypothesis]:
    """The result with another sign, without negative words, or with words that never change."""
    node = region.target
    yield Hypothesis("sign", node.name, f"{node.name} negated", finish=lambda raw: _times(finished(node, raw), -1))
    text = f"{node.name} without its sign"
    yield Hypothesis("sign", node.name, text, finish=lambda raw: _magnitude(finished(node, raw)))
    if not isinstance(node, Quantize):
        text = f"{node.name} with a rectifier behind it"
        yield Hypothesis("needless rectifier", node.name, text, finish=lambda raw: _rectified(finished(node, raw)))


def _times(tensor: Tensor, factor: int) -> Tensor:
    return Tensor(tensor.words * np.int64(factor), tensor.fraction)


def _magnitude(tensor: Tensor) -> Tensor:
    return Tensor(np.abs(tensor.words), tensor.fraction)


def _rectified(tensor: Tensor) -> Tensor:
    return Tensor(np.maximum(tensor.words, 0), tensor.fraction)


def stuck(region: Region, at_end: bool) -> Iterator[Hypothesis]:
    """Elements that give the same word for every event; `at_end`: an end of the format or zero, which hides causes."""
    places, node = region.elements, region.target
    found = region.found[:, places]
    if (found != found[0]).any() or not (region.expected[:, places] != region.expected[0, places]).any(axis=0).all():
        return
    values: NDArray[np.float64] = found[0]
    ends = np.isin(values, (0, node.format.low, node.format.high)).all() and isinstance(node, Quantize)
    if at_end != ends or not np.array_equal(values, np.rint(values)):
        return

    def finish(raw: Tensor) -> Tensor:
        words, fraction = finished(node, raw)
        words = words.copy()
        words[:, places] = values.astype(np.int64)
        return Tensor(words, fraction)

    told = ", ".join(f"{int(value)} at element {place}" for value, place in zip(values[:3], places[:3], strict=True))
    text = f"{node.name} always {told}" + (f" and {len(places) - _LISTED} more constant" if len(places) > 3 else "")
    yield Hypothesis("constant output", node.name, text, finish=finish)
