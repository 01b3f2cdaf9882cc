import numpy as np

from l1ae.evaluation import BACKGROUND, EfficiencyCurve, share
from l1ae.report.efficiency_plots import plot_efficiency
from l1ae.report.style import Plot


def curve(**processes):
    return EfficiencyCurve(quantity="HT", unit="GeV", edges=(0, 30, 100), processes=processes)


SOME, NONE = share(np.array([True, False, False])), share(np.zeros(9, bool))


def test_points_are_the_shares_and_nothing_that_fires_is_an_upper_end():
    figure = plot_efficiency(curve(background=(SOME, NONE, None), LQ=(SOME, SOME, SOME)), {})
    (ax,) = figure.axes
    points = [line for line in ax.lines if len(line.get_xdata()) and line.get_marker() in ("o", "v")]
    assert [line.get_ydata()[0] for line in points] == [1 / 3, NONE.high, 1 / 3]
    assert [line.get_marker() for line in points] == ["o", "v", "o"]
    for line in points:
        assert ((line.get_xdata() > 0) & (line.get_xdata() < 3)).all()
    assert int(points[1].get_xdata()[0]) == 1, "in the second bin"
    assert points[0].get_color() == "black"
    assert ax.get_ylim()[0] < NONE.high


def test_axes_say_what_is_drawn():
    (ax,) = plot_efficiency(curve(background=(SOME, SOME, SOME)), {}).axes
    assert ax.get_xlabel() == "HT [GeV]"
    assert [label.get_text() for label in ax.get_xticklabels()] == ["0", "30", "100"]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [BACKGROUND]


def test_curves_without_any_event_and_odd_names_can_be_drawn():
    figure = plot_efficiency(curve(background=(None, None, None), **{"$x_$^": (NONE, NONE, NONE)}), {})
    assert Plot("odd", "", "", figure).svg().startswith("<?xml")
