"""The search for the first layer that differs, and for the simplest rule that gives its words."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ae.circuit.graph import Circuit
from l1ae.circuit.nodes import Input, Node, Quantize
from l1ae.circuit.reference import Words
from l1ae.errors import DataError
from l1ae.explain import elements, modes, weights, wiring
from l1ae.explain.explanation import Explanation, pattern
from l1ae.explain.region import Hypothesis, Region, Score, Values

Traced = Mapping[str, NDArray[Any]]

#: Events that every hypothesis has to explain, and those of them that it is tried on first.
_EVENTS, _PROBED = 2000, 64
#: A hypothesis that explains less of the words than this is no explanation.
_MOST = 0.9
#: So few differing words are explained by chance: other causes that give them too are named.
_FEW, _ALTERNATIVES = 20, 2


def explain(circuit: Circuit, reference: Traced, firmware: Traced) -> Explanation | None:
    """The first layer of which the words differ, and the likely cause; None when nothing differs.

    `reference`, `firmware`: words (N, size) or (N, *shape) of the same events by node of the circuit. The firmware may
    lack nodes and show values between two words; the reference has to hold the inputs for a cause to be found. Raises
    `DataError` when the two have no layer in common or are of different shapes.
    """
    shown = [node for node in circuit.nodes if node.name in reference and node.name in firmware]
    if not shown:
        raise DataError("reference and firmware show no layer in common: there is nothing to compare")
    for node in shown:
        expected, found = _flat(node, reference[node.name]), _flat(node, firmware[node.name])
        if expected.shape != found.shape:
            raise DataError(
                f"layer {node.name}: words {expected.shape} in the reference, {found.shape} in the firmware"
            )
        wrong = expected != found
        if wrong.any():
            names = {other.name for other in shown}
            cause, detail, origin = _cause(circuit, node, names, reference, expected, found)
            event, element = (int(place) for place in np.argwhere(wrong)[0])
            right, word = _number(expected[event, element]), _number(found[event, element])
            counts = int(wrong.any(axis=1).sum()), int(wrong.any(axis=0).sum())
            distance = abs(word - right)
            kind = type(node).__name__
            return Explanation(node.name, kind, event, element, right, word, distance, *counts, cause, detail, origin)
    return None


def _flat(node: Node, words: NDArray[Any]) -> NDArray[Any]:
    words = np.asarray(words)
    if words.ndim < 2 or words[:1].size not in (0, node.size):
        raise DataError(f"layer {node.name}: words of shape {words.shape} for events of shape {node.shape}")
    return words.reshape(len(words), node.size)


def _number(word: Any) -> int | float:
    return int(word) if np.isfinite(word) and word == int(word) else float(word)


def _cause(
    circuit: Circuit, node: Node, shown: set[str], reference: Traced, expected: NDArray[Any], found: NDArray[Any]
) -> tuple[str, str, str | None]:
    """Cause, evidence and origin."""
    expected, found = expected.astype(np.float64), found.astype(np.float64)
    seen = pattern(expected, found)
    if not np.isfinite(found).all():
        return "unknown", "the firmware shows values that are no numbers", None
    if _late(expected, found):
        return "stale event", f"every word of {node.name} is that of the event before", node.name
    if isinstance(node, Input):
        return (
            "input port",
            f"{node.name} does not take in the words it is given: {seen}",
            node.name,
        )
    rows = _rows(expected != found)
    known = {other.name: _integers(other, reference, rows) for other in circuit.nodes if other.name in reference}
    try:
        region = Region.around(circuit, node, shown - {node.name}, known, found[rows])
    except DataError as error:
        return "unknown", f"{seen}; {error}", None
    if (region.expected != expected[rows]).any():
        why = "what the reference shows is not what the circuit computes from the layers in front"
        return "reference", f"{why} of {node.name}", node.name
    matches = _matches(region)
    if not matches:
        return "unknown", f"{seen}, and no single change gives these words", None
    (best, score), *others = matches
    return best.cause, _evidence(node, best, score, [other.text for other, _ in others]), best.origin


def _late(expected: Values, found: Values) -> bool:
    """Words that come one event late."""
    moves = bool((expected[1:] != expected[:-1]).any())
    return len(found) > 2 and moves and bool((found[1:] == expected[:-1]).all())


def _rows(wrong: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Events to be explained: most of them differ, if so many do, and some do not."""
    differs = wrong.any(axis=1)
    # First of all events for every element that differs, because some may do so only rarely.
    each = [np.flatnonzero(column)[:8] for column in wrong.T[wrong.any(axis=0)][:200]]
    yes = np.unique(np.concatenate([*each, np.flatnonzero(differs)[: _EVENTS * 3 // 4]]))
    no = np.flatnonzero(~differs)[: max(_EVENTS - len(yes), 0)]
    return np.sort(np.concatenate([yes, no])).astype(np.int64)


def _integers(node: Node, reference: Traced, rows: NDArray[np.int64]) -> Words:
    words = _flat(node, reference[node.name])
    return words[rows].astype(np.int64)


def _hypotheses(region: Region, probe: Region) -> Iterator[Hypothesis]:
    """All of them, simplest first."""
    yield from modes.modes(region)
    yield from elements.elements(region)
    yield from elements.stuck(region, at_end=True)
    yield from weights.one(region)
    yield from wiring.operands(region)
    yield from wiring.layouts(region)
    yield from modes.shifted(region)
    yield from elements.results(region)
    yield from elements.entries(region)
    yield from wiring.orders(region, probe)
    yield from weights.some(region)
    yield from weights.fitted(region)
    yield from elements.stuck(region, at_end=False)


def _matches(region: Region) -> list[tuple[Hypothesis, Score]]:
    """The first hypothesis that explains every word, and others when few words differ; else the best of all."""
    probe = region.part(_probe_rows(region))
    few = int(region.wrong.sum()) < _FEW
    whole: list[tuple[Hypothesis, Score]] = []
    most: tuple[Hypothesis, Score] | None = None
    for hypothesis in _with_room(_hypotheses(region, probe)):
        if any(hypothesis.cause == other.cause for other, _ in whole):
            continue
        if probe.score(hypothesis).share < _MOST - 0.1:
            continue
        score = region.score(hypothesis)
        if score.whole:
            whole.append((hypothesis, score))
            if not few or len(whole) > _ALTERNATIVES:
                return whole
        elif score.share > max(_MOST, 0 if most is None else most[1].share):
            most = hypothesis, score
    return whole or ([most] if most else [])


def _with_room(hypotheses: Iterator[Hypothesis]) -> Iterator[Hypothesis]:
    """Each altered layer with its own format, and with one that holds all that it gives now."""
    for hypothesis in hypotheses:
        yield hypothesis
        if hypothesis.node is not None and hypothesis.finish is None and not isinstance(hypothesis.node, Quantize):
            yield replace(hypothesis, finish=lambda raw: raw)


def _probe_rows(region: Region) -> NDArray[np.int64]:
    """Events on which a hypothesis is tried first: such as differ in each element, and such as do not differ."""
    differs = region.wrong.any(axis=1)
    yes, no = np.flatnonzero(differs), np.flatnonzero(~differs)
    each = [np.flatnonzero(region.wrong[:, element])[:1] for element in region.elements[:_PROBED]]
    some = [yes[:: max(len(yes) * 2 // _PROBED, 1)], no[:: max(len(no) * 4 // _PROBED, 1)]]
    return np.unique(np.concatenate([*each, *some])).astype(np.int64)


def _evidence(node: Node, best: Hypothesis, score: Score, others: list[str]) -> str:
    """One sentence; how many words speak for it, and what else gives them."""
    if score.whole:
        counts = f"{score.explained:,} of {score.affected:,} differing words"
        told = f"every word of {node.name} equals what {best.text} gives ({counts})"
    else:
        rest = f"{score.affected - score.explained:,} do not"
        counts = f"{score.explained:,} of {score.affected:,} differing words of {node.name}"
        told = f"{counts} equal what {best.text} gives, {rest}"
    return told + (f"; so few words also follow from {' or from '.join(others)}" if others else "")
