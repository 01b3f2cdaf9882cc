"""What is spent against what is allowed: only what was counted can exceed a budget."""

import pytest

from l1ae.config import BudgetConfig
from l1ae.errors import BudgetError
from l1ae.hardware.budget import hold
from l1ae.hardware.figures import HardwareFigure

PART = "xcvu13p-flga2577-2-e"


def figure(quantity, value, stage="netlist", **changed):
    given = {"tool": "Yosys", "version": "0.70", "unit": quantity}
    return HardwareFigure(quantity=quantity, value=value, stage=stage, **{**given, **changed})


def held(limits, *figures, **given):
    return hold(BudgetConfig(**limits), figures, part=PART, **given)


def row(limits, *figures, **given):
    (only,) = held(limits, *figures, **given).rows
    return only


def latency(value, unit="clocks", stage="RTL simulation", clock_ns=1000 / 240):
    return figure("latency", value, stage, unit=unit, clock_ns=clock_ns, tool="Verilator", version="5.48")


def test_without_limits_there_is_no_budget():
    assert held({}, figure("LUT", 5.0)) is None


def test_a_limit_that_is_kept_names_who_counted_it():
    found = row({"lut": 20_000}, figure("LUT", 17_280.0))
    assert (found.verdict, found.spent, found.allowed) == ("within", 17_280, 20_000)
    assert (found.stage, found.tool, found.version) == ("netlist", "Yosys", "0.70")
    assert found.share == pytest.approx(1.0), "of 1,728,000 LUTs"


@pytest.mark.parametrize("stage", ["netlist", "place and route"])
def test_a_counted_figure_above_the_limit_exceeds_it(stage):
    budget = held({"lut": 10, "ff": 10}, figure("LUT", 11.0, stage), figure("FF", 10.0, stage))
    assert [found.verdict for found in budget.rows] == ["exceeded", "within"]
    assert budget.verdict == "exceeded"
    with pytest.raises(BudgetError) as raised:
        budget.check()
    assert str(raised.value) == f"the budget is exceeded: LUT 11 of 10 ({stage}, Yosys 0.70)"
    assert raised.value.exit_code == 1


@pytest.mark.parametrize("stage", ["estimate", "C synthesis"])
def test_an_estimate_decides_nothing(stage):
    for value in (9.0, 11.0):
        budget = held({"lut": 10}, figure("LUT", value, stage))
        assert (budget.rows[0].verdict, budget.rows[0].spent) == ("estimated only", value)
        budget.check()


def test_without_a_figure_nothing_is_known():
    budget = held({"lut": 10, "latency_ns": 50, "clock_mhz": 240}, figure("LUT", None), figure("LUT", 5.0, module="m"))
    assert [found.verdict for found in budget.rows] == ["unknown", "unknown", "unknown"]
    assert [found.spent for found in budget.rows] == [None, None, None]
    assert budget.verdict == "unknown"
    budget.check()


def test_the_strongest_stage_is_asked():
    figures = [
        figure("LUT", value, stage) for stage, value in (("estimate", 1.0), ("netlist", 2.0), ("C synthesis", 9.0))
    ]
    assert row({"lut": 5}, *figures).spent == 2
    assert row({"lut": 5}, *figures, figure("LUT", 3.0, "place and route")).spent == 3


def test_of_one_stage_the_worst_figure_is_asked():
    assert row({"lut": 5}, figure("LUT", 4.0), figure("LUT", 6.0, tool="Vivado")).tool == "Vivado"


def test_a_limit_of_nothing_is_a_limit():
    assert row({"dsp": 0}, figure("DSP", 0.0)).verdict == "within"
    assert row({"dsp": 0}, figure("DSP", 1.0)).verdict == "exceeded"


def test_memories_of_18_kbit_count_half():
    assert row({"bram": 3}, figure("BRAM36", 2.0), figure("BRAM18", 3.0)).spent == 3.5
    assert row({"bram": 3}, figure("BRAM18", 6.0)).verdict == "within"


def test_clocks_become_ns_of_their_own_clock():
    found = row({"latency_ns": 50}, latency(12.0))
    assert found.spent == pytest.approx(50)
    assert found.verdict == "within", "12 clocks of 240 MHz are 50 ns, whatever a float makes of it"
    assert row({"latency_ns": 50}, latency(13.0)).verdict == "exceeded"
    assert row({"latency_ns": 50}, latency(50.1, "ns")).verdict == "exceeded"


def test_clocks_of_an_unknown_length_are_no_time():
    assert row({"latency_ns": 50}, latency(2.0, clock_ns=None), clock_ns=5.0).verdict == "unknown"
    estimated = row({"latency_ns": 50}, latency(2.0, stage="estimate", clock_ns=None), clock_ns=5.0)
    assert (estimated.verdict, estimated.spent) == ("estimated only", 10)


def test_latency_is_that_of_a_simulation():
    both = latency(9.0), latency(12.0, stage="co-simulation"), latency(1.0, stage="C synthesis")
    assert row({"latency_ns": 50}, *both).stage == "co-simulation"


@pytest.mark.parametrize(
    ("quantity", "unit", "value"), [("clock period", "ns", 4.0), ("clock frequency", "MHz", 250.0)]
)
def test_the_clock_has_to_be_reached_on_the_routed_design(quantity, unit, value):
    routed = figure(quantity, value, "place and route", unit=unit, tool="Vivado", version="2024.1")
    assert row({"clock_mhz": 250}, routed).verdict == "within"
    slow = held({"clock_mhz": 251}, routed)
    assert slow.rows[0].spent == pytest.approx(250)
    with pytest.raises(BudgetError, match=r"clock 250 reached, at least 251 MHz \(place and route, Vivado 2024.1\)"):
        slow.check()


def test_a_modelled_clock_is_a_range_that_decides_nothing():
    found = row(
        {"clock_mhz": 240},
        figure("clock period, quick end", 4.0, unit="ns"),
        figure("clock period, slow end", 10.0, unit="ns"),
        figure("clock period target", 1.0, unit="ns"),
    )
    assert (found.verdict, found.spent) == ("estimated only", 100)
    assert found.note == "modelled, not measured: 100 to 250 MHz"


def test_shares_are_of_the_part_of_the_budget():
    assert row({"lut": 10, "part": "xc7vx690t"}, figure("LUT", 4332.0)).share == pytest.approx(1.0)
    assert row({"lut": 10, "part": "made_up"}, figure("LUT", 4332.0)).share is None
