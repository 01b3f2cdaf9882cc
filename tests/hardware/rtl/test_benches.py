"""The emitted test benches pass on what was emitted, whatever the circuit."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from l1ae.config import RtlConfig
from l1ae.hardware.rtl import emit_rtl

from ...circuits import circuits
from .samples import PART, negative, port_words, scored


@pytest.fixture(scope="module", params=[(scored, 1), (scored, 4), (negative, 6)], ids=["one", "four", "delayed"])
def project(request, tmp_path_factory):
    make, clocks = request.param
    circuit = make()
    config = RtlConfig(clock_mhz=160.0, latency_clocks=clocks)
    folder = tmp_path_factory.mktemp("rtl") / "rtl"
    return emit_rtl(circuit, "tiny", folder, part=PART, config=config, words=port_words(circuit, 200))


def test_the_design_passes(bench, project):
    ended = bench(project)
    assert ended.passed, ended.text
    assert f"0 errors, latency {project.latency_clocks} clocks" in ended.text


def test_the_example_for_a_board_passes(bench, project):
    ended = bench(project, board=True)
    assert ended.passed, ended.text
    assert "196 crossings, 4 interrupted, 0 errors" in ended.text


def test_missing_vectors_fail(bench, project):
    ended = bench(project, arguments=("+vectors=nowhere.hex",))
    assert not ended.passed
    assert "the vectors are missing or those of another circuit" in ended.text


@pytest.mark.slow
@given(circuit=circuits(widest=7), clocks=st.integers(1, 4))
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_circuit_passes(bench, tmp_path_factory, circuit, clocks):
    folder = tmp_path_factory.mktemp("any") / "rtl"
    config = RtlConfig(latency_clocks=clocks)
    project = emit_rtl(circuit, "any", folder, part=PART, config=config, words=port_words(circuit, 200))
    for board in (False, True):
        ended = bench(project, board=board)
        assert ended.passed, ended.text
