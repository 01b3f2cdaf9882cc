"""The numbers behind the plots; they are not part of `report.json`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from l1ae.evaluation.scores import Scores, SignalScores
from l1ae.events.summary import Summary


@dataclass(frozen=True)
class RunArrays:
    """What a run's plots are drawn from; a part that is left out leaves out its plot.

    `scores`: integer score words of the model. `baselines`: by the names in the report. `loss` and `validation_loss`:
    one value per epoch. `events`: the counts of the test events, for the input distributions.
    """

    scores: Scores
    baselines: Mapping[str, Scores | SignalScores] = field(default_factory=dict)
    loss: Sequence[float] = ()
    validation_loss: Sequence[float] = ()
    events: Summary | None = None
