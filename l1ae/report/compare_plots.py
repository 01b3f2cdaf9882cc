"""Two samples of events over each other, and their ratio."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from l1ae.errors import DataError
from l1ae.events.summary import Summary
from l1ae.report.event_plots import MULTIPLICITY, Panel, Sample, add_legend, panels, shares
from l1ae.report.style import PALETTE, add_label, draw_steps, plain, plot_style, save

#: Half heights of the ratio panel: the first that holds all well measured ratios is taken.
_HEIGHTS = (0.1, 0.2, 0.5, 1.0)


def plot_comparison(
    first: Summary,
    second: Summary,
    path: Path,
    processes: tuple[Sequence[str] | None, Sequence[str] | None] = (None, None),
    names: tuple[str, str] = ("first", "second"),
) -> None:
    """Write the picture of `comparison_figure` into one file (png, svg or pdf)."""
    save(comparison_figure(first, second, processes, names), path)


def comparison_figure(
    first: Summary,
    second: Summary,
    processes: tuple[Sequence[str] | None, Sequence[str] | None] = (None, None),
    names: tuple[str, str] = ("first", "second"),
) -> Figure:
    """Every feature and multiplicity of two samples of one layout.

    Upper panels: each sample normalised to 1. Lower panels: B over A, with the statistical error (square root of the
    entries) of B as bars and of A as band, triangles where the ratio lies outside; several objects of one event count
    as independent. Processes: None takes all. Raises `DataError` for different layouts or samples without events.
    """
    if first.layout != second.layout:
        raise DataError("samples of different layouts cannot be drawn over each other")
    samples: list[Sample] = list(zip((first, second), processes, strict=True))
    if not all(summary.events(chosen) for summary, chosen in samples):
        raise DataError("no events to plot")
    features = (*first.layout.features, MULTIPLICITY)
    kinds = first.layout.kinds
    with plot_style():
        figure = Figure(figsize=(9 * len(features), 9 * len(kinds)))
        grid = figure.subplots(2 * len(kinds), len(features), squeeze=False, height_ratios=[3, 1] * len(kinds))
        free = []
        for line, kind in enumerate(kinds):
            drawn = {panel.feature: panel for panel in panels(kind, samples)}
            for upper, lower, feature in zip(grid[2 * line], grid[2 * line + 1], features, strict=True):
                if feature in drawn:
                    _draw(upper, lower, drawn[feature], samples, names)
                else:
                    upper.set_axis_off()
                    lower.set_axis_off()
                    free.append(upper)
        add_legend(figure, free, grid[0, 0], "")
        both = {key: value for key, value in first.metadata.items() if second.metadata.get(key) == value}
        add_label(grid[0, 0], both)
    return figure


def _draw(upper: Axes, lower: Axes, panel: Panel, samples: Sequence[Sample], names: Sequence[str]) -> None:
    entries = [panel.histogram(summary, chosen) for summary, chosen in samples]
    centers = (panel.edges[1:] + panel.edges[:-1]) / 2
    for letter, name, sample, counts, color in zip("AB", names, samples, entries, PALETTE, strict=False):
        values, seen = shares(counts), counts > 0
        label = f"{letter}: {plain(name)}\n({sample[0].events(sample[1]):,} events)"
        draw_steps(upper, values, panel.edges, color, label)
        errors = values[seen] / np.sqrt(counts[seen])
        upper.errorbar(centers[seen], values[seen], yerr=errors, fmt="none", color=color, linewidth=1.5)
    panel.finish(upper)
    upper.set_xlabel("")
    upper.tick_params(labelbottom=False)
    _ratio(lower, panel, *entries)


def _ratio(ax: Axes, panel: Panel, first: NDArray[np.float64], second: NDArray[np.float64]) -> None:
    edges = panel.edges
    band = np.full(len(first), np.nan)
    np.divide(1, np.sqrt(first), out=band, where=first > 0)
    low, high = np.repeat(1 - band, 2), np.repeat(1 + band, 2)
    ax.fill_between(np.repeat(edges, 2)[1:-1], low, high, color=PALETTE[0], alpha=0.35, linewidth=0)
    ax.axhline(1, color="grey", linewidth=1.5)
    both = (first > 0) & (second > 0)
    ratio = shares(second)[both] / shares(first)[both]
    error = ratio / np.sqrt(second[both])
    height = _height(ratio, np.hypot(error, ratio * band[both]))
    centers = ((edges[1:] + edges[:-1]) / 2)[both]
    ax.errorbar(centers, ratio, yerr=error, fmt="o", color=PALETTE[1], markersize=5, linewidth=1.5)
    for marker, outside, level in (("^", ratio > 1 + height, 0.9), ("v", ratio < 1 - height, -0.9)):
        ax.plot(centers[outside], np.full(outside.sum(), 1 + level * height), marker, color=PALETTE[1], markersize=9)
    panel.horizontal(ax)
    ax.set_ylim(1 - height, 1 + height)
    ax.set_ylabel("B / A", loc="center")


def _height(ratio: NDArray[np.float64], error: NDArray[np.float64]) -> float:
    well = np.abs(ratio - 1)[error < 0.2 * ratio]
    return next((height for height in _HEIGHTS if (well < height).all()), _HEIGHTS[-1])
