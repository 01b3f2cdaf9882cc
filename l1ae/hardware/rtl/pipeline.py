"""Where the registers go: a layer of them at the output, the others between adders, evenly, where few bits cross."""

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate

import numpy as np

from l1ae.circuit.graph import Circuit
from l1ae.config import RtlConfig
from l1ae.errors import ConversionError, ToolchainError
from l1ae.hardware.estimate import LATENCY_CUTOFF
from l1ae.hardware.logic import trace_logic
from l1ae.hardware.rtl.translate import Logic, translate
from l1ae.hardware.rtl.values import Design, Operand, Operation, Signal, Stage

#: More clocks than an orbit of the LHC has are a slip of the pen.
_MOST_CLOCKS = 4096
_CHECKED_EVENTS = 1000


def pipeline(circuit: Circuit, config: RtlConfig) -> Design:
    """The circuit as a pipeline with `config.latency_clocks` layers of registers, or as few as `adder_levels` allow.

    Where the circuit has one output of one element, its comparison with the threshold is one more level of the last
    stage. Raises `ConversionError` for what cannot be built, and `ToolchainError` where the stages do not compute
    the reference.
    """
    behind = int(has_threshold(circuit))
    logic = translate(trace_logic(circuit).logic, circuit)
    timed, cuts, most = _asked(logic, config, behind)
    if config.latency_clocks is not None and most > LATENCY_CUTOFF:
        # Deep stages: sums with fewer levels for some 5 % more LUTs, where that makes them less deep.
        flat = translate(trace_logic(circuit, fast=True).logic, circuit)
        found = _asked(flat, config, behind)
        if found[2] < most:
            logic, (timed, cuts, most) = flat, found
    design = Design(tuple(_stages(timed, cuts, behind)), logic.tables, logic.levels)
    _check(design, circuit)
    return design


def _asked(logic: Logic, config: RtlConfig, behind: int) -> tuple[Logic, list[int], int]:
    """The logic with a level for each operation, the cuts, and the most levels of a stage, for what is asked."""
    slowest = max(logic.spans.values(), default=1) or 1
    if config.latency_clocks is None:
        most = config.adder_levels or max(LATENCY_CUTOFF, slowest)
        if most < slowest:
            raise ConversionError(
                f"rtl.adder_levels {most}: a table of this model counts as {slowest} levels; give {slowest} or more"
            )
        timed = _timed(logic, most)
        clocks = max(math.ceil((timed.levels + behind) / most), 1)
    else:
        clocks, most = config.latency_clocks, slowest
        if clocks > _MOST_CLOCKS:
            raise ConversionError(f"rtl.latency_clocks {clocks}: give at most {_MOST_CLOCKS}")
        timed = _timed(logic, most)
        while timed.levels + behind > clocks * most:
            most += 1
            timed = _timed(logic, most)
    return timed, _cuts(_crossing(timed), clocks, timed.levels + behind, most), most


def _timed(logic: Logic, most: int) -> Logic:
    """The logic with operations of several levels moved back so that none begins in one group of `most` levels and ends
    in the next: registers can stand between the groups, whatever else they may do."""
    ready = {signal.name: 0 for signal in logic.inputs}
    for operation in logic.operations:
        begin = max(ready.get(operand.signal.name, 0) for operand in operation.operands)
        levels = logic.spans[operation.result.name]
        if levels and begin // most != (begin + levels - 1) // most:
            begin = (begin // most + 1) * most
        ready[operation.result.name] = begin + levels
    return replace(logic, ready=ready)


def _check(design: Design, circuit: Circuit) -> None:
    """Compare the stages, one after the other, with the reference on random words and both ends of the port."""
    low, high = circuit.port_range
    words = np.random.default_rng(0).integers(low, high + 1, (_CHECKED_EVENTS, circuit.n_inputs))
    words = np.concatenate([words, words >> 4, low[None], high[None]])
    widths = [operand.width for operand in design.stages[-1].outputs]
    masks = np.array([(1 << width) - 1 for width in widths], dtype=np.int64)
    wrong = int((design.evaluate(words) != circuit.output_words(words) & masks).any(axis=1).sum())
    if wrong:
        raise ToolchainError(
            f"the pipeline gives other outputs than the circuit for {wrong} of {len(words)} events: use da4ml 0.6.0"
        )


def has_threshold(circuit: Circuit) -> bool:
    """Whether the firmware compares a score with a threshold: one output, of one element."""
    return len(circuit.outputs) == 1 and circuit.output.size == 1


def _last_use(logic: Logic) -> dict[str, int]:
    """For each signal, the level of the last operation that reads it; outputs are read at the end."""
    last: dict[str, int] = {}
    for operation in logic.operations:
        for operand in operation.operands:
            name = operand.signal.name
            last[name] = max(last.get(name, 0), logic.ready[operation.result.name])
    return last | {operand.signal.name: logic.levels + 1 for operand in logic.outputs}


def _crossing(logic: Logic) -> list[int | None]:
    """Bits of a layer of registers behind level L: known there and read behind it; None in the middle of a table."""
    last = _last_use(logic)
    change = [0] * (logic.levels + 2)
    for signal in (*logic.inputs, *(operation.result for operation in logic.operations)):
        ready, read = logic.ready[signal.name], last.get(signal.name, 0)
        if read > ready:
            change[ready] += signal.width
            change[min(read, logic.levels + 1)] -= signal.width
    bits: list[int | None] = list(accumulate(change[:-1]))
    for operation in logic.operations:
        end = logic.ready[operation.result.name]
        for level in range(end - logic.spans[operation.result.name] + 1, end):
            bits[level] = None
    return bits


def _cuts(crossing: Sequence[int | None], clocks: int, total: int, most: int) -> list[int]:
    """Levels behind which the `clocks - 1` inner layers of registers stand, with the fewest register bits.

    No stage has more than `most` of the `total` levels. None is empty where that is possible.
    """
    for least in (1, 0):
        found = _chosen(crossing, clocks, total, most, least)
        if found is not None:
            return found
    raise ConversionError(f"no place for registers at {most} adder levels per stage: give more of them")


def _chosen(crossing: Sequence[int | None], clocks: int, total: int, most: int, least: int) -> list[int] | None:
    """The cuts with `least` to `most` levels between them; None where there are none."""
    if clocks == 1:
        return [] if total <= most else None
    best: list[dict[int, tuple[int, int]]] = [{0: (0, 0)}]
    for _ in range(1, clocks):
        found: dict[int, tuple[int, int]] = {}
        for before, (bits, _) in best[-1].items():
            for level in range(before + least, min(before + most, len(crossing) - 1) + 1):
                more = crossing[level]
                if more is not None and (level not in found or bits + more < found[level][0]):
                    found[level] = (bits + more, before)
        best.append(found)
    last = {level: bits for level, (bits, _) in best[-1].items() if least <= total - level <= most}
    if not last:
        return None
    level = min(last, key=lambda level: last[level])
    cuts: list[int] = []
    for choices in reversed(best[1:]):
        cuts.append(level)
        level = choices[level][1]
    return cuts[::-1]


def _stages(logic: Logic, cuts: Sequence[int], behind: int) -> list[Stage]:
    """One stage per interval of levels: what is ready by its end, and whatever later stages read as its outputs."""
    last = _last_use(logic)
    order = (*logic.inputs, *(operation.result for operation in logic.operations))
    stages: list[Stage] = []
    inputs: tuple[Signal, ...] = logic.inputs
    begins, ends = [0, *cuts], [*cuts, logic.levels]
    for number, (begin, end) in enumerate(zip(begins, ends, strict=True)):
        final = number == len(cuts)
        first = -1 if number == 0 else begin
        operations: tuple[Operation, ...] = tuple(
            operation for operation in logic.operations if first < logic.ready[operation.result.name] <= end
        )
        if final:
            outputs = logic.outputs
        else:
            kept = [signal for signal in order if logic.ready[signal.name] <= end < last.get(signal.name, 0)]
            outputs = tuple(Operand(signal, 0, signal.width) for signal in kept)
        levels = end - begin + (behind if final else 0)
        stages.append(Stage(inputs, operations, outputs, levels))
        inputs = tuple(operand.signal for operand in outputs)
    return stages
