import numpy as np
import pytest

from l1ae.evaluation import AucDifference, Scores, evaluate, pile_up_dependence, rates
from l1ae.report import (
    Explanation,
    KerasRounding,
    against_baseline,
    pile_up_sentence,
    rate_basis,
    verdict,
    warnings,
)
from l1ae.settings import TriggerConfig

from ..made_reports import simulated


def test_exact(report):
    found = verdict(report)
    assert found.state == "exact"
    assert found.headline == "Exact: 61,482 events, 0 mismatches"
    assert "30,000 data, 30,000 random, 1,482 corner" in found.details[0]
    assert report.exact is True


def test_a_difference_names_the_place(differing):
    found = verdict(differing)
    assert found.state == "differs"
    assert found.headline == "Not exact: 12 of 61,482 events differ"
    assert found.details == (
        "keras and c-simulation differ in 12 of 61,482 events; "
        "first in layer code, unit 2, event 417 (data): -13 against -12, 1 LSB apart",
    )
    assert differing.exact is False


def test_what_keras_itself_rounds_is_said(report):
    rounding = (
        KerasRounding(layer="score", bits=31, events=61482, differing=21000, largest_lsb=3),
        KerasRounding(layer="cut", bits=9, events=61482, differing=1, largest_lsb=1),
    )
    exactness = report.exactness.model_copy(update={"keras_rounding": rounding})
    found = verdict(report.model_copy(update={"exactness": exactness}))
    assert found.state == "exact"
    assert found.details[1:] == (
        "Layer score: Keras rounds here (needs 31 bits, float32 holds 24): 21,000 of 61,482 events, at most 3 LSB. "
        "The integer reference is the judge.",
        "Layer cut: Keras rounds in front of it: 1 of 61,482 events, at most 1 LSB. "
        "The integer reference is the judge.",
    )


def test_the_likely_cause_of_a_difference_is_said(differing):
    explanation = Explanation(
        layer="code",
        kind="Quantize",
        event=417,
        element=2,
        expected=-13,
        found=-12,
        distance_lsb=1,
        differing_events=12,
        differing_elements=1,
        cause="rounding mode",
        detail="TRN instead of RND_CONV",
        origin=None,
    )
    exactness = differing.exactness.model_copy(update={"explanation": explanation})
    found = verdict(differing.model_copy(update={"exactness": exactness}))
    assert found.details[-1] == "Likely cause in layer code: rounding mode, TRN instead of RND_CONV"


def test_nothing_compared_is_never_exact(report):
    silent = report.model_copy(update={"exactness": None})
    assert verdict(silent).state == "unverified"
    assert silent.exact is None


@pytest.mark.parametrize(
    ("gains", "sentence"),
    [
        ({"LQ": (0.1, 0.01), "h0": (0.02, 0.005)}, "beats PCA on 2 of 2 signals"),
        (
            {"LQ": (0.1, 0.01), "h0": (-0.02, 0.005)},
            "beats PCA on 1 of 2 signals; worse on h0 (\N{MINUS SIGN}0.020 ± 0.005)",
        ),
        (
            {"LQ": (0.01, 0.01), "h0": (-0.009, 0.005)},
            "beats PCA on 0 of 2 signals; no difference within 2 standard errors on LQ (+0.010 ± 0.010), "
            "h0 (\N{MINUS SIGN}0.009 ± 0.005)",
        ),
        (
            {"LQ": (0.0, 0.0)},
            "beats PCA on 0 of 1 signals; no difference within 2 standard errors on LQ (+0.000 ± 0.000)",
        ),
    ],
)
def test_sentence_about_a_baseline(report, gains, sentence):
    gain = {name: AucDifference(value=value, error=error) for name, (value, error) in gains.items()}
    baseline = next(iter(report.baselines.values())).model_copy(update={"gain": gain})
    assert against_baseline("PCA", baseline) == sentence


def test_a_ceiling_is_called_one(report):
    assert against_baseline("trees", report.baselines["trees"]).startswith(
        "beats trees (a ceiling: it has seen the signals) on "
    )
    assert "ceiling" not in against_baseline("sum of pT", report.baselines["sum of pT"])


def test_a_collapsed_score_is_warned_of_by_name(report):
    assert warnings(report) == ()
    flat = evaluate(np.zeros(100, int), {"LQ": np.zeros(10, int), "h0": np.arange(10)})
    (of_model,) = warnings(report.model_copy(update={"physics": flat, "baselines": {}}))
    assert of_model.startswith(
        "Warning: the score of the model has collapsed: all events of the background and of LQ have the same one"
    )
    assert "smaller beta" in of_model
    baseline = report.baselines["sum of pT"].model_copy(update={"performance": flat})
    (of_baseline,) = warnings(report.model_copy(update={"baselines": {"sum of pT": baseline}}))
    assert "score of sum of pT has collapsed" in of_baseline
    assert "beta" not in of_baseline


def test_what_the_rates_stand_on_is_said():
    scores = Scores(np.arange(100), {"LQ": np.arange(10)})
    zero_bias = rate_basis(rates(scores, TriggerConfig(crossing_rate_mhz=40.0, filling_factor=0.5)))
    assert "40 MHz of bunch crossings, 0.5 of them filled, make 20,000 kHz" in zero_bias
    assert "hold if every filled crossing held an event like those of the background sample" in zero_bias
    filtered = rate_basis(rates(scores, TriggerConfig(filling_factor=0.5, background_share=0.01)))
    assert "the background sample stands for the share 0.01 of them" in filtered
    assert "makes 200 kHz" in filtered
    assert "every filled crossing" not in filtered


def test_the_dependence_on_pile_up_is_said_or_that_it_is_unknown():
    assert pile_up_sentence(None) == "Dependence on pile-up: not available: the events carry no pile-up count."
    found = pile_up_dependence(np.arange(50), np.arange(50)[::-1], threshold=40)
    assert "rank correlation \N{MINUS SIGN}1.000 ± 0.000 over 50 background events" in pile_up_sentence(found)
    few = pile_up_dependence(np.arange(3), np.arange(3), threshold=1)
    assert pile_up_sentence(few) == (
        "Dependence on pile-up: not available: a correlation with pile-up needs 4 events, found 3."
    )


def test_verilog_that_was_simulated_is_part_of_the_verdict(measured):
    found = verdict(measured)
    assert found.state == "exact"
    assert found.headline == "Exact: Keras = reference = C simulation = RTL = netlist; 61,482 events, 0 mismatches"
    assert found.details[-2] == (
        "RTL, simulated cycle by cycle by Verilator 5.48 (back to back, gaps): 100000 events, 0 mismatches, latency 12 "
        "clocks, initiation interval 1."
    )
    assert measured.exact is True


@pytest.mark.parametrize("wrong", [{"mismatches": 3}, {"latency": 11}, {"latency": None}])
@pytest.mark.parametrize("what", ["rtl", "netlist"])
def test_verilog_that_differs_or_is_late_is_not_exact(measured, wrong, what):
    firmware = measured.firmware.model_copy(update={what: simulated(**wrong)})
    spoiled = measured.model_copy(update={"firmware": firmware})
    found = verdict(spoiled)
    name = {"rtl": "RTL", "netlist": "netlist"}[what]
    assert (found.state, found.headline) == ("differs", f"Not exact: {name} differs from the reference")
    assert spoiled.exact is False
    assert verdict(spoiled.model_copy(update={"exactness": None})).state == "differs"


def test_keras_that_rounds_is_not_said_to_be_equal(measured):
    rounding = KerasRounding(layer="score", bits=31, events=9, differing=0, largest_lsb=0)
    exactness = measured.exactness.model_copy(update={"keras_rounding": (rounding,)})
    assert verdict(measured.model_copy(update={"exactness": exactness})).headline.startswith(
        "Exact: reference = C simulation = RTL = netlist; "
    )


def test_simulated_verilog_alone_is_no_verdict(measured):
    found = verdict(measured.model_copy(update={"exactness": None}))
    assert (found.state, found.headline) == ("unverified", "Not verified")
    assert "RTL, simulated cycle by cycle" in found.details[0]
