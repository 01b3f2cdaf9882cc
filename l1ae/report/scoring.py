"""Every score of every test event, in one pass over the files."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ae.config import DataConfig
from l1ae.errors import DataError
from l1ae.evaluation.scores import Scores, SignalScores
from l1ae.events.schema import EventSet, codes_of
from l1ae.events.stream import EventStream
from l1ae.events.summary import Summary

#: Events in, one number per event out, large meaning anomalous.
Score = Callable[[EventSet], NDArray[Any]]


def pile_up(events: EventSet) -> NDArray[Any]:
    """The pile-up counts (N,) of events that carry them; raises `DataError` for others."""
    if events.pile_up is None:
        raise DataError("these events carry no pile-up count")
    return events.pile_up


def score_all(
    data: DataConfig, stream: EventStream, functions: Mapping[str, Score], summary: Summary | None = None
) -> dict[str, Scores]:
    """Scores of every test event of background and signals, by the names of `functions`.

    `summary` takes up the same events.
    """
    processes: list[NDArray[np.uint8]] = []
    found: dict[str, list[NDArray[Any]]] = {name: [] for name in functions}
    for chunk in stream.chunks((*data.background, *data.signals), "test"):
        processes.append(chunk.process)
        for name, function in functions.items():
            found[name].append(function(chunk))
        if summary is not None:
            summary.add(chunk)
    process = np.concatenate(processes)

    def of(values: NDArray[Any], *names: str) -> NDArray[Any]:
        return values[np.isin(process, codes_of(names, stream.process_names))]

    result = {}
    for name in functions:
        values = np.concatenate(found.pop(name))
        signals = {signal: of(values, signal) for signal in data.signals}
        result[name] = Scores(of(values, *data.background), signals)
    return result


def score_by_signal(data: DataConfig, stream: EventStream, functions: Mapping[str, Score]) -> SignalScores:
    """Scores of functions of their own for each signal: of its test events, and of those of the background."""
    backgrounds: dict[str, list[NDArray[Any]]] = {name: [] for name in functions}
    signals: dict[str, list[NDArray[Any]]] = {name: [] for name in functions}
    for chunk in stream.chunks((*data.background, *functions), "test"):
        background = chunk.of(*data.background)
        for name, function in functions.items():
            for events, scores in ((background, backgrounds), (chunk.of(name), signals)):
                if len(events):
                    scores[name].append(function(events))
    return SignalScores(
        {name: np.concatenate(values) for name, values in backgrounds.items()},
        {name: np.concatenate(values) for name, values in signals.items()},
    )
