"""Physics against cost: which runs give most for their LUTs."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing
from matplotlib.lines import Line2D

from l1ae.report.comparison_grids import baseline_letters
from l1ae.report.comparison_record import WORKING_POINT, Comparison, Figure, Row
from l1ae.report.style import DASHES, GREY, PALETTE, Plot, add_label, new_axes, plain, plot_style

#: The cost on the horizontal axis: of all designs known, and of one stage only.
QUANTITY, STAGE = "LUT", "estimate"
_FRONT, _OTHER = PALETTE[0], GREY
#: What a row gives.
Gain = Callable[[Row], Figure]


class Point(NamedTuple):
    """A run in the plot: its number in the tables, its name, its cost and what it gives for it."""

    number: str
    name: str
    cost: Figure
    gain: Figure


def comparison_plots(comparison: Comparison) -> tuple[Plot, ...]:
    """Mean AUC, and TPR of each signal, against the estimated LUTs; none for mixed data or without LUTs."""
    column = _column(comparison)
    if column is None or comparison.mixed or not _points(comparison, column, _mean_auc):
        return ()
    cost = comparison.costs[column].heading
    how = (
        "Numbers: rows of the tables. Blue, joined by a line: no other run gives more for as few LUTs; within errors "
        "others may be as good. Horizontal lines: baselines, which have no cost here."
    )
    signals = ", ".join(comparison.signals)
    one = "of one run, standard deviation over several seeds"
    plots = [
        Plot(
            "mean-auc",
            f"Mean AUC against {QUANTITY}",
            f"Mean area under the ROC curve over {signals}, against {cost}. {how} Bars: statistical error (an upper "
            f"bound) {one}.",
            _draw(
                comparison,
                column,
                _mean_auc,
                f"Mean AUC of {len(comparison.signals)} signal{'s' * (len(comparison.signals) > 1)}",
            ),
        )
    ]
    for number, signal in enumerate(comparison.signals, start=1):
        if _points(comparison, column, _rate_of(signal)):
            plots.append(
                Plot(
                    f"tpr-{number}",
                    f"{signal}: TPR at FPR {WORKING_POINT} against {QUANTITY}",
                    f"True positive rate of {signal} at FPR {WORKING_POINT}, against {cost}. {how} Bars: 68.27 % "
                    f"Clopper-Pearson interval {one}; open triangles: its upper end where no event fires. Runs of "
                    "which nothing fires with several seeds are left out.",
                    _draw(
                        comparison, column, _rate_of(signal), f"TPR of {plain(signal)} at FPR {WORKING_POINT}", log=True
                    ),
                )
            )
    return tuple(plots)


def front(points: Sequence[Point]) -> list[Point]:
    """The points, cheapest first, that no other dominates: no more cost, no less gain, and one of the two better.

    Points that gain nothing are left out.
    """

    def dominates(one: Point, other: Point) -> bool:
        (cost, gain), (others_cost, others_gain) = _numbers(one), _numbers(other)
        return cost <= others_cost and gain >= others_gain and (cost, gain) != (others_cost, others_gain)

    best = [point for point in points if point.gain.value and not any(dominates(other, point) for other in points)]
    return sorted(best, key=_numbers)


def _numbers(point: Point) -> tuple[float, float]:
    return point.cost.value or 0.0, point.gain.value or 0.0


def _column(comparison: Comparison) -> int | None:
    """The column of costs that most runs have a figure in."""
    known = {
        number: sum(row.costs[number].value is not None for row in comparison.rows)
        for number, column in enumerate(comparison.costs)
        if (column.quantity, column.stage) == (QUANTITY, STAGE)
    }
    return max(known, key=lambda number: known[number]) if known else None


def _points(comparison: Comparison, column: int, gain: Gain) -> list[Point]:
    found = [
        Point(str(number), row.name, row.costs[column], gain(row))
        for number, row in enumerate(comparison.rows, start=1)
    ]
    return [point for point in found if all(place > 0 for place in _place(point))]


def _mean_auc(row: Row) -> Figure:
    return row.mean_auc


def _rate_of(signal: str) -> Gain:
    return lambda row: row.tpr.get(WORKING_POINT, {}).get(signal, Figure(value=None))


def _draw(comparison: Comparison, column: int, gain: Gain, label: str, *, log: bool = False) -> Drawing:
    points = _points(comparison, column, gain)
    best = front(points)
    costs, gains = zip(*map(_place, points), strict=True)
    shared = [(letter, row) for letter, row in baseline_letters(comparison) if not row.of]
    with plot_style():
        figure, ax = new_axes(height=8 + 0.36 * (len(best) + len(shared)))
        ax.set(xscale="log", yscale="log" if log else "linear")
        # Room for the numbers at the points; also a single cost needs an axis around it.
        ax.set_xlim(min(costs) / 1.4, max(costs) * 1.4)
        # A step says what can be had for that many LUTs; a slope would promise what nobody has built.
        ax.step(
            [_numbers(point)[0] for point in best], [_numbers(point)[1] for point in best], where="post", color=_FRONT
        )
        for point in points:
            _draw_point(ax, point, point in best)
        heights = [found for _, row in shared if (found := gain(row).value)]
        if log:
            shown = [*heights, *gains]
            ax.set_ylim(min(shown) / 2, min(1.3, 2.5 * max(shown)))
        lines = [_draw_baseline(ax, number, letter, row, gain) for number, (letter, row) in enumerate(shared)]
        ax.set(xlabel=plain(comparison.costs[column].heading), ylabel=label)
        runs = [
            Line2D([], [], color=_FRONT, marker="o", label=f"{point.number}  {plain(point.name)}") for point in best
        ]
        figure.legend(handles=[*runs, *lines], loc="outside lower center", fontsize=17)
        add_label(ax, comparison.samples[0].metadata)
        return figure


def _place(point: Point) -> tuple[float, float]:
    """Where a point is drawn: at the upper end of its interval when nothing fires."""
    return point.cost.value or 0.0, point.gain.value or point.gain.high or 0.0


def _draw_point(ax: Axes, point: Point, best: bool) -> None:
    color = _FRONT if best else _OTHER
    x, y = _place(point)
    if not point.gain.value:
        ax.plot(x, y, "v", color=color, markersize=11, fillstyle="none")
    else:
        ax.errorbar(
            x, y, xerr=_sides(point.cost), yerr=_sides(point.gain), fmt="o", color=color, linewidth=2, markersize=9
        )
    ax.annotate(
        point.number, (x, y), xytext=(8, 7), textcoords="offset points", fontsize=20,
        color="black" if best else "#666", weight="bold" if best else "normal",
    )  # fmt: skip


def _draw_baseline(ax: Axes, number: int, letter: str, row: Row, gain: Gain) -> Line2D:
    """Draw a horizontal line, where there is anything to draw, and return its entry of the legend."""
    style: dict[str, Any] = {
        "color": PALETTE[(number + 1) % len(PALETTE)],
        "linestyle": (0, DASHES[number % len(DASHES)]),
    }
    if value := gain(row).value:
        ax.axhline(value, linewidth=2, zorder=0, **style)
    return Line2D([], [], label=f"{letter}  {plain(row.name)}", **style)


def _sides(found: Figure) -> list[list[float]] | None:
    if found.value is None or found.low is None or found.high is None:
        return None
    return [[found.value - found.low], [found.high - found.value]]
