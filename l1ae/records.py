"""Records and how they are read: frozen, strict pydantic models, YAML in, errors that name the key."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar

import pydantic
import yaml
from pydantic import BaseModel, ConfigDict, Field

from l1ae.errors import ConfigError


class Record(BaseModel):
    """Base of all records: frozen, strict, no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


#: Begins the tags of alternatives, which are no keys.
BRANCH = "|"

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

    @property
    def fraction(self) -> int:
        """Bits behind the binary point."""
        return self.width - self.integer


class SignedPrecision(Precision):
    """A precision with sign: the sign counts as an integer bit, so there is at least one."""

    integer: Annotated[int, Field(ge=1, le=16)]


def load_record(path: Path, kind: type[_Record], changes: Sequence[str] = ()) -> _Record:
    """Read a YAML file into a record of this kind; raises `ConfigError` with the first offending key.

    `changes`: KEY=VALUE with dots between the parts of a key and YAML as value; they replace what the file says.
    """
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
    for change in changes:
        _change(content, change)
    try:
        # JSON mode: lists become tuples, while strictness still refuses "8" where 8 is meant.
        return kind.model_validate_json(json.dumps(content))
    except (TypeError, ValueError, RecursionError) as error:
        if isinstance(error, pydantic.ValidationError):
            raise _named(path, error) from error
        raise ConfigError(f"{path} holds a value that is no text, number, list or mapping: {error}") from error


def _change(content: dict[str, Any], change: str) -> None:
    key, equals, text = change.partition("=")
    *parents, last = key.split(".")
    if not equals or not all((*parents, last)):
        raise ConfigError(f"--set {change}: write KEY=VALUE, such as training.seed=2")
    for parent in parents:
        inner = content.get(parent)
        if inner is None:
            inner = content[parent] = {}
        if not isinstance(inner, dict):
            raise ConfigError(f"--set {change}: {parent} holds no keys but {inner!r}")
        content = inner
    try:
        content[last] = yaml.load(text, _UniqueKeys)
    except yaml.YAMLError as error:
        raise ConfigError(f"--set {change}: {text!r} is not YAML") from error


def first_message(error: pydantic.ValidationError) -> str:
    """What the first problem of a record is, in the words of the record."""
    return error.errors()[0]["msg"].removeprefix("Value error, ")


def _named(path: Path, error: pydantic.ValidationError) -> ConfigError:
    """The first problem, with the key it belongs to."""
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"] if not _no_key(str(part))) or "configuration"
    problem = "unknown key" if first["type"] == "extra_forbidden" else first_message(error)
    return ConfigError(f"{path}: {key}: {problem}")


def _no_key(part: str) -> bool:
    """Whether pydantic put this between keys: the tag of an alternative, or the mark of a wrong key."""
    return part.startswith(BRANCH) or part == "[key]"


class _UniqueKeys(yaml.SafeLoader):
    """YAML's safe loader, which would silently let the last of two equal keys win."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        twice = next((key for index, key in enumerate(keys) if key in keys[:index]), None)
        if twice is not None:
            raise yaml.constructor.ConstructorError(None, None, f"key {twice} stands twice", node.start_mark)
        return super().construct_mapping(node, deep)


# YAML 1.1, which PyYAML reads, takes 1e-3 for text; YAML 1.2 takes it for a number, and so does everybody.
_UniqueKeys.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?(\d+|\d*\.\d+|\d+\.)[eE][-+]?\d+$"), list("-+.0123456789")
)
