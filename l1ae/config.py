"""The configuration of a run: YAML in, frozen and validated records out.

An unknown key or a wrong type is an error that names the key; there are no hidden settings.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import Field, PositiveInt, ValidationError, model_validator

from l1ae.consistency import check_objective
from l1ae.errors import ConfigError
from l1ae.records import Record, first_message, load_record
from l1ae.settings import AutoencoderConfig, InputsConfig, TrainingConfig, TriggerConfig


class DataConfig(Record):
    """Where events come from: `sample` is the file that l1ae ships, anything else a path or a list of paths.

    `objects` (how many of each kind) and `features` choose from what the files hold; None takes all.
    """

    file: str | Annotated[tuple[str, ...], Field(min_length=1)] = "sample"
    objects: Annotated[dict[str, PositiveInt], Field(min_length=1)] | None = None
    features: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    background: Annotated[tuple[str, ...], Field(min_length=1)] = ("W", "Z", "QCD", "tt")
    signals: Annotated[tuple[str, ...], Field(min_length=1)] = ("LQ", "A4l", "h0", "h+")

    @model_validator(mode="after")
    def _distinct(self) -> "DataConfig":
        names = [*self.background, *self.signals]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"process {twice} stands twice among background and signals")
        return self

    @property
    def files(self) -> tuple[str, ...]:
        """The names of all files."""
        return (self.file,) if isinstance(self.file, str) else self.file


class FirmwareConfig(Record):
    """What the firmware is made for."""

    backend: Literal["Vitis", "Vivado"] = "Vitis"
    strategy: Literal["latency", "distributed_arithmetic"] = "latency"
    part: str = "xcvu13p-flga2577-2-e"
    clock_ns: Annotated[float, Field(gt=0, le=100)] = 5.0
    reuse_factor: PositiveInt = 1


class RtlConfig(Record):
    """The Verilog of the circuit: its clock, and how many clocks an event may take from valid in to valid out.

    `latency_clocks` registers are spread evenly over the logic; `adder_levels` says instead how many adders may follow
    one another between two registers. Give one of the two; with neither, five adders. `synthesise`: whether Yosys makes
    a netlist, which takes minutes; without it there are only estimates of what the logic costs.
    """

    clock_mhz: Annotated[float, Field(gt=0, le=2000, allow_inf_nan=False)] = 240.0
    latency_clocks: PositiveInt | None = None
    adder_levels: PositiveInt | None = None
    synthesise: bool = True

    @model_validator(mode="after")
    def _possible(self) -> "RtlConfig":
        if self.latency_clocks is not None and self.adder_levels is not None:
            raise ValueError("give latency_clocks or adder_levels, not both")
        return self

    @property
    def clock_ns(self) -> float:
        """Clock period in ns."""
        return 1000 / self.clock_mhz


class BudgetConfig(Record):
    """What the firmware may cost; a limit that is left out is not checked.

    `latency_ns`: from valid in to valid out. `clock_mhz`: the clock that the logic has to reach. `lut`, `ff`, `dsp`,
    `bram` (of 36 kbit): how many of each. `part`: another than that of the firmware, whose shares are shown.
    """

    latency_ns: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    clock_mhz: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    lut: Annotated[int, Field(ge=0)] | None = None
    ff: Annotated[int, Field(ge=0)] | None = None
    dsp: Annotated[int, Field(ge=0)] | None = None
    bram: Annotated[int, Field(ge=0)] | None = None
    part: str | None = None


class VerificationConfig(Record):
    """How many events `l1ae verify` compares: of the data set, and random words over the whole input range."""

    events: PositiveInt = 50_000
    random: PositiveInt = 60_000
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 1


class RunConfig(Record):
    """Everything a run needs."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]
    data: DataConfig = DataConfig()
    inputs: InputsConfig = InputsConfig()
    autoencoder: AutoencoderConfig
    training: TrainingConfig = TrainingConfig()
    firmware: FirmwareConfig = FirmwareConfig()
    rtl: RtlConfig = RtlConfig()
    budget: BudgetConfig = BudgetConfig()
    verification: VerificationConfig = VerificationConfig()
    trigger: TriggerConfig = TriggerConfig()

    @model_validator(mode="after")
    def _possible(self) -> "RunConfig":
        check_objective(self.autoencoder, self.training, self.inputs)
        return self


def load_config(path: Path, changes: Sequence[str] = ()) -> RunConfig:
    """Read and validate a YAML file; raises `ConfigError` with the first offending key.

    `changes`: KEY=VALUE, such as "training.seed=2", in place of what the file says.
    """
    return load_record(path, RunConfig, changes)


def dump_config(config: RunConfig) -> str:
    """The configuration as YAML, every default spelled out."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False)


def changed_rtl(settings: RtlConfig, changes: Mapping[str, float], *, synthesise: bool) -> RtlConfig:
    """The settings of the Verilog with some of them changed; raises `ConfigError` for impossible ones.

    A new `latency_clocks` replaces `adder_levels`, and the other way round.
    """
    exclusive = {"latency_clocks", "adder_levels"}
    kept = settings.model_dump(exclude=exclusive if exclusive & changes.keys() else None)
    try:
        return RtlConfig(**{**kept, **changes, "synthesise": settings.synthesise and synthesise})
    except ValidationError as error:
        key = ".".join(map(str, ("rtl", *error.errors()[0]["loc"])))
        raise ConfigError(f"{key}: {first_message(error)}") from error
