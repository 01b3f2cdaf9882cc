"""Whether a score follows pile-up: the number of other proton collisions in the same bunch crossing."""

from typing import Annotated

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field

from l1ae.errors import DataError
from l1ae.evaluation.performance import FiniteRecord, Share
from l1ae.evaluation.scores import as_scores
from l1ae.evaluation.working_points import share


class PileUpBin(FiniteRecord):
    """Share of the events that fire among those with `low` to `high` collisions, both included."""

    low: int
    high: int
    passing: Share

    @property
    def text(self) -> str:
        """The numbers of collisions, for readers."""
        return str(self.low) if self.low == self.high else f"{self.low} to {self.high}"


class PileUpDependence(FiniteRecord):
    """Rank correlation of score and pile-up with its standard error, and the efficiency in bins of pile-up.

    Without a threshold there are no bins. `correlation` is None with too few events, and `reason` says so.
    """

    correlation: Annotated[float, Field(ge=-1, le=1)] | None
    error: Annotated[float, Field(ge=0)] | None
    events: int
    threshold: int | float | None
    bins: tuple[PileUpBin, ...]
    reason: str | None = None


def pile_up_dependence(
    scores: ArrayLike, pile_up: ArrayLike, threshold: int | float | None, bins: int = 8
) -> PileUpDependence:
    """Spearman's rank correlation of scores (N,) with integer counts of collisions (N,), and the share that fires.

    Ties share their mean rank. The error is that of Fisher's transformation for ranks, (1 - r^2) sqrt((1 + r^2/2) /
    (N - 3)) (Bonett and Wright, Psychometrika 65 (2000) 23); less than 4 events have none. At most `bins` bins of about
    as many events each; an event fires when its score is >= `threshold`, None leaves out the bins. Raises `DataError`
    for counts that are no integers, or not as many as scores.
    """
    values, counts = as_scores(scores, "pile-up"), np.asarray(pile_up)
    if counts.shape != values.shape or not np.issubdtype(counts.dtype, np.integer):
        raise DataError(
            f"{len(values)} scores need as many integer pile-up counts, found {counts.dtype} {counts.shape}"
        )
    events = len(values)
    correlation = error = reason = None
    if events < 4:
        reason = f"a correlation with pile-up needs 4 events, found {events}"
    else:
        correlation = _correlation(_ranks(values), _ranks(counts))
        error = float((1 - correlation**2) * np.sqrt((1 + correlation**2 / 2) / (events - 3)))
    return PileUpDependence(
        correlation=correlation,
        error=error,
        events=events,
        threshold=threshold,
        bins=() if threshold is None else _bins(counts, values >= threshold, bins),
        reason=reason,
    )


def _bins(counts: NDArray[np.integer], fires: NDArray[np.bool_], bins: int) -> tuple[PileUpBin, ...]:
    inner = np.quantile(counts, np.linspace(0, 1, bins + 1)[1:-1], method="inverted_cdf")
    starts = np.unique([counts.min(), *inner])
    place = np.searchsorted(starts, counts, side="right") - 1
    return tuple(
        PileUpBin(
            low=int(counts[place == number].min()),
            high=int(counts[place == number].max()),
            passing=share(fires[place == number]),
        )
        for number in range(len(starts))
    )


def _ranks(values: NDArray) -> NDArray[np.float64]:
    ordered = np.sort(values)
    ranks = np.searchsorted(ordered, values, side="left") + np.searchsorted(ordered, values, side="right")
    return ranks / 2


def _correlation(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """Pearson's correlation; 0 when one of the two never changes."""
    x, y = x - x.mean(), y - y.mean()
    norm = np.sqrt((x @ x) * (y @ y))
    return float(np.clip(x @ y / norm, -1, 1)) if norm > 0 else 0.0
