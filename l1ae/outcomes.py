"""What became of each path that was to be verified: for people as a table, for programs as JSON and JUnit XML."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from xml.etree import ElementTree as XML

from rich.table import Table
from rich.text import Text

from l1ae.environment import versions
from l1ae.errors import L1aeError
from l1ae.files import atomic_path, write_text
from l1ae.verify import Verdict

Kind = Literal["run", "project", "model", "unknown"]
Status = Literal["exact", "differs", "refused"]
SCHEMA = "l1ae verification 1"
_COLORS = {"exact": "green", "differs": "red", "refused": "yellow"}
#: What XML 1.0 cannot hold, escaped or not.
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class Outcome:
    """One path: its verdict, or the error that kept it from one.

    `record`: the verdict as it stands in verification.json, with digests of firmware and circuit. `layers`: nodes of
    the circuit.
    """

    path: str
    kind: Kind
    seconds: float
    verdict: Verdict | None = None
    record: dict[str, Any] | None = None
    layers: int = 0
    notes: tuple[str, ...] = ()
    error: L1aeError | None = None

    @property
    def status(self) -> Status:
        """Exact, different, or not verified at all."""
        if self.verdict is None:
            return "refused"
        return "exact" if self.verdict.exact else "differs"

    @property
    def message(self) -> str:
        """One line about it."""
        return str(self.error) if self.verdict is None else self.verdict.sentence


def table(outcomes: Sequence[Outcome]) -> Table:
    """One row per path, for a rich console."""
    found = Table("", "verdict", "events", "mismatches", "layers", "where first, or why not")
    for column in found.columns[2:5]:
        column.justify = "right"
    for one in outcomes:
        counts = ("-", "-", "-")
        if one.verdict is not None:
            counts = (f"{one.verdict.events:,}", f"{one.verdict.mismatches:,}", str(one.layers))
        reason = "" if one.status == "exact" else one.message
        if one.verdict is not None and one.verdict.first is not None:
            reason = f"layer {one.verdict.first.layer}, unit {one.verdict.first.unit}"
        cells = (Text(one.path), Text(one.status, style=_COLORS[one.status]), *map(Text, counts), Text(reason))
        found.add_row(*cells)
    return found


def write_json(file: Path, outcomes: Sequence[Outcome]) -> None:
    """Every verdict with all its details."""
    count = {status: sum(one.status == status for one in outcomes) for status in ("exact", "differs", "refused")}
    results = [
        {
            "path": one.path,
            "kind": one.kind,
            "status": one.status,
            "message": one.message,
            "seconds": round(one.seconds, 3),
            "layers": one.layers,
            "notes": list(one.notes),
            "verdict": one.record,
        }
        for one in outcomes
    ]
    content = {"schema": SCHEMA, "versions": versions(), **count, "results": results}
    write_text(file, json.dumps(content, indent=1) + "\n")


def write_junit(file: Path, outcomes: Sequence[Outcome]) -> None:
    """JUnit XML: one suite, one test case per path; a mismatch is a failure, what cannot be verified an error."""
    total = f"{sum(one.seconds for one in outcomes):.3f}"
    counts = {
        "tests": str(len(outcomes)),
        "failures": str(sum(one.status == "differs" for one in outcomes)),
        "errors": str(sum(one.status == "refused" for one in outcomes)),
        "skipped": "0",
        "time": total,
    }
    root = XML.Element("testsuites", {"name": "l1ae verify", **counts})
    suite = XML.SubElement(root, "testsuite", {"name": "l1ae verify", **counts})
    for one in outcomes:
        _case(suite, one)
    XML.indent(root)
    with atomic_path(file) as temporary:
        XML.ElementTree(root).write(temporary, encoding="utf-8", xml_declaration=True)


def _case(suite: XML.Element, one: Outcome) -> None:
    path = _clean(one.path)
    names = {"classname": f"l1ae.{one.kind}", "name": path, "file": path, "time": f"{one.seconds:.3f}"}
    case = XML.SubElement(suite, "testcase", names)
    found = one.verdict
    properties: dict[str, object] = {"kind": one.kind, "status": one.status}
    if found is not None:
        properties |= {"events": found.events, "mismatches": found.mismatches, "layers": one.layers}
        properties |= {f"events {origin}": count for origin, count in found.stimuli.items()}
        properties |= {f"ties {layer}": count for layer, count in found.ties.items()}
    listed = XML.SubElement(case, "properties")
    for name, value in properties.items():
        XML.SubElement(listed, "property", {"name": _clean(name), "value": _clean(str(value))})
    lines = [*one.notes, *([] if found is None else found.lines())]
    if one.status != "exact":
        kind = "failure" if one.status == "differs" else "error"
        type_ = "VerificationError" if one.error is None else type(one.error).__name__
        problem = XML.SubElement(case, kind, {"message": _clean(one.message), "type": type_})
        # GitLab shows the content and not the attribute.
        problem.text = _clean("\n".join([one.message, *lines]))
    XML.SubElement(case, "system-out").text = _clean("\n".join([one.message, *lines]))


def _clean(text: str) -> str:
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)
