"""Records of how well a score separates signals from background; the report stores them as they are."""

from typing import Annotated

from pydantic import ConfigDict, Field, NonNegativeInt, PositiveInt

from l1ae.records import Record

Fraction = Annotated[float, Field(ge=0, le=1)]


class FiniteRecord(Record):
    """A record whose numbers are finite, so that JSON holds every one of them."""

    model_config = ConfigDict(allow_inf_nan=False)


class Share(FiniteRecord):
    """A part of a sample: `passed` of `events`, with the central 68.27 % Clopper-Pearson interval `low` to `high`."""

    passed: NonNegativeInt
    events: PositiveInt
    value: Fraction
    low: Fraction
    high: Fraction


class WorkingPoint(FiniteRecord):
    """A threshold and what passes it: an event fires when its score is >= `threshold`.

    `value` is the TPR with its interval `low` to `high`, `fpr` the achieved FPR with `fpr_low` to `fpr_high`: central
    68.27 % Clopper-Pearson intervals. When the point cannot be given they are None and `reason` says why. `threshold`
    is an integer score word for integer scores, a number in the unit of the score for others. The intervals hold the
    counting error at this threshold; that the threshold comes from a finite background shows in the FPR interval.
    """

    target: Annotated[float, Field(gt=0, lt=1)]
    value: Fraction | None
    low: Fraction | None
    high: Fraction | None
    threshold: int | float | None
    fpr: Fraction | None
    fpr_low: Fraction | None
    fpr_high: Fraction | None
    background_passed: NonNegativeInt | None
    background_events: PositiveInt
    signal_passed: NonNegativeInt | None
    signal_events: PositiveInt
    reason: str | None


class SignalPerformance(FiniteRecord):
    """One score on one signal: AUC with its standard error, TPR at each FPR target (keys such as "1e-3").

    `events` and `background_events` are sample sizes; `collapsed` means that every event has the same score.
    """

    auc: Fraction
    auc_error: Annotated[float, Field(ge=0)]
    tpr: dict[str, WorkingPoint]
    events: PositiveInt
    background_events: PositiveInt
    collapsed: bool


class AucDifference(FiniteRecord):
    """AUC of the model minus AUC of a baseline on the same events, with its paired standard error."""

    value: Annotated[float, Field(ge=-1, le=1)]
    error: Annotated[float, Field(ge=0)]
