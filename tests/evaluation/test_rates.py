import numpy as np
import pytest
from pydantic import ValidationError

from l1ae.evaluation import Rates, Scores, clopper_pearson, rates
from l1ae.settings import TriggerConfig

#: 10,000 background events at 10 MHz: one event is 1 kHz.
BASIS = TriggerConfig(rates_khz=(1000.0, 10.0, 1.0, 0.5), crossing_rate_mhz=20.0, filling_factor=0.5)


@pytest.fixture
def scores():
    return Scores(np.arange(10_000), {"LQ": np.array([9_995, 9_000, 100]), "h0": np.array([9_999])})


@pytest.fixture
def menu(scores):
    """Ranks the background the other way round, and half of it evenly."""
    return Scores(np.arange(10_000)[::-1] * 1.0, {"LQ": np.array([0.0, 9_500.0, 9_999.0]), "h0": np.array([1.0])})


def test_the_input_rate_is_what_the_user_states():
    assert BASIS.input_khz == 10_000
    assert TriggerConfig().input_khz == pytest.approx(30_960)
    assert TriggerConfig(background_share=0.01).input_khz == pytest.approx(309.6)


def test_a_rate_is_a_fraction_of_the_input_rate(scores):
    found = rates(scores, BASIS)
    assert found.input_khz == 10_000
    point = found.points[0]
    assert (point.asked_khz, point.threshold, point.rate.value) == (1000, 9_000, 1000)
    low, high = clopper_pearson(1000, 10_000)
    assert (point.rate.low, point.rate.high) == pytest.approx((10_000 * low, 10_000 * high))
    assert (point.background.passed, point.background.events) == (1000, 10_000)
    assert {name: share.value for name, share in point.signals.items()} == {"LQ": 2 / 3, "h0": 1.0}
    assert point.reason is None


def test_thresholds_are_the_smallest_integer_words(scores):
    for point, threshold in zip(rates(scores, BASIS).points, (9_000, 9_990, 9_999, None), strict=True):
        assert point.threshold == threshold
        assert isinstance(point.threshold, int | None)


def test_what_cannot_be_reached_says_why(scores):
    too_low = rates(scores, BASIS).points[-1]
    assert too_low.reason == "not reachable with 10000 background events"
    assert (too_low.rate, too_low.background, too_low.signals, too_low.menu) == (None, None, {}, None)
    too_high = rates(scores, BASIS.model_copy(update={"rates_khz": (10_000.0,)})).points[0]
    assert too_high.reason == "not reachable: events like the background come at 10000 kHz in all"
    saturated = Scores(np.full(100, 255), {"LQ": np.array([255])})
    reason = rates(saturated, BASIS, highest_word=255).points[0].reason
    assert reason == "not reachable: 100 background events have the largest score word, 255"


def test_pure_is_what_fires_and_the_menu_does_not(scores, menu):
    point = rates(scores, BASIS, menu).points[0]
    assert point.menu.rate.value == 1000
    assert point.menu.background.passed == 1000
    assert point.menu.pure.passed == 1000, "the menu takes the other end"
    assert point.menu.pure_rate.value == 1000
    assert {name: share.passed for name, share in point.menu.signals.items()} == {"LQ": 2, "h0": 0}
    assert {name: share.passed for name, share in point.menu.either.items()} == {"LQ": 3, "h0": 1}


def test_a_menu_that_fires_on_the_same_events_leaves_nothing_pure(scores):
    same = Scores(scores.background / 2, {name: values / 2 for name, values in scores.signals.items()})
    for point in rates(scores, BASIS, same).points[:3]:
        assert point.menu.pure.passed == 0
        assert point.menu.pure_rate.value == 0
        assert point.menu.pure_rate.high > 0
        assert point.menu.either == point.menu.signals == point.signals


def test_the_menu_can_have_a_rate_of_its_own(scores, menu):
    first, second = rates(scores, BASIS.model_copy(update={"menu_khz": 100.0}), menu).points[:2]
    assert first.menu.asked_khz == second.menu.asked_khz == 100
    assert first.menu.rate == second.menu.rate
    unreachable = rates(scores, BASIS.model_copy(update={"menu_khz": 0.1}), menu).points[0].menu
    assert unreachable.reason == "not reachable with 10000 background events"
    assert unreachable.pure is None


def test_records_survive_json(scores, menu):
    found = rates(scores, BASIS, menu)
    assert Rates.model_validate_json(found.model_dump_json()) == found
    assert isinstance(Rates.model_validate_json(found.model_dump_json()).points[0].threshold, int)


@pytest.mark.parametrize(
    "wrong",
    [
        {"rates_khz": ()},
        {"rates_khz": (0.0,)},
        {"crossing_rate_mhz": 0.0},
        {"filling_factor": 1.1},
        {"background_share": 0.0},
    ],
)
def test_impossible_rates_are_refused(wrong):
    with pytest.raises(ValidationError):
        TriggerConfig(**wrong)
