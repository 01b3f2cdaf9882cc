"""Distributions of the events: every feature and the multiplicity of each kind of object, by process."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, StrMethodFormatter
from numpy.typing import NDArray

from l1ae.errors import DataError
from l1ae.events.layout import PT, ObjectKind
from l1ae.events.scales import HardwareScale
from l1ae.events.summary import Summary, words_of
from l1ae.report.style import PALETTE, add_label, draw_steps, plain, plot_style, save

#: The panel of the number of objects per event, beside those of the features.
MULTIPLICITY = "multiplicity"
_SYMBOLS = {PT: "$p_T$", "eta": r"$\eta$", "phi": r"$\phi$"}

#: Some processes of a summary; None: all of them.
Sample = tuple[Summary, Sequence[str] | None]


@dataclass(frozen=True)
class Panel:
    """One distribution: the bins, and what its axes say.

    `edges`: (bins + 1,) in the unit of the field. `index`: (words,) the bin of each word. `logarithmic`: whether bins
    grow along a logarithmic axis.
    """

    kind: str
    feature: str
    edges: NDArray[np.float64]
    index: NDArray[np.intp]
    xlabel: str
    ylabel: str
    logarithmic: bool = False

    def histogram(self, summary: Summary, processes: Sequence[str] | str | None = None) -> NDArray[np.float64]:
        """(bins,) entries of some processes: objects that are present, or events for the multiplicity."""
        if self.feature == MULTIPLICITY:
            counts = summary.multiplicity(self.kind, processes)
        else:
            counts = summary.counts(self.kind, self.feature, processes).sum(axis=0)
        return np.bincount(self.index, weights=counts, minlength=len(self.edges) - 1).astype(np.float64)

    def finish(self, ax: Axes) -> None:
        """Scale and label axes into which the histograms were drawn."""
        self.horizontal(ax)
        ax.set(ylabel=self.ylabel)
        if self.feature in (PT, MULTIPLICITY):
            ax.set_yscale("log")
            low, high = ax.get_ylim()
            if 0 < low < high:  # there is something to see
                ax.set_ylim(low, high * (high / low) ** 0.45)
        else:
            ax.set_ylim(0, 1.3 * ax.get_ylim()[1])

    def horizontal(self, ax: Axes) -> None:
        """Range, scale, ticks and label of the horizontal axis."""
        if self.logarithmic:
            ax.set_xscale("log")
            ax.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
            ax.xaxis.set_minor_formatter(NullFormatter())
        ax.set(xlabel=self.xlabel, xlim=(self.edges[0], self.edges[-1]))
        if self.feature == MULTIPLICITY:
            count = len(self.edges) - 2
            ax.set_xticks(np.arange(0, count + 1, 1 + count // 14))
            ax.xaxis.minorticks_off()


def panels(kind: ObjectKind, samples: Sequence[Sample]) -> list[Panel]:
    """The distributions of one kind of object, with bins that suit all samples; energy sums have no multiplicity."""
    found = []
    for feature, scale in kind.fields.items():
        counts = sum(summary.counts(kind.name, feature, chosen).sum(axis=0) for summary, chosen in samples)
        words = words_of(scale)
        edges, index, even = _bins(feature, scale, words, words[np.asarray(counts) > 0])
        unit = "" if scale.unit == "1" else plain(scale.unit)
        label = f"{plain(kind.name)} {_SYMBOLS.get(feature, plain(feature))}" + (f" [{unit}]" if unit else "")
        width = f"{edges[1] - edges[0]:.3g} {unit}".rstrip() if even else "bin"
        found.append(Panel(kind.name, feature, edges, index, label, f"Fraction of objects / {width}", not even))
    if not kind.sum:
        edges, index = np.arange(-0.5, kind.count + 1), np.arange(kind.count + 1)
        label = f"{plain(kind.name)} {MULTIPLICITY}"
        found.append(Panel(kind.name, MULTIPLICITY, edges, index, label, "Fraction of events"))
    return found


def plot_events(summary: Summary, path: Path) -> None:
    """Write all distributions of a sample into one file (png, svg or pdf); raises `DataError` without events.

    A row per kind of object: each feature (per object that is present) and the multiplicity (per event), one line per
    process, each normalised to 1; signals, as far as the metadata names them, are dashed.
    """
    _not_empty(summary)
    features = (*summary.layout.features, MULTIPLICITY)
    kinds = summary.layout.kinds
    with plot_style():
        figure = Figure(figsize=(9 * len(features), 7.5 * len(kinds)))
        grid = figure.subplots(len(kinds), len(features), squeeze=False)
        free = []
        for line, kind in zip(grid, kinds, strict=True):
            drawn = {panel.feature: panel for panel in panels(kind, [(summary, None)])}
            for ax, feature in zip(line, features, strict=True):
                if feature in drawn:
                    _draw(ax, drawn[feature], summary)
                else:
                    ax.set_axis_off()
                    free.append(ax)
        add_legend(figure, free, grid[0, 0], f"{len(summary):,} events")
        add_label(grid[0, 0], summary.metadata)
    save(figure, path)


def plot_objects(kind: ObjectKind, summary: Summary) -> Figure:
    """The distributions of one kind of object: its features and, where there can be several, the multiplicity."""
    _not_empty(summary)
    drawn = panels(kind, [(summary, None)])
    lines = min(2, len(drawn))
    columns = -(-len(drawn) // lines)
    with plot_style():
        figure = Figure(figsize=(max(15, 7.5 * columns), 6.4 * lines))
        axes = figure.subplots(lines, columns, squeeze=False).flatten()
        for ax, panel in zip(axes, drawn, strict=False):
            _draw(ax, panel, summary)
        for ax in axes[len(drawn) :]:
            ax.remove()
        figure.axes[0].legend(ncols=2, loc="upper right")
        add_label(figure.axes[0], summary.metadata)
        return figure


def add_legend(figure: Figure, free: Sequence[Axes], source: Axes, title: str) -> None:
    """The legend of `source`, in an axes that holds nothing else, or above the figure when there is none."""
    handles, labels = source.get_legend_handles_labels()
    if free:
        free[0].legend(handles, labels, loc="center", ncols=2 if len(labels) > 2 else 1, fontsize=26, title=title)
    else:
        figure.legend(handles, labels, loc="outside upper center", ncols=min(len(labels), 8), fontsize=26, title=title)


def shares(histogram: NDArray[np.float64]) -> NDArray[np.float64]:
    """(bins,) a histogram normalised to 1; zero without entries."""
    return histogram / max(histogram.sum(), 1)


def _not_empty(summary: Summary) -> None:
    if not len(summary):
        raise DataError("no events to plot")


def _draw(ax: Axes, panel: Panel, summary: Summary) -> None:
    for number, name in enumerate(summary.processes):
        values = shares(panel.histogram(summary, name))
        style = "--" if name in summary.signals else "-"
        draw_steps(ax, values, panel.edges, PALETTE[number % len(PALETTE)], plain(name), style)
    panel.finish(ax)


def _bins(
    feature: str, scale: HardwareScale, words: NDArray[np.int64], seen: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.intp], bool]:
    """Edges, the bin of each word, and whether all bins have one width.

    Edges lie halfway between words, so that no bin collects more words than its neighbours.
    """
    if scale.period is not None:
        return *_cyclic_bins(scale, scale.period), True
    low, high = (int(seen[0]), int(seen[-1])) if seen.size else (1, 1)
    if feature == PT and high >= 10 * low:
        starts, even = _growing(low, high), False
    else:
        # Signed fields: an odd number of words in each bin, the middle one centred on 0: the picture is symmetric.
        reach = max(abs(low), abs(high))
        group = 1 + 2 * (reach // 30) if scale.signed else -(-(high - low + 1) // 40)
        first = -group * (reach // group + 1) - group // 2 if scale.signed else low
        last = -first if scale.signed else high
        starts, even = np.arange(first, last + group + 1, group), True
    index = np.clip(np.searchsorted(starts, words, side="right") - 1, 0, len(starts) - 2)
    return (starts.astype(np.float64) - 0.5) * scale.lsb, index, even


def _growing(low: int, high: int) -> NDArray[np.int64]:
    """First words of about 40 bins that grow in proportion, at least one word wide, from `low` to beyond `high`."""
    starts, growth = [low], (high / low) ** (1 / 40) - 1
    while starts[-1] <= high:
        starts.append(starts[-1] + max(1, round(starts[-1] * growth)))
    return np.array(starts)


def _cyclic_bins(scale: HardwareScale, period: int) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """About 18 bins from -pi on, of equal width where the period allows."""
    bins = next((number for number in (18, 16, 20, 15, 24, 12, 30, 36) if period % number == 0), min(period, 18))
    group = -(-period // bins)
    values = scale.to_physical(words_of(scale))
    place = np.empty(period, dtype=np.intp)
    place[np.argsort(values, kind="stable")] = np.arange(period)
    starts = np.append(np.arange(0, period, group), period)
    return values.min() + (starts - 0.5) * scale.lsb, place // group
