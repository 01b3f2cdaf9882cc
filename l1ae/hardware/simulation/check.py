"""Verilog, or a netlist with the same ports, against the integer reference: every word, every trigger, every clock."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from l1ae.errors import DataError
from l1ae.hardware.simulation import patterns
from l1ae.hardware.simulation.bench import Bench, Design, Drive, Simulated, garbage, idle
from l1ae.hardware.simulation.build import STEPS
from l1ae.hardware.simulation.patterns import Part, Stimuli
from l1ae.hardware.simulation.scoreboard import Scoreboard, first_of
from l1ae.hardware.simulation.verdict import RtlVerdict
from l1ae.terminal import Advance, Terminal

if TYPE_CHECKING:
    from l1ae.hardware.rtl import RtlProject

#: What was driven, the events in it, and what came out.
Ran = tuple[Drive, NDArray[np.int64], Simulated]
#: Events whose median score is the threshold while other things are tested.
_TYPICAL = 1024


def check_rtl(
    project: "RtlProject",
    stimuli: Mapping[str, NDArray[np.integer]],
    *,
    sources: Sequence[Path] | None = None,
    log: Path,
    ui: Terminal | None = None,
    cache: Path | None = None,
    seed: int = 1,
) -> RtlVerdict:
    """Simulate a design clock by clock and compare it with the reference of its circuit, with `==`.

    `stimuli`: words (N, n_inputs) by origin, all offered back to back, some of them alone, with gaps, with resets, and
    with thresholds around their scores. `sources`: Verilog in place of the project's own. `cache`: where compiled
    designs are kept. Raises `ToolchainError` when a tool is missing, `DataError` when there are no events.
    """
    with _progress(ui, f"compile {project.name}", STEPS) as advance:
        design = Design.build(project, sources, log=log, cache=cache, advance=advance)
    events = Stimuli(design.circuit, {origin: words for origin, words in stimuli.items() if len(words)})
    if not events.words:
        raise DataError("no stimuli: give words of at least one event")
    return _Check(project, design, events, ui, seed).verdict()


class _Check:
    """One comparison: patterns in turn, each on a design that has just woken up, with other random bits."""

    def __init__(self, project: "RtlProject", design: Design, stimuli: Stimuli, ui: Terminal | None, seed: int) -> None:
        self._project, self._design, self._stimuli, self._ui = project, design, stimuli, ui
        self._rng = np.random.default_rng(seed)
        self._seed = seed
        self._boards: list[Scoreboard] = []
        self._threshold = 0
        if design.threshold is not None:
            typical = stimuli.take(stimuli.sample(_TYPICAL, self._rng))
            self._threshold = int(np.median(design.circuit.output_words(typical)))

    def verdict(self) -> RtlVerdict:
        """What all patterns say."""
        stimuli, rng, threshold = self._stimuli, self._rng, self._threshold
        promised, score = self._project.latency_clocks, self._design.threshold
        single = patterns.single_events(stimuli, promised, threshold, rng)
        alone = list(self._run("single events", [single], len(single[0])))
        measured = _latency(*alone[0])
        latency = promised if measured is None else measured
        self._judge("single events", alone, latency)
        every = patterns.back_to_back(stimuli, threshold)
        interval = self._judge("back to back", self._run("back to back", every, len(stimuli)), latency).interval
        for name, pattern in (("random gaps", patterns.random_gaps), ("resets", patterns.resets)):
            part = pattern(stimuli, latency, threshold, rng)
            self._judge(name, self._run(name, [part], len(part[0])), latency)
        if score is not None:
            part = patterns.thresholds(stimuli, latency, score, rng)
            self._judge("thresholds", self._run("thresholds", [part], len(part[0])), latency)
        results = tuple(board.result for board in self._boards)
        return RtlVerdict(
            name=self._project.name,
            events=len(stimuli),
            stimuli={origin: len(words) for origin, words in stimuli.words.items()},
            mismatches=sum(result.mismatches for result in results),
            first=first_of(self._boards),
            latency_clocks=measured,
            promised_clocks=promised,
            initiation_interval=interval,
            patterns=results,
            tool="Verilator",
            version=self._design.library.version,
        )

    def _run(self, name: str, parts: Iterable[Part], clocks: int) -> Iterator[Ran]:
        """What comes out for each part in turn, and for idle clocks at the end, of a design that has just woken up."""
        design, rng = self._design, self._rng
        self._seed += 1
        with Bench(design, self._seed) as bench, _progress(self._ui, f"{name}, clocks", clocks) as advance:
            bench.wake(garbage(design.circuit, 1, rng))
            threshold = self._threshold
            for drive, events in parts:
                yield drive, events, bench.run(drive)
                advance(len(drive))
                threshold = int(drive.thresholds[-1])
            rest = idle(design, self._project.latency_clocks, rng, threshold)
            yield rest, np.zeros(0, dtype=np.int64), bench.run(rest)

    def _judge(self, name: str, outputs: Iterable[Ran], latency: int) -> Scoreboard:
        """Compare with the reference."""
        reference = self._design.circuit.output_words
        board = Scoreboard(name, latency, self._design.threshold is not None, reference, self._stimuli.locate)
        for drive, events, found in outputs:
            board.add(drive, events, found)
        self._boards.append(board)
        return board


def _latency(drive: Drive, events: NDArray[np.int64], found: Simulated) -> int | None:
    """Clocks from an event to the output that follows it, as most events have it; None when nothing comes out."""
    begins = found.clocks[np.diff(found.clocks, prepend=-2) > 1]
    offered = np.flatnonzero(drive.valid)
    for clocks in (begins, found.clocks):  # an output that stays does not begin again
        after = np.searchsorted(clocks, offered)
        came = after < len(clocks)
        counts = np.bincount(clocks[after[came]] - offered[came])
        if counts.size:
            return int(counts.argmax())
    return None


def _progress(ui: Terminal | None, description: str, total: int) -> AbstractContextManager[Advance]:
    return nullcontext(_silent) if ui is None else ui.progress(description, total)


def _silent(steps: int = 1, note: str = "") -> None:
    """Nobody looks."""
