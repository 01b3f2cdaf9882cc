"""`RunReport`: everything a run has found out, the content of `report.json`."""

from pathlib import Path
from typing import Annotated, Self

import pydantic
from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from l1ae.errors import RunFolderError
from l1ae.evaluation.efficiency import Efficiencies
from l1ae.evaluation.performance import AucDifference, FiniteRecord, SignalPerformance
from l1ae.evaluation.pile_up import PileUpDependence
from l1ae.evaluation.rates import Rates
from l1ae.events.layout import Layout
from l1ae.files import write_text
from l1ae.hardware.budget import Budget
from l1ae.hardware.figures import HardwareFigure
from l1ae.hardware.simulation.verdict import RtlVerdict


class Mismatch(FiniteRecord):
    """Where two implementations differ first: event, its stimulus, layer, unit, both integer words, the input words."""

    event: NonNegativeInt
    stimulus: str
    layer: str
    unit: NonNegativeInt
    first_value: int | float
    second_value: int | float
    distance_lsb: NonNegativeInt | NonNegativeFloat
    words: tuple[float, ...]


class Pair(FiniteRecord):
    """Two implementations compared word by word, such as "keras" and "c-simulation": in how many events they differ.

    Scores are compared in all `events`, those of every layer that both show in `layers_compared`.
    """

    first: str
    second: str
    events: PositiveInt
    mismatches: NonNegativeInt
    layers_compared: NonNegativeInt
    first_mismatch: Mismatch | None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.mismatches > self.events:
            raise ValueError(f"{self.mismatches} mismatches in {self.events} events")
        if (self.mismatches > 0) != (self.first_mismatch is not None):
            raise ValueError("first_mismatch belongs to a pair that differs, and only to such a pair")
        return self


class KerasRounding(FiniteRecord):
    """A layer that needs more bits than the 24 of float32, so that Keras rounds and the integer reference is the judge.

    `bits`: what this layer needs; 24 or fewer behind another that needs more. Of `events` that were compared
    `differing` have another value in Keras, `largest_lsb` away at most. They are no mismatches.
    """

    layer: str
    bits: NonNegativeInt
    events: PositiveInt
    differing: NonNegativeInt
    largest_lsb: NonNegativeInt | NonNegativeFloat

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.differing > self.events or (self.differing > 0) != (self.largest_lsb > 0):
            raise ValueError(f"{self.differing} of {self.events} events differ, by {self.largest_lsb} LSB at most")
        return self


class Explanation(FiniteRecord):
    """Where the C simulation leaves the reference first, and the likely cause, as `l1ae.explain.Explanation` has it."""

    layer: str
    kind: str
    event: NonNegativeInt
    element: NonNegativeInt
    expected: int | float
    found: int | float
    distance_lsb: NonNegativeInt | NonNegativeFloat
    differing_events: NonNegativeInt
    differing_elements: NonNegativeInt
    cause: str
    detail: str
    origin: str | None


class Exactness(FiniteRecord):
    """The verdict, as the JSON of `l1ae.verify.Verdict`: `mismatches` of `events` differ in any pair.

    `stimuli`: events by origin ("data", "random", "corner"), together `events`. `ties`: per quantizer, the values
    that its rounding found at exactly half an LSB, where implementations of rounding disagree. `edited_files`: files
    of the firmware project that were changed after it was written. `explanation`: of firmware that differs.
    """

    events: PositiveInt
    mismatches: NonNegativeInt
    pairs: Annotated[tuple[Pair, ...], Field(min_length=1)]
    stimuli: dict[str, NonNegativeInt]
    ties: dict[str, NonNegativeInt]
    edited_files: tuple[str, ...]
    keras_rounding: tuple[KerasRounding, ...] = ()
    explanation: Explanation | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if sum(self.stimuli.values()) != self.events:
            raise ValueError(f"stimuli add up to {sum(self.stimuli.values())}, not to {self.events} events")
        if any(pair.events > self.events for pair in self.pairs):
            raise ValueError("a pair was compared on more events than there are")
        found = [pair.mismatches for pair in self.pairs]
        if not max(found) <= self.mismatches <= sum(found):
            raise ValueError(f"{self.mismatches} mismatches do not follow from the pairs' {found}")
        return self


class Baseline(FiniteRecord):
    """Another score to compare the model with, on the same events.

    Thresholds are in `unit`; `gain` is the AUC of the model minus that of the baseline. `sees_signal`: it was trained
    on the signal that it is judged by, so that it is a ceiling and no anomaly score.
    """

    description: str
    unit: str
    sees_signal: bool = False
    performance: dict[str, SignalPerformance]
    gain: dict[str, AucDifference]


class Samples(FiniteRecord):
    """Numbers of events: background for training, validation and test, and each signal (test only)."""

    training: NonNegativeInt
    validation: NonNegativeInt
    test_background: NonNegativeInt
    signals: dict[str, NonNegativeInt]


class Layer(FiniteRecord):
    """One layer of the deployed model; formats written as in HLS, such as `ap_fixed<10,5,RND_CONV,SAT>`.

    `shape`: of the output of one event. `weights`: kernel and bias parameters, `zero_weights` of them zero.
    """

    name: str
    kind: str
    shape: tuple[PositiveInt, ...]
    format: str
    accumulator: str | None
    weight_format: str | None
    weights: NonNegativeInt
    zero_weights: NonNegativeInt

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.zero_weights > self.weights:
            raise ValueError(f"layer {self.name} has {self.zero_weights} zeros among {self.weights} weights")
        return self


class Model(FiniteRecord):
    """The deployed model: the autoencoder's `kind` and `architecture`, what it sees, what it gives, and its layers.

    `inputs`: hardware words of one event, which pass through `transform` and `angles`. `latent`: dimensions of the
    code. `parameters`: trained weights and biases, without fixed wiring; `weights` of them are no biases,
    `zero_weights` of those are zero; a convolution counts once. `weight_format`: as in HLS, "ternary", "binary" or
    "mixed"; `weight_bits`: of the widest kernel. `seed`: of the training; `same_but_seed` is equal for runs that
    differ in nothing else.
    """

    kind: str
    architecture: str
    inputs: PositiveInt
    transform: str
    angles: str
    latent: PositiveInt | None
    score: str
    parameters: NonNegativeInt
    weights: NonNegativeInt
    zero_weights: NonNegativeInt
    weight_format: str
    weight_bits: NonNegativeInt
    seed: NonNegativeInt
    same_but_seed: str
    layers: tuple[Layer, ...]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not self.zero_weights <= self.weights <= self.parameters:
            raise ValueError(
                f"{self.zero_weights} zeros among {self.weights} weights among {self.parameters} parameters"
            )
        return self


class Firmware(FiniteRecord):
    """What was emitted and for what; `clock_ns` is the clock period in ns, `project` a folder relative to the run.

    These are of the HLS project; `rtl` and `netlist` are the simulations of the Verilog and of its netlist.
    """

    backend: str
    part: str
    clock_ns: PositiveFloat
    strategy: str
    reuse_factor: PositiveInt
    project: str
    types: dict[str, str]
    figures: tuple[HardwareFigure, ...]
    rtl: RtlVerdict | None = None
    netlist: RtlVerdict | None = None

    @property
    def checks(self) -> dict[str, RtlVerdict]:
        """The simulations that were done, by what was simulated: "RTL", "netlist"."""
        return {name: found for name, found in (("RTL", self.rtl), ("netlist", self.netlist)) if found is not None}


class Training(FiniteRecord):
    """How training went: epochs run, the epoch kept (counted from 1) and its validation loss, wall time in s."""

    epochs: PositiveInt
    best_epoch: PositiveInt
    best_validation_loss: float
    seconds: NonNegativeFloat


class Data(FiniteRecord):
    """The event file: name, SHA-256 of its bytes, and the metadata it carries."""

    file: str
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    metadata: dict[str, str]


class RunReport(FiniteRecord):
    """Everything a run has found out; a part that has not run yet is None, never a guess.

    `created` is ISO 8601 with time zone, `notes` are sentences for the reader. `physics` and the baselines hold one
    entry per signal, on the same events. `layout`: the objects and features that the model takes. `pile_up` is None
    where the events carry no pile-up count. `budget`: the limits of the configuration, None when it has none.
    """

    name: str
    created: str
    exactness: Exactness | None
    physics: dict[str, SignalPerformance]
    baselines: dict[str, Baseline]
    samples: Samples
    model: Model
    firmware: Firmware | None
    training: Training | None
    versions: dict[str, str]
    data: Data
    notes: tuple[str, ...] = ()
    layout: Layout | None = None
    rates: Rates | None = None
    efficiency: Efficiencies | None = None
    pile_up: PileUpDependence | None = None
    budget: Budget | None = None

    @model_validator(mode="after")
    def _same_signals(self) -> Self:
        for name, baseline in self.baselines.items():
            if set(baseline.performance) != set(self.physics) or set(baseline.gain) != set(self.physics):
                raise ValueError(f"baseline {name} was not evaluated on the signals of the model")
        return self

    @property
    def exact(self) -> bool | None:
        """Whether every compared pair agreed in every event, RTL included; None when nothing was compared."""
        checks = () if self.firmware is None else self.firmware.checks.values()
        if not all(found.exact for found in checks):
            return False
        return None if self.exactness is None else self.exactness.mismatches == 0


def write_report(path: Path, report: RunReport) -> None:
    """Write `report.json`, atomically."""
    write_text(path, report.model_dump_json(indent=2) + "\n")


def read_report(path: Path) -> RunReport:
    """Read `report.json`; raises `RunFolderError` when it is missing or not a report."""
    try:
        return RunReport.model_validate_json(Path(path).read_bytes())
    except FileNotFoundError as error:
        raise RunFolderError(f"no report {path}; run the evaluation first") from error
    except OSError as error:
        raise RunFolderError(f"{path} cannot be read: {error.strerror or error}") from error
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "report"
        raise RunFolderError(f"{path} is not a report of this version of l1ae: {key}: {first['msg']}") from error
