"""Figures of a run under short names, and its history: what each of its circuits cost and how good it was."""

import json
from collections.abc import Sequence
from pathlib import Path

import pydantic

from l1ae.evaluation.performance import FiniteRecord
from l1ae.files import write_text
from l1ae.report.record import RunReport

#: Name of the history in a run folder.
COSTS = "costs.jsonl"
#: Quantities that the page shows of earlier versions, of the stages that measure.
_SHOWN = (
    "RTL simulation.latency",
    "netlist.LUT",
    "netlist.FF",
    "place and route.LUT",
    "place and route.FF",
    "auc.mean",
)


class Version(FiniteRecord):
    """A circuit that a run has had: SHA-256 of its circuit.json, when it was reported, by which l1ae, its figures."""

    circuit: str
    created: str
    l1ae: str
    figures: dict[str, float]


def measures(report: RunReport) -> dict[str, float]:
    """Every figure of a report under a name, such as "netlist.LUT", "RTL simulation.latency", "auc.LQ", "mismatches".

    Where a tool gives a quantity in several units, or several tools give it, names of the later ones end with unit or
    tool. Figures of modules are left out.
    """
    found: dict[str, float] = {}
    tools: dict[str, str] = {}
    figures = () if report.firmware is None else report.firmware.figures
    for item in figures:
        if item.value is None or item.module:
            continue
        name = f"{item.stage}.{item.quantity}"
        known = tools.setdefault(name, item.tool)
        names = (name, f"{name} [{item.unit}]") if known == item.tool else (f"{name} [{item.tool}]",)
        found.setdefault(next((one for one in names if one not in found), names[-1]), item.value)
    found |= {f"auc.{signal}": performance.auc for signal, performance in report.physics.items()}
    if report.physics:
        found["auc.mean"] = sum(one.auc for one in report.physics.values()) / len(report.physics)
    if report.exactness is not None:
        found["mismatches"] = float(report.exactness.mismatches)
    if report.firmware is not None:
        found |= {f"{name} mismatches": float(one.mismatches) for name, one in report.firmware.checks.items()}
    return found


def remember(file: Path, report: RunReport, circuit: str) -> tuple[Version, ...]:
    """Add a report to the history of its run and return the whole, the newest last.

    `circuit`: SHA-256 of the circuit. A circuit has one line, that of its newest report. Lines that cannot be read,
    such as those of another version of l1ae, are dropped.
    """
    version = Version(
        circuit=circuit, created=report.created, l1ae=report.versions.get("l1ae", ""), figures=measures(report)
    )
    versions = (*(one for one in read_versions(file) if one.circuit != circuit), version)
    write_text(file, "".join(f"{json.dumps(one.model_dump(), sort_keys=True)}\n" for one in versions))
    return versions


def read_versions(file: Path) -> tuple[Version, ...]:
    """The history of a run, the newest last; empty when there is none."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return ()
    found = []
    for line in lines:
        try:
            found.append(Version.model_validate_json(line))
        except pydantic.ValidationError:
            continue
    return tuple(found)


def shown_keys(versions: Sequence[Version]) -> tuple[str, ...]:
    """The figures that a table of versions shows: those that any of them has."""
    return tuple(key for key in _SHOWN if any(key in one.figures for one in versions))
