"""Two-sample tests: right when nothing differs, and not blind when something does."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from l1ae.errors import DataError, DifferenceError
from l1ae.events.compare import EXPECTED, Comparison, InputTest, compare, corrected, merged, table, two_sample_test
from l1ae.events.layout import LEPTON
from l1ae.events.schema import EventSet
from l1ae.events.summary import Summary


def falling(seed, entries, scale=40.0, words=256):
    """Counts of words that fall off exponentially, as pT does."""
    values = np.random.default_rng(seed).exponential(scale, entries).astype(int)
    return np.bincount(np.minimum(values, words - 1), minlength=words)


def test_p_values_of_equal_distributions_are_uniform():
    p = [two_sample_test("", falling(seed, 4000), falling(10**6 + seed, 900)).p for seed in range(500)]
    assert stats.kstest(p, "uniform").pvalue > 0.01
    assert 0.02 < np.mean(np.array(p) < 0.05) < 0.08


def test_a_scale_a_tenth_larger_is_found():
    assert two_sample_test("", falling(1, 50_000), falling(2, 50_000, scale=44)).p < 1e-6


def test_a_scale_a_twentieth_larger_is_found_by_the_distance():
    """Over so many bins the chi-squared test has little to say about a change of the whole shape."""
    found = two_sample_test("", falling(1, 50_000, words=4096), falling(2, 50_000, scale=42, words=4096))
    assert found.p > 1e-4
    assert found.p_ks < 1e-5
    assert found.p_both == 2 * found.p_ks


def test_p_values_of_the_distance_are_valid_though_words_are_equal():
    """Not smaller than they should be: for many words nearly uniform, for few ones larger."""
    for words, low in ((2000, 0.02), (6, 0.0)):
        scale = words / 6
        p = [
            two_sample_test("", falling(seed, 3000, scale, words), falling(10**6 + seed, 2000, scale, words)).p_ks
            for seed in range(500)
        ]
        assert low <= np.mean(np.array(p) < 0.05) < 0.08


def test_a_distance_that_chance_explains_breaks_no_limit():
    first, second = sample(1, 3000), sample(2, 3000)
    found = compare(first, second)
    assert max(test.ks for test in found.made) > 0.03
    found.check(max_ks=0.03)
    with pytest.raises(DifferenceError, match="further apart than a KS distance"):
        compare(first, sample(2, 3000, change=lambda physical: physical[:, 0].__imul__(1.3))).check(max_ks=0.03)


def test_two_bins_by_hand():
    # 2x2 table without Yates' correction: n (ad - bc)^2 / (row and column sums).
    found = two_sample_test("", np.array([30, 70]), np.array([45, 55]))
    chi2 = 200 * (30 * 55 - 70 * 45) ** 2 / (100 * 100 * 75 * 125)
    assert found.chi2 == pytest.approx(chi2)
    assert found.ndf == 1
    assert found.p == pytest.approx(stats.chi2.sf(chi2, 1))
    assert found.ks == pytest.approx(0.15)


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 1000), st.integers(30, 3000), st.integers(30, 3000))
def test_distance_and_merging_are_those_of_the_textbook(seed, n, m):
    first, second = falling(seed, n), falling(seed + 5000, m, scale=60)
    found = two_sample_test("", first, second)
    values = [np.repeat(np.arange(256), counts) for counts in (first, second)]
    assert found.ks == pytest.approx(stats.ks_2samp(*values).statistic)
    starts = merged(first + second, EXPECTED * (n + m) / min(n, m))
    bins = [np.add.reduceat(counts, starts) for counts in (first, second)]
    expected = np.outer([n, m], bins[0] + bins[1]) / (n + m)
    assert (expected >= EXPECTED - 1e-9).all()
    assert found.ndf == len(starts) - 1
    assert found.chi2 == pytest.approx(((np.array(bins) - expected) ** 2 / expected).sum())


@settings(deadline=None)
@given(st.lists(st.integers(0, 30), min_size=1, max_size=60), st.integers(1, 80))
def test_merged_bins_are_full_and_no_bin_could_be_split(counts, least):
    counts = np.array(counts)
    starts = merged(counts, least)
    assert starts[0] == 0
    assert (np.diff(starts) > 0).all()
    sums = np.add.reduceat(counts, starts)
    assert sums.sum() == counts.sum()
    assert len(starts) == 1 or (sums >= least).all()
    for start, stop in pairwise(starts):
        assert counts[start : stop - 1].sum() < least


@pytest.mark.parametrize(
    ("first", "second", "reason"),
    [
        ([0, 0], [0, 0], "no entries"),
        ([0, 0], [50, 50], "no entries in the first sample"),
        ([50, 50], [0, 0], "no entries in the second sample"),
        ([50, 0], [70, 0], "the same word in every entry"),
        ([9, 9], [9000, 9000], f"too few entries for two bins of {EXPECTED}"),
    ],
)
def test_what_cannot_be_tested_says_why(first, second, reason):
    found = two_sample_test("x", np.array(first), np.array(second))
    assert found.reason == reason
    assert (found.chi2, found.ndf, found.p, found.ks) == (None, None, None, None)
    assert corrected([found]) == (found,)


def test_correction_after_holm():
    tests = [
        InputTest(name="", entries=(1, 1), p=p, p_ks=q)
        for p, q in ((0.005, 1), (1, 0.02), (None, None), (0.015, 0.7), (0.45, 0.46))
    ]
    # Twice the smaller one: 0.01, 0.04, -, 0.03, 0.9. By hand:
    # 4 * 0.01, then 3 * 0.03, then 2 * 0.04 = 0.08 raised to 0.09, then 0.9.
    found = [test.p_holm for test in corrected(tests)]
    assert found[2] is None
    assert [value for value in found if value is not None] == pytest.approx([0.04, 0.09, 0.09, 0.9])
    many = corrected([InputTest(name="", entries=(1, 1), p=0.5, p_ks=0.5)] * 3)
    assert [test.p_holm for test in many] == [1, 1, 1]


def sample(seed, count=4000, change=None, names=("a", "b"), ids=None):
    rng = np.random.default_rng(seed)
    physical = np.zeros((count, 19, 3))
    physical[..., 0] = rng.exponential(20.0, (count, 19)) * (rng.random((count, 19)) < 0.6) + 1.0 * (
        LEPTON.class_codes == 1
    )
    physical[..., 1] = rng.uniform(-2.0, 2.0, (count, 19))
    physical[..., 2] = rng.uniform(-np.pi, np.pi, (count, 19))
    if change is not None:
        change(physical)
    process = np.arange(count) % len(names)
    ids = np.arange(count) + seed * 10**6 if ids is None else ids
    return Summary.of(EventSet.from_physical(physical, process.astype(np.uint8), names, ids.astype(np.uint64)))


def test_a_shifted_feature_is_found_and_no_other():
    def shift(physical):
        physical[:, LEPTON.rows("jet").start + 2, 1] += 0.25

    found = compare(sample(1), sample(2, change=shift))
    assert [test.name for test in found.made if test.p_holm < 0.01] == ["jet3_eta"]
    worst = max(found.made, key=lambda test: test.ks)
    assert worst.name == "jet3_eta"
    assert worst.ks == pytest.approx(0.25 / 4, abs=0.03)


def test_a_missing_object_is_found_by_its_multiplicity():
    def lose(physical):
        physical[::5, LEPTON.rows("muon").start] = 0

    found = compare(sample(3), sample(4, change=lose))
    assert [test.name for test in found.made if test.p_holm < 0.01] == ["muon multiplicity"]


def test_every_input_with_a_field_and_every_multiplicity_is_tested_once():
    found = compare(sample(1, 500), sample(2, 500))
    names = [test.name for test in found.tests]
    inputs = [name for name in LEPTON.feature_names() if name != "MET_eta"]
    assert sorted(names) == sorted([*inputs, *(f"{kind.name} multiplicity" for kind in LEPTON.kinds)])
    assert Comparison.model_validate_json(found.model_dump_json()) == found


def test_the_tests_of_a_whole_comparison_are_uniform_too():
    p = [test.p for seed in range(6) for test in compare(sample(2 * seed, 1500), sample(2 * seed + 1, 1500)).made]
    assert len(p) > 300
    assert stats.kstest(p, "uniform").pvalue > 0.01


def test_processes_are_chosen():
    def shift(physical):
        physical[1::2, 0, 0] += 10

    first, second = sample(1, change=shift), sample(2, change=shift)
    assert not [test.name for test in compare(first, second).made if test.p_holm < 0.01]
    for chosen in ((["a"], ["a"]), (["b"], ["b"]), (["a", "b"], None)):
        assert not [test.name for test in compare(first, second, chosen).made if test.p_holm < 0.01]
    found = compare(first, second, (["a"], ["b"]), ("x", "y"))
    assert [test.name for test in found.made if test.p_holm < 0.01] == ["MET_pt"]
    assert (found.first.processes, found.second.processes) == (("a",), ("b",))
    assert (found.first.name, found.first.events) == ("x", 2000)
    with pytest.raises(DataError, match="no process c"):
        compare(first, second, (["c"], None))


def test_repeated_and_common_ids_are_told():
    first, second = sample(1, ids=np.arange(4000) // 2), sample(2)
    found = compare(first, second, names=("left", "right"))
    assert (found.first.distinct_ids, found.common_ids) == (2000, 0)
    assert len(found.warnings()) == 1
    assert found.warnings()[0].startswith("2000 of 4000 events of left repeat an event id")
    itself = compare(second, second, names=("left", "right"))
    assert itself.common_ids == 4000
    assert itself.warnings()[0].startswith("4000 event ids of left stand in right too")
    assert {test.p for test in itself.made} == {1.0}
    assert compare(sample(1), sample(2)).warnings() == []


def test_limits():
    def shift(physical):
        physical[:, 0, 0] += 10

    found = compare(sample(1), sample(2, change=shift))
    found.check()
    found.check(max_ks=1, min_p=0)
    with pytest.raises(
        DifferenceError, match=r"1 of \d+ inputs are further apart than a KS distance of 0.2; MET_pt most"
    ):
        found.check(max_ks=0.2)
    with pytest.raises(
        DifferenceError, match=r"1 of \d+ inputs have a corrected p-value below 0.001; MET_pt the smallest"
    ):
        found.check(min_p=0.001)
    few = compare(sample(1, 4), sample(2, 4))
    few.check()
    with pytest.raises(DataError, match="too small for any test"):
        few.check(max_ks=0.5)


def test_other_layouts_and_no_events_are_refused():
    def of(layout):
        return Summary(layout, ("a",))

    jets = LEPTON.select({"MET": 1, "jet": 4})
    coarse = LEPTON.kinds[0].model_copy(
        update={"fields": {**LEPTON.kinds[0].fields, "pt": LEPTON.kinds[0].pt.model_copy(update={"lsb": 1.0})}}
    )
    renumbered = LEPTON.kinds[0].model_copy(update={"code": 9})
    for other, reason in (
        (LEPTON.select(features=("pt",)), "their features are pt, eta, phi and pt"),
        (jets, "their objects are MET, e/gamma, muon, jet and MET, jet"),
        (LEPTON.select({"MET": 1, "e/gamma": 4, "muon": 4, "jet": 4}), "they hold 10 and 4 jet objects"),
        (LEPTON.model_copy(update={"kinds": (coarse, *LEPTON.kinds[1:])}), "their scales of the MET pt differ"),
        (LEPTON.model_copy(update={"kinds": (renumbered, *LEPTON.kinds[1:])}), "the MET has the class code 1 and 9"),
    ):
        with pytest.raises(DataError, match=reason):
            compare(of(LEPTON), of(other))
    with pytest.raises(DataError, match="A holds no events to compare"):
        compare(of(LEPTON), of(LEPTON))


def test_the_table_is_ordered_and_cut():
    def change(physical):
        physical[:, 0, 0] += 10
        physical[:, 0, 2] = np.clip(physical[:, 0, 2], -3, 3)

    found = compare(sample(1, change=change), sample(2))
    for by, value in (("p", lambda test: test.p_both), ("ks", lambda test: -test.ks)):
        cells = list(table(found, by, top=5).columns[0].cells)
        assert [str(cell) for cell in cells] == [test.name for test in sorted(found.made, key=value)[:5]]
    assert table(found).row_count == len(found.tests)
