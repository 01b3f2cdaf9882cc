"""The verdict on a design that is right: its record, its words, and its figures."""

import contextlib
import json

import numpy as np
import pytest

from l1ae.errors import DataError
from l1ae.hardware.simulation import RtlVerdict, check_rtl
from l1ae.hardware.simulation.bits import PortBits

from .handwritten import Project, wide_circuit, wide_verilog


@pytest.fixture
def verdict(project, stimuli, log, cache):
    return check_rtl(project, stimuli, log=log, cache=cache)


class Watched:
    """A terminal that remembers its bars."""

    def __init__(self):
        self.bars = {}

    @contextlib.contextmanager
    def progress(self, description, total):
        done = []
        yield lambda steps=1, note="": done.append(steps)
        self.bars[description] = (sum(done), total)


def test_every_pattern_agrees_with_the_reference(verdict):
    assert verdict.exact
    verdict.check()
    assert verdict.mismatches == 0
    assert verdict.first is None
    assert (verdict.events, verdict.stimuli) == (9500, {"random": 9000, "data": 500})
    assert (verdict.latency_clocks, verdict.promised_clocks, verdict.initiation_interval) == (3, 3, 1)
    events = {pattern.name: pattern.events for pattern in verdict.patterns}
    assert events["back to back"] == 9500
    assert events["thresholds"] == 6 * 256
    assert min(events["single events"], events["random gaps"], events["resets"]) >= 64
    cleared = {pattern.name: pattern.cleared for pattern in verdict.patterns}
    assert cleared.pop("resets") > 100
    assert set(cleared.values()) == {0}


def test_the_record_survives_json_and_is_the_same_each_time(verdict, project, stimuli, log, cache):
    text = verdict.model_dump_json()
    assert RtlVerdict.model_validate_json(text) == verdict
    assert check_rtl(project, stimuli, log=log, cache=cache).model_dump_json() == text
    assert json.loads(text)["tool"] == "Verilator"


def test_the_words_of_the_verdict(verdict):
    lines = list(verdict.lines())
    assert "back to back: 0 of 9500 events differ" in lines
    assert lines[-1] == "latency 3 clocks, initiation interval 1"
    assert verdict.sentence == "9500 events, 0 mismatches, latency 3 clocks, initiation interval 1"


def test_the_figures_of_the_timing(verdict, project):
    figures = {(figure.quantity, figure.unit): figure for figure in verdict.figures(project)}
    values = {place: figure.value for place, figure in figures.items()}
    assert values == {
        ("latency", "clocks"): 3,
        ("latency", "ns"): 12.5,
        ("latency", "bunch crossings"): 0.5,
        ("initiation interval", "clocks"): 1,
    }
    assert {figure.stage for figure in figures.values()} == {"RTL simulation"}
    assert {figure.clock_ns for figure in figures.values()} == {1000 / 240}
    assert figures["latency", "bunch crossings"].note == "1 when rounded up, of 25 ns each"
    assert all(figure.measured and figure.version == verdict.version for figure in figures.values())


def test_bars_of_the_build_and_of_every_pattern_reach_their_end(project, stimuli, log, tmp_path):
    ui = Watched()
    check_rtl(project, stimuli, log=log, cache=tmp_path / "cache", ui=ui)
    assert ui.bars["compile tiny"] == (3, 3)
    assert len(ui.bars) == 6
    assert all(done == total for done, total in ui.bars.values())


@pytest.mark.parametrize("count", [1, 2])
def test_very_few_events_are_enough(project, log, cache, count):
    verdict = check_rtl(project, {"data": np.zeros((count, 3), dtype=np.int8), "none": []}, log=log, cache=cache)
    assert verdict.exact
    assert verdict.stimuli == {"data": count}


def test_no_events_are_refused(project, log, cache):
    with pytest.raises(DataError, match="no stimuli"):
        check_rtl(project, {"data": np.zeros((0, 3), dtype=np.int64)}, log=log, cache=cache)


def test_words_past_the_range_of_a_port_are_those_at_its_end(project, log, cache):
    """The reference saturates them too."""
    assert check_rtl(project, {"past": np.full((10, 3), 100)}, log=log, cache=cache).exact


def test_several_wide_outputs_without_a_threshold(tmp_path, log, cache):
    circuit = wide_circuit()
    file = tmp_path / "wide.v"
    file.write_text(wide_verilog(PortBits.of(circuit.inputs).bits))
    project = Project("wide", (file,), circuit, 1, False, "out_words")
    low, high = circuit.port_range
    words = np.random.default_rng(2).integers(low, high, (3000, circuit.n_inputs), endpoint=True)
    verdict = check_rtl(project, {"random": words}, log=log, cache=cache)
    assert verdict.exact
    assert [pattern.name for pattern in verdict.patterns] == ["single events", "back to back", "random gaps", "resets"]
    file.write_text(file.read_text().replace("<= in_words;", "<= in_words ^ (1 << 1120);"))
    first = check_rtl(project, {"random": words}, log=log, cache=cache).first
    assert first.fault == "wrong words"
    # 60 words of 17 bits and 30 of 3 bits, together 1110, lie before the first of 61 bits.
    assert (first.element, first.found) == (90, first.expected ^ (1 << 10))
