"""Figures by stage: quantities down, stages across, never mixed."""

from l1ae.report import anchors
from l1ae.report.anchors import Anchor
from l1ae.report.hardware_grid import figure_table, hardware_view, modules_table, percentage, timing

from ..made_reports import PART, estimate, routed, staged


def cells(table):
    return {line.heading: [None if cell is None else cell.text for cell in line.cells] for line in table.lines}


def test_every_stage_has_its_column_with_its_source():
    table = figure_table([*routed(), *staged(), estimate("LUT", 7.0, "LUT")])
    assert [(column.stage, column.source, column.condition) for column in table.columns] == [
        ("estimate", "da4ml 0.6.0", ""),
        ("RTL simulation", "Verilator 5.48", "240 MHz"),
        ("netlist", "Yosys 0.70", f"{PART}, 240 MHz"),
        ("place and route", "Vivado 2024.1", f"{PART}, 240 MHz"),
    ]
    found = cells(table)
    assert found["LUT"] == ["7", None, "10,000", "9,000"]
    assert found["latency [clocks]"] == [None, "12", None, None]
    assert found["latency [ns]"] == [None, "50", None, None]
    assert found["latency [bunch crossings]"] == [None, "2", None, None]
    assert list(found)[:4] == [
        "latency [clocks]", "latency [ns]", "latency [bunch crossings]", "initiation interval [clocks]",
    ]  # fmt: skip


def test_another_part_or_clock_has_a_column_of_its_own():
    table = figure_table([*staged(1.0), *staged(2.0, part="xc7vx690tffg1927-2"), *staged(3.0, mhz=320.0)])
    netlists = [column.condition for column in table.columns if column.stage == "netlist"]
    assert netlists == ["xc7vx690tffg1927-2, 240 MHz", f"{PART}, 320 MHz", f"{PART}, 240 MHz"]
    shown = cells(table)["LUT"]
    assert [text for text, column in zip(shown, table.columns, strict=True) if column.stage == "netlist"] == [
        "2",
        "3",
        "1",
    ]


def test_clocks_alone_become_ns_and_bunch_crossings_where_the_clock_is_known():
    given = {"stage": "co-simulation", "tool": "Vitis HLS", "version": "2024.1"}
    known = cells(figure_table([estimate("latency", 7.0, "clocks", clock_ns=5.0, **given)]))
    assert known == {"latency [clocks]": ["7"], "latency [ns]": ["35"], "latency [bunch crossings]": ["1.4"]}
    assert cells(figure_table([estimate("latency", 7.0, "clocks", **given)])) == {"latency [clocks]": ["7"]}


def test_shares_are_of_the_part_of_the_column():
    lut = next(line for line in figure_table(staged(17_280.0)).lines if line.quantity == "LUT")
    assert [cell.small for cell in lut.cells if cell] == ["1 %"]
    unknown = next(line for line in figure_table(staged(part="made_up")).lines if line.quantity == "LUT")
    assert [cell.small for cell in unknown.cells if cell] == [""]
    assert [percentage(share) for share in (0, 0.0123, 3.456, 45.6)] == ["0 %", "0.012 %", "3.5 %", "46 %"]


def test_a_share_that_a_tool_gives_needs_no_line():
    share = estimate("LUT share", 0.58, "%", stage="netlist")
    table = figure_table([*staged(), share, share.model_copy(update={"module": "tiny_stage1"})])
    assert "LUT share [%]" not in cells(table)
    assert modules_table([share.model_copy(update={"module": "tiny_stage1"})]) == ((), {})


def test_stages_that_were_not_run_are_named_with_their_commands():
    assert figure_table(staged()).missing == (
        "estimate (l1ae report RUN)",
        "C synthesis (l1ae build RUN, with Vitis HLS or Vivado HLS)",
        "co-simulation (l1ae build RUN, with Vitis HLS or Vivado HLS)",
        "place and route (l1ae build RUN, with Vivado)",
    )
    without = figure_table([estimate("LUT", None, "LUT", stage="netlist")])
    assert not without.columns
    assert "netlist (l1ae rtl RUN)" in without.missing


def test_modules_are_apart_from_the_whole():
    assert cells(figure_table(staged()))["LUT"] == [None, "10,000"]
    assert modules_table(staged()) == (("LUT",), {"tiny_stage1": {"LUT": 5000.0}, "tiny_stage2": {"LUT": 5000.0}})


def test_latency_is_told_with_its_clock_and_who_simulated_it():
    assert timing(staged()) == (
        "Latency: 12 clocks, which are 50 ns at 240 MHz or 2 bunch crossings of 25 ns; a new event every clock "
        "(RTL simulation, Verilator 5.48)."
    )
    assert timing([estimate("latency", 7.0, "clocks")]) is None


def test_what_the_tools_say_is_told_once():
    assert figure_table(staged()).notes == (
        "latency (RTL simulation, Verilator): from valid to valid.",
        "clock period (netlist, Yosys): uncalibrated model.",
    )


def test_a_network_of_known_cost_stands_under_the_same_columns(monkeypatch):
    known = Anchor(name="the unpruned", description="It is large.", figures=(*staged(50_000.0), *routed()))
    monkeypatch.setattr("l1ae.report.hardware_grid.anchor", lambda: known)
    view = hardware_view(staged())
    assert view.anchor_table.columns == view.table.columns
    assert cells(view.anchor_table)["LUT"] == [None, "50,000", "9,000"]
    assert cells(view.table)["LUT"] == [None, "10,000", None]
    assert "place and route (l1ae build RUN, with Vivado)" in view.table.missing
    assert hardware_view(()).anchor is None


def test_the_network_that_ships_is_read_and_hidden_while_it_has_no_figures():
    anchors.anchor.cache_clear()
    found = anchors.anchor()
    assert found is None or all(item.value is not None for item in found.figures)
