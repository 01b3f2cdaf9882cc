import subprocess
import sys

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays as array_strategy

from l1ae.evaluation import evaluate, roc
from l1ae.report import Scores
from l1ae.report.plots import plot_loss, plot_roc, plot_scores, score_bins, thinned
from l1ae.report.style import Plot, energy_label

samples = st.lists(
    array_strategy(np.int64, st.integers(1, 30), elements=st.one_of(st.integers(0, 9), st.integers(0, 2**40))),
    min_size=1,
    max_size=3,
)


@settings(deadline=None)
@given(samples)
def test_every_score_word_falls_into_one_bin_and_no_bin_is_below_one_word(words):
    edges, logarithmic = score_bins(words)
    values = np.concatenate(words).astype(float)
    if logarithmic:
        values = np.maximum(values, edges[0])
    assert np.histogram(values, edges)[0].sum() == len(values)
    assert len(edges) < 130
    widths = np.diff(edges[edges >= 0.5] if logarithmic else edges)
    assert (widths >= 1).all()
    assert (np.diff(widths) >= 0).all()


def test_words_0_have_a_bin_of_their_own():
    edges, logarithmic = score_bins([np.array([0, 1, 1000])])
    assert logarithmic
    assert edges[:3].tolist() == [0.25, 0.5, 1.5]


@settings(deadline=None)
@given(array_strategy(np.int64, 300, elements=st.integers(0, 5000)), st.integers(5, 60))
def test_thinned_curve_keeps_its_ends(scores, points):
    fpr = roc(scores, scores[:50]).fpr
    index = thinned(fpr, points)
    assert len(index) <= points
    assert fpr[index[-1]] == 1
    assert fpr[index[0]] == fpr[fpr > 0][0]
    assert (np.diff(index) > 0).all()


def test_collapsed_scores_are_drawn():
    scores = Scores(np.zeros(100, np.int64), {"LQ": np.zeros(5, np.int64)})
    performance = evaluate(scores.background, scores.signals)
    for draw in (plot_scores, plot_roc):
        assert Plot("collapsed", "", "", draw(scores, performance, {})).svg().startswith("<?xml")


def test_dollar_signs_in_names_are_text():
    scores = Scores(np.arange(100), {"$x_$^": np.arange(50, 150)})
    performance = evaluate(scores.background, scores.signals)
    assert Plot("dollars", "", "", plot_roc(scores, performance, {})).svg()


def test_svg_is_deterministic_and_matplotlib_is_left_alone():
    before = dict(mpl.rcParams)
    first, second = (Plot("loss", "", "", plot_loss([3.0, 2.0], [3.1, 2.2], 2, {})).svg() for _ in range(2))
    assert first == second
    assert dict(mpl.rcParams) == before


def test_label_says_only_what_the_metadata_says():
    def texts(metadata):
        return [text.get_text() for text in plot_loss([1.0], [1.0], 1, metadata).axes[0].texts]

    assert not [text for text in texts({}) if "TeV" in text or "Simulation" in text]
    simulated = texts({"recipe": "lepton", "collisions": "proton-proton, 13.6 TeV"})
    assert [text for text in simulated if "13.6 TeV" in text]
    assert [text.strip() for text in simulated].count("Simulation") == 1
    assert energy_label({"collisions": "heavy ions"}) == ""


def test_drawing_opens_no_figure_of_pyplot():
    kept = plt.figure()
    before = plt.get_fignums()
    plot_loss([3.0, 2.0], [3.1, 2.2], 2, {"recipe": "lepton"})
    assert plt.get_fignums() == before
    plt.close(kept)
    plot_loss([3.0, 2.0], [3.1, 2.2], 2, {"recipe": "lepton"})
    assert plt.get_fignums() == []


def test_losses_may_be_negative_or_missing():
    assert plot_loss([-1.0, 2.0], [], 1, {}).axes[0].get_yscale() == "linear"
    assert plot_loss([100.0, 1.0], [90.0, 2.0], 2, {}).axes[0].get_yscale() == "log"


def test_importing_the_report_does_not_import_matplotlib():
    heavy = ("matplotlib", "mplhep", "jinja2", "sklearn", "tensorflow")
    code = f"import l1ae.report, sys; sys.exit(any(name in sys.modules for name in {heavy}))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_notebook_shows_a_plot_with_its_title_and_caption():
    plot = Plot("loss", "A < B", "Counted: 5 events & more.", plot_loss([3.0, 2.0], [3.1, 2.2], 2, {}))
    shown = plot._repr_html_()
    assert "<b>A &lt; B</b>" in shown
    assert "<figcaption>Counted: 5 events &amp; more.</figcaption>" in shown
    assert f'src="{plot.uri()}"' in shown
