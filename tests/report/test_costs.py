"""Figures under short names, and what a run has cost before."""

import pytest

from l1ae.report.costs import measures, read_versions, remember, shown_keys

from ..made_reports import report, routed, simulated, staged, with_hardware


@pytest.fixture
def whole():
    return with_hardware(report(auc=(0.9, 0.8)), (*staged(), *routed()), rtl=simulated(), netlist=simulated())


def test_every_figure_has_a_name(whole):
    found = measures(whole)
    assert found["netlist.LUT"] == 10_000
    assert found["place and route.LUT"] == 9_000
    assert found["estimate.latency"] == 7
    assert (found["RTL simulation.latency"], found["RTL simulation.latency [ns]"]) == (12, 50)
    assert (found["auc.LQ"], found["auc.A4l"], found["auc.mean"]) == (0.9, 0.8, pytest.approx(0.85))
    assert (found["mismatches"], found["RTL mismatches"], found["netlist mismatches"]) == (0, 0, 0)
    assert "estimate.LUT of kernels" not in found, "no tool gave it"


def test_a_second_tool_does_not_take_the_name_of_the_first(whole):
    other = tuple(
        item.model_copy(update={"tool": "Vivado", "value": 5.0}) for item in staged() if item.quantity == "LUT"
    )
    found = measures(with_hardware(whole, other))
    assert (found["netlist.LUT"], found["netlist.LUT [Vivado]"]) == (10_000, 5)


def test_each_circuit_has_one_line_that_of_its_newest_report(tmp_path, whole):
    file = tmp_path / "costs.jsonl"
    assert read_versions(file) == ()
    assert len(remember(file, report(), "a" * 64)) == 1
    remember(file, whole, "b" * 64)
    remember(file, whole, "a" * 64)
    found = read_versions(file)
    assert [one.circuit[0] for one in found] == ["b", "a"]
    assert found[1].figures["netlist.LUT"] == 10_000
    assert file.read_text().count("\n") == 2


def test_lines_of_another_version_are_dropped(tmp_path, whole):
    file = tmp_path / "costs.jsonl"
    file.write_text('{"circuit": "old"}\nno JSON\n')
    assert len(remember(file, whole, "a" * 64)) == 1
    assert len(read_versions(file)) == 1


def test_figures_that_any_version_has_are_shown(tmp_path, whole):
    versions = remember(tmp_path / "costs.jsonl", report(), "a" * 64)
    assert shown_keys(versions) == ("auc.mean",)
    versions = remember(tmp_path / "costs.jsonl", whole, "b" * 64)
    assert shown_keys(versions) == (
        "RTL simulation.latency", "netlist.LUT", "netlist.FF", "place and route.LUT", "place and route.FF", "auc.mean",
    )  # fmt: skip
