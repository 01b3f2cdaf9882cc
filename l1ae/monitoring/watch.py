"""`watch`: new events against the reference of a run, input by input, score by score, threshold by threshold."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from l1ae.circuit import Circuit
from l1ae.errors import DataError
from l1ae.evaluation.performance import FiniteRecord
from l1ae.events.compare import Comparison, compare, corrected, two_sample_test
from l1ae.events.inspection import Inspection
from l1ae.events.layout import Layout
from l1ae.events.schema import EventSet, codes_of
from l1ae.events.summary import Summary
from l1ae.hardware.emulator.emulator import Emulator
from l1ae.monitoring.rates import ThresholdRate, threshold_rates, thresholds_of
from l1ae.report.elsewhere import check_files
from l1ae.report.record import RunReport
from l1ae.samples import Samples

#: Name of the test of the score words.
SCORE = "score"


class Monitoring(FiniteRecord):
    """What a watch has found; `comparison` holds the test of the score words and one per input and multiplicity.

    `input_khz`: the rate of all events that rates are fractions of. `left_out`: events of foreign files that are bad,
    by reason.
    """

    run: str
    files: tuple[str, ...]
    comparison: Comparison
    rates: tuple[ThresholdRate, ...]
    input_khz: float
    left_out: dict[str, int]


@dataclass
class Sample:
    """What is counted of some events: inputs, and how often each score word occurs."""

    summary: Summary
    scores: Counter[int] = field(default_factory=Counter)

    def add(self, events: EventSet, words: NDArray[np.signedinteger]) -> None:
        """Count events and their score words (N,)."""
        self.summary.add(events)
        found, counts = np.unique(words, return_counts=True)
        self.scores.update(dict(zip(found.tolist(), counts.tolist(), strict=True)))

    def passing(self, threshold: int) -> int:
        """Events with a score word of at least this."""
        return sum(count for word, count in self.scores.items() if word >= threshold)


def watch(
    samples: Samples,
    report: RunReport,
    circuit: Circuit,
    files: Sequence[Inspection],
    processes: Sequence[str] = (),
    advance: Callable[[int], object] | None = None,
) -> tuple[Monitoring, Sample, Sample]:
    """Compare the events of `files` with the background of the run's own sample that training did not see.

    `processes`: of the new events, all when empty. `advance` is told the events of each chunk, of both. Returns the
    record, and the counts of the reference and of the new events. Raises `DataError` for files with another layout, or
    without such events.
    """
    layout, rates = check_files(report, files)
    emulator = Emulator(circuit)
    reference = _counted(emulator, samples.stream.chunks(samples.config.background, "test"), layout, advance)
    chosen = chain.from_iterable(_chosen(file, processes) for file in files)
    new = _counted(emulator, _renamed(chosen), layout, advance)
    words = sorted(reference.scores.keys() | new.scores.keys())
    counts = [np.array([sample.scores[word] for word in words], dtype=np.int64) for sample in (reference, new)]
    names = (f"the reference of {report.name}", ", ".join(file.path.name for file in files))
    inputs = compare(reference.summary, new.summary, names=names)
    tests = corrected([two_sample_test(SCORE, *counts), *inputs.tests])
    cuts = thresholds_of(report)
    passing = [({word: sample.passing(word) for word in cuts}, len(sample.summary)) for sample in (reference, new)]
    left_out: Counter[str] = Counter()
    for file in files:
        left_out.update({reason: found.events for reason, found in file.skipped.items()})
    record = Monitoring(
        run=report.name,
        files=tuple(file.path.name for file in files),
        comparison=inputs.model_copy(update={"tests": tests}),
        rates=threshold_rates(cuts, passing[0], passing[1], rates.input_khz),
        input_khz=rates.input_khz,
        left_out=dict(left_out),
    )
    return record, reference, new


def _counted(
    emulator: Emulator,
    chunks: Iterator[EventSet],
    layout: Layout,
    advance: Callable[[int], object] | None,
) -> Sample:
    sample: Sample | None = None
    for chunk in chunks:
        events = chunk.select(layout)
        if sample is None:
            sample = Sample(Summary(events.layout, events.process_names, events.metadata))
        sample.add(events, emulator(events.inputs)[:, 0])
        if advance is not None:
            advance(len(chunk))
    if sample is None:
        raise DataError("there are no events to compare with the reference")
    return sample


def _chosen(file: Inspection, processes: Sequence[str]) -> Iterator[EventSet]:
    """The events of these processes in one file."""
    wanted = codes_of(processes, file.reader.process_names) if processes else None
    for chunk in file.chunks():
        events = chunk if wanted is None else chunk.take(np.isin(chunk.process, wanted))
        if len(events):
            yield events


def _renamed(chunks: Iterator[EventSet]) -> Iterator[EventSet]:
    """Events of several files as if of one process: which it is plays no part."""
    for events in chunks:
        nothing = np.zeros(len(events), dtype=np.uint8)
        yield replace(events, process=nothing, process_names=("new",), metadata={}, pile_up=None)
