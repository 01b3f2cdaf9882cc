"""The table of many runs as text: on a screen of 120 columns, and as Markdown."""

import io
import re

import pytest
from rich.console import Console

from l1ae.report.comparison import compare_runs
from l1ae.report.comparison_cells import area, beaten, percentage, rate, spread
from l1ae.report.comparison_grids import grids
from l1ae.report.comparison_record import Beaten, Figure
from l1ae.report.comparison_table import markdown, summarise_comparison, write_markdown

from ..made_reports import baseline, exactness, many, performance, report, runs

DASH = "\N{EN DASH}"


def compared(*reports, **options):
    return compare_runs(runs(*reports), "l1ae compare runs/a 'runs/my b'", **options)


def other(name, **changed):
    return report(name, same_but_seed=name.ljust(12, "x")[:12], **changed)


def screen(comparison, width=120):
    buffer = io.StringIO()
    Console(file=buffer, width=width).print(summarise_comparison(comparison))
    return buffer.getvalue()


def tables(text):
    """Cells of every Markdown table, by the heading above it."""
    found = {}
    for part in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        title, _, body = part.partition("\n")
        lines = [line for line in body.splitlines() if line.startswith("|")]
        found[title] = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    return found


# Cells


@pytest.mark.parametrize(
    ("value", "error", "whole", "brief"),
    [
        (0.91234, 0.00123, "0.9123 ± 0.0012", "0.9123(12)"),
        (0.91234, 0.0123, "0.912 ± 0.012", "0.912(12)"),
        (0.91234, 0.00996, "0.912 ± 0.010", "0.912(10)"),
        (0.91234, 0.1, "0.91 ± 0.10", "0.91(10)"),
        (0.91234, 0.0, "0.9123", "0.9123"),
    ],
)
def test_an_area_has_two_digits_of_its_error(value, error, whole, brief):
    found = Figure(value=value, low=value - error, high=value + error)
    assert (area(found), area(found, brief=True)) == (whole, brief)


@pytest.mark.parametrize(
    ("figures", "seeds", "whole", "brief"),
    [
        ((0.045, 0.0385, 0.0528), (1,), "4.5 (3.9-5.3)", "4.50(78)"),
        ((0.0, 0.0, 0.00184), (1,), "0.00 (0.00-0.18)", "<0.18"),
        ((0.045, 0.0402, 0.0498), (1, 2), "4.50 ± 0.48", "4.50(48)"),
        ((0.045, 0.033, 0.057), (1, 2), "4.5 ± 1.2", "4.5(12)"),
        ((None, None, None), (1,), "not reachable", DASH),
    ],
)
def test_a_rate_is_in_percent_with_its_interval(figures, seeds, whole, brief):
    found = Figure(**dict(zip(("value", "low", "high"), figures, strict=True)))
    assert (rate(found, seeds), rate(found, seeds, brief=True)) == (whole, brief)


def test_a_signal_that_a_run_does_not_have_is_a_dash():
    assert rate(None, (1,)) == area(Figure(value=None)) == DASH


@pytest.mark.parametrize(
    ("figures", "text"),
    [
        ((12345.0, None, None), "12,345"),
        ((12345.0, 12345.0, 12345.0), "12,345"),
        ((12345.4, 12225.0, 12465.8), "12,345 ± 120"),
        ((7.5, 6.8, 8.2), "7.50 ± 0.70"),
        ((None, None, None), DASH),
    ],
)
def test_a_cost_has_a_spread_where_the_seeds_differ(figures, text):
    assert spread(Figure(**dict(zip(("value", "low", "high"), figures, strict=True)))) == text


def test_shares_are_in_percent():
    assert percentage(Figure(value=0.5)) == "50.0"
    assert percentage(Figure(value=0.5, low=0.48, high=0.52)) == "50.0 ± 2.0"
    assert percentage(Figure(value=None)) == DASH


def test_what_is_beaten_is_counted():
    assert beaten(Beaten(above=4, below=1, signals=6)) == "+4 -1 of 6"
    assert beaten(Beaten(above=0, below=2, signals=6)) == "-2 of 6"
    assert beaten(Beaten(above=0, below=0, signals=6)) == "0 of 6"
    assert beaten(Beaten(above=0, below=0, signals=0)) == beaten(None) == DASH


# Screen


@pytest.fixture(scope="module")
def crowd():
    return compare_runs(many(), "l1ae compare")


def test_twelve_runs_with_long_names_fit_into_120_columns_and_nothing_is_lost(crowd):
    text = screen(crowd)
    assert max(map(len, text.splitlines())) <= 120
    letters = text.replace(" ", "").replace("\n", "")
    for row in crowd.rows:
        assert row.name[:20] in letters
        assert row.name[-12:] in letters
    for grid in grids(crowd, brief=True)[1:]:
        for row in grid.rows:
            for cell in row:
                assert cell.replace(" ", "") in letters


def test_the_second_line_of_a_long_name_stands_in_the_first_table_only(crowd):
    lines = screen(crowd).splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("Area under"))
    rows = [line for line in lines[start:] if re.match(r"\s+\d+  ", line)]
    assert len(rows) == 12 * (1 + 2 + 1 + 1 + 1)
    assert all("…" in line for line in rows)


def test_more_signals_than_fit_are_spread_over_several_tables():
    signals = tuple(f"signal_number_{number}" for number in range(9))
    text = screen(compared(report("a", signals=signals)))
    assert max(map(len, text.splitlines())) <= 120
    assert text.count("Area under the ROC curve") > 1
    assert all(f" {name} " in text for name in signals)
    assert len(re.findall(r"0\.9200\(40\)", text)) == len(signals) + 1, "one cell per signal, and the mean once"


def test_the_screen_says_what_the_figures_are():
    text = " ".join(screen(compared(report("a"))).split())
    assert "made_up.h5 (SHA-256 abababab), test events: 20,000 background, 1,000 LQ, 1,000 A4l." in text
    assert "FPR 1e-4: at most 2 of 20,000 background events fire." in text
    assert "0.9123(12) is 0.9123 ± 0.0012." in text
    assert "0 of 1,000 (3 pairs)" in text


def test_brackets_in_names_are_text():
    assert "[red]LQ[/red]" in screen(compared(report("a", signals=("[red]LQ[/red]",))))


def test_a_table_of_mixed_data_says_which():
    comparison = compared(report("a"), other("b", sha256="cd" * 32), mixed=True)
    found = tables(markdown(comparison))
    for title in ("Runs", "Area under the ROC curve", "TPR in % at FPR 1e-4"):
        head = found[title][0]
        assert [row[head.index("data")] for row in found[title][2:4]] == ["1", "2"]
    text = markdown(comparison)
    assert "Data 1: made_up.h5 (SHA-256 abababab)" in text
    assert "Data 2: made_up.h5 (SHA-256 cdcdcdcd)" in text
    assert "data" not in tables(markdown(compared(report("a"))))["Runs"][0]


# Markdown


def test_markdown_says_how_it_was_made_and_of_what():
    text = markdown(compared(report("a"), other("b", versions={"l1ae": "0.2.0"})))
    assert "\n    l1ae compare runs/a 'runs/my b'\n" in text
    assert re.search(r"^Made on \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00 by$", text, re.MULTILINE)
    assert "test events: 20,000 background, 1,000 LQ, 1,000 A4l." in text
    assert "l1ae 0.1.0 and 0.2.0, keras 3.15.0." in text
    assert "- total pT: the total pT\n" in text


def test_markdown_tables_are_rectangular_and_hold_every_figure():
    found = tables(
        markdown(
            compared(
                report("a_seed1", seed=1, auc=0.90, own=0.7),
                report("a_seed2", seed=2, auc=0.92, own=0.7),
                other("b", auc=(0.8, 0.9), fired=(0, None), exact=exactness(500, 3), lut=None),
            )
        )
    )
    for table in found.values():
        assert len({len(row) for row in table}) <= 1
    assert found["Runs"][2:] == [
        ["1", "a", "undercomplete", "57, log", "squared error", "2: 1, 2", "0 of 2,000 (3 pairs)"],
        ["2", "b", "undercomplete", "57, log", "squared error", "seed 1", "3 of 500 (3 pairs)"],
    ]
    auc = found["Area under the ROC curve"]
    assert auc[0] == ["#", "score", "LQ", "A4l", "mean"]
    assert auc[2] == ["1", "a", *["0.910 ± 0.014"] * 3]
    assert auc[3] == ["2", "b", "0.8000 ± 0.0040", "0.9000 ± 0.0040", "0.8500 ± 0.0040"]
    assert auc[4] == ["", "*Baselines*", "", "", ""]
    assert [row[:2] for row in auc[5:]] == [
        ["a", "total pT"], ["b", "object count"], ["c", "pT tables"], ["d", "a: PCA"],
    ]  # fmt: skip
    assert found["TPR in % at FPR 1e-4"][3][2:] == ["0.00 (0.00-0.18)", "not reachable"]
    assert found["Cost"][0][2] == "LUT, estimate, da4ml 0.6.0"
    assert [row[2] for row in found["Cost"][2:]] == ["10,000", DASH]
    assert found["Weights"][2][2:] == ["3", "110", "50.0 ± 0.0", r"ap_fixed\<8,2\>", "8"]


def test_markdown_shows_names_as_they_are():
    text = markdown(compared(report("a_b", signals=("L*Q|x", "_h_"))))
    assert r"| L\*Q\|x | \_h\_ |" in text
    assert "| a_b |" in text
    assert [len(row) for row in tables(text)["Area under the ROC curve"]] == [5] * 7


def test_a_ceiling_is_called_one_and_a_collapsed_score_has_no_figures():
    one = report("a", collapsed=True)
    found = {name: performance(0.99, 900) for name in one.physics}
    trees = baseline("trees", found, dict.fromkeys(found, 0.9), sees_signal=True)
    table = tables(markdown(compared(one.model_copy(update={"baselines": {"trees": trees}}))))[
        "Area under the ROC curve"
    ]
    assert table[2][2:] == ["collapsed"] * 3
    assert table[-1][:2] == ["a", "trees (ceiling)"]


def test_markdown_is_written_as_a_file(tmp_path):
    comparison = compared(report("a"))
    write_markdown(tmp_path / "new" / "models.md", comparison)
    assert (tmp_path / "new" / "models.md").read_text() == markdown(comparison)
