"""Events changed on purpose, in hardware words: what a detector might do to them, and what no detector has seen.

Every function takes words (N, n) of a layout and a generator, and gives new words of the same layout: saturated to the
scales, objects of a kind in falling order of pT, absent ones all zero at the end, as the trigger sends them.
"""

import numpy as np
from numpy.typing import NDArray

from l1ae.events.layout import Layout, ObjectKind

Words = NDArray[np.int16]

#: Smallest pT of an invented object, in GeV.
_SOFTEST = 5.0


def drop_objects(words: Words, layout: Layout, share: float, rng: np.random.Generator) -> Words:
    """Lose each object (not the energy sums) with probability `share`."""
    events = _objects(words, layout)
    for kind in layout.kinds:
        if not kind.sum:
            rows = layout.rows(kind.name)
            events[:, rows][rng.random((len(events), kind.count)) < share] = 0
    return sent(events, layout)


def smear(words: Words, layout: Layout, width: float, rng: np.random.Generator) -> Words:
    """Change pT by a Gaussian of relative `width`, and angles by up to one count."""
    events = _objects(words, layout)
    for _, rows, column, feature, scale in layout.columns():
        if scale is None:
            continue
        block = events[:, rows, column]
        if feature == "pt":
            changed = np.rint(block * (1 + width * rng.standard_normal(block.shape)))
            block[...] = np.where(block > 0, np.clip(changed, 1, scale.high), 0)
        elif feature in ("eta", "phi"):
            block += rng.integers(-1, 2, block.shape)
            block[...] = block % scale.period if scale.period else np.clip(block, scale.low, scale.high)
    return sent(events, layout)


def rotate(words: Words, layout: Layout, rng: np.random.Generator) -> Words:
    """Turn each event around the beam by a random angle, the same for all its objects."""
    events = _objects(words, layout)
    turn = rng.random(len(events))
    for _, rows, column, _, scale in layout.columns():
        if scale is not None and scale.period:
            block = events[:, rows, column]
            block[...] = (block + np.rint(turn * scale.period).astype(np.int64)[:, None]) % scale.period
    return sent(events, layout)


def outliers(words: Words, layout: Layout, rng: np.random.Generator) -> Words:
    """Events that no process makes: kinds of objects exchanged between events, or invented with any number and pT.

    Half of them keep each kind of their own event with probability 0.5, take that of another event with 0.3 and an
    invented one otherwise; the other half is invented. Logarithmic pT and the number of objects are uniform, so every
    corner is visited. A network that tells such events from the background learns the background's density
    (Hendrycks, Mazeika and Dietterich, Deep Anomaly Detection with Outlier Exposure, arXiv:1812.04606).
    """
    events = _objects(words, layout)
    source = events.copy()
    invented_event = rng.random(len(events)) < 0.5
    for kind in layout.kinds:
        rows = layout.rows(kind.name)
        choice = rng.random(len(events))
        other = source[rng.permutation(len(events)), rows]
        invented = _invented(kind, layout, len(events), rng)
        swapped = (choice >= 0.5) & (choice < 0.8)
        events[swapped, rows] = other[swapped]
        new = invented_event | (choice >= 0.8)
        events[new, rows] = invented[new]
    return sent(events, layout)


def _invented(kind: ObjectKind, layout: Layout, count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    objects = np.zeros((count, kind.count, len(layout.features)), dtype=np.int64)
    low = min(max(_SOFTEST / kind.pt.lsb, 1.0), kind.pt.high)
    for column, feature in enumerate(layout.features):
        scale = kind.scale(feature)
        if scale is None:
            continue
        if feature == "pt":
            exponent = rng.uniform(np.log(low), np.log(kind.pt.high + 1.0), (count, kind.count))
            objects[..., column] = np.clip(np.exp(exponent), 1, kind.pt.high)
        else:
            objects[..., column] = rng.integers(scale.low, scale.high + 1, (count, kind.count))
    number = np.full(count, kind.count) if kind.sum else rng.integers(0, kind.count + 1, count)
    objects[np.arange(kind.count)[None] >= number[:, None]] = 0
    return objects


def _objects(words: Words, layout: Layout) -> NDArray[np.int64]:
    return np.array(words, dtype=np.int64).reshape(-1, *layout.shape)


def sent(events: NDArray[np.int64], layout: Layout) -> Words:
    """Words (N, n) of events (N, objects, features) as the trigger sends them, ordered in place.

    Objects with pT 0 are all zero, and each kind stands in falling order of pT.
    """
    events[events[..., 0] == 0] = 0
    for kind in layout.kinds:
        if kind.count > 1 and not kind.sum:
            rows = layout.rows(kind.name)
            order = np.argsort(-events[:, rows, 0], axis=1, kind="stable")
            events[:, rows] = np.take_along_axis(events[:, rows], order[..., None], axis=1)
    return events.reshape(len(events), -1).astype(np.int16)
