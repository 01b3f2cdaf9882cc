"""Trigger thresholds at chosen false positive rates, and what passes them."""

import math
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaincinv

from l1ae.errors import DataError
from l1ae.evaluation.performance import Share, WorkingPoint
from l1ae.evaluation.scores import as_scores, same_kind

#: False positive rates at which a trigger is quoted.
TARGETS: tuple[float, ...] = (1e-2, 1e-3, 1e-4, 1e-5)

#: Probability content of every interval: that of one Gaussian standard deviation, 68.27 %.
LEVEL = math.erf(1 / math.sqrt(2))


def clopper_pearson(passed: ArrayLike, total: ArrayLike, level: float = LEVEL) -> tuple[Any, Any]:
    """Central interval (low, high) of a binomial fraction, exact coverage or more; any shape.

    Clopper and Pearson, Biometrika 26 (1934) 404: each tail holds (1 - level)/2; low is 0 when none passed, high is 1
    when all passed.
    """
    k, n = np.asarray(passed, dtype=np.float64), np.asarray(total, dtype=np.float64)
    tail = (1 - level) / 2
    # The beta distribution needs positive parameters; the ends that lack them are 0 and 1 by definition.
    low = np.where(k > 0, betaincinv(np.maximum(k, 1), n - k + 1, tail), 0.0)
    high = np.where(k < n, betaincinv(k + 1, np.maximum(n - k, 1), 1 - tail), 1.0)
    return low[()], high[()]


def share(passes: NDArray[np.bool_]) -> Share:
    """The part of a sample that passes, from a mask (N,) of at least one event."""
    return share_of(int(np.count_nonzero(passes)), len(passes))


def share_of(passed: int, events: int) -> Share:
    """The part `passed` of at least one event."""
    low, high = clopper_pearson(passed, events)
    return Share(passed=passed, events=events, value=passed / events, low=float(low), high=float(high))


def target_label(target: float) -> str:
    """The name of an FPR target: 1e-3, 2.5e-4."""
    digits = Decimal(repr(target)).normalize().as_tuple()
    mantissa = "".join(str(digit) for digit in digits.digits)
    exponent = int(digits.exponent) + len(mantissa) - 1
    return f"{mantissa[0]}{'.' if mantissa[1:] else ''}{mantissa[1:]}e{exponent}"


def threshold(background: ArrayLike, target: float) -> int | float | None:
    """The smallest threshold t with (background events with score >= t) / N <= target; None when target < 1/N.

    For integer score words t is the smallest such integer, so events that tie at a cut are all in or all out and the
    target is never exceeded. For other scores t is the smallest such floating-point number.
    """
    scores = as_scores(background, "background")
    if not 0 < target < 1:
        raise DataError(f"an FPR target of {target} is not between 0 and 1")
    allowed = _allowed(len(scores), target)
    if allowed == 0:
        return None
    # Sorted from the top, the event behind the allowed ones must not fire, nor any that ties with it.
    first_out = np.partition(scores, len(scores) - 1 - allowed)[len(scores) - 1 - allowed]
    return int(first_out) + 1 if scores.dtype == np.int64 else float(np.nextafter(first_out, np.inf))


def reachable_threshold(
    background: ArrayLike, target: float, highest_word: int | None = None
) -> tuple[int | float | None, str | None]:
    """The threshold for an FPR target, or None and the reason why this background cannot give it.

    `highest_word` is the largest word of the score format: a threshold above it could never fire and is refused.
    """
    b = as_scores(background, "background")
    cut = threshold(b, target)
    if cut is None:
        return None, f"not reachable with {len(b)} background events"
    if highest_word is not None and cut > highest_word:
        saturated = int((b >= highest_word).sum())
        return None, f"not reachable: {saturated} background events have the largest score word, {highest_word}"
    return cut, None


def working_point(
    background: ArrayLike, signal: ArrayLike, target: float, highest_word: int | None = None
) -> WorkingPoint:
    """Threshold for an FPR target and the TPR there, from scores (N,) and (M,), with their Clopper-Pearson intervals.

    `highest_word` is the largest word of the score format: a threshold above it could never fire and is refused.
    """
    b, s = as_scores(background, "background"), as_scores(signal, "signal")
    same_kind(b, s, "signal")
    cut, reason = reachable_threshold(b, target, highest_word)
    if is_collapsed(b, s):
        cut, reason = None, f"collapsed: every event has the score {b[0]}"
    if cut is None:
        return WorkingPoint(
            target=target, value=None, low=None, high=None, threshold=None, fpr=None, fpr_low=None, fpr_high=None,
            background_passed=None, background_events=len(b), signal_passed=None, signal_events=len(s), reason=reason,
        )  # fmt: skip
    of_background, of_signal = share(b >= cut), share(s >= cut)
    return WorkingPoint(
        target=target,
        value=of_signal.value,
        low=of_signal.low,
        high=of_signal.high,
        threshold=cut,
        fpr=of_background.value,
        fpr_low=of_background.low,
        fpr_high=of_background.high,
        background_passed=of_background.passed,
        background_events=of_background.events,
        signal_passed=of_signal.passed,
        signal_events=of_signal.events,
        reason=None,
    )


def is_collapsed(background: NDArray[Any], signal: NDArray[Any]) -> bool:
    """Whether all events of both samples have one and the same score, as after the collapse of a variational model."""
    return bool(min(background.min(), signal.min()) == max(background.max(), signal.max()))


def _allowed(events: int, target: float) -> int:
    """Most background events that may fire: the largest k with k/N <= target, free of the rounding of target * N."""
    k = min(int(target * events) + 1, events)
    while k / events > target:
        k -= 1
    return k
