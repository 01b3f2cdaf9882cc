"""Random circuits as da4ml logic."""

import contextlib

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from l1ae.circuit import UNDECIDED, Circuit, Dense, FixedFormat, Input
from l1ae.errors import ToolchainError
from l1ae.hardware import logic
from l1ae.hardware.logic import trace_logic, trace_within

from ..circuits import awkward_words, circuits


def same_as_reference(circuit: Circuit) -> None:
    words = circuit.input_words(awkward_words(circuit, 500))
    np.testing.assert_array_equal(trace_logic(circuit).predict(words), circuit.output_words(words))


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(circuit=circuits())
def test_the_logic_is_the_circuit(circuit: Circuit) -> None:
    same_as_reference(circuit)


@pytest.mark.slow
@settings(max_examples=2000, deadline=None, suppress_health_check=list(HealthCheck))
@given(circuit=circuits(nodes=12, ports=3, widest=10))
def test_the_logic_is_the_circuit_or_refused_in_thousands_of_circuits(circuit: Circuit) -> None:
    with contextlib.suppress(ToolchainError):  # one in thousands: da4ml 0.6.0 reads beyond some tables of negative sums
        same_as_reference(circuit)


@pytest.fixture(scope="module")
def wide() -> Circuit:
    """Sums of many products, where sharing adders costs levels."""
    rng = np.random.default_rng(0)
    weights = FixedFormat.parse("ap_fixed<8,2>")
    return Circuit.derive(
        [
            Input("words", (), (24,), FixedFormat.parse("ap_fixed<8,4,RND_CONV,SAT>")),
            Dense("dense", ("words",), (16,), UNDECIDED, rng.integers(-128, 128, (24, 16)), weights, None, None),
        ]
    )


def test_fewer_levels_for_more_luts(wide: Circuit) -> None:
    cheap, fast = trace_logic(wide), trace_logic(wide, fast=True)
    assert fast.levels < cheap.levels
    assert fast.logic.cost > cheap.logic.cost
    words = np.random.default_rng(1).integers(-128, 128, (500, 24))
    np.testing.assert_array_equal(fast.predict(words), cheap.predict(words))


def test_levels_are_bought_only_where_they_are_needed(wide: Circuit, monkeypatch: pytest.MonkeyPatch) -> None:
    cheap, fast = trace_logic(wide), trace_logic(wide, fast=True)
    assert trace_within(wide, cheap.levels).logic.cost == cheap.logic.cost
    assert trace_within(wide, cheap.levels - 1).levels == fast.levels
    assert trace_within(wide, 1).levels == fast.levels  # as few as there can be, though they are too many
    monkeypatch.setattr(logic, "trace_logic", lambda circuit, *, fast=False: cheap)
    assert trace_within(wide, 1) is cheap
