"""From what the network sees back to hardware words: the inverse of scaling and tables, as far as there is one.

The forward map of an input is read off the circuit itself, word by word, with everything else at a neutral value; its
object is there. Many words may give the same scaled word: of such a run the middle is taken, or any word at random.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from l1ae.circuit.formats import FixedFormat
from l1ae.circuit.graph import Circuit
from l1ae.errors import ConversionError
from l1ae.events.layout import PT, Layout
from l1ae.events.scales import HardwareScale

Words = NDArray[np.int64]

#: The node of a circuit that holds what the network sees of the hardware words.
SCALED = "scaled"
#: The node that turns phi into differences; behind it a table of cosines has lost their sign.
RELATIVE = "relative"


@dataclass(frozen=True, eq=False)
class InputInverse:
    """For each input and each scaled word, `low` being the first, the run of hardware words that comes nearest to it.

    `first`, `last`: (n, scaled words) ends of the runs. `blind`: (n,) inputs of which the network sees nothing, since
    every word gives the same; they come back as 0. `relative`: each phi comes back as the absolute difference to that
    of the missing momentum, because its sign is lost.
    """

    layout: Layout
    low: int
    first: NDArray[np.int16]
    last: NDArray[np.int16]
    blind: NDArray[np.bool_]
    relative: bool
    softest: Mapping[str, int]

    @classmethod
    def of(
        cls, circuit: Circuit, layout: Layout, format_: FixedFormat, softest: Mapping[str, int] | None = None
    ) -> "InputInverse":
        """The inverse for scaled words of `format_`, which needs the bits below the point that `scaled` has.

        `softest`: the smallest pT word of a kind of object that is sent at all; what is nearer to an absent object than
        to that one comes back as absent. Without it every pT word from 1 on may come back.

        Raises `ConversionError` for a circuit without that node, or for another layout.
        """
        if circuit.input.size != layout.n_inputs:
            raise ConversionError(f"the circuit takes {circuit.input.size} words and these events {layout.n_inputs}")
        if SCALED not in (node.name for node in circuit.nodes):
            raise ConversionError(f"the circuit has no node {SCALED}: only the circuits of l1ae can be inverted")
        if circuit[SCALED].format.fraction != format_.fraction:
            raise ConversionError(f"{SCALED} is {circuit[SCALED].format}, and {format_} has other bits below the point")
        wanted = np.arange(format_.low, format_.high + 1)
        first = np.zeros((layout.n_inputs, len(wanted)), dtype=np.int16)
        last, blind = first.copy(), np.zeros(layout.n_inputs, dtype=bool)
        width = len(layout.features)
        for kind, rows, column, feature, scale in layout.columns():
            if scale is None:
                continue
            inputs = np.arange(rows.start, rows.stop) * width + column
            words = np.arange(scale.low, scale.high + 1)
            if feature == PT:
                words = words[(words == 0) | (words >= (softest or {}).get(kind.name, 1))]
            reached = _forward(circuit, layout, inputs, words)
            for index, scaled in zip(inputs, reached.T, strict=True):
                blind[index] = (scaled == scaled[0]).all()
                if not blind[index]:
                    starts, ends, values = _runs(words, scaled, scale, feature)
                    nearest = _nearest(values, starts, wanted)
                    first[index], last[index] = starts[nearest], ends[nearest]
        relative = RELATIVE in (node.name for node in circuit.nodes)
        return cls(layout, format_.low, first, last, blind, relative, dict(softest or {}))

    def softest_gev(self) -> dict[str, float]:
        """The smallest pT that comes back, per kind of object for which one was given."""
        return {name: word * self.layout.kind(name).pt.lsb for name, word in self.softest.items()}

    def words(self, scaled: Words, rng: np.random.Generator | None = None) -> Words:
        """Hardware words (N, n) of scaled words (N, n): the middle of each run, or with `rng` any word of it.

        An object is absent where its pT comes back as 0; its other words then mean nothing.
        """
        inputs, place = np.arange(self.layout.n_inputs), np.asarray(scaled) - self.low
        first, last = (ends[inputs, place].astype(np.int64) for ends in (self.first, self.last))
        return (first + last) // 2 if rng is None else rng.integers(first, last, endpoint=True)


def _forward(circuit: Circuit, layout: Layout, inputs: NDArray[np.intp], words: Words) -> Words:
    """Scaled words (M, inputs) when these inputs take the words (M,) together.

    All objects are there with the smallest pT; they are of one kind, and none follows another one of its kind.
    """
    events = np.zeros((len(words), layout.n_inputs), dtype=np.int64)
    events[:, :: len(layout.features)] = 1
    events[:, inputs] = words[:, None]
    return circuit.trace(events, [SCALED])[SCALED][:, inputs]


def _runs(words: Words, scaled: Words, scale: HardwareScale, feature: str) -> tuple[Words, Words, Words]:
    """First and last words of the runs that give one scaled word each, in the order of the words, and these.

    pT 0 stands for an absent object: a run that holds it is that word alone. Where values saturate, a run counts no
    longer than the two next to it (half to even makes every other one longer): of the words that saturate those next to
    the others are the likely ones.
    """
    values = scaled[np.append(0, np.flatnonzero(np.diff(scaled)) + 1)]
    change = np.flatnonzero(np.diff(scaled)) + 1
    starts, ends = words[np.append(0, change)], words[np.append(change - 1, len(words) - 1)]
    if scale.period is None:
        length = ends - starts + 1
        ends[-1] = min(ends[-1], starts[-1] + length[-3:-1].max() - 1)
        if scale.signed:
            starts[0] = max(starts[0], ends[0] - length[1:3].max() + 1)
    if feature == PT:
        ends[0] = 0
    return starts, ends, values


def _nearest(values: Words, starts: Words, wanted: Words) -> NDArray[np.intp]:
    """The run whose scaled value is nearest to each wanted one; of two equally near ones that of the smaller words."""
    # Equal values first by their words: of several runs with one value the first is kept.
    order = np.lexsort((starts, values))
    _, kept = np.unique(values[order], return_index=True)
    order = order[kept]
    known = values[order]
    above = np.clip(np.searchsorted(known, wanted), 0, len(known) - 1)
    below = np.maximum(above - 1, 0)
    up, down = np.abs(known[above] - wanted), np.abs(wanted - known[below])
    smaller = np.where(starts[order[above]] < starts[order[below]], above, below)
    return order[np.where(up == down, smaller, np.where(up < down, above, below))]
