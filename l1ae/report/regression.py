"""Figures of a run against a baseline: a JSON file with a value and a tolerance per key."""

from pathlib import Path
from typing import Annotated, Self

import pydantic
from pydantic import Field, model_validator

from l1ae.errors import ConfigError, RegressionError
from l1ae.evaluation.performance import FiniteRecord
from l1ae.files import write_text

#: Of keys with these beginnings more is better, as of a frequency or a slack; of all others less.
_LARGER_IS_BETTER = ("auc.",)
Tolerance = Annotated[float, Field(ge=0)]


class Expected(FiniteRecord):
    """A value, and by how much a figure may be worse: `relative` to it, or `absolute`; with neither, not at all."""

    value: float
    relative: Tolerance | None = None
    absolute: Tolerance | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if self.relative is not None and self.absolute is not None:
            raise ValueError("give a relative or an absolute tolerance, not both")
        return self

    @property
    def allowed(self) -> float:
        """By how much a figure may be worse."""
        return abs(self.value) * self.relative if self.relative is not None else self.absolute or 0.0


class Figures(FiniteRecord):
    """A baseline: what is expected of each key."""

    schema_version: int = 1
    figures: dict[str, Expected]


class Finding(FiniteRecord):
    """A key whose figure is another than expected; `worse`: by more than is allowed, or it is missing."""

    key: str
    worse: bool
    text: str


def read_figures(path: Path) -> Figures:
    """Read a baseline; raises `ConfigError` that names the offending key."""
    try:
        return Figures.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"no baseline {path}: make one with --write-baseline {path}") from error
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"])) or "baseline"
        raise ConfigError(f"{path}: {key}: {first['msg'].removeprefix('Value error, ')}") from error


def write_figures(path: Path, found: dict[str, float]) -> Figures:
    """Write a baseline of these figures; a file that is there already keeps its keys and their tolerances.

    Raises `ConfigError` when such a key has no figure any more.
    """
    if not path.is_file():
        made = Figures(figures={key: Expected(value=value) for key, value in found.items()})
    else:
        former = read_figures(path).figures
        missing = next((key for key in former if key not in found), None)
        if missing is not None:
            raise ConfigError(f"{path}: there is no figure {missing} any more: take it out of the file")
        changed = {key: one.model_copy(update={"value": found[key]}) for key, one in former.items()}
        made = Figures(figures=changed)
    write_text(path, made.model_dump_json(indent=1, exclude_none=True) + "\n")
    return made


def differences_from(expected: Figures, found: dict[str, float]) -> list[Finding]:
    """Every key whose figure is another than expected, the worse ones first; those within tolerance are left out."""
    findings = []
    for key, one in expected.figures.items():
        value = found.get(key)
        if value is None:
            findings.append(Finding(key=key, worse=True, text=f"missing: {key}, expected {one.value:,.8g}"))
            continue
        loss = (one.value - value) * (1 if key.startswith(_LARGER_IS_BETTER) or _is_frequency(key) else -1)
        if loss > one.allowed:
            allowed = f", at most {one.allowed:,.4g} worse" if one.allowed else ""
            text = f"worse: {key} is {value:,.8g}, expected {one.value:,.8g}{allowed}"
            findings.append(Finding(key=key, worse=True, text=text))
        elif loss < 0:
            findings.append(Finding(key=key, worse=False, text=f"better: {key} is {value:,.8g}, was {one.value:,.8g}"))
    return sorted(findings, key=lambda finding: not finding.worse)


def _is_frequency(key: str) -> bool:
    return key.partition(".")[2].startswith(("clock frequency", "worst negative slack"))


def check_findings(findings: list[Finding], where: str) -> None:
    """Raise `RegressionError` that counts what is worse."""
    worse = [finding.key for finding in findings if finding.worse]
    if worse:
        raise RegressionError(f"{len(worse)} figures are worse than {where}, or missing: {', '.join(worse)}")
