"""A `Comparison` as one HTML page: no scripts, nothing loaded from anywhere."""

from pathlib import Path

from l1ae.files import write_text
from l1ae.report.comparison_grids import grids, made_with, tested
from l1ae.report.comparison_plot import comparison_plots
from l1ae.report.comparison_record import Comparison
from l1ae.report.pages import page_environment


def write_comparison_page(path: Path, comparison: Comparison) -> None:
    """Write the page, whole or not at all."""
    write_text(path, render_comparison(comparison))


def render_comparison(comparison: Comparison) -> str:
    """The page as HTML text: how it was made, what was compared, physics against cost, the tables, provenance."""
    first, *others = grids(comparison)
    return (
        page_environment()
        .get_template("comparison.html.j2")
        .render(
            comparison=comparison,
            tested=tested(comparison),
            first=first,
            others=others,
            plots=comparison_plots(comparison),
            baselines=dict.fromkeys((row.baseline, row.description) for row in comparison.baselines),
            made_with=made_with(comparison),
        )
    )
