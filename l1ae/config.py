"""The configuration of a run: YAML in, frozen and validated records out.

An unknown key or a wrong type is an error that names the key; there are no hidden settings.
"""

import json
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import pydantic
import yaml
from pydantic import BaseModel, ConfigDict, Field, PositiveInt

from l1ae.errors import ConfigError


class Record(BaseModel):
    """Base of all records: frozen, strict, no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


_Record = TypeVar("_Record", bound=Record)


class Precision(Record):
    """A fixed-point precision: `width` bits, `integer` of them before the binary point (sign included if signed)."""

    width: Annotated[int, Field(ge=2, le=16)]
    integer: Annotated[int, Field(ge=0, le=16)]

    @pydantic.model_validator(mode="after")
    def _possible(self) -> "Precision":
        if self.integer > self.width:
            raise ValueError(f"{self.integer} integer bits do not fit a width of {self.width}")
        return self


class SignedPrecision(Precision):
    """A precision with sign: the sign counts as an integer bit, so there is at least one."""

    integer: Annotated[int, Field(ge=1, le=16)]


class DataConfig(Record):
    """Where events come from: `sample` is the file that l1ae ships, anything else a path or a list of paths.

    `objects` (how many of each kind) and `features` choose from what the files hold; None takes all.
    """

    file: str | Annotated[tuple[str, ...], Field(min_length=1)] = "sample"
    objects: Annotated[dict[str, PositiveInt], Field(min_length=1)] | None = None
    features: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    background: Annotated[tuple[str, ...], Field(min_length=1)] = ("W", "Z", "QCD", "tt")
    signals: Annotated[tuple[str, ...], Field(min_length=1)] = ("LQ", "A4l", "h0", "h+")

    @pydantic.model_validator(mode="after")
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


class AutoencoderConfig(Record):
    """Kind, shape and precisions of the autoencoder."""

    kind: Literal["undercomplete", "variational"]
    hidden: Annotated[tuple[PositiveInt, ...], Field(min_length=1)] = (32, 16)
    latent: PositiveInt = 3
    direction_shift: Annotated[int, Field(ge=0, le=8)] = 4
    inputs: SignedPrecision = SignedPrecision(width=8, integer=4)
    weights: SignedPrecision = SignedPrecision(width=8, integer=2)
    biases: SignedPrecision = SignedPrecision(width=8, integer=3)
    activations: Precision = Precision(width=8, integer=3)
    code: SignedPrecision = SignedPrecision(width=8, integer=4)


class TrainingConfig(Record):
    """How the autoencoder is trained."""

    epochs: PositiveInt = 50
    batch_size: PositiveInt = 512
    learning_rate: Annotated[float, Field(gt=0)] = 3e-3
    patience: PositiveInt = 8
    reconstruction: Literal["squared", "absolute"] = "squared"
    beta: Annotated[float, Field(ge=0, le=1)] = 0.8
    prior_width: Annotated[float, Field(gt=0, le=1024)] = 1.0
    warmup_epochs: Annotated[int, Field(ge=0)] = 0
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 1


class FirmwareConfig(Record):
    """What the firmware is made for."""

    backend: Literal["Vitis", "Vivado"] = "Vitis"
    strategy: Literal["latency", "distributed_arithmetic"] = "latency"
    part: str = "xcvu13p-flga2577-2-e"
    clock_ns: Annotated[float, Field(gt=0, le=100)] = 5.0
    reuse_factor: PositiveInt = 1


class VerificationConfig(Record):
    """How many events `l1ae verify` compares: of the data set, and random words over the whole input range."""

    events: PositiveInt = 50_000
    random: PositiveInt = 50_000
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 1


class RunConfig(Record):
    """Everything a run needs."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]
    data: DataConfig = DataConfig()
    autoencoder: AutoencoderConfig
    training: TrainingConfig = TrainingConfig()
    firmware: FirmwareConfig = FirmwareConfig()
    verification: VerificationConfig = VerificationConfig()


def load_config(path: Path) -> RunConfig:
    """Read and validate a YAML file; raises `ConfigError` with the first offending key."""
    return load_record(path, RunConfig)


def load_record(path: Path, kind: type[_Record]) -> _Record:
    """Read a YAML file into a record of this kind; raises `ConfigError` with the first offending key."""
    try:
        content = yaml.load(Path(path).read_text(encoding="utf-8"), _UniqueKeys)
    except FileNotFoundError as error:
        raise ConfigError(f"no configuration file {path}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{path} is not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict):
        raise ConfigError(f"{path} must hold keys and values, found {type(content).__name__}")
    try:
        # JSON mode: lists become tuples, while strictness still refuses "8" where 8 is meant.
        return kind.model_validate_json(json.dumps(content))
    except (TypeError, ValueError, RecursionError) as error:
        if isinstance(error, pydantic.ValidationError):
            raise _named(path, error) from error
        raise ConfigError(f"{path} holds a value that is no text, number, list or mapping: {error}") from error


def _named(path: Path, error: pydantic.ValidationError) -> ConfigError:
    """The first problem, with the key it belongs to."""
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"]) or "configuration"
    problem = "unknown key" if first["type"] == "extra_forbidden" else first["msg"]
    return ConfigError(f"{path}: {key}: {problem}")


class _UniqueKeys(yaml.SafeLoader):
    """YAML's safe loader, which would silently let the last of two equal keys win."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        twice = next((key for index, key in enumerate(keys) if key in keys[:index]), None)
        if twice is not None:
            raise yaml.constructor.ConstructorError(None, None, f"key {twice} stands twice", node.start_mark)
        return super().construct_mapping(node, deep)


def dump_config(config: RunConfig) -> str:
    """The configuration as YAML, every default spelled out."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False)
