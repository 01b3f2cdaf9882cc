"""What a run has found out: the record `report.json`, the page `report.html`, plots, and a summary for the terminal.

Names that need matplotlib or jinja2 are imported on first use, so that the command line starts fast.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from l1ae.evaluation.scores import Scores, SignalScores
from l1ae.hardware.figures import HardwareFigure
from l1ae.report.arrays import RunArrays
from l1ae.report.findings import Verdict, against_baseline, pile_up_sentence, rate_basis, verdict, warnings
from l1ae.report.record import (
    Baseline,
    Data,
    Exactness,
    Explanation,
    Firmware,
    KerasRounding,
    Layer,
    Mismatch,
    Model,
    Pair,
    RunReport,
    Samples,
    Training,
    read_report,
    write_report,
)
from l1ae.report.schema import write_schema

if TYPE_CHECKING:
    from l1ae.report.compare_plots import plot_comparison
    from l1ae.report.event_plots import plot_events
    from l1ae.report.gallery import run_plots
    from l1ae.report.page import render, write_page
    from l1ae.report.style import Plot
    from l1ae.report.table import summarise

_LAZY = {
    "Plot": "style",
    "plot_comparison": "compare_plots",
    "plot_events": "event_plots",
    "render": "page",
    "run_plots": "gallery",
    "summarise": "table",
    "write_page": "page",
}

__all__ = [
    "Baseline",
    "Data",
    "Exactness",
    "Explanation",
    "Firmware",
    "HardwareFigure",
    "KerasRounding",
    "Layer",
    "Mismatch",
    "Model",
    "Pair",
    "Plot",
    "RunArrays",
    "RunReport",
    "Samples",
    "Scores",
    "SignalScores",
    "Training",
    "Verdict",
    "against_baseline",
    "pile_up_sentence",
    "plot_comparison",
    "plot_events",
    "rate_basis",
    "read_report",
    "render",
    "run_plots",
    "summarise",
    "verdict",
    "warnings",
    "write_page",
    "write_report",
    "write_schema",
]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)
