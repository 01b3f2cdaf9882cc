"""The pictures of events are drawn from the counts, whatever the layout."""

import dataclasses

import numpy as np
import pytest

from l1ae.errors import DataError
from l1ae.events.layout import GLOBAL_TRIGGER, LEPTON, Layout, ObjectKind
from l1ae.events.scales import HardwareScale
from l1ae.events.schema import EventSet
from l1ae.events.summary import Summary, words_of
from l1ae.report import compare_plots, event_plots, plot_comparison, plot_events
from l1ae.report.event_plots import MULTIPLICITY, panels, plot_objects


def filled(layout, count=200, seed=0, names=("a", "b"), metadata=None):
    """Events with random words in every field."""
    rng = np.random.default_rng(seed)
    words = np.zeros((count, *layout.shape), dtype=np.int16)
    for _, rows, column, _, scale in layout.columns():
        if scale is not None:
            words[:, rows, column] = rng.integers(scale.low, scale.high + 1, words[:, rows, column].shape)
    words[rng.random(words.shape[:2]) < 0.3] = 0
    words[words[..., 0] == 0] = 0
    process = rng.integers(0, len(names), count).astype(np.uint8)
    ids = np.arange(count, dtype=np.uint64)
    return EventSet(words, process, names, ids, metadata or {"signal_processes": "b"}, layout)


@pytest.fixture
def drawn(monkeypatch):
    """The figures that were drawn, in place of files."""
    figures = []
    for module in (event_plots, compare_plots):
        monkeypatch.setattr(module, "save", lambda figure, _: figures.append(figure))
    return figures


def steps_of(ax):
    return [patch.get_data() for patch in ax.patches]


def test_input_distributions_are_normalised_and_complete(arrays):
    for kind in LEPTON.kinds:
        axes = plot_objects(kind, arrays.events).axes
        assert len(axes) == (2 if kind.name == "MET" else 4)
        for ax in axes:
            assert len(ax.patches) == len(arrays.events.process_names)
            for steps in steps_of(ax):
                # Empty bins are gaps (NaN); nothing falls outside the axis.
                assert np.nansum(steps.values) == pytest.approx(1)


def test_the_steps_are_the_histograms_of_the_objects():
    events = filled(LEPTON)
    summary = Summary.of(events)
    physical = events.to_physical()
    for kind in LEPTON.kinds:
        rows = LEPTON.rows(kind.name)
        for panel, ax in zip(panels(kind, [(summary, None)]), plot_objects(kind, summary).axes, strict=True):
            for code, steps in enumerate(steps_of(ax)):
                mine = events.process == code
                present = events.present[mine, rows]
                if panel.feature == MULTIPLICITY:
                    values = present.sum(axis=1)
                else:
                    values = physical[mine, rows, LEPTON.features.index(panel.feature)][present]
                expected = np.histogram(values, steps.edges)[0] / len(values)
                assert np.nan_to_num(steps.values) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("feature", "scale"),
    [
        ("pt", HardwareScale(lsb=0.5, width=12, unit="GeV")),
        ("pt", HardwareScale(lsb=0.5, width=3, unit="GeV")),
        ("eta", HardwareScale(lsb=0.0435, width=8, unit="1", signed=True)),
        ("phi", HardwareScale(lsb=2 * np.pi / 144, width=8, unit="rad", period=144)),
        ("phi", HardwareScale(lsb=2 * np.pi / 101, width=8, unit="rad", period=101)),
        ("quality", HardwareScale(lsb=1, width=4, unit="1")),
        ("charge", HardwareScale(lsb=1, width=1, unit="e")),
    ],
)
def test_every_word_falls_into_the_bin_whose_edges_hold_it(feature, scale):
    fields = {"pt": HardwareScale(lsb=1.0, width=4, unit="GeV"), feature: scale}
    kind = ObjectKind(name="x", code=1, count=2, fields=fields)
    layout = Layout(features=tuple(fields), kinds=(kind,))
    for count in (1, 3, 2000):
        summary = Summary.of(filled(layout, count, seed=count))
        panel = next(panel for panel in panels(kind, [(summary, None)]) if panel.feature == feature)
        assert len(panel.edges) < 64
        assert (np.diff(panel.edges) > 0.99 * scale.lsb).all()
        seen = summary.counts("x", feature).sum(axis=0) > 0
        values = scale.to_physical(words_of(scale))[seen]
        assert (panel.edges[panel.index[seen]] < values).all()
        assert (values < panel.edges[panel.index[seen] + 1]).all()


def test_axes_have_units(arrays):
    labels = [ax.get_xlabel() for kind in LEPTON.kinds for ax in plot_objects(kind, arrays.events).axes]
    assert sum("[GeV]" in label for label in labels) == 4
    assert sum("[rad]" in label for label in labels) == 4


def test_signals_are_dashed():
    for signals, expected in (("b", ["-", "--"]), ("a,b", ["--", "--"]), ("", ["-", "-"])):
        summary = Summary.of(filled(LEPTON, metadata={"signal_processes": signals}))
        for ax in plot_objects(LEPTON.kinds[1], summary).axes:
            assert [patch.get_linestyle() for patch in ax.patches] == expected


def test_event_plot_file(arrays, tmp_path):
    plot_events(arrays.events, tmp_path / "events.png")
    assert [path.name for path in tmp_path.iterdir()] == ["events.png"]
    assert (tmp_path / "events.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("layout", "filled_panels"),
    [(LEPTON, 14), (GLOBAL_TRIGGER, 18), (GLOBAL_TRIGGER.select(features=("pt",)), 9), (LEPTON.select({"jet": 3}), 4)],
)
def test_any_layout_can_be_drawn(layout, filled_panels, drawn):
    plot_events(Summary.of(filled(layout)), "unused")
    figure = drawn[0]
    assert sum(bool(ax.patches) for ax in figure.axes) == filled_panels
    # The legend stands in a panel without a distribution, or above all of them.
    legends = [ax.get_legend() for ax in figure.axes if ax.get_legend()] + figure.legends
    assert len(legends) == 1
    assert [text.get_text() for text in legends[0].get_texts()] == ["a", "b"]
    assert not [ax for ax in figure.axes if ax.get_legend() and ax.patches]


def test_one_event_or_objects_that_never_occur(tmp_path):
    layout = LEPTON.select({"MET": 1, "e/gamma": 2})
    one = filled(layout, 1)
    nothing = dataclasses.replace(one, words=np.zeros_like(one.words))
    for events in (one, nothing):
        for kind in layout.kinds:
            plot_objects(kind, Summary.of(events))
        plot_comparison(Summary.of(one), Summary.of(events), tmp_path / "comparison.png")
    (tmp_path / "comparison.png").unlink()
    empty = Summary(layout, ("a",))
    for draw in (
        lambda: plot_events(empty, tmp_path / "events.png"),
        lambda: plot_objects(layout.kinds[0], empty),
        lambda: plot_comparison(Summary.of(one), empty, tmp_path / "events.png"),
    ):
        with pytest.raises(DataError, match="no events to plot"):
            draw()
    assert not list(tmp_path.iterdir())


def test_a_comparison_draws_both_samples_and_their_ratio(drawn):
    first, second = (Summary.of(filled(LEPTON, count, seed)) for seed, count in ((1, 3000), (2, 500)))
    plot_comparison(first, second, "unused", (["a"], ["b"]), ("x", "y"))
    figure = drawn[0]
    labelled = {ax.get_xlabel(): ax for ax in figure.axes if ax.get_xlabel()}
    uppers = [ax for ax in figure.axes if ax.patches]
    assert len(labelled) == len(uppers) == 14
    jet = next(
        panel for panel in panels(LEPTON.kind("jet"), [(first, ["a"]), (second, ["b"])]) if panel.feature == "eta"
    )
    a, b = jet.histogram(first, "a"), jet.histogram(second, "b")
    seen = (a > 0) & (b > 0)
    ratio = (b / b.sum())[seen] / (a / a.sum())[seen]
    bars = labelled[jet.xlabel].containers[0]
    assert bars.lines[0].get_ydata() == pytest.approx(ratio)
    heights = [np.ptp(segment[:, 1]) for segment in bars.lines[2][0].get_segments()]
    assert heights == pytest.approx(2 * ratio / np.sqrt(b[seen]))
    texts = [text.get_text() for ax in figure.axes if ax.get_legend() for text in ax.get_legend().get_texts()]
    assert texts == [f"A: x\n({first.events('a'):,} events)", f"B: y\n({second.events('b'):,} events)"]


def test_ratios_outside_the_panel_are_marked(drawn):
    first, second = Summary.of(filled(LEPTON, 2000, 1)), filled(LEPTON, 2000, 2)
    words = second.words.copy()
    words[200:, 9:] = 0
    plot_comparison(Summary.of(dataclasses.replace(second, words=words)), first, "unused")
    ax = next(ax for ax in drawn[0].axes if ax.get_xlabel() == "jet multiplicity")
    low, high = ax.get_ylim()
    markers = {line.get_marker(): line.get_ydata() for line in ax.lines if line.get_marker() in "^v"}
    assert sum(map(len, markers.values())) > 0
    assert all(low < level < high for levels in markers.values() for level in levels)


def test_samples_of_different_layouts_are_not_drawn_over_each_other(tmp_path):
    pair = [Summary.of(filled(layout)) for layout in (LEPTON, GLOBAL_TRIGGER)]
    with pytest.raises(DataError, match="different layouts"):
        plot_comparison(*pair, tmp_path / "comparison.png")
