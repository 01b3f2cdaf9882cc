"""The verdict: several implementations of one model, compared as integers, pair by pair, with no tolerance."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ae.circuit import Circuit
from l1ae.circuit.corners import tie_counts
from l1ae.errors import VerificationError
from l1ae.explain import Explanation, explain
from l1ae.rounding import KerasRounding, float32_limits, keras_rounding, number

#: Values (N, n_inputs) of all ports side by side to integer words of every layer.
Trace = Callable[[NDArray], Mapping[str, NDArray[Any]]]
#: The same to the words (N, m) of all outputs side by side, flattened.
Outputs = Callable[[NDArray], NDArray[Any]]


@dataclass(frozen=True)
class Implementation:
    """One way to compute the model.

    `float32`: it rounds where a value needs more than 24 bits, as Keras does. Then each layer of its `trace` behind
    such a one is computed from the words of the reference, so that it can be judged alone.
    """

    name: str
    outputs: Outputs
    trace: Trace
    float32: bool = False


@dataclass(frozen=True)
class Mismatch:
    """The first place where two implementations differ: event, layer, unit, both words, and how far apart in LSB.

    A word is an integer; firmware that was changed may show a value between two words, which is given as it is.
    `words`: the values that went into the ports.
    """

    event: int
    stimulus: str
    layer: str
    unit: int
    first_value: int | float
    second_value: int | float
    distance_lsb: int | float
    words: list[float]

    def __str__(self) -> str:
        return (
            f"event {self.event} ({self.stimulus}), layer {self.layer}, unit {self.unit}: "
            f"{self.first_value} against {self.second_value}, {self.distance_lsb} LSB apart"
        )


@dataclass(frozen=True)
class Pair:
    """The comparison of two implementations.

    `layers_compared` counts events on which every layer that both show was compared too; firmware shows a sum and the
    quantizer fused into it as one.
    """

    first: str
    second: str
    events: int
    mismatches: int
    layers_compared: int
    first_mismatch: Mismatch | None


@dataclass(frozen=True)
class Verdict:
    """All pairs over all stimuli. `ties` counts, per quantizer, the values that its rounding found at a tie.

    `explanation`: the likely cause when the C simulation differs from the reference.
    """

    events: int
    mismatches: int
    pairs: tuple[Pair, ...]
    stimuli: dict[str, int]
    ties: dict[str, int]
    edited_files: tuple[str, ...] = ()
    keras_rounding: tuple[KerasRounding, ...] = ()
    explanation: Explanation | None = None

    @property
    def exact(self) -> bool:
        """No pair differs anywhere, what Keras itself rounds left out."""
        return self.mismatches == 0

    @property
    def first(self) -> Mismatch | None:
        """The first mismatch of the first pair that differs; None when all agree."""
        return next((pair.first_mismatch for pair in self.pairs if pair.first_mismatch is not None), None)

    def check(self) -> None:
        """Raise `VerificationError` when something differs."""
        if not self.exact:
            raise VerificationError(self.sentence)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    def lines(self) -> Iterator[str]:
        """What there is to say, line by line."""
        for name in self.edited_files:
            yield f"note: {name} was changed or added after the project was written"
        for pair in self.pairs:
            yield f"{pair.first} = {pair.second}: {pair.mismatches} of {pair.events} events differ"
            if pair.first_mismatch is not None:
                yield f"  first: {pair.first_mismatch}"
        yield from map(str, self.keras_rounding)
        if self.explanation is not None:
            yield str(self.explanation)

    @property
    def sentence(self) -> str:
        """One line: how many events differ, and where first."""
        worst = next((pair for pair in self.pairs if pair.first_mismatch is not None), None)
        if worst is None:
            return f"{self.events} events, 0 mismatches"
        found = f"{self.mismatches} of {self.events} events differ; {worst.first} and {worst.second} first at "
        return f"{found}{worst.first_mismatch}"


#: Events on which every layer is compared, not only the outputs.
TRACED_EVENTS = 4096


def compare(
    implementations: Sequence[Implementation],
    stimuli: Mapping[str, NDArray],
    circuit: Circuit,
    edited_files: Sequence[str] = (),
) -> Verdict:
    """Compare every implementation with every other on all stimuli, origin -> values (N, n_inputs) of all ports.

    The first layer of the `circuit` that differs is named. `mismatches` of the verdict counts events on which any pair
    differs, in an output or, where traced, in a layer. Where float32 has too few bits, Keras may round, and no more.
    """
    names = [name for name, values in stimuli.items() if len(values)]
    values = np.concatenate([np.asarray(stimuli[name], dtype=np.float64) for name in names])
    origin = np.repeat(names, [len(stimuli[name]) for name in names])
    # On the way to an output roundings add up without a limit; each layer has one, given the words of the reference.
    free = {name: 0.0 if exact else np.inf for name, exact in circuit.float32_exact.items()}
    columns = [(name, unit) for name in circuit.outputs for unit in range(circuit[name].size)]
    outputs = {one.name: _flat(np.asarray(one.outputs(values))) for one in implementations}
    unequal = {}
    for one, other in combinations(implementations, 2):
        far = np.array([free[layer] if one.float32 or other.float32 else 0.0 for layer, _ in columns])
        unequal[one.name, other.name] = _unequal(outputs[one.name], outputs[other.name], far)
    differs = _rows(np.concatenate(list(unequal.values()), axis=1))
    traced = _choose(origin, differs)
    traces = {one.name: one.trace(values[traced]) for one in implementations}
    shown = next((traces[one.name] for one in implementations if one.float32), None)
    limits = float32_limits(circuit, shown)
    pairs = []
    for one, other in combinations(implementations, 2):
        found = unequal[one.name, other.name]
        allowed = limits if one.float32 or other.float32 else dict.fromkeys(limits, 0.0)
        layer_wrong, first = _first_difference(traces[one.name], traces[other.name], allowed)
        wrong = _rows(found)
        wrong[traced] |= layer_wrong
        differs |= wrong
        mismatch = None
        if first is not None:
            row, layer, unit = first
            words = (_flat(traces[side.name][layer])[row, unit] for side in (one, other))
            mismatch = _mismatch(int(traced[row]), layer, unit, words, values, origin)
        elif wrong.any():  # in an output, though in no traced layer: the place is the port
            event, column = (int(index) for index in np.argwhere(found)[0])
            words = (outputs[side.name][event, column] for side in (one, other))
            mismatch = _mismatch(event, *columns[column], words, values, origin)
        pairs.append(Pair(one.name, other.name, len(values), int(wrong.sum()), len(traced), mismatch))
    return Verdict(
        len(values),
        int(differs.sum()),
        tuple(pairs),
        {name: len(stimuli[name]) for name in names},
        tie_counts(circuit, values),
        tuple(edited_files),
        tuple(_rounding(implementations, circuit, outputs, traces)),
        _explanation(implementations, circuit, traces, traced, edited_files),
    )


def _choose(origin: NDArray, differs: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Events whose layers are compared: those that differ first, then evenly from every stimulus."""
    chosen = np.flatnonzero(differs)[: TRACED_EVENTS // 4]
    names = np.unique(origin)
    for name in names:
        chosen = np.union1d(chosen, np.flatnonzero(origin == name)[: TRACED_EVENTS // len(names)])
    return chosen.astype(np.int64)


def _flat(values: NDArray) -> NDArray:
    return values.reshape(len(values), -1)


def _unequal(one: NDArray, two: NDArray, allowed: NDArray | float) -> NDArray[np.bool_]:
    """Where words differ, by more than is `allowed`."""
    return (one != two) & ~(np.abs(one - two) <= allowed)  # what is not a number differs from everything


def _rows(unequal: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which events differ anywhere."""
    rows: NDArray[np.bool_] = np.logical_or.reduce(unequal, axis=1)
    return rows


def _first_difference(
    one: Mapping[str, NDArray], two: Mapping[str, NDArray], allowed: Mapping[str, float]
) -> tuple[NDArray[np.bool_], tuple[int, str, int] | None]:
    """Rows on which any layer differs, and (row, layer, unit) of the first in the order of `allowed`, the data flow."""
    rows = len(next(iter(one.values())))
    wrong = np.zeros(rows, dtype=bool)
    first: tuple[int, str, int] | None = None
    for layer in (layer for layer in allowed if layer in one and layer in two):
        unequal = _unequal(_flat(one[layer]), _flat(two[layer]), allowed[layer])
        wrong |= _rows(unequal)
        if first is None and unequal.any():
            row, unit = np.argwhere(unequal)[0]
            first = int(row), layer, int(unit)
    return wrong, first


def _mismatch(event: int, layer: str, unit: int, words: Iterator[Any], values: NDArray, origin: NDArray) -> Mismatch:
    first, second = map(number, words)
    inputs = values[event].tolist()
    return Mismatch(event, str(origin[event]), layer, unit, first, second, abs(first - second), inputs)


def _rounding(
    implementations: Sequence[Implementation],
    circuit: Circuit,
    outputs: Mapping[str, NDArray],
    traces: Mapping[str, Mapping[str, NDArray]],
) -> Iterator[KerasRounding]:
    """What the implementation in float32 makes of layers, against the first exact one; of outputs in every event."""
    ends = np.cumsum([circuit[name].size for name in circuit.outputs])[:-1]
    shown = {
        name: {**traces[name], **dict(zip(circuit.outputs, np.split(words, ends, axis=1), strict=True))}
        for name, words in outputs.items()
    }
    floating = next((one.name for one in implementations if one.float32), None)
    judge = next((one.name for one in implementations if not one.float32), None)
    return iter(()) if floating is None or judge is None else keras_rounding(circuit, shown[floating], shown[judge])


def _explanation(
    implementations: Sequence[Implementation],
    circuit: Circuit,
    traces: Mapping[str, Mapping[str, NDArray]],
    traced: NDArray[np.int64],
    edited_files: Sequence[str],
) -> Explanation | None:
    """The likely cause when the last implementation, the firmware, differs from the reference in a traced layer."""
    reference, firmware = (one.name for one in implementations[-2:])
    found = explain(circuit, traces[reference], traces[firmware])
    if found is None:
        return None
    detail = found.detail
    if edited_files:
        detail = f"{detail}; {', '.join(edited_files)} changed after the project was written"
    return replace(found, event=int(traced[found.event]), detail=detail)
