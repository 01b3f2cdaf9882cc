"""Figures against a baseline with a tolerance per key."""

import json

import pytest

from l1ae.errors import ConfigError, RegressionError
from l1ae.report.regression import check_findings, differences_from, read_figures, write_figures


def found(tmp_path, expected, figures):
    file = tmp_path / "baseline.json"
    file.write_text(json.dumps({"figures": expected}))
    return [(one.worse, one.text) for one in differences_from(read_figures(file), figures)]


@pytest.mark.parametrize(
    ("tolerance", "value", "worse"),
    [
        ({}, 100.0, None),
        ({}, 100.5, True),
        ({}, 99.5, False),
        ({"relative": 0.02}, 102.0, None),
        ({"relative": 0.02}, 102.1, True),
        ({"absolute": 3}, 103.0, None),
        ({"absolute": 3}, 103.1, True),
        ({"absolute": 3}, 90.0, False),
    ],
)
def test_more_cost_than_the_tolerance_is_worse(tmp_path, tolerance, value, worse):
    findings = found(tmp_path, {"netlist.LUT": {"value": 100.0, **tolerance}}, {"netlist.LUT": value})
    assert [one for one, _ in findings] == ([] if worse is None else [worse])


@pytest.mark.parametrize("key", ["auc.LQ", "place and route.clock frequency", "place and route.worst negative slack"])
def test_of_some_figures_more_is_better(tmp_path, key):
    assert found(tmp_path, {key: {"value": 0.9}}, {key: 0.8}) == [(True, f"worse: {key} is 0.8, expected 0.9")]
    assert found(tmp_path, {key: {"value": 0.9}}, {key: 0.95}) == [(False, f"better: {key} is 0.95, was 0.9")]


def test_a_figure_that_is_gone_is_missing_and_worse_ones_come_first(tmp_path):
    findings = found(
        tmp_path,
        {"netlist.FF": {"value": 5}, "netlist.LUT": {"value": 100, "relative": 0.5}, "netlist.DSP": {"value": 0}},
        {"netlist.FF": 4.0, "netlist.LUT": 151.0, "other": 1.0},
    )
    assert findings == [
        (True, "worse: netlist.LUT is 151, expected 100, at most 50 worse"),
        (True, "missing: netlist.DSP, expected 0"),
        (False, "better: netlist.FF is 4, was 5"),
    ]


def test_worse_figures_are_an_error_and_better_ones_are_not(tmp_path):
    file = tmp_path / "baseline.json"
    write_figures(file, {"netlist.LUT": 100.0, "auc.LQ": 0.9})
    check_findings(differences_from(read_figures(file), {"netlist.LUT": 90.0, "auc.LQ": 0.9}), "baseline.json")
    with pytest.raises(RegressionError, match=r"1 figures are worse than baseline.json, or missing: netlist.LUT"):
        check_findings(differences_from(read_figures(file), {"netlist.LUT": 101.0, "auc.LQ": 0.9}), "baseline.json")


def test_a_baseline_that_is_written_again_keeps_its_keys_and_tolerances(tmp_path):
    file = tmp_path / "baseline.json"
    write_figures(file, {"netlist.LUT": 100.0, "auc.LQ": 0.9})
    assert set(json.loads(file.read_text())["figures"]) == {"netlist.LUT", "auc.LQ"}
    file.write_text(json.dumps({"figures": {"netlist.LUT": {"value": 100, "relative": 0.1}}}))
    write_figures(file, {"netlist.LUT": 120.0, "auc.LQ": 0.9})
    assert json.loads(file.read_text())["figures"] == {"netlist.LUT": {"value": 120.0, "relative": 0.1}}
    with pytest.raises(ConfigError, match=r"there is no figure netlist.LUT any more: take it out"):
        write_figures(file, {})


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "baseline: Invalid JSON"),
        ('{"figures": {"a": {"value": "3"}}}', "figures.a.value: Input should be a valid number"),
        (
            '{"figures": {"a": {"value": 3, "relative": 0.1, "absolute": 1}}}',
            "figures.a: give a relative or an absolute",
        ),
        ('{"figures": {"a": {"value": 3, "relative": -0.1}}}', "figures.a.relative: "),
        ('{"figures": {"a": {"value": 3, "tolerance": 1}}}', "figures.a.tolerance: "),
    ],
)
def test_a_baseline_that_makes_no_sense_names_the_key(tmp_path, content, problem):
    file = tmp_path / "baseline.json"
    file.write_text(content)
    with pytest.raises(ConfigError) as raised:
        read_figures(file)
    assert str(raised.value).startswith(f"{file}: {problem}")


def test_a_baseline_that_is_not_there_says_how_to_make_one(tmp_path):
    with pytest.raises(ConfigError, match=r"no baseline .*none.json: make one with --write-baseline"):
        read_figures(tmp_path / "none.json")
