"""The rate of each threshold in a new file against the reference: what passed, how much it changed, how likely."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field, PositiveFloat
from scipy import stats

from l1ae.errors import DataError, DifferenceError
from l1ae.evaluation.performance import FiniteRecord, Share
from l1ae.evaluation.rates import Rate, rate_of
from l1ae.evaluation.working_points import LEVEL, clopper_pearson, share_of
from l1ae.events.compare import CHANCE, holm
from l1ae.report.record import RunReport

Positive = Annotated[float, Field(ge=0)]


class ThresholdRate(FiniteRecord):
    """What passes one threshold, a score word, in the reference and in the new events.

    `names`: where the report has it from. `ratio`: new over reference, with its central 68.27 % interval, None where
    an end is infinite or nothing passed at all; `p`: of equal rates; `p_holm`: corrected for the number of thresholds.
    """

    threshold: int
    names: tuple[str, ...]
    reference: Share
    new: Share
    reference_rate: Rate
    rate: Rate
    ratio: Positive | None
    ratio_low: Positive | None
    ratio_high: Positive | None
    p: Positive
    p_holm: Positive


def thresholds_of(report: RunReport) -> dict[int, tuple[str, ...]]:
    """Score words of the working points and of the rates of a report, ascending, with their names."""
    found: dict[int, list[str]] = {}
    for performance in report.physics.values():
        for label, point in performance.tpr.items():
            if point.threshold is not None:
                found.setdefault(int(point.threshold), []).append(f"FPR {label}")
    for cut in report.rates.points if report.rates is not None else ():
        if cut.threshold is not None:
            found.setdefault(int(cut.threshold), []).append(f"{cut.asked_khz:g} kHz")
    return {word: tuple(dict.fromkeys(found[word])) for word in sorted(found)}


def threshold_rates(
    thresholds: Mapping[int, tuple[str, ...]],
    reference: tuple[Mapping[int, int], int],
    new: tuple[Mapping[int, int], int],
    input_khz: PositiveFloat,
) -> tuple[ThresholdRate, ...]:
    """One row per threshold from (events that pass each, all events) of both samples.

    Ratio and p-value are those of two Poisson rates, exact, given the sum of both counts (Przyborowski and Wilenski,
    Biometrika 31, 1940): of k1 + k2 events the new sample gets a binomial share. Where the rates are not small against
    one the interval is too wide rather than too narrow.
    """
    (passed_before, before), (passed_now, now) = reference, new
    made = []
    for word, names in thresholds.items():
        first, second = passed_before[word], passed_now[word]
        p = float(stats.binomtest(second, first + second, now / (before + now)).pvalue) if first + second else 1.0
        made.append((word, names, first, second, p))
    rows = []
    for (word, names, first, second, p), p_holm in zip(made, holm([row[-1] for row in made]), strict=True):
        shares = share_of(first, before), share_of(second, now)
        low, high = clopper_pearson(second, first + second, LEVEL) if first + second else (0.0, 1.0)
        known = first + second > 0
        rows.append(
            ThresholdRate(
                threshold=word,
                names=names,
                reference=shares[0],
                new=shares[1],
                reference_rate=rate_of(shares[0], input_khz),
                rate=rate_of(shares[1], input_khz),
                ratio=second / now / (first / before) if first else None,
                ratio_low=_odds(float(low), before, now) if known else None,
                ratio_high=_odds(float(high), before, now) if known else None,
                p=p,
                p_holm=p_holm,
            )
        )
    return tuple(rows)


def check_rates(rates: tuple[ThresholdRate, ...], max_change: float | None) -> None:
    """Raise `DifferenceError` when a rate is larger or smaller by more than a factor, and chance does not explain it.

    Raises `DataError` when there is a limit and no rate.
    """
    if max_change is None:
        return
    if not rates:
        raise DataError("the report of the run has no threshold: the limit on rates cannot be checked")
    far = [rate for rate in rates if rate.p_holm < CHANCE and not _within(rate.ratio, max_change)]
    if far:
        worst = min(far, key=lambda rate: rate.p)
        change = "from nothing" if worst.ratio is None else f"by a factor {worst.ratio:.3g}"
        raise DifferenceError(
            f"{len(far)} of {len(rates)} rates changed by more than a factor {max_change:g}; that of score >= "
            f"{worst.threshold} {change}, from {worst.reference.passed} of {worst.reference.events} events to "
            f"{worst.new.passed} of {worst.new.events}"
        )


def _within(ratio: float | None, factor: float) -> bool:
    return ratio is not None and 1 / factor <= ratio <= factor


def _odds(part: float, before: int, now: int) -> float | None:
    """The ratio of rates at which the new sample gets this part of the events that pass."""
    return None if part >= 1 else part / (1 - part) * before / now
