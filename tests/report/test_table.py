import io

import numpy as np
from rich.console import Console

from l1ae.evaluation import pile_up_dependence
from l1ae.report import summarise


def text_of(report, width=150):
    buffer = io.StringIO()
    Console(file=buffer, width=width).print(summarise(report))
    return buffer.getvalue()


def test_summary_holds_verdict_physics_and_estimates(report):
    text = text_of(report)
    assert "synthetic_example: Exact: 61,482 events, 0 mismatches" in text
    for signal, performance in report.physics.items():
        assert f"{signal} ({performance.events:,})" in text
        assert f"{performance.auc:.4f} ± {performance.auc_error:.4f}" in text
    assert "not reachable" in text
    assert str(report.physics["LQ"].tpr["1e-3"].threshold) in text
    assert "The model beats sum of pT on" in text
    for figure in report.firmware.figures:
        assert figure.value is None or f"{figure.value:,.0f}" in text


def test_summary_of_a_difference_and_of_an_unfinished_run(report, differing):
    assert "Not exact: 12 of 61,482 events differ" in text_of(differing)
    unfinished = report.model_copy(update={"exactness": None, "firmware": None, "physics": {}, "baselines": {}})
    assert "Not verified" in text_of(unfinished)


def test_brackets_in_names_are_text(report):
    physics = {"[red]LQ[/red]": report.physics["LQ"]}
    assert "[red]LQ[/red]" in text_of(report.model_copy(update={"physics": physics, "baselines": {}}))


def test_summary_holds_rates_and_warnings(report):
    text = text_of(report)
    first = report.rates.points[0]
    assert f"{first.rate.value:.4g}" in text
    assert f"{first.menu.pure_rate.value:.4g}" in text
    assert f"{100 * first.signals['A4l'].value:.2f}" in text
    assert "40 MHz of bunch crossings" in text
    assert "Warning" not in text
    collapsed = {name: found.model_copy(update={"collapsed": True}) for name, found in report.physics.items()}
    assert "Warning: the score of the model has collapsed" in text_of(report.model_copy(update={"physics": collapsed}))


def test_without_a_menu_there_is_no_pure_rate(report):
    alone = tuple(point.model_copy(update={"menu": None}) for point in report.rates.points)
    assert "pure" not in text_of(report.model_copy(update={"rates": report.rates.model_copy(update={"points": alone})}))
    assert "trigger rate" not in text_of(report.model_copy(update={"rates": None}))


def test_pile_up_is_shown_in_bins_or_said_to_be_missing(report):
    assert "Dependence on pile-up: not available: the events carry no pile-up count." in text_of(report)
    assert "pile-up" not in text_of(report.model_copy(update={"physics": {}, "baselines": {}}))
    found = pile_up_dependence(np.arange(40), np.arange(40) // 5, threshold=30)
    text = text_of(report.model_copy(update={"pile_up": found}))
    assert "over 40 background events" in text
    assert "FPR by pile-up, threshold word 30" in text
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in text.splitlines()]
    bins = [cells for cells in rows if len(cells) == 4]
    assert [cells[:3] for cells in bins] == [
        [one.text, str(one.passing.events), f"{one.passing.value:.3g}"] for one in found.bins
    ]
    assert [cells[2] for cells in bins][-2:] == ["0", "1"]


def test_figures_stand_under_their_stage_and_the_budget_below(measured):
    text = text_of(measured, width=200)
    assert "Latency: 12 clocks, which are 50 ns at 240 MHz or 2 bunch crossings" in text
    table = text.partition("latency and resources")[2].partition("┡")[0]
    lines = [line.split("┃")[1:-1] for line in table.splitlines() if "┃" in line]
    headings = [" ".join(" ".join(cells).split()) for cells in zip(*lines, strict=True)]
    assert headings == [
        "quantity",
        "estimate synthetic 0",
        "RTL simulation Verilator 5.48 240 MHz",
        "netlist Yosys 0.70 xcvu13p-flga2577-2-e 240 MHz",
        "place and route Vivado 2024.1 xcvu13p-flga2577-2-e 240 MHz",
    ]
    (lut,) = [line for line in text.splitlines() if "LUT" in line and "12,345" in line]
    assert [cell.strip() for cell in lut.split("│")[2:-1]] == ["12,345", "", "10,000 (0.58 %)", "8,000 (0.46 %)"]
    assert "not run: C synthesis (l1ae build RUN" in text
    (limit,) = [line for line in text.splitlines() if "LUT" in line and "exceeded" in line]
    assert [cell.strip() for cell in limit.split("│")[1:-1]] == [
        "LUT", "7,500", "8,000", "0.46 %", "exceeded", "place and route", "Vivado 2024.1",
    ]  # fmt: skip
    assert "budget" not in text_of(measured.model_copy(update={"budget": None}))


def test_simulated_verilog_stands_in_the_verdict(measured):
    assert "Exact: Keras = reference = C simulation = RTL = netlist; 61,482 events, 0 mismatches" in text_of(measured)
