"""The report as one HTML page: no scripts, nothing loaded from anywhere."""

from collections.abc import Sequence
from pathlib import Path

from l1ae.evaluation import SignalPerformance, WorkingPoint
from l1ae.files import write_text
from l1ae.report.arrays import RunArrays
from l1ae.report.costs import Version, shown_keys
from l1ae.report.findings import (
    SIGNIFICANT,
    against_baseline,
    pile_up_sentence,
    rate_basis,
    signed,
    verdict,
    warnings,
)
from l1ae.report.gallery import run_plots
from l1ae.report.hardware_grid import hardware_view, percentage
from l1ae.report.numbers import count, figure, interval, khz, percent
from l1ae.report.pages import page_environment
from l1ae.report.record import RunReport
from l1ae.report.style import Plot


def write_page(path: Path, report: RunReport, arrays: RunArrays | None = None, earlier: Sequence[Version] = ()) -> None:
    """Write the page of a run, with plots where there are arrays to draw them from.

    `earlier`: versions of the run, this one last, as `l1ae.report.costs.remember` gives them.
    """
    write_text(path, render(report, () if arrays is None else run_plots(report, arrays), earlier))


def render(report: RunReport, plots: Sequence[Plot] = (), earlier: Sequence[Version] = ()) -> str:
    """The page as HTML text: verdict, physics against baselines, plots, latency and resources, model, provenance."""
    environment = page_environment()
    environment.filters.update(
        count=count,
        figure=figure,
        percent=percent,
        interval=interval,
        khz=khz,
        embedded=Plot.uri,
        area=area,
        signed=signed,
        share=percentage,
    )
    return environment.get_template("page.html.j2").render(
        report=report,
        verdict=verdict(report),
        warnings=warnings(report),
        rate_basis=None if report.rates is None else rate_basis(report.rates),
        pile_up=pile_up_sentence(report.pile_up),
        sentences=[against_baseline(name, baseline) for name, baseline in report.baselines.items()],
        targets=_targets(report),
        points=_model_points(report),
        significant=SIGNIFICANT,
        plots=plots,
        hardware=hardware_view(() if report.firmware is None else report.firmware.figures),
        earlier=earlier if len(earlier) > 1 else (),
        earlier_keys=shown_keys(earlier),
    )


def area(performance: SignalPerformance) -> str:
    """AUC with its standard error."""
    return f"{performance.auc:.4f} ± {performance.auc_error:.4f}"


def _targets(report: RunReport) -> list[str]:
    """FPR targets in the order of the first signal."""
    return list(next(iter(report.physics.values())).tpr) if report.physics else []


def _model_points(report: RunReport) -> dict[str, WorkingPoint]:
    """Thresholds follow from the background alone: those of the first signal are those of all."""
    return dict(next(iter(report.physics.values())).tpr) if report.physics else {}
