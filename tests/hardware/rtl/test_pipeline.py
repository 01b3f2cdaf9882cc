"""Where the registers go, and that the stages compute the reference wherever they go."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from l1ae.config import RtlConfig
from l1ae.errors import ConversionError, ToolchainError
from l1ae.hardware.logic import trace_logic
from l1ae.hardware.rtl import pipeline as subject
from l1ae.hardware.rtl.pipeline import pipeline
from l1ae.hardware.rtl.translate import translate
from l1ae.hardware.rtl.values import Operand, Signal, pieces

from ...circuits import circuits
from .samples import negative, port_words, scored


def computes(design, circuit, words) -> bool:
    widths = np.array([operand.width for operand in design.stages[-1].outputs])
    return np.array_equal(design.evaluate(words), circuit.output_words(words) & ((1 << widths) - 1))


@pytest.mark.parametrize("clocks", [1, 2, 3, 5, 7, 40])
def test_there_are_as_many_layers_of_registers_as_asked(clocks):
    circuit = scored()
    design = pipeline(circuit, RtlConfig(latency_clocks=clocks))
    assert len(design.stages) == clocks
    assert computes(design, circuit, port_words(circuit, 500))


@pytest.mark.parametrize("levels", [1, 2, 3, 5, 8, 100])
def test_no_stage_has_more_levels_than_asked(levels):
    circuit = scored()
    design = pipeline(circuit, RtlConfig(adder_levels=levels))
    assert max(stage.levels for stage in design.stages) <= levels
    assert sum(stage.levels for stage in design.stages) == design.levels + 1  # the comparison with the threshold
    assert computes(design, circuit, port_words(circuit, 500))


def test_more_clocks_make_shorter_stages():
    longest = [
        max(stage.levels for stage in pipeline(scored(), RtlConfig(latency_clocks=clocks)).stages)
        for clocks in range(1, 10)
    ]
    assert longest == sorted(longest, reverse=True)
    assert longest[0] == pipeline(scored(), RtlConfig()).levels + 1


def test_five_levels_unless_something_else_is_asked():
    assert pipeline(scored(), RtlConfig()) == pipeline(scored(), RtlConfig(adder_levels=5))


def test_the_logic_has_the_levels_that_da4ml_counts_and_those_of_constants_with_a_carry():
    counted = trace_logic(scored()).logic.latency[1]
    constants = len(scored().nodes)  # one bias or rounding behind another at most
    assert counted <= pipeline(scored(), RtlConfig()).levels <= counted + constants


def test_stages_that_would_be_deep_take_flatter_sums():
    circuit = scored()
    flat = translate(trace_logic(circuit, fast=True).logic, circuit).levels
    cheap = translate(trace_logic(circuit).logic, circuit).levels
    assert flat <= cheap
    deep = pipeline(circuit, RtlConfig(latency_clocks=1))
    assert deep.levels == (flat if flat < cheap else cheap)


def test_more_clocks_than_levels_are_delays():
    design = pipeline(negative(), RtlConfig(latency_clocks=12))
    assert [stage.levels for stage in design.stages].count(0) == 12 - (design.levels + 1)


def test_registers_stand_where_few_bits_cross():
    crossing = [100, 90, 10, 80, 70, 5, 60, 60]
    assert subject._cuts(crossing, 3, 8, 3) == [2, 5]
    assert subject._cuts(crossing, 2, 8, 4) == [4]
    with pytest.raises(ConversionError, match="no place for registers at 3 adder levels"):
        subject._cuts(crossing, 2, 8, 3)


def test_no_register_in_the_middle_of_a_table():
    crossing = [10, None, None, 50, 40]
    assert subject._cuts(crossing, 2, 5, 3) == [3]


@pytest.mark.parametrize("most", [4, 5, 6, 9])
def test_tables_wait_for_a_register_where_one_must_stand(most):
    logic = translate(trace_logic(scored()).logic, scored())
    slow = replace(
        logic,
        ready={name: 3 * level for name, level in logic.ready.items()},
        spans={name: 3 * levels for name, levels in logic.spans.items()},
    )
    timed = subject._timed(slow, most)
    assert all(timed.ready[name] >= level for name, level in slow.ready.items())
    crossing = subject._crossing(timed)
    clocks = -(-timed.levels // most)
    cuts = [0, *subject._cuts(crossing, clocks, timed.levels, most), timed.levels]
    assert max(end - begin for begin, end in pairwise(cuts)) <= most
    assert all(crossing[cut] is not None for cut in cuts[1:-1])


def test_a_table_that_is_slower_than_a_stage_is_refused():
    circuit = scored(address=10)
    levels = max(translate(trace_logic(circuit).logic, circuit).spans.values())
    assert levels > 1
    with pytest.raises(
        ConversionError, match=rf"rtl\.adder_levels 1: a table .* {levels} levels; give {levels} or more"
    ):
        pipeline(circuit, RtlConfig(adder_levels=1))


@pytest.mark.parametrize("clocks", range(1, 12))
def test_large_tables_fit_any_number_of_clocks(clocks):
    circuit = scored(address=10)
    design = pipeline(circuit, RtlConfig(latency_clocks=clocks))
    assert len(design.stages) == clocks
    assert computes(design, circuit, port_words(circuit, 500))


def test_clocks_beyond_all_reason_are_refused():
    with pytest.raises(ConversionError, match=r"rtl\.latency_clocks 5000: give at most 4096"):
        pipeline(scored(), RtlConfig(latency_clocks=5000))


def test_a_pipeline_that_computes_anything_else_is_refused(monkeypatch):
    found = trace_logic(scored(seed=3))
    monkeypatch.setattr(subject, "trace_logic", lambda circuit: found)
    with pytest.raises(ToolchainError, match="the pipeline gives other outputs than the circuit for"):
        pipeline(scored(), RtlConfig())


@given(circuit=circuits(), clocks=st.integers(1, 6))
@settings(max_examples=60, deadline=None)
def test_the_stages_of_any_circuit_compute_the_reference(circuit, clocks):
    design = pipeline(circuit, RtlConfig(latency_clocks=clocks))
    assert len(design.stages) == clocks
    assert computes(design, circuit, port_words(circuit, 300, seed=7))


@given(
    width=st.integers(1, 12),
    signed=st.booleans(),
    shift=st.integers(-14, 14),
    target=st.integers(1, 14),
    pattern=st.integers(0, 4095),
)
def test_the_pieces_of_an_operand_are_its_bits(width, signed, shift, target, pattern):
    pattern %= 1 << width
    value = pattern - (1 << width) if signed and pattern >> (width - 1) else pattern
    moved = value << shift if shift >= 0 else value >> -shift
    bits = ""
    for piece in pieces(Operand(Signal("a", width, signed), shift, target)):
        if not piece.name:
            bits += f"{piece.bits:0{piece.count}b}"
        elif piece.repeated:
            bits += str(pattern >> piece.low & 1) * piece.count
        else:
            bits += f"{pattern >> piece.low & ((1 << piece.count) - 1):0{piece.count}b}"
    assert bits == f"{moved % (1 << target):0{target}b}"
