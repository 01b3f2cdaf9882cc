"""Many runs in one table: what shares a row, what may share a table, and where its figures come from."""

import json
from math import sqrt
from statistics import mean, stdev

import pytest

from l1ae.errors import ConfigError, DataError
from l1ae.report.comparison import compare_runs, ordered
from l1ae.report.comparison_record import TRIVIAL, Comparison
from l1ae.report.comparison_rows import Run

from ..made_reports import ERROR, EVENTS, baseline, estimate, exactness, performance, report, runs


def compared(*reports, **options):
    return compare_runs(runs(*reports), "l1ae compare", **options)


def other(name, **changed):
    """A run of another configuration than the default one."""
    return report(name, same_but_seed=name.ljust(12, "x")[:12], **changed)


def seeds(*aucs, **changed):
    return [report(f"dense_ae_seed{seed}", seed=seed, auc=auc, **changed) for seed, auc in enumerate(aucs, start=1)]


# Rows


def test_a_single_run_has_the_statistical_errors_of_its_report():
    (row,) = compared(report(auc=(0.91, 0.95), fired=(90, 0))).rows
    assert (row.name, row.runs, row.seeds) == ("dense_ae", ("runs/dense_ae",), (1,))
    assert row.auc["LQ"].model_dump() == pytest.approx({"value": 0.91, "low": 0.91 - ERROR, "high": 0.91 + ERROR})
    assert row.mean_auc.model_dump() == pytest.approx({"value": 0.93, "low": 0.93 - ERROR, "high": 0.93 + ERROR})
    point = performance(0.91, 90).tpr["1e-4"]
    assert row.tpr["1e-4"]["LQ"].model_dump() == {"value": 90 / EVENTS, "low": point.low, "high": point.high}
    assert row.tpr["1e-4"]["A4l"].value == 0
    assert row.tpr["1e-4"]["A4l"].high > 0
    assert list(row.tpr) == ["1e-3", "1e-4"]


def test_runs_that_differ_only_in_the_seed_are_one_row_with_mean_and_standard_deviation():
    aucs = (0.90, 0.93, 0.96)
    comparison = compared(*seeds(*aucs), other("vae"))
    assert [row.name for row in comparison.rows] == ["dense_ae", "vae"]
    row = comparison.rows[0]
    assert row.seeds == (1, 2, 3)
    assert row.runs == ("runs/dense_ae_seed1", "runs/dense_ae_seed2", "runs/dense_ae_seed3")
    for figure in (row.auc["LQ"], row.mean_auc):
        assert figure.value == pytest.approx(mean(aucs))
        assert (figure.high - figure.low) / 2 == pytest.approx(stdev(aucs)) == pytest.approx(0.03)


def test_tpr_and_cost_of_several_seeds_are_spread_as_well():
    comparison = compared(report("a", seed=1, fired=100, lut=1000.0), report("b", seed=2, fired=200, lut=1400.0))
    (row,) = comparison.rows
    tpr, lut = row.tpr["1e-4"]["LQ"], row.costs[0]
    assert (tpr.value, tpr.high - tpr.value) == pytest.approx((0.15, 0.1 / sqrt(2)))
    assert (lut.value, lut.high - lut.value) == pytest.approx((1200, 400 / sqrt(2)))


def test_a_rate_that_one_seed_cannot_reach_is_given_for_none():
    (row,) = compared(report("a", seed=1), report("b", seed=2, fired=None)).rows
    assert row.tpr["1e-4"]["LQ"].value is None
    assert row.auc["LQ"].value is not None


def test_the_mean_of_several_seeds_is_spread_over_seeds_not_over_signals():
    (row,) = compared(report("a", seed=1, auc=(0.8, 1.0)), report("b", seed=2, auc=(1.0, 0.8))).rows
    assert row.mean_auc.value == pytest.approx(0.9)
    assert row.mean_auc.high == pytest.approx(row.mean_auc.low)
    assert row.auc["LQ"].high > row.auc["LQ"].low + 0.1


def test_the_same_run_twice_is_refused():
    with pytest.raises(DataError, match=r"^runs/a and runs/b are the same configuration with the same seed: leave one"):
        compared(report("a"), report("b"))


@pytest.mark.parametrize(
    ("names", "row"),
    [
        (("dense_ae_seed1", "dense_ae_seed2"), "dense_ae"),
        (("dense_ae_seed10", "dense_ae_seed11"), "dense_ae"),
        (("ae_s1", "ae_s2"), "ae"),
        (("ae_1", "ae_2"), "ae"),
        (("ae16", "ae16_again"), "ae16"),
        (("first", "second"), "first"),
        (("same", "same"), "same"),
    ],
)
def test_a_row_has_the_name_that_its_runs_share(names, row):
    found = compared(*(report(name, seed=seed) for seed, name in enumerate(names)))
    assert [one.name for one in found.rows] == [row]


def test_rows_of_the_same_name_are_told_apart_by_their_folders():
    named = [Run(f"{place}/run", other(place)) for place in ("here", "there")]
    named = [Run(path, one.model_copy(update={"name": "dense_ae"})) for path, one in named]
    assert [row.name for row in compare_runs(named, "").rows] == ["dense_ae (here/run)", "dense_ae (there/run)"]


def test_what_a_run_is_stands_in_its_row():
    (row,) = compared(
        report(
            kind="student", score="student", transform="tail", angles="relative", latent=4, inputs=33,
            weight_format="mixed", weight_bits=6, parameters=120, zero_weights=25,
        )
    ).rows  # fmt: skip
    assert (row.kind, row.score, row.transform, row.angles) == ("student", "student", "tail", "relative")
    assert (row.latent, row.inputs, row.weight_format, row.weight_bits, row.parameters) == (4, 33, "mixed", 6, 120)
    assert (row.zero_weights.value, row.zero_weights.low) == (0.25, None)


def test_exactness_adds_up_over_the_seeds_and_is_missing_when_one_was_not_verified():
    exact = compared(report("a", seed=1), report("b", seed=2, exact=exactness(500, 3))).rows[0].exactness
    assert (exact.events, exact.mismatches, exact.pairs) == (1500, 3, 3)
    assert compared(report("a", seed=1), report("b", seed=2, exact=None)).rows[0].exactness is None


def test_a_collapsed_seed_is_not_hidden_in_a_mean():
    assert compared(report("a", seed=1), report("b", seed=2, collapsed=True)).rows[0].collapsed
    assert not compared(report("a")).rows[0].collapsed


# Cost


def test_figures_of_another_stage_tool_version_or_condition_stand_in_a_column_of_their_own():
    routed = estimate("LUT", 7.0, "LUT", "whole circuit", stage="place and route", tool="Vivado", version="2024.1")
    newer = estimate("LUT", 8.0, "LUT", "whole circuit", version="0.7.0")
    slower = estimate("LUT", 9.0, "LUT", "half of the circuit")
    comparison = compared(report("a"), other("b", lut=5.0, more=(routed, newer, slower)))
    found = [(column.heading, column.note) for column in comparison.costs if column.quantity == "LUT"]
    assert found == [
        ("LUT, estimate, da4ml 0.6.0", "whole circuit"),
        ("LUT, place and route, Vivado 2024.1", "whole circuit"),
        ("LUT, estimate, da4ml 0.7.0", "whole circuit"),
        ("LUT, estimate, da4ml 0.6.0", "half of the circuit"),
    ]
    places = [number for number, column in enumerate(comparison.costs) if column.quantity == "LUT"]
    assert [comparison.rows[0].costs[place].value for place in places] == [10_000, None, None, None]
    assert [comparison.rows[1].costs[place].value for place in places] == [5, 7, 8, 9]


def test_figures_for_another_part_or_clock_stand_in_a_column_of_their_own():
    placed = {"stage": "netlist", "tool": "Yosys", "version": "0.70"}
    one = estimate("LUT", 7.0, "LUT", part="xcvu9p", clock_ns=4.0, **placed)
    other_part, other_clock = one.model_copy(update={"part": "xcku115"}), one.model_copy(update={"clock_ns": 2.5})
    comparison = compared(report("a", more=(one,)), other("b", more=(other_part,)), other("c", more=(other_clock,)))
    assert [column.heading for column in comparison.costs if column.stage == "netlist"] == [
        "LUT, netlist, Yosys 0.70, xcvu9p, 4 ns",
        "LUT, netlist, Yosys 0.70, xcku115, 4 ns",
        "LUT, netlist, Yosys 0.70, xcvu9p, 2.5 ns",
    ]


def test_figures_of_modules_are_not_compared():
    part = estimate("LUT", 3.0, "LUT", stage="netlist", module="tiny_stage1")
    assert {column.stage for column in compared(report("a", more=(part,))).costs} == {"estimate"}


def test_quantities_without_any_figure_have_no_column():
    comparison = compared(report("a"), other("b", lut=None))
    assert [column.quantity for column in comparison.costs] == ["LUT", "FF", "latency", "logic depth", "EBOPs"]
    assert all(figure.value is None for figure in comparison.rows[1].costs)
    assert compared(report("a", lut=None)).costs == ()


# Baselines


def test_a_baseline_that_is_the_same_for_all_runs_stands_once():
    comparison = compared(report("a"), other("b"), other("c"))
    assert [(row.name, row.of) for row in comparison.baselines] == [(name, ()) for name in TRIVIAL]
    assert comparison.baselines[0].auc["LQ"].value == 0.80
    assert comparison.baselines[0].auc["LQ"].high == pytest.approx(0.80 + ERROR)


def test_a_baseline_that_depends_on_the_run_names_its_rows():
    comparison = compared(report("a", own=0.75), other("b", own=0.75), other("c", own=0.78), other("d"))
    own = [(row.name, row.of, row.auc["LQ"].value) for row in comparison.baselines[3:]]
    assert own == [("a and 1 more: PCA", ("a", "b"), 0.75), ("c: PCA", ("c",), 0.78)]


def test_a_baseline_that_depends_on_the_seed_has_a_spread():
    comparison = compared(report("a_seed1", seed=1, own=0.70), report("a_seed2", seed=2, own=0.80), other("b"))
    row = comparison.baselines[-1]
    assert (row.name, row.seeds) == ("a: PCA", (1, 2))
    assert row.auc["LQ"].high - row.auc["LQ"].low == pytest.approx(2 * 0.1 / sqrt(2))
    assert comparison.baselines[0].seeds == ()


def test_a_score_that_has_seen_the_signals_is_marked():
    one = report()
    trees = baseline(
        "trees", {name: performance(0.99, 900) for name in one.physics}, dict.fromkeys(one.physics, 0.9), True
    )
    comparison = compared(one.model_copy(update={"baselines": {**one.baselines, "supervised trees": trees}}))
    assert {row.name: row.sees_signal for row in comparison.baselines} == {
        **dict.fromkeys(TRIVIAL, False),
        "supervised trees": True,
    }


# Against the trivial scores


def test_a_signal_counts_when_the_paired_difference_is_larger_than_two_errors():
    # The paired error is 0.002; total pT has an AUC of 0.80, tables 0.90.
    (row,) = compared(report(auc=(0.8041, 0.8039))).rows
    assert row.beats["total pT"]["AUC"].model_dump() == {"above": 1, "below": 0, "signals": 2}
    assert row.beats["object count"]["AUC"].above == 2
    assert row.beats["pT tables"]["AUC"].model_dump() == {"above": 0, "below": 2, "signals": 2}


def test_every_seed_has_to_be_above():
    (row,) = compared(*seeds(0.85, 0.79)).rows
    assert row.auc["LQ"].value > 0.80
    assert row.beats["total pT"]["AUC"].model_dump() == {"above": 0, "below": 0, "signals": 2}


def test_tpr_counts_when_the_difference_is_larger_than_two_errors_of_both():
    # tables fire on 100 of 1000: error 1.0 %, about the same for the model.
    (row,) = compared(report(fired=(125, 140))).rows
    assert row.beats["pT tables"]["1e-4"].model_dump() == {"above": 1, "below": 0, "signals": 2}
    (row,) = compared(report(fired=(70, 2))).rows
    assert row.beats["pT tables"]["1e-4"].model_dump() == {"above": 0, "below": 2, "signals": 2}


def test_a_rate_that_cannot_be_reached_is_not_counted():
    (row,) = compared(report(fired=(None, 900))).rows
    assert row.beats["pT tables"]["1e-4"].model_dump() == {"above": 1, "below": 0, "signals": 1}


def test_without_the_baseline_nothing_is_claimed():
    one = report()
    (row,) = compared(one.model_copy(update={"baselines": {"total pT": one.baselines["total pT"]}})).rows
    assert list(row.beats) == ["total pT"]


# What may share a table


def test_runs_on_different_events_are_refused_by_name():
    with pytest.raises(
        DataError, match=r"^runs/a and runs/b were tested on different events \(SHA-256 abababab and cd"
    ):
        compared(report("a"), other("b", sha256="cd" * 32))


def test_runs_with_other_signals_are_refused_until_common_ones_are_chosen():
    pair = report("a"), other("b", signals=("LQ", "h0"))
    with pytest.raises(DataError, match=r"^runs/a and runs/b have different signals \(LQ, A4l and LQ, h0\)"):
        compared(*pair)
    comparison = compared(*pair, signals=("LQ",))
    assert comparison.signals == ("LQ",)
    assert [list(row.auc) for row in (*comparison.rows, *comparison.baselines)] == [["LQ"]] * 5
    assert comparison.rows[0].beats["total pT"]["AUC"].signals == 1


def test_the_order_of_the_signals_is_no_difference():
    comparison = compared(report("a"), other("b", signals=("A4l", "LQ")))
    assert (comparison.signals, len(comparison.samples)) == (("LQ", "A4l"), 1)
    assert [row.name for row in comparison.baselines] == list(TRIVIAL)


def test_test_samples_of_different_size_are_refused():
    with pytest.raises(DataError, match=r"of different size \(20,000 and 10,000 events of background\)"):
        compared(report("a"), other("b", background=10_000))


def test_a_signal_that_a_run_does_not_have_is_named():
    with pytest.raises(DataError, match=r"^runs/b has no signal A4l; it has LQ, h0$"):
        compared(report("a"), other("b", signals=("LQ", "h0")), signals=("A4l",))


def test_mixed_lets_them_share_a_table_that_says_which_is_which():
    comparison = compared(report("a"), other("b", sha256="cd" * 32, signals=("LQ", "h0")), other("c"), mixed=True)
    assert comparison.mixed
    assert [row.data for row in comparison.rows] == [1, 2, 1]
    assert [sample.sha256[:2] for sample in comparison.samples] == ["ab", "cd"]
    assert comparison.signals == ("LQ", "A4l", "h0")
    # Each sample has its own baselines, and the mean is over what all have.
    assert [(row.name, row.data) for row in comparison.baselines] == [
        (name, data) for data in (1, 2) for name in TRIVIAL
    ]
    assert comparison.rows[0].mean_auc.value == comparison.rows[0].auc["LQ"].value


def test_seeds_on_different_events_are_rows_of_their_own():
    comparison = compared(report("a", seed=1), report("b", seed=2, sha256="cd" * 32), mixed=True)
    assert [(row.name, row.data) for row in comparison.rows] == [("a", 1), ("b", 2)]


def test_the_name_of_the_file_is_no_difference():
    renamed = other("b")
    renamed = renamed.model_copy(update={"data": renamed.data.model_copy(update={"file": "moved.h5"})})
    assert len(compared(report("a"), renamed).samples) == 1


# The record


def test_it_is_read_as_it_is_written():
    comparison = compared(*seeds(0.9, 0.92), other("b", own=0.7))
    text = comparison.model_dump_json()
    assert Comparison.model_validate_json(text) == comparison
    assert json.loads(text)["schema_version"] == 1


def test_versions_of_all_runs_are_kept():
    comparison = compared(report("a"), other("b", versions={"l1ae": "0.2.0", "keras": "3.15.0"}))
    assert comparison.versions["l1ae"] == ("0.1.0", "0.2.0")
    assert comparison.versions["keras"] == ("3.15.0",)


# Order


@pytest.mark.parametrize(
    ("column", "order"),
    [
        ("name", "abc"),
        ("kind", "cab"),
        ("auc", "bca"),
        ("LQ", "bca"),
        ("A4l", "cba"),
        ("LQ@1e-4", "acb"),
        ("lut", "cab"),
        ("EBOPs", "cab"),
        ("parameters", "abc"),
        ("weight bits", "bac"),
        ("zero weights", "cba"),
    ],
)
def test_runs_are_sorted_best_first_and_without_a_figure_last(column, order):
    base = {"parameters": 120, "weights": 100}
    comparison = compared(
        report("a", auc=(0.7, 0.7), fired=30, kind="sparse", weight_bits=8, zero_weights=1, lut=20.0, **base),
        other("b", auc=(0.9, 0.8), fired=(None, 3), kind="student", weight_bits=6, zero_weights=2, lut=None, **base),
        other("c", auc=(0.8, 0.85), fired=20, kind="denoising", weight_bits=9, zero_weights=3, lut=10.0, **base),
    )
    assert "".join(row.name for row in ordered(comparison, column).rows) == order


def test_an_unknown_column_is_refused_with_those_there_are():
    with pytest.raises(ConfigError, match=r"^no column speed to sort by; there are name, kind, AUC, LQ, A4l, LQ@1e-3"):
        ordered(compared(report()), "speed")
