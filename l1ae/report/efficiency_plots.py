"""Which events fire: efficiency against a quantity of the event."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from l1ae.evaluation import BACKGROUND, EfficiencyCurve, Share
from l1ae.report.style import PALETTE, add_label, new_axes, plain, plot_style


def plot_efficiency(curve: EfficiencyCurve, metadata: Mapping[str, str]) -> Figure:
    """Share of the events that fire in each bin, with its interval, for background (black) and signals.

    Bins stand beside each other with equal widths, so that narrow ones can be read and the last one needs no end.
    """
    bins = len(curve.edges)
    with plot_style():
        figure, ax = new_axes()
        offsets = np.linspace(0.2, 0.8, len(curve.processes))
        for number, (name, shares) in enumerate(curve.processes.items()):
            color = "black" if name == BACKGROUND else PALETTE[(number - 1) % len(PALETTE)]
            _points(ax, shares, offsets[number], color, plain(name))
        for edge in range(1, bins):
            ax.axvline(edge, color="grey", alpha=0.25, linewidth=1)
        ax.set_yscale("log")
        low = min(
            (found.high for shares in curve.processes.values() for found in shares if found is not None), default=1
        )
        # The upper end is left to the legend, whose rows take half a decade each.
        ax.set(xlim=(0, bins), ylim=(min(low / 3, 1e-2), 10 ** (0.4 + 0.35 * -(-len(curve.processes) // 3))))
        ax.set_xticks(np.arange(bins), [f"{edge:g}" for edge in curve.edges])
        ax.xaxis.set_minor_locator(NullLocator())
        unit = f" [{plain(curve.unit)}]" if curve.unit else ""
        ax.set(xlabel=f"{plain(curve.quantity)}{unit}", ylabel="Fraction of events that fire")
        ax.legend(ncols=3, loc="upper right")
        add_label(ax, metadata)
        return figure


def _points(ax: Axes, shares: Sequence[Share | None], offset: float, color: str, label: str) -> None:
    found = [(number + offset, share) for number, share in enumerate(shares) if share is not None]
    some = [(place, share) for place, share in found if share.passed]
    ax.errorbar(
        [place for place, _ in some],
        [share.value for _, share in some],
        yerr=[[share.value - share.low for _, share in some], [share.high - share.value for _, share in some]],
        fmt="o", color=color, label=label, markersize=6, linewidth=1.6,
    )  # fmt: skip
    # Where none fires there is only the upper end of the interval.
    none = [(place, share.high) for place, share in found if not share.passed]
    ax.plot([place for place, _ in none], [high for _, high in none], "v", color=color, markersize=8, fillstyle="none")
