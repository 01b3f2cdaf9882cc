"""Plots of a run: loss, scores, ROC."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from l1ae.evaluation import Scores, SignalPerformance, SignalScores, clopper_pearson, roc
from l1ae.report.style import DASHES, GREY, PALETTE, add_label, draw_steps, new_axes, plain, plot_style

#: Smallest false positive rate on the axes.
LOWEST_FPR = 1e-5


def plot_loss(
    loss: Sequence[float], validation_loss: Sequence[float], best_epoch: int, metadata: Mapping[str, str]
) -> Figure:
    """Training and validation loss per epoch, the epoch that was kept (counted from 1) marked."""
    with plot_style():
        figure, ax = new_axes()
        ax.plot(np.arange(1, len(loss) + 1), loss, color=PALETTE[0], label="training")
        ax.plot(np.arange(1, len(validation_loss) + 1), validation_loss, color=PALETTE[1], label="validation")
        ax.axvline(best_epoch, color="black", linestyle=":", linewidth=1.5, label=f"kept: epoch {best_epoch}")
        values = [value for value in (*loss, *validation_loss) if np.isfinite(value)]
        if values and min(values) > 0 and max(values) > 5 * min(values):
            ax.set_yscale("log")
        ax.set(xlabel="Epoch", ylabel="Loss")
        ax.legend()
        add_label(ax, metadata)
        return figure


def plot_scores(scores: Scores, performance: Mapping[str, SignalPerformance], metadata: Mapping[str, str]) -> Figure:
    """Distributions of integer score words, each normalised to 1, with the thresholds of the working points."""
    everything = [scores.background, *scores.signals.values()]
    edges, logarithmic = score_bins(everything)
    with plot_style():
        figure, ax = new_axes()
        label = f"background ({len(scores.background):,})"
        _histogram(ax, scores.background, edges, color=GREY, label=label, filled=True)
        for color, (name, values) in zip(_colors(scores.signals), scores.signals.items(), strict=True):
            _histogram(ax, values, edges, color=color, label=f"{plain(name)} ({len(values):,})")
        ax.set_yscale("log")
        # A single event stays visible; the upper part is left to the legend.
        ax.set_ylim(0.3 / max(len(values) for values in everything), 100)
        ax.set_xlim(edges[0], edges[-1])
        ax.set(xlabel="Score word", ylabel="Fraction of events / bin")
        if logarithmic:
            _logarithmic_words(ax, edges)
        _threshold_lines(ax, performance)
        ax.legend(ncols=2, loc="upper right")
        add_label(ax, metadata)
        return figure


def plot_roc(scores: Scores, performance: Mapping[str, SignalPerformance], metadata: Mapping[str, str]) -> Figure:
    """ROC of the model for every signal: TPR against FPR, 68 % Clopper-Pearson bands, working points with intervals."""
    with plot_style():
        figure, ax = new_axes()
        for color, (name, values) in zip(_colors(scores.signals), scores.signals.items(), strict=True):
            area = performance[name]
            label = f"{plain(name)}, AUC {area.auc:.3f} $\\pm$ {area.auc_error:.3f}"
            _curve(ax, scores.background, values, color=color, label=label, band=True)
            _points(ax, area, color)
        _finish_roc(ax, scores, metadata)
        return figure


def plot_roc_comparison(
    signal: str,
    scores: Scores,
    performance: SignalPerformance,
    baselines: Mapping[str, tuple[Scores | SignalScores, SignalPerformance]],
    metadata: Mapping[str, str],
) -> Figure:
    """ROC of the model (solid) and of the baselines (dashed) for one signal, on the same events."""
    with plot_style():
        figure, ax = new_axes(height=7 + 0.45 * -(-(len(baselines) + 2) // 2))
        label = f"model, AUC {performance.auc:.3f} $\\pm$ {performance.auc_error:.3f}"
        _curve(ax, scores.background, scores.signals[signal], color="black", label=label, band=True)
        _points(ax, performance, "black")
        for number, (name, (other, area)) in enumerate(baselines.items()):
            _curve(
                ax,
                other.against(signal),
                other.signals[signal],
                color=PALETTE[number % len(PALETTE)],
                dashes=DASHES[number % len(DASHES)],
                label=f"{plain(name)}, {area.auc:.3f} $\\pm$ {area.auc_error:.3f}",
            )
        _finish_roc(ax, Scores(scores.background, {signal: scores.signals[signal]}), metadata, title=plain(signal))
        figure.legend(*ax.get_legend_handles_labels(), loc="outside lower center", ncols=2, fontsize=17)
        return figure


def score_bins(samples: Sequence[NDArray]) -> tuple[NDArray[np.float64], bool]:
    """Bin edges halfway between integer score words, and whether the axis is logarithmic (range above a factor 50).

    On the logarithmic axis the words 0 fill a bin of their own from 0.25 to 0.5.
    """
    low = float(min(values.min() for values in samples))
    high = float(max(values.max() for values in samples))
    if low < 0 or high < 50 * max(low, 1):
        step = max(1.0, np.ceil((high - low + 1) / 60))
        return np.arange(low, high + 1 + step, step) - 0.5, False
    edges = [max(low, 1.0) - 0.5]
    growth = (high / max(low, 1.0)) ** (1 / 45) - 1
    # Widths never shrink: rounding a geometric series to integers would make bins of 1 and 2 words alternate.
    while edges[-1] < high:
        edges.append(edges[-1] + max(1, round(edges[-1] * growth)))
    return np.array([0.25, *edges] if low == 0 else edges), True


def thinned(fpr: NDArray[np.float64], points: int = 240) -> NDArray[np.int64]:
    """Indices of a rising FPR array that draw the same curve on a logarithmic axis with at most `points` points."""
    first = int(np.searchsorted(fpr, 0, side="right"))
    if first == len(fpr):
        return np.array([len(fpr) - 1])
    grid = np.geomspace(fpr[first], 1, points)
    return np.unique(np.clip(np.searchsorted(fpr, grid, side="right") - 1, first, len(fpr) - 1))


def _colors(signals: Mapping[str, NDArray]) -> list[str]:
    return [PALETTE[number % len(PALETTE)] for number in range(len(signals))]


def _histogram(
    ax: Axes, values: NDArray, edges: NDArray[np.float64], color: str, label: str, filled: bool = False
) -> None:
    # Words 0 belong into the first bin of a logarithmic axis, which cannot reach 0.
    inside = np.clip(values.astype(np.float64), edges[0], edges[-1])
    counts = np.histogram(inside, edges)[0] / len(values)
    if filled:
        ax.stairs(counts, edges, color=color, label=label, fill=True, alpha=0.45)
    else:
        draw_steps(ax, counts, edges, color=color, label=label)


def _logarithmic_words(ax: Axes, edges: NDArray[np.float64]) -> None:
    ax.set_xscale("log")
    if edges[0] == 0.25:
        decades = [10**power for power in range(int(np.log10(edges[-1])) + 1)]
        exponents = [f"$10^{{{power}}}$" for power in range(len(decades))]
        ax.set_xticks([0.35, *decades], ["0", *exponents])


def _threshold_lines(ax: Axes, performance: Mapping[str, SignalPerformance]) -> None:
    if not performance:
        return
    # Thresholds follow from the background alone: those of the first signal are those of all.
    for label, point in next(iter(performance.values())).tpr.items():
        if point.threshold is None:
            continue
        ax.axvline(point.threshold - 0.5, ymax=0.62, color="black", linestyle="--", linewidth=1.2)
        ax.text(
            point.threshold - 0.5, 0.63, f"FPR {label}", transform=ax.get_xaxis_transform(),
            rotation=90, fontsize=15, ha="center", va="bottom",
        )  # fmt: skip


def _curve(
    ax: Axes,
    background: NDArray,
    signal: NDArray,
    color: str,
    label: str,
    dashes: tuple[float, ...] | None = None,
    band: bool = False,
) -> None:
    curve = roc(background, signal)
    index = thinned(curve.fpr)
    style = "-" if dashes is None else (0, dashes)
    ax.plot(curve.fpr[index], curve.tpr[index], color=color, label=label, linestyle=style)
    if band:
        low, high = clopper_pearson(curve.signal_passed[index], curve.signal_events)
        ax.fill_between(curve.fpr[index], low, high, color=color, alpha=0.2, linewidth=0)


def _points(ax: Axes, performance: SignalPerformance, color: str) -> None:
    for point in performance.tpr.values():
        if point.value is None or not point.fpr or not point.value:
            continue
        x = [[point.fpr - (point.fpr_low or 0)], [(point.fpr_high or 1) - point.fpr]]
        y = [[point.value - (point.low or 0)], [(point.high or 1) - point.value]]
        ax.errorbar(point.fpr, point.value, yerr=y, xerr=x, fmt="o", color=color, markersize=7, linewidth=1.5)


def _finish_roc(ax: Axes, scores: Scores, metadata: Mapping[str, str], title: str | None = None) -> None:
    events = len(scores.background)
    diagonal = np.geomspace(LOWEST_FPR, 1, 50)
    ax.plot(diagonal, diagonal, color="grey", linestyle=":", linewidth=1.5, label="random")
    if events > 1:
        ax.axvspan(LOWEST_FPR, max(1 / events, LOWEST_FPR), color="grey", alpha=0.15, linewidth=0)
        ax.axvline(1 / events, color="grey", linewidth=1.2)
        note = f" 1/N, N = {events:,}"
        ax.text(1 / events, 0.03, note, transform=ax.get_xaxis_transform(), fontsize=15, color="#555")
    ax.set(xscale="log", yscale="log", xlim=(LOWEST_FPR, 1))
    ax.set_ylim(0.3 / max(len(values) for values in scores.signals.values()), 1.4)
    ax.set(xlabel="False positive rate (background)", ylabel=f"True positive rate ({title or 'signal'})")
    if title is None:
        ax.legend(loc="lower right")
    add_label(ax, metadata)
