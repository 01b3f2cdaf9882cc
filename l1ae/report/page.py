"""The report as one HTML page: no scripts, nothing loaded from anywhere."""

import base64
import math
from collections.abc import Sequence
from pathlib import Path

import jinja2

from l1ae.evaluation import Share, SignalPerformance, WorkingPoint
from l1ae.files import write_text
from l1ae.report.arrays import RunArrays
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
from l1ae.report.record import RunReport
from l1ae.report.style import Plot


def write_page(path: Path, report: RunReport, arrays: RunArrays | None = None) -> None:
    """Write the page of a run, with plots where there are arrays to draw them from."""
    write_text(path, render(report, () if arrays is None else run_plots(report, arrays)))


def render(report: RunReport, plots: Sequence[Plot] = ()) -> str:
    """The page as HTML text: verdict, physics against baselines, plots, model, firmware, provenance."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("l1ae.report", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        count=count,
        figure=figure,
        percent=percent,
        interval=interval,
        khz=khz,
        embedded=_embedded,
        area=area,
        signed=signed,
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
    )


def count(value: int) -> str:
    """An integer with its thousands apart."""
    return f"{value:,}"


def figure(value: float | None) -> str:
    """A number of any size with four digits at least; a dash when there is none."""
    if value is None:
        return "\N{EN DASH}"
    if float(value).is_integer() and abs(value) < 1e15:
        return count(int(value))
    return f"{value:.4g}"


def percent(point: WorkingPoint | Share) -> str:
    """The TPR of a working point, or a share, in percent, as many decimals as its interval deserves."""
    if point.value is None or point.low is None or point.high is None:
        return "not reachable"
    return f"{100 * point.value:.{_decimals(point.high - point.low)}f} %"


def interval(low: float | None, high: float | None) -> str:
    """An interval of fractions in percent."""
    if low is None or high is None:
        return ""
    decimals = _decimals(high - low)
    return f"{100 * low:.{decimals}f}\N{EN DASH}{100 * high:.{decimals}f} %"


def khz(rate: float) -> str:
    """A rate in kHz with three digits at least, and never an exponent."""
    return count(round(rate)) if rate >= 100 else f"{rate:.3g}"


def area(performance: SignalPerformance) -> str:
    """AUC with its standard error."""
    return f"{performance.auc:.4f} ± {performance.auc_error:.4f}"


def _decimals(width: float) -> int:
    """Decimals of a percentage that show the width of its interval with two digits."""
    return 1 if width <= 0 else max(0, min(6, 1 - math.floor(math.log10(100 * width))))


def _targets(report: RunReport) -> list[str]:
    """FPR targets in the order of the first signal."""
    return list(next(iter(report.physics.values())).tpr) if report.physics else []


def _model_points(report: RunReport) -> dict[str, WorkingPoint]:
    """Thresholds follow from the background alone: those of the first signal are those of all."""
    return dict(next(iter(report.physics.values())).tpr) if report.physics else {}


def _embedded(plot: Plot) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(plot.svg().encode()).decode()
