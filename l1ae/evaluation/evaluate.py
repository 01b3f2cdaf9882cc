"""One score on all signals, and two scores against each other."""

from collections.abc import Mapping, Sequence

from numpy.typing import ArrayLike

from l1ae.errors import DataError
from l1ae.evaluation.performance import AucDifference, SignalPerformance
from l1ae.evaluation.roc import auc, auc_difference
from l1ae.evaluation.scores import as_scores
from l1ae.evaluation.working_points import TARGETS, is_collapsed, target_label, working_point


def evaluate(
    background_scores: ArrayLike,
    signal_scores: Mapping[str, ArrayLike],
    targets: Sequence[float] = TARGETS,
    highest_word: int | None = None,
) -> dict[str, SignalPerformance]:
    """Performance of scores (N,) of background and (M,) of each named signal, large meaning anomalous.

    Integer score words give integer thresholds. `highest_word`: the largest word of the score format, if there is one.
    Raises `DataError` for empty samples and for scores that are not finite.
    """
    if not signal_scores:
        raise DataError("no signal to evaluate; name at least one in the configuration")
    background = as_scores(background_scores, "background")
    result = {}
    for name, scores in signal_scores.items():
        signal = as_scores(scores, f"signal {name}")
        area = auc(background, signal)
        result[name] = SignalPerformance(
            auc=area.value,
            auc_error=area.error,
            tpr={target_label(t): working_point(background, signal, t, highest_word) for t in targets},
            events=len(signal),
            background_events=len(background),
            collapsed=is_collapsed(background, signal),
        )
    return result


def differences(
    background_scores: ArrayLike,
    signal_scores: Mapping[str, ArrayLike],
    baseline_background_scores: ArrayLike,
    baseline_signal_scores: Mapping[str, ArrayLike],
) -> dict[str, AucDifference]:
    """AUC of the model minus AUC of a baseline for each signal; both scored the same events in the same order."""
    missing = set(signal_scores) ^ set(baseline_signal_scores)
    if missing:
        raise DataError(f"model and baseline were not scored on the same signals: {', '.join(sorted(missing))}")
    result = {}
    for name, scores in signal_scores.items():
        gain = auc_difference(background_scores, scores, baseline_background_scores, baseline_signal_scores[name])
        result[name] = AucDifference(value=gain.value, error=gain.error)
    return result
