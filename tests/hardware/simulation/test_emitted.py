"""Emitted Verilog of circuits of every kind, simulated clock by clock, and faults planted in its files."""

import dataclasses
import re

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from l1ae.circuit.corners import corner_words
from l1ae.config import RtlConfig
from l1ae.hardware.rtl import emit_rtl
from l1ae.hardware.simulation import check_rtl

from ...circuits import circuits

PART = "xcvu13p-flga2577-2-e"
_SETTINGS = {
    "deadline": None,
    "database": None,
    "phases": (Phase.generate,),  # to make an example smaller would compile it hundreds of times
    "derandomize": True,
    "suppress_health_check": [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much],
}


def words_of(circuit, count):
    low, high = circuit.port_range
    random = np.random.default_rng(4).integers(low, high, (count, circuit.n_inputs), endpoint=True)
    return {"random": random, "corner": corner_words(circuit, 0)[:2000]}


def agrees(circuit, config, tmp_path_factory, log, cache):
    """Emit and simulate."""
    stimuli = words_of(circuit, 1500)
    folder = tmp_path_factory.mktemp("emitted") / "rtl"
    project = emit_rtl(circuit, "emitted", folder, part=PART, config=config, words=stimuli["random"][:20])
    verdict = check_rtl(project, stimuli, log=log, cache=cache)
    assert verdict.exact, verdict.sentence
    assert verdict.latency_clocks == project.latency_clocks


#: By clocks, by levels (enough for the largest table), and as it comes.
_CONFIGS = st.one_of(
    st.integers(1, 6).map(lambda clocks: RtlConfig(latency_clocks=clocks)),
    st.integers(10, 16).map(lambda levels: RtlConfig(adder_levels=levels)),
    st.just(RtlConfig()),
)


@settings(max_examples=4, **_SETTINGS)
@given(circuits(nodes=5, widest=6), _CONFIGS)
def test_random_circuits(tmp_path_factory, log, cache, circuit, config):
    agrees(circuit, config, tmp_path_factory, log, cache)


@pytest.mark.slow
@settings(max_examples=60, **_SETTINGS)
@given(circuits(nodes=10), _CONFIGS)
def test_many_random_circuits(tmp_path_factory, log, cache, circuit, config):
    agrees(circuit, config, tmp_path_factory, log, cache)


@pytest.fixture(scope="module")
def emitted(circuit, tmp_path_factory):
    """The small circuit as Verilog, with three clocks."""
    words = words_of(circuit, 10)["random"]
    folder = tmp_path_factory.mktemp("planted") / "rtl"
    return emit_rtl(circuit, "summed", folder, part=PART, config=RtlConfig(latency_clocks=3), words=words)


@pytest.fixture
def spoil(emitted, circuit, tmp_path, log, cache):
    """spoil(pattern, replacement) -> the verdict when the first such place of the Verilog is changed."""

    def change(pattern, replacement):
        text = "\n".join(file.read_text() for file in emitted.sources)
        spoiled, count = re.subn(pattern, replacement, text, count=1)
        assert count == 1
        file = tmp_path / "spoiled.v"
        file.write_text(spoiled)
        return check_rtl(emitted, words_of(circuit, 5000), sources=[file], log=log, cache=cache)

    return change


def test_the_emitted_design_is_right(emitted, circuit, log, cache):
    assert check_rtl(emitted, words_of(circuit, 5000), log=log, cache=cache).exact


def test_one_wrong_entry_of_an_emitted_table(spoil):
    def flip(match):
        return f"{match[1]}{int(match[2], 16) ^ 1:x};"

    verdict = spoil(r"(entry = \d+'h)([0-9a-f]+);", flip)
    assert not verdict.exact
    assert verdict.first.fault == "wrong words"
    assert verdict.latency_clocks == 3


def test_a_missing_register_of_the_emitted_data(spoil):
    verdict = spoil(r"register1 <= stage1_out;", "")
    assert verdict.first.fault == "wrong words"


def test_a_missing_register_of_the_emitted_valid(spoil):
    verdict = spoil(r"valid2 <= valid1 & ~rst;", "valid2 <= in_valid & ~rst;")
    assert verdict.latency_clocks == 2
    assert "latency 2 clocks where 3 are promised" in verdict.sentence


def test_an_emitted_reset_that_is_not_seen(spoil):
    assert spoil(r"out_valid <= valid2 & ~rst;", "out_valid <= valid2;").first.fault == "output without an event"


def test_an_emitted_threshold_that_is_left_out(spoil):
    assert spoil(r">= \$signed\(threshold\)", "> $signed(threshold)").first.fault == "wrong trigger"


def test_another_promise(emitted, circuit, log, cache):
    promised = dataclasses.replace(emitted, latency_clocks=4)
    verdict = check_rtl(promised, words_of(circuit, 100), log=log, cache=cache)
    assert not verdict.exact
    assert verdict.mismatches == 0
