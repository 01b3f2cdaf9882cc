"""Two samples of events as one HTML page: their distributions over each other, and every test; no scripts."""

from collections.abc import Sequence
from pathlib import Path

from l1ae.events.compare import Comparison, p_text
from l1ae.events.summary import Summary
from l1ae.files import write_text
from l1ae.report.compare_plots import comparison_figure
from l1ae.report.pages import page_environment
from l1ae.report.style import Plot


def write_samples_page(
    path: Path, title: str, sentences: Sequence[str], comparison: Comparison, samples: tuple[Summary, Summary]
) -> None:
    """Write the page of two samples and of their tests, largest distance first, whole or not at all."""
    first, second = comparison.first, comparison.second
    plot = Plot(
        "samples",
        "Distributions",
        f"A: {first.events:,} events of {first.name}; B: {second.events:,} events of {second.name}; one entry "
        "per object that is there. Upper panels: each normalised to 1. Lower panels: B over A, triangles outside.",
        comparison_figure(*samples, (first.processes, second.processes), (first.name, second.name)),
    )
    environment = page_environment()
    environment.filters["p_text"] = p_text
    text = environment.get_template("samples.html.j2").render(
        title=title,
        sentences=sentences,
        warnings=comparison.warnings(),
        made=sorted(comparison.made, key=lambda test: -(test.ks or 0.0)),
        left=[test for test in comparison.tests if test.p is None],
        plot=plot,
    )
    write_text(path, text)
