"""`Comparison`: many runs in one table, and what its rows are made of; the content of `l1ae compare --json`."""

from typing import Annotated, Literal

from pydantic import Field, NonNegativeInt, PositiveInt

from l1ae.evaluation.performance import FiniteRecord
from l1ae.hardware.figures import Stage

#: Scores that need no network: what an autoencoder has to beat before it is worth its LUTs.
TRIVIAL = ("total pT", "object count", "pT tables")
#: False positive rates that are shown, and the one at which runs are compared with the trivial scores.
SHOWN, WORKING_POINT = ("1e-3", "1e-4"), "1e-4"
#: Name of the comparison by area under the ROC curve.
AUC = "AUC"


class Figure(FiniteRecord):
    """A number and its error bar from `low` to `high`: None where it could not be given, or has no error."""

    value: float | None
    low: float | None = None
    high: float | None = None


class CostColumn(FiniteRecord):
    """What the costs of one column are: figures of another stage, tool, version or condition stand in another.

    `quantity` is counted in `unit`. Conditions are `note`, `part` and `clock_ns`, the period in ns; the last two are
    None where they mean nothing.
    """

    quantity: str
    unit: str
    stage: Stage
    tool: str
    version: str
    note: str
    part: str | None = None
    clock_ns: float | None = None

    @property
    def heading(self) -> str:
        """Quantity, unit where the quantity does not say it, stage and tool, part and clock where they matter."""
        unit = "" if self.unit.lower() == self.quantity.lower() else f" [{self.unit}]"
        part = "" if self.part is None else f", {self.part}"
        clock = "" if self.clock_ns is None else f", {self.clock_ns:.4g} ns"
        return f"{self.quantity}{unit}, {self.stage}, {self.tool} {self.version}{part}{clock}"


class Beaten(FiniteRecord):
    """On how many of `signals` a row lies above and below another score by more than 2 errors of the difference."""

    above: NonNegativeInt
    below: NonNegativeInt
    signals: NonNegativeInt


class Agreement(FiniteRecord):
    """The exactness of all runs of a row: `mismatches` of `events`, each compared in `pairs` of implementations."""

    events: PositiveInt
    mismatches: NonNegativeInt
    pairs: PositiveInt


class Row(FiniteRecord):
    """How well a score does: `auc` by signal, `mean_auc` over the signals that all rows have, `tpr` by FPR and signal.

    `seeds`: of two or more, error bars are the standard deviation over them (n - 1 degrees of freedom). Otherwise they
    are statistical errors of the test sample: DeLong's for an AUC, 68.27 % Clopper-Pearson for a TPR, and for the mean
    AUC the mean of the errors, which is an upper bound because all share the background. `data`: number of the test
    sample, from 1. `collapsed`: every event has the same score, with one of the seeds at least.
    """

    name: str
    data: PositiveInt
    seeds: tuple[NonNegativeInt, ...]
    auc: dict[str, Figure]
    mean_auc: Figure
    tpr: dict[str, dict[str, Figure]]
    collapsed: bool


class RunRow(Row):
    """One configuration: the runs that differ only in the seed of the training.

    `runs`: as they were named on the command line. `costs`: by column; with several seeds their mean and spread.
    `beats`: by trivial score, then "AUC" or the FPR; a signal counts when it is so with every seed.
    """

    runs: Annotated[tuple[str, ...], Field(min_length=1)]
    kind: str
    architecture: str
    inputs: PositiveInt
    transform: str
    angles: str
    latent: PositiveInt | None
    score: str
    weight_format: str
    weight_bits: NonNegativeInt
    parameters: NonNegativeInt
    zero_weights: Figure
    exactness: Agreement | None
    costs: tuple[Figure, ...]
    beats: dict[str, dict[str, Beaten]]


class BaselineRow(Row):
    """Another score on the same events: that of all rows of its test sample when `of` is empty, else of those in `of`.

    `sees_signal`: trained on the signal that it is judged by, so that it is a ceiling.
    """

    baseline: str
    description: str
    of: tuple[str, ...]
    sees_signal: bool


class Tested(FiniteRecord):
    """Events that rows were tested on: file, SHA-256, metadata, how many of the background and of each signal."""

    file: str
    sha256: str
    metadata: dict[str, str]
    background: PositiveInt
    signals: dict[str, PositiveInt]


class Comparison(FiniteRecord):
    """Many runs in one table, everything taken from their reports.

    `command`: as it was typed. `created`: ISO 8601 with time zone. `signals`: of any row, in order. `versions`: of each
    package, all that the runs were made with. `samples`: one, unless runs on different events were asked for.
    """

    schema_version: Literal[1] = 1
    command: str
    created: str
    signals: tuple[str, ...]
    samples: tuple[Tested, ...]
    costs: tuple[CostColumn, ...]
    rows: tuple[RunRow, ...]
    baselines: tuple[BaselineRow, ...]
    versions: dict[str, tuple[str, ...]]

    @property
    def mixed(self) -> bool:
        """Whether rows were tested on different events."""
        return len(self.samples) > 1
