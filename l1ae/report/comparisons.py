"""The scores that a report compares the model with: baselines, fitted on the training events, in the report's words."""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from l1ae.circuit import Circuit
from l1ae.circuit.inverse import SCALED
from l1ae.config import DataConfig
from l1ae.errors import DataError
from l1ae.evaluation import (
    AucDifference,
    IsolationForestBaseline,
    MenuBaseline,
    PcaBaseline,
    SignalPerformance,
    SupervisedBaseline,
    TableBaseline,
    differences,
    evaluate,
    leading_object_pt_sum,
    object_count,
    total_pt,
)
from l1ae.evaluation.scores import Scores, SignalScores
from l1ae.events.schema import EventSet
from l1ae.events.stream import EventStream
from l1ae.report.record import Baseline
from l1ae.report.scoring import Score

#: Names of baselines that the report treats in a way of their own.
MENU, SUPERVISED = "menu of cuts", "supervised trees"


class OtherScore(NamedTuple):
    """A score that the model is compared with; a mapping holds a function per signal, for scores that know it."""

    description: str
    unit: str
    function: Score | Mapping[str, Score]


class Comparisons(NamedTuple):
    """The scores by name, and a sentence for each that could not be had."""

    scores: dict[str, OtherScore]
    notes: tuple[str, ...]


def baselines(data: DataConfig, latent: int, circuit: Circuit, stream: EventStream) -> Comparisons:
    """Every score without a network, fitted on the training events; those that cannot be fitted leave a note.

    `latent`: components of the PCA, as many as the network has latent dimensions.
    """
    components = min(latent, stream.layout.n_inputs - 1)  # all of them would leave no error
    makers: dict[str, Callable[[], OtherScore]] = {
        f"PCA, {components} components": lambda: _pca(data, components, circuit, stream),
        "pT tables": lambda: _tables(data, stream),
        "isolation forest": lambda: _forest(data, stream),
        MENU: lambda: _menu(data, stream),
        SUPERVISED: lambda: _supervised(data, stream),
    }
    found, notes = _simple(stream), []
    for name, make in makers.items():
        try:
            found[name] = make()
        except DataError as error:
            notes.append(f"Left out of the comparison: {name} ({error}).")
    return Comparisons(found, tuple(notes))


def baseline_record(other: OtherScore, scores: Scores | SignalScores, model: Scores) -> Baseline:
    """Performance of another score, and what the model gains on it, on the same events."""
    performance: dict[str, SignalPerformance] = {}
    gain: dict[str, AucDifference] = {}
    for signal, values in scores.signals.items():
        background = scores.against(signal)
        performance |= evaluate(background, {signal: values})
        gain |= differences(model.background, {signal: model.signals[signal]}, background, {signal: values})
    return Baseline(
        description=other.description,
        unit=other.unit,
        sees_signal=isinstance(scores, SignalScores),
        performance=performance,
        gain=gain,
    )


def _simple(stream: EventStream) -> dict[str, OtherScore]:
    objects = [kind for kind in stream.layout.kinds if not kind.sum]
    sums = [kind.name for kind in stream.layout.kinds if kind.sum]
    named = ", ".join(kind.name for kind in objects) or ", ".join(sums)
    return {
        "leading-object pT": OtherScore(
            f"pT of the leading object of each kind ({named}), summed", "GeV", leading_object_pt_sum
        ),
        "total pT": OtherScore(
            f"pT of all {stream.layout.n_objects} objects summed" + (f", {', '.join(sums)} included" if sums else ""),
            "GeV",
            total_pt,
        ),
        "object count": OtherScore(f"number of objects ({named})", "objects", object_count),
    }


def _pca(data: DataConfig, components: int, circuit: Circuit, stream: EventStream) -> OtherScore:
    def scaled(events: EventSet) -> NDArray[np.float64]:
        return circuit.value(SCALED, circuit.trace(events.inputs, [SCALED])[SCALED])

    pca = PcaBaseline(components).fit(scaled(chunk) for chunk in _training(data, stream))
    return OtherScore(
        "squared reconstruction error from the leading principal components of the scaled inputs of the network, "
        "fitted on the training events",
        "scaled inputs squared",
        lambda events: pca.score(scaled(events)),
    )


def _tables(data: DataConfig, stream: EventStream) -> OtherScore:
    return OtherScore(
        f"sum over the {stream.layout.n_objects} objects of -log p(pT), p being how often the training events have "
        "that pT in that slot, in bins that grow with pT",
        "nats",
        TableBaseline().fit(_training(data, stream)).score,
    )


def _forest(data: DataConfig, stream: EventStream) -> OtherScore:
    forest = IsolationForestBaseline()
    forest.fit(chunk.inputs for chunk in _training(data, stream))
    return OtherScore(
        f"isolation forest of {forest.trees} trees on the hardware words, fitted on at most {forest.limit:,} training "
        "events",
        "no unit",
        lambda events: forest.score(events.inputs),
    )


def _menu(data: DataConfig, stream: EventStream) -> OtherScore:
    menu = MenuBaseline().fit(_training(data, stream))
    return OtherScore(
        f"cuts as triggers have them ({', '.join(menu.paths)}), every path at the same rate: the largest "
        "-log10 P(background value >= x) of them, P counted on the training events",
        "no unit",
        menu.score,
    )


def _supervised(data: DataConfig, stream: EventStream) -> OtherScore:
    trees = SupervisedBaseline()
    trees.fit(_inputs(stream, *data.background), {name: _inputs(stream, name) for name in data.signals})

    def score(signal: str) -> Score:
        return lambda events: trees.score(signal, events.inputs)

    return OtherScore(
        "a ceiling, no anomaly score: gradient-boosted trees on the hardware words, trained on the training events of "
        f"the background and of the very signal (at most {trees.limit:,} each)",
        "log odds",
        {name: score(name) for name in data.signals},
    )


def _training(data: DataConfig, stream: EventStream) -> Iterator[EventSet]:
    return stream.chunks(data.background, "training")


def _inputs(stream: EventStream, *names: str) -> Iterator[NDArray[np.int16]]:
    return (chunk.inputs for chunk in stream.chunks(names, "training"))
