"""The score words of the reference and of new events over each other, with the thresholds."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from l1ae.report.style import PALETTE, add_label, draw_steps, new_axes, plain, plot_style, save

_BINS = 60


def plot_scores(
    samples: Sequence[tuple[str, Mapping[int, int]]],
    thresholds: Mapping[int, Sequence[str]],
    unit: str,
    metadata: Mapping[str, str],
    path: Path,
) -> None:
    """Draw (name, how often each score word occurs) of both samples, normalised to 1, with their statistical errors."""
    edges = bin_edges([word for _, counts in samples for word in counts])
    with plot_style():
        figure, axes = new_axes()
        for (name, counts), color in zip(samples, PALETTE, strict=False):
            words, times = np.array(list(counts)), np.array(list(counts.values()))
            entries, _ = np.histogram(words, bins=edges, weights=times)
            total = entries.sum()
            draw_steps(axes, entries / total, edges, color, f"{plain(name)} ({int(total):,} events)")
            seen = entries > 0
            centers = (edges[1:] + edges[:-1]) / 2
            errors = np.sqrt(entries[seen]) / total
            axes.errorbar(centers[seen], entries[seen] / total, yerr=errors, fmt="none", color=color, linewidth=1.5)
        for word, names in thresholds.items():
            axes.axvline(word, color="grey", linestyle=":", linewidth=1.5)
            axes.annotate(
                ", ".join(names),
                (word, 0.84),
                xycoords=("data", "axes fraction"),
                rotation=90,
                va="top",
                ha="right",
                fontsize=11,
                color="grey",
            )
        axes.set_yscale("log")
        axes.set_xlabel(f"score word ({unit})")
        axes.set_ylabel("share of the events")
        bottom, top = axes.get_ylim()
        axes.set_ylim(bottom, top * (top / bottom) ** 0.45)  # room for the legend and the names of thresholds
        axes.legend(loc="upper right", fontsize=14, frameon=True, facecolor="white", edgecolor="none", framealpha=0.85)
        add_label(axes, metadata)
    save(figure, path)


def bin_edges(words: Sequence[int]) -> NDArray[np.float64]:
    """Edges between words, of whole words each, that hold all of them."""
    low, high = min(words), max(words)
    width = max(-(-(high + 1 - low) // _BINS), 1)
    count = -(-(high + 1 - low) // width)
    return low - 0.5 + width * np.arange(count + 1, dtype=np.float64)
