"""Input words that hurt: every sum at its bounds, every rounding at a tie, every saturation at its edge.

They are chosen from the weights, so that a wrong format or weight shows even where random events would not meet it.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from l1ae.circuit.formats import WIDEST
from l1ae.circuit.graph import Circuit
from l1ae.circuit.nodes import Lookup, Quantize, Scale
from l1ae.circuit.slopes import SUMS, driven, port_slopes, slopes
from l1ae.circuit.table_corners import NewEntries, every_entry, one_by_one, placed, scan_words, table_driven

Words = NDArray[np.int64]

_TIES_PER_FEATURE = 64
_SEARCH_BATCH, _SEARCH_ROUNDS = 4096, 6


def corner_words(circuit: Circuit, seed: int = 0) -> Words:
    """Input words (M, n), each once, sorted: the same for the same circuit and seed.

    Of a layer with more than 512 elements that many, chosen at random, are driven to their bounds and searched.
    """
    rng = np.random.default_rng(seed)
    parts = [
        _constant_and_one_hot(circuit),
        _sign_driven(circuit),
        *_first_quantizers(circuit, rng),
        *table_driven(circuit),
        *every_entry(circuit),
        _deep_search(circuit, rng),
    ]
    return np.unique(np.concatenate(parts), axis=0)


def tie_counts(circuit: Circuit, words: Words) -> dict[str, int]:
    """How many values each rounding `Quantize` finds exactly halfway between two of its words, over all events."""
    quantizers = _rounding_quantizers(circuit)
    traced = circuit.trace(words, sorted({node.inputs[0] for node in quantizers}))
    return {node.name: int(_ties(circuit, node, traced[node.inputs[0]]).sum()) for node in quantizers}


def _rounding_quantizers(circuit: Circuit) -> list[Quantize]:
    return [node for node in circuit.nodes if isinstance(node, Quantize) and circuit.ranges[node.name].lost_bits]


def _ties(circuit: Circuit, node: Quantize, raw: Words) -> NDArray[np.bool_]:
    lost = circuit.ranges[node.name].lost_bits
    if lost > WIDEST:
        return np.zeros(raw.shape, dtype=bool)  # no word is as large as half of the last bit that is kept
    rest: Words = raw & np.int64((1 << lost) - 1)
    return rest == 1 << (lost - 1)


def _constant_and_one_hot(circuit: Circuit) -> Words:
    """All zero, all minimum, all maximum, and each input alone at its minimum and maximum."""
    ends = circuit.port_range
    return np.concatenate([np.stack([np.zeros_like(ends[0]), *ends]), *map(np.diag, ends)])


def _sign_driven(circuit: Circuit) -> Words:
    """For the `driven` elements of each sum the two inputs that drive it to its bounds.

    Exact for sums of inputs that are independent of each other (the first layer); for deeper ones the signs are those
    of the product of the kernels, as if every rectifier were open.
    """
    low, high = circuit.port_range
    rows = [np.zeros((0, circuit.n_inputs), dtype=np.int64)]
    for node in circuit.nodes:
        if isinstance(node, SUMS):
            slope = port_slopes(circuit, slopes(circuit, node), len(driven(node)))
            up = np.where(slope > 0, high, np.where(slope < 0, low, 0))
            down = np.where(slope > 0, low, np.where(slope < 0, high, 0))
            rows += [up, down]
    return np.concatenate(rows).astype(np.int64)


def _first_quantizers(circuit: Circuit, rng: np.random.Generator) -> list[Words]:
    """Ties and saturation edges of quantizers that see one input each, found by scanning the ports."""
    parts = []
    for port in circuit.inputs:
        quantizers = [node for node in one_by_one(circuit, port) if isinstance(node, Quantize)]
        scan, traced = scan_words(circuit, port, [node.inputs[0] for node in quantizers])
        for node in quantizers:
            raw = traced[node.inputs[0]]
            if circuit.ranges[node.name].lost_bits:
                parts.append(placed(circuit, port, _choose(scan, _ties(circuit, node, raw), rng)))
            parts.append(placed(circuit, port, _edges(circuit, node, raw, scan)))
    return parts


def _choose(scan: Words, wanted: NDArray[np.bool_], rng: np.random.Generator) -> Words:
    """Rows in which every feature sits on one of its wanted words: the outermost two and a random choice between."""
    columns = []
    for feature in range(wanted.shape[1]):
        words = scan[wanted[:, feature]]
        if len(words) > _TIES_PER_FEATURE:
            middle = rng.choice(words[1:-1], _TIES_PER_FEATURE - 2, replace=False)
            words = np.concatenate([words[[0, -1]], middle])
        columns.append(np.resize(words, _TIES_PER_FEATURE) if len(words) else np.zeros(_TIES_PER_FEATURE, np.int64))
    return np.stack(columns, axis=1).astype(np.int64)


def _edges(circuit: Circuit, node: Quantize, raw: Words, scan: Words) -> Words:
    """Rows just below, on and just above the words where each feature leaves the format."""
    scaled = raw * 2.0 ** (node.format.fraction - circuit.ranges[node.name].fraction)
    rows = []
    for edge in (node.format.low - 0.5, node.format.low, node.format.high, node.format.high + 0.5):
        # Along the scan the values rise, so the comparison turns from False to True at most once.
        first = np.argmax(scaled >= edge, axis=0)
        rows += [scan[np.clip(first + step, 0, len(scan) - 1)] for step in (-1, 0, 1)]
    return np.stack(rows)


def _deep_search(circuit: Circuit, rng: np.random.Generator) -> Words:
    """Random words, kept when they show a quantizer element something new.

    For every element that means a tie that rounds down, a tie that rounds up, a value above and one below the format;
    for a table, an entry.
    """
    quantizers = [node for node in circuit.nodes if isinstance(node, Quantize)]
    tables = [NewEntries(node) for node in circuit.nodes if isinstance(node, Lookup)]
    sources = sorted({node.inputs[0] for node in (*quantizers, *(table.node for table in tables))})
    seen: dict[str, NDArray[np.bool_]] = {}
    kept = []
    for _ in range(_SEARCH_ROUNDS):
        words = _random_words(circuit, rng)
        traced = circuit.trace(words, sources)
        chosen: set[int] = set()
        for table in tables:
            chosen.update(table.rows(traced[table.node.inputs[0]]))
        for node in quantizers:
            events = _events(circuit, node, traced)
            new = events.any(axis=0) & ~seen.get(node.name, np.zeros(events.shape[1:], dtype=bool))
            chosen.update(np.argmax(events, axis=0)[new].tolist())
            seen[node.name] = seen.get(node.name, False) | new
        kept.append(words[sorted(chosen)])
    return np.concatenate(kept)


def _events(circuit: Circuit, node: Quantize, traced: Mapping[str, Words]) -> NDArray[np.bool_]:
    """What happens to the `driven` elements of a quantizer, (events, elements, 4)."""
    raw, known = traced[node.inputs[0]], circuit.ranges[node.name]
    if node.size > len(driven(node)):
        raw = raw.reshape(len(raw), -1)[:, driven(node)]
    scaled = raw * 2.0 ** (node.format.fraction - known.fraction)
    tie = _ties(circuit, node, raw) if known.lost_bits else np.zeros(raw.shape, dtype=bool)
    odd = (raw >> min(known.lost_bits, 63)) & 1 == 1
    inside = (scaled > node.format.low) & (scaled < node.format.high)
    return np.stack(
        [tie & inside & ~odd, tie & inside & odd, scaled > node.format.high, scaled < node.format.low], axis=-1
    )


def _random_words(circuit: Circuit, rng: np.random.Generator) -> Words:
    """Uniform words of several magnitudes around the centre of the scaling, some of them sparse."""
    (low, high), n = circuit.port_range, circuit.n_inputs
    width = np.concatenate([np.full(port.size, port.format.width) for port in circuit.inputs])
    centre = np.zeros(n, dtype=np.int64)
    for port in circuit.inputs:
        quantizers = (node for node in circuit.nodes if isinstance(node, Quantize) and node.inputs == (port.name,))
        first = {port.name, *(node.name for node in quantizers)}
        scale = next((node for node in circuit.nodes if isinstance(node, Scale) and node.inputs[0] in first), None)
        if scale is not None and port.format.fraction >= 0:
            centre[circuit.columns[port.name]] = np.array(scale.offset, dtype=np.int64) << port.format.fraction
    magnitude = np.exp2(rng.uniform(0, 1, size=(_SEARCH_BATCH, 1)) * width)
    words = np.rint(rng.uniform(-1, 1, size=(_SEARCH_BATCH, n)) * magnitude).astype(np.int64)
    words[rng.random(words.shape) < rng.choice([0.0, 0.5, 0.9], size=(_SEARCH_BATCH, 1))] = 0
    clipped: Words = np.clip(words + centre, low, high)
    return clipped
