"""Trigger rates: thresholds for chosen rates, and what the anomaly trigger adds to a menu of cuts.

A rate is a fraction of events times the rate at which such events come: bunch crossings per second, times the fraction
of them that are filled, times the share of the filled ones that the background sample stands for.
"""

from typing import Annotated

from pydantic import Field, PositiveFloat

from l1ae.evaluation.performance import FiniteRecord, Share
from l1ae.evaluation.scores import Scores
from l1ae.evaluation.working_points import reachable_threshold, share
from l1ae.settings import TriggerConfig


class Rate(FiniteRecord):
    """A rate in kHz with the interval that follows from the number of background events."""

    value: Annotated[float, Field(ge=0)]
    low: Annotated[float, Field(ge=0)]
    high: Annotated[float, Field(ge=0)]


class MenuPoint(FiniteRecord):
    """A menu of cuts beside the anomaly trigger; `asked_khz` is the total rate that the menu was given.

    `background` and `signals`: what the menu passes alone. `pure`: the background that fires the anomaly trigger and
    not the menu, as a share and as a rate. `either`: the share of each signal that fires the menu or the anomaly
    trigger. When the menu cannot run at that rate all of them are None or empty and `reason` says why.
    """

    asked_khz: PositiveFloat
    rate: Rate | None = None
    background: Share | None = None
    signals: dict[str, Share] = Field(default_factory=dict)
    pure: Share | None = None
    pure_rate: Rate | None = None
    either: dict[str, Share] = Field(default_factory=dict)
    reason: str | None = None


class RatePoint(FiniteRecord):
    """The trigger at one rate: an event fires when its score is >= `threshold`, an integer for integer scores.

    `asked_khz`: the rate that was asked for; `rate` and `background`: what passes on the test sample; `signals`: TPR of
    each. When it cannot be reached, `threshold`, `rate` and `background` are None and `reason` says why.
    """

    asked_khz: PositiveFloat
    threshold: int | float | None = None
    rate: Rate | None = None
    background: Share | None = None
    signals: dict[str, Share] = Field(default_factory=dict)
    menu: MenuPoint | None = None
    reason: str | None = None


class Rates(FiniteRecord):
    """The trigger at chosen rates; `input_khz` is the rate of events like the background that follows from `basis`."""

    basis: TriggerConfig
    input_khz: PositiveFloat
    points: tuple[RatePoint, ...]


def rates(
    scores: Scores,
    config: TriggerConfig,
    menu: Scores | None = None,
    highest_word: int | None = None,
) -> Rates:
    """Thresholds of a score for the rates of `config`, and what passes them.

    `menu`: scores of a menu of cuts for the same events in the same order; it runs at `config.menu_khz` in total,
    or, when that is None, at the rate of each row. `highest_word`: the largest word of the score format.
    """
    points = [_point(scores, asked, config.input_khz, highest_word) for asked in config.rates_khz]
    if menu is not None:
        points = [
            point.model_copy(update={"menu": _menu_point(scores, menu, point, config)})
            if point.threshold is not None
            else point
            for point in points
        ]
    return Rates(basis=config, input_khz=config.input_khz, points=tuple(points))


def rate_of(passing: Share, input_khz: float) -> Rate:
    """The rate in kHz of a share of the background, whose events come at `input_khz`."""
    return Rate(value=passing.value * input_khz, low=passing.low * input_khz, high=passing.high * input_khz)


def fired(scores: Scores, threshold: int | float) -> tuple[Share, dict[str, Share]]:
    """The shares of the background and of each signal with a score >= `threshold`."""
    signals = {name: share(values >= threshold) for name, values in scores.signals.items()}
    return share(scores.background >= threshold), signals


def _cut(
    scores: Scores, asked: float, input_khz: float, highest_word: int | None = None
) -> tuple[int | float | None, str | None]:
    if asked >= input_khz:
        return None, f"not reachable: events like the background come at {input_khz:.6g} kHz in all"
    return reachable_threshold(scores.background, asked / input_khz, highest_word)


def _point(scores: Scores, asked: float, input_khz: float, highest_word: int | None) -> RatePoint:
    cut, reason = _cut(scores, asked, input_khz, highest_word)
    if cut is None:
        return RatePoint(asked_khz=asked, reason=reason)
    background, signals = fired(scores, cut)
    return RatePoint(
        asked_khz=asked,
        threshold=cut,
        rate=rate_of(background, input_khz),
        background=background,
        signals=signals,
    )


def _menu_point(scores: Scores, menu: Scores, point: RatePoint, config: TriggerConfig) -> MenuPoint:
    asked, input_khz = config.menu_khz or point.asked_khz, config.input_khz
    cut, reason = _cut(menu, asked, input_khz)
    if cut is None or point.threshold is None:
        return MenuPoint(asked_khz=asked, reason=reason)
    background, signals = fired(menu, cut)
    pure = share((scores.background >= point.threshold) & ~(menu.background >= cut))
    return MenuPoint(
        asked_khz=asked,
        rate=rate_of(background, input_khz),
        background=background,
        signals=signals,
        pure=pure,
        pure_rate=rate_of(pure, input_khz),
        either={
            name: share((values >= point.threshold) | (menu.signals[name] >= cut))
            for name, values in scores.signals.items()
        },
    )
