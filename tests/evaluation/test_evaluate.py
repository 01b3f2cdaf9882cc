import numpy as np
import pytest

from l1ae.errors import DataError
from l1ae.evaluation import SignalPerformance, auc, differences, evaluate


def test_every_signal_and_target_with_sample_sizes(rng):
    background = rng.integers(0, 1000, 20_000)
    result = evaluate(background, {"LQ": rng.integers(200, 1200, 300), "h+": rng.integers(0, 1000, 70)})
    assert list(result) == ["LQ", "h+"]
    for name, events in (("LQ", 300), ("h+", 70)):
        performance = result[name]
        assert list(performance.tpr) == ["1e-2", "1e-3", "1e-4", "1e-5"]
        assert (performance.events, performance.background_events) == (events, 20_000)
        assert performance.tpr["1e-5"].reason == "not reachable with 20000 background events"
        assert performance.tpr["1e-4"].background_passed <= 2
    assert result["LQ"].tpr["1e-2"].threshold == result["h+"].tpr["1e-2"].threshold


def test_records_survive_json(rng):
    result = evaluate(rng.integers(0, 99, 5000), {"A4l": rng.integers(0, 120, 50)}, targets=[1e-3])["A4l"]
    assert SignalPerformance.model_validate_json(result.model_dump_json()) == result
    assert isinstance(SignalPerformance.model_validate_json(result.model_dump_json()).tpr["1e-3"].threshold, int)


def test_float_scores_have_float_thresholds(rng):
    result = evaluate(rng.normal(size=5000), {"A4l": rng.normal(1, size=50)}, targets=[1e-3])
    assert isinstance(result["A4l"].tpr["1e-3"].threshold, float)


def test_collapse_is_flagged():
    performance = evaluate(np.zeros(500, int), {"LQ": np.zeros(40, int)})["LQ"]
    assert performance.collapsed
    assert (performance.auc, performance.auc_error) == (0.5, 0.0)
    assert {point.value for point in performance.tpr.values()} == {None}


def test_what_cannot_be_evaluated():
    with pytest.raises(DataError, match="no signal to evaluate"):
        evaluate([1, 2], {})
    with pytest.raises(DataError, match="signal h0 has no events"):
        evaluate([1, 2], {"h0": []})
    with pytest.raises(DataError, match="signal h0 scores are NaN"):
        evaluate([1.0, 2.0], {"h0": [np.nan]})


def test_differences(rng):
    background, baseline = rng.integers(0, 50, 900), rng.normal(size=900)
    signal, baseline_signal = {"LQ": rng.integers(20, 70, 80)}, {"LQ": rng.normal(size=80)}
    gain = differences(background, signal, baseline, baseline_signal)["LQ"]
    assert gain.value == pytest.approx(auc(background, signal["LQ"]).value - auc(baseline, baseline_signal["LQ"]).value)
    assert gain.value > 5 * gain.error > 0
    with pytest.raises(DataError, match="same signals: h0"):
        differences(background, signal, baseline, {**baseline_signal, "h0": [1.0]})
