"""ROC curves and the area under them, ties counted half.

Integer scores tie often. Ranking ties by their position in the array makes a constant score look perfect; here a tie
between a signal and a background event is worth one half (Mann and Whitney, Ann. Math. Statist. 18 (1947) 50).
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from l1ae.errors import DataError
from l1ae.evaluation.scores import as_scores, same_kind


class Auc(NamedTuple):
    """An area (or a difference of areas) and its standard error."""

    value: float
    error: float


@dataclass(frozen=True)
class Roc:
    """Counts of events with score >= threshold, one entry per distinct score, thresholds falling."""

    thresholds: NDArray[Any]
    background_passed: NDArray[np.int64]
    signal_passed: NDArray[np.int64]
    background_events: int
    signal_events: int

    @property
    def fpr(self) -> NDArray[np.float64]:
        """False positive rate: fraction of the background with score >= threshold."""
        return self.background_passed / self.background_events

    @property
    def tpr(self) -> NDArray[np.float64]:
        """True positive rate: fraction of the signal with score >= threshold."""
        return self.signal_passed / self.signal_events


def roc(background: ArrayLike, signal: ArrayLike) -> Roc:
    """ROC of scores (N,) and (M,), large meaning anomalous: every threshold that tells two events apart."""
    b, s = _pair(background, signal)
    thresholds = np.unique(np.concatenate([b, s]))[::-1]
    passed = [len(x) - np.searchsorted(np.sort(x), thresholds, side="left") for x in (b, s)]
    return Roc(thresholds, passed[0], passed[1], len(b), len(s))


def auc(background: ArrayLike, signal: ArrayLike) -> Auc:
    """Area under the ROC of scores (N,) and (M,), with its standard error; cost N log N + M log M.

    The area is P(signal > background) + P(equal)/2. The error is that of DeLong, DeLong and Clarke-Pearson, Biometrics
    44 (1988) 837, exact with ties: sqrt(var(V10)/M + var(V01)/N), where V10 (V01) is the fraction of background below
    (signal above) each event. It is 0 when the samples do not overlap; then the samples are too small to tell.
    """
    of_signal, of_background = _components(*_pair(background, signal))
    value = float(of_signal.mean())
    return Auc(value, _standard_error(of_signal, of_background, bound=value * (1 - value)))


def auc_difference(
    background: ArrayLike, signal: ArrayLike, other_background: ArrayLike, other_signal: ArrayLike
) -> Auc:
    """AUC of one score minus AUC of another on the same events in the same order, with the paired DeLong error.

    Both scores see the same events, so their areas move together and the error is usually smaller than the sum in
    quadrature (DeLong, DeLong and Clarke-Pearson, Biometrics 44 (1988) 837).
    """
    first = _components(*_pair(background, signal))
    second = _components(*_pair(other_background, other_signal))
    if [len(x) for x in first] != [len(x) for x in second]:
        raise DataError("AUCs can be compared on the same events only: the samples differ in length")
    of_signal, of_background = (a - b for a, b in zip(first, second, strict=True))
    # A component of the difference lies in [-1, 1], so 1 bounds its variance.
    return Auc(float(of_signal.mean()), _standard_error(of_signal, of_background, bound=1.0))


def _pair(background: ArrayLike, signal: ArrayLike) -> tuple[NDArray[Any], NDArray[Any]]:
    b, s = as_scores(background, "background"), as_scores(signal, "signal")
    same_kind(b, s, "signal")
    return b, s


def _components(b: NDArray[Any], s: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Fraction of background below each signal event (M,), fraction of signal above each background event (N,)."""
    return _fraction_below(s, b), 1 - _fraction_below(b, s)


def _fraction_below(values: NDArray[Any], reference: NDArray[Any]) -> NDArray[np.float64]:
    ordered = np.sort(reference)
    below = np.searchsorted(ordered, values, side="left") + np.searchsorted(ordered, values, side="right")
    return below / (2 * len(reference))


def _standard_error(of_signal: NDArray[np.float64], of_background: NDArray[np.float64], bound: float) -> float:
    """`bound` replaces the variance of a sample with a single event, which has none of its own."""
    variance = sum((x.var(ddof=1) if len(x) > 1 else bound) / len(x) for x in (of_signal, of_background))
    return float(np.sqrt(variance))
