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
    assert text.count("estimate") == len(report.firmware.figures)


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
