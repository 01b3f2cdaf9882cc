"""A finished run on other files: do its thresholds hold there, and which ones would."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from l1ae.circuit import Circuit
from l1ae.config import DataConfig
from l1ae.errors import ConfigError, DataError
from l1ae.evaluation import (
    PileUpDependence,
    Rate,
    Rates,
    Scores,
    Share,
    SignalPerformance,
    evaluate,
    fired,
    pile_up_dependence,
    rate_of,
    rates,
    share_of,
)
from l1ae.evaluation.performance import FiniteRecord
from l1ae.events.inspection import Inspection
from l1ae.events.layout import Layout
from l1ae.events.schema import EventSet
from l1ae.events.source import digest, resolve
from l1ae.events.split import PARTS, part_codes
from l1ae.report.record import RunReport
from l1ae.report.scoring import pile_up


class FileUsed(FiniteRecord):
    """A file, its SHA-256, whether the whole or only the test part of the split was used, and `why`, in words.

    `left_out`: bad events of a foreign file by reason.
    """

    file: str
    sha256: str
    part: Literal["whole", "test"]
    why: str
    left_out: dict[str, int]


class InForce(FiniteRecord):
    """A threshold of the run's report, named by its target, and what passes it in the files.

    `before`: the background that passed it on the test sample of the run.
    """

    target: str
    threshold: int | float
    before: Share
    background: Share
    rate: Rate
    signals: dict[str, Share]


class FileEvaluation(FiniteRecord):
    """The score of a run on other events than those of its report.

    `physics` and `rates` have thresholds from the background of these files, `in_force` those of the report. `events`:
    how many of each process were used. `pile_up`: of the background, at the threshold of the report's efficiency
    curves; None where not every file carries pile-up counts.
    """

    run: str
    files: tuple[FileUsed, ...]
    background: tuple[str, ...]
    signals: tuple[str, ...]
    events: dict[str, int]
    physics: dict[str, SignalPerformance]
    in_force: tuple[InForce, ...]
    rates: Rates
    pile_up: PileUpDependence | None = None


class Chosen(NamedTuple):
    """Processes that the user names; empty takes the run's background, and all others as signals."""

    background: Sequence[str] = ()
    signals: Sequence[str] = ()


def evaluate_files(
    data: DataConfig,
    report: RunReport,
    circuit: Circuit,
    files: Sequence[Inspection],
    chosen: Chosen | None = None,
    advance: Callable[[int], object] | None = None,
) -> FileEvaluation:
    """Score all events of these files, or the test part of one that the run was trained on.

    `advance` is told the events of each chunk. Raises `DataError` for files with another layout than the run's, and
    when they lack a process that is asked for.
    """
    layout, known_rates = check_files(report, files)
    training = training_digests(data, report)
    names: list[str] = []
    processes, scores, used = [np.zeros(0, dtype=np.intp)], [np.zeros(0, dtype=np.int64)], []
    collisions = [np.zeros(0, dtype=np.uint16)]
    known = all(file.reader.pile_up for file in files)
    for file in files:
        sha256 = digest(sorted(path for path in file.path.rglob("*") if path.is_file()) or [file.path])
        part, why = _part(sha256, training)
        names += [name for name in file.reader.process_names if name not in names]
        codes = np.array([names.index(name) for name in file.reader.process_names], dtype=np.intp)
        for events, values in _scored(file, circuit, layout, part, advance):
            processes.append(codes[events.process])
            scores.append(values)
            if known:
                collisions.append(pile_up(events))
        left_out = {reason: found.events for reason, found in file.skipped.items()}
        used.append(FileUsed(file=file.path.name, sha256=sha256, part=part, why=why, left_out=left_out))
    process, values = np.concatenate(processes), np.concatenate(scores)
    counts = dict(zip(names, map(int, np.bincount(process, minlength=len(names))), strict=True))
    background, signals = _processes(data, counts, chosen or Chosen(), ", ".join(str(file.path) for file in files))
    is_background = np.isin(process, [names.index(name) for name in background])
    of = Scores(
        values[is_background],
        {name: values[process == names.index(name)] for name in signals},
    )
    highest = circuit.output.format.high
    return FileEvaluation(
        run=report.name,
        files=tuple(used),
        background=background,
        signals=signals,
        events={name: counts[name] for name in (*background, *signals)},
        physics=evaluate(of.background, of.signals, highest_word=highest) if signals else {},
        in_force=_in_force(report, of),
        rates=rates(of, known_rates.basis, highest_word=highest),
        pile_up=_pile_up(report, of, np.concatenate(collisions)[is_background]) if known else None,
    )


def check_files(report: RunReport, files: Sequence[Inspection]) -> tuple[Layout, Rates]:
    """Layout and rates of a report; raises `DataError` unless each file is named once and holds what the run takes."""
    if report.layout is None or report.rates is None:
        raise DataError(f"the report of {report.name} was written by an older l1ae")
    if len({file.path.resolve() for file in files}) < len(files):
        raise DataError("an event file is named twice")
    for file in files:
        check_layout(file, report.layout)
    return report.layout, report.rates


def training_digests(data: DataConfig, report: RunReport) -> set[str] | None:
    """SHA-256 of each file that the run was trained on; None when they are several and are gone or have changed."""
    if len(data.files) == 1:
        return {report.data.sha256}
    try:
        paths = [resolve(name) for name in data.files]
    except DataError:
        return None
    return {digest([path]) for path in paths} if digest(paths) == report.data.sha256 else None


def check_layout(file: Inspection, wanted: Layout) -> None:
    """Raise `DataError` with the first difference unless a file holds what the run takes, in the same scales."""
    have = file.reader.layout
    try:
        selected = have.select({kind.name: kind.count for kind in wanted.kinds}, wanted.features)
    except ConfigError as error:
        raise DataError(f"{file.path} has another layout than the run: {error}") from error
    for mine, other in zip(wanted.kinds, selected.kinds, strict=True):
        if mine.name != other.name:
            raise DataError(f"{file.path} has another layout than the run: {other.name} in the place of {mine.name}")
        for feature in wanted.features:
            if mine.scale(feature) != other.scale(feature):
                raise DataError(
                    f"{file.path} has another layout than the run: {mine.name} {feature} has another hardware scale"
                )


def _part(sha256: str, training: set[str] | None) -> tuple[Literal["whole", "test"], str]:
    if training is None:
        return "test", "only its test part: the files that the run was trained on are gone, so it may be one of them"
    if sha256 in training:
        return "test", "only its test part: the run was trained on the rest of it"
    return "whole", "the whole file: the run was not trained on it; copies of its training events would be among these"


def _scored(
    file: Inspection,
    circuit: Circuit,
    layout: Layout,
    part: Literal["whole", "test"],
    advance: Callable[[int], object] | None,
) -> Iterator[tuple[EventSet, NDArray[Any]]]:
    """The events and their scores, chunk by chunk."""
    for chunk in file.chunks():
        events = chunk.select(layout)
        if part == "test":
            events = events.take(part_codes(events.event_id) == PARTS.index("test"))
        if len(events):
            yield events, circuit.output_words(events.inputs)[:, 0]
        if advance is not None:
            advance(len(chunk))


def _processes(
    data: DataConfig, counts: dict[str, int], chosen: Chosen, where: str
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Background and signals, as far as there are events of them."""
    there = [name for name, events in counts.items() if events]
    held = ", ".join(there) or "no events"
    for name in (*chosen.background, *chosen.signals):
        if name not in there:
            raise DataError(f"no event of {name} in {where}, which holds {held}")
    background = tuple(chosen.background) or tuple(name for name in data.background if name in there)
    if not background:
        raise DataError(
            f"none of the run's background processes {', '.join(data.background)} in {where}, which holds {held}: "
            "name the background with --background"
        )
    both = next((name for name in chosen.signals if name in background), None)
    if both is not None:
        raise DataError(f"process {both} cannot be background and signal")
    others = (name for name in there if name not in background and name not in data.background)
    return background, tuple(chosen.signals) or tuple(others)


def _pile_up(report: RunReport, scores: Scores, collisions: NDArray[np.integer]) -> PileUpDependence:
    threshold = None if report.efficiency is None else report.efficiency.threshold
    return pile_up_dependence(scores.background, collisions, threshold)


def _in_force(report: RunReport, scores: Scores) -> tuple[InForce, ...]:
    """Every threshold of a report: those of the FPR targets, then those of the rates."""
    assert report.rates is not None
    first = next(iter(report.physics.values()), None)
    found: list[tuple[str, int | float, Share]] = []
    for label, point in first.tpr.items() if first is not None else ():
        if point.threshold is not None and point.background_passed is not None:
            found.append((f"FPR {label}", point.threshold, share_of(point.background_passed, point.background_events)))
    for asked in report.rates.points:
        if asked.threshold is not None and asked.background is not None:
            found.append((f"{asked.asked_khz:g} kHz", asked.threshold, asked.background))
    points = []
    for target, threshold, before in found:
        background, signals = fired(scores, threshold)
        points.append(
            InForce(
                target=target,
                threshold=threshold,
                before=before,
                background=background,
                rate=rate_of(background, report.rates.input_khz),
                signals=signals,
            )
        )
    return tuple(points)
