"""Reading the vendor's text: numbers, tables, headers; errors that name the file."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from l1ae.errors import ToolchainError

#: Versions that the readers were written for, first and last; another is read as it stands, with a note.
_KNOWN = {"Vivado HLS": ((2018, 1), (2020, 1)), "Vitis HLS": ((2020, 1), (2025, 2)), "Vivado": ((2018, 1), (2025, 2))}
#: What the tools write for a value that they do not have.
_UNKNOWN = {"", "-", "?", "~0", "na", "n/a", "nan", "none", "undef", "undefined", "unknown", "inf", "-inf"}
_NUMBER = re.compile(r"[-+]?(\d[\d,]*\.?\d*|\.\d+)(e[-+]?\d+)?", re.IGNORECASE)
_PLAIN_PART = re.compile(r"(7[akvsz]|[akvz]u|vm|vc|vp|vh)\w*\d", re.IGNORECASE)


class ReportError(ToolchainError):
    """A report that is missing, damaged, or none that l1ae can read."""


def read_text(path: Path) -> str:
    """The text of a report; raises `ReportError` when it is missing or cannot be read.

    A last line without its end is left out: in a truncated report it may hold the first digits of a number.
    """
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
        return text if path.suffix == ".xml" else text[: text.rfind("\n") + 1]
    except FileNotFoundError as error:
        raise ReportError(f"no report {path}") from error
    except OSError as error:
        raise ReportError(f"{path} cannot be read: {error.strerror or error}") from error


def real(text: str | None) -> float | None:
    """A number as a report writes it (`4.049 ns`, `1,234`, `42 (~0%)`); None for `undef`, `?`, `-`, `N/A` and such."""
    text = (text or "").strip().strip("\"'")
    if text.lower() in _UNKNOWN:
        return None
    match = _NUMBER.match(text)
    return None if match is None else float(match.group().replace(",", ""))


def whole(text: str | None) -> int | None:
    """A whole number as a report writes it; None where it has none, and for one that is not whole."""
    value = real(text)
    return int(value) if value is not None and value == int(value) else None


def full_part(name: str | None) -> str | None:
    """The name of a part with the `xc` that Vivado's headers leave out; None for none."""
    name = (name or "").strip()
    if not name:
        return None
    return f"xc{name}" if _PLAIN_PART.match(name) else name


def cells(line: str) -> list[str]:
    """The cells of a row of a table, stripped; none for a line that is no row."""
    line = line.strip()
    if not line.startswith("|") or not line.endswith("|") or len(line) < 2:
        return []
    return [cell.strip() for cell in line[1:-1].split("|")]


def tables(lines: Sequence[str]) -> Iterator[list[list[str]]]:
    """The tables in some lines of text, each a list of rows of stripped cells; borders separate nothing."""
    table: list[list[str]] = []
    for line in lines:
        text = line.strip()
        row = cells(line)
        if row:
            table.append(row)
        elif table and not text.startswith("+"):
            yield table
            table = []
    if table:
        yield table


def section(lines: Sequence[str], start: str, stop: str = r"^==") -> list[str]:
    """The lines between the first that matches `start` and the next that matches `stop`; none without the first."""
    for index, line in enumerate(lines):
        if re.search(start, line):
            rest = lines[index + 1 :]
            end = next((number for number, other in enumerate(rest) if re.search(stop, other)), len(rest))
            return list(rest[:end])
    return []


def version_notes(tool: str | None, version: str | None) -> tuple[str, ...]:
    """What has to be said about a version: nothing for one that the readers were written for."""
    if tool is None or version is None:
        return (f"the report names no version of {tool or 'its tool'}",)
    found = re.match(r"(\d{4})\.(\d+)", version)
    first, last = _KNOWN[tool]
    if found is None or not first <= (int(found[1]), int(found[2])) <= last:
        known = f"{first[0]}.{first[1]} to {last[0]}.{last[1]}"
        return (f"{tool} {version} is not among the versions {known} that this reader was written for",)
    return ()


def field(text: str, pattern: str) -> str | None:
    """What the first group of a pattern matches in the header of a report; None when nothing does."""
    match = re.search(pattern, text, re.MULTILINE)
    return match.group(1).strip() if match and match.group(1).strip() else None
