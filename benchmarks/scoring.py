"""Scoring rate of every implementation of one model; nothing is reported unless all give the same integers."""

import ctypes
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.clock import Spread, in_turns
from benchmarks.record import Row
from benchmarks.subject import Subject
from l1ae.errors import VerificationError
from l1ae.hardware.hls.sources import Sources

Scores = Callable[[NDArray[np.integer]], NDArray[np.int64]]

BASELINE = "hls4ml predict, 1 thread"
THREADS = 2


def implementations(subject: Subject) -> dict[str, Scores]:
    """Hardware words (N, n) to score words (N, 1), by name; the baseline comes first."""
    from l1ae.autoencoder import inference

    output = subject.circuit.output

    def keras_scores(words: NDArray[np.integer]) -> NDArray[np.int64]:
        return inference.to_integers(output.name, inference.scores(subject.model, words), output.format.fraction)

    return {
        BASELINE: hls4ml_predict(subject.hls4ml_library, subject.simulation.sources),
        f"C simulation, {THREADS} threads": lambda words: subject.simulation.scores(words, workers=THREADS),
        "integer reference (numpy)": subject.circuit.output_words,
        "Keras predict": keras_scores,
    }


def hls4ml_predict(library: Path, ports: Sources) -> Scores:
    """The emitted project as `predict` of hls4ml runs it: its build script, one call per event, arrays checked.

    A ModelGraph cannot be had back from an emitted project, so its loop is written out here.
    """
    vector = np.ctypeslib.ndpointer(ctypes.c_double, flags="C_CONTIGUOUS")
    function = getattr(ctypes.CDLL(str(library)), f"{ports.name}_double")
    function.restype, function.argtypes = None, [vector, vector]

    def scores(words: NDArray[np.integer]) -> NDArray[np.int64]:
        values = np.ldexp(np.ascontiguousarray(words, dtype=np.float64), -ports.input.format.fraction)
        outputs = []
        for event in values:
            output = np.zeros(ports.output.size)
            function(np.ascontiguousarray(event), output)
            outputs.append(output)
        scaled = np.ldexp(np.asarray(outputs), ports.output.fraction)
        if not np.array_equal(scaled, np.rint(scaled)):
            raise VerificationError(f"{BASELINE}: a score lies between two words of {ports.output.format}; no figures")
        return scaled.astype(np.int64)

    return scores


def rates(
    title: str,
    candidates: Mapping[str, Scores | tuple[Scores, int]],
    words: NDArray[np.integer],
    repeats: int,
    advance: Callable[[], Any] = lambda: None,
) -> list[Row]:
    """Rows in events/s; the first of `candidates` is the baseline.

    A candidate that comes with a number gets that many copies of the events in each call. Raises `VerificationError`
    when any timed call gave another score than the baseline.
    """
    baseline = next(iter(candidates))
    copies = {name: one[1] if isinstance(one, tuple) else 1 for name, one in candidates.items()}
    scores_of = {name: one[0] if isinstance(one, tuple) else one for name, one in candidates.items()}
    given = {count: np.tile(words, (count, 1)) for count in set(copies.values())}
    expected = scores_of[baseline](words)

    def check(name: str, scores: NDArray[np.int64]) -> None:
        count = copies[name]
        _same(title, given[count], (baseline, np.tile(expected, (count, 1))), (name, scores))
        advance()

    for name, score in scores_of.items():  # untimed: Keras compiles, caches fill
        check(name, score(given[copies[name]]))
    actions = {name: partial(score, given[copies[name]]) for name, score in scores_of.items()}
    times = in_turns(actions, repeats, check)
    spreads = {name: Spread.of(len(given[copies[name]]) / one for one in times[name]) for name in candidates}
    sizes = {name: {"events": len(words)} | ({"copies": count} if count > 1 else {}) for name, count in copies.items()}
    return [
        Row(f"scoring {title}", name, "events/s", "higher", spread, baseline, spreads[baseline], sizes[name])
        for name, spread in spreads.items()
        if name != baseline
    ]


def _same(
    title: str,
    words: NDArray[np.integer],
    one: tuple[str, NDArray[np.int64]],
    two: tuple[str, NDArray[np.int64]],
) -> None:
    (first, expected), (second, scores) = one, two
    if expected.shape != scores.shape or scores.dtype.kind not in "iu" or len(scores) != len(words):
        raise VerificationError(f"{title}: {second} gives {scores.dtype} scores of shape {scores.shape}, not one each")
    wrong = np.flatnonzero((expected != scores).any(axis=1))
    if wrong.size:
        event = wrong[0]
        raise VerificationError(
            f"{title}: {second} differs from {first} in {wrong.size} of {len(words)} events, first event {event}: "
            f"{scores[event].tolist()} against {expected[event].tolist()}; no figures"
        )
