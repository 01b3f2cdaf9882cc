"""Reading one report of whatever kind, or all that a folder holds."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from l1ae.hardware.vendor import cosim, csynth, export, vivado
from l1ae.hardware.vendor.records import CoSimulation, CSynthesis, Report, Timing, Utilisation, VendorReports
from l1ae.hardware.vendor.text import ReportError, read_text

_CSYNTH = re.compile(r"== (Vivado|Vitis) HLS Report for|== Synthesis Summary Report of")
_COSIM = re.compile(r"^\s*Simulation tool\s*:|\$MAX_LATENCY\s*=", re.MULTILINE)
_EXPORT = re.compile(r"Post-(Synthesis|Implementation) Resource usage|^Implementation tool:", re.MULTILINE)
_UTILISATION = re.compile(r"^Utilization Design Information|Utilization by Hierarchy", re.MULTILINE)
_TIMING = re.compile(r"^Timing Summary Report|^\| Design Timing Summary", re.MULTILINE)
#: A report begins to look like one within so many bytes.
_HEAD = 16_384


def read_report(path: Path) -> Report:
    """The report in a file, whatever kind it is of.

    Raises `ReportError`, in one line, when the file is missing, truncated, or no report that l1ae knows.
    """
    path = Path(path)
    if path.suffix == ".xml":
        root = csynth.parse_xml(path)
        return export.of_xml(path, root) if root.find("AreaReport") is not None else csynth.read_csynth(path)
    text = read_text(path)
    if not text.strip():
        raise ReportError(f"{path} is empty: run the step again")
    # A report of co-simulation may begin as one of C synthesis does.
    if _COSIM.search(text):
        return cosim.of_text(path, text)
    if _CSYNTH.search(text):
        return csynth.of_text(path, text)
    if _EXPORT.search(text):
        return export.of_text(path, text)
    if _TIMING.search(text):
        return vivado.timing_of_text(path, text)
    if _UTILISATION.search(text):
        return vivado.utilisation_of_text(path, text)
    raise ReportError(f"{path} is no report that l1ae knows: give one of Vivado HLS, Vitis HLS or Vivado")


def read_reports(folder: Path) -> VendorReports:
    """All reports below a folder, such as a solution of Vitis HLS, a component, or a folder of reports from elsewhere.

    What is missing is None. Of several of one kind the nearest to the folder counts; what was left out, and what is
    damaged, is named in the notes. Raises `ReportError` when there is no such folder.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise ReportError(f"no folder {folder}")
    found: dict[str, Any] = {}
    places: dict[str, Path] = {}
    notes: list[str] = []
    read: list[tuple[Path, str, Report]] = []
    for path in _candidates(folder):
        name = path.relative_to(folder).as_posix()
        try:
            read.append((path, name, read_report(path)))
        except ReportError as error:
            notes.append(str(error).replace(str(path), name))
    modules = {row.name for _, _, report in read if isinstance(report, CSynthesis) for row in report.modules}
    for path, name, report in read:
        if isinstance(report, CSynthesis) and report.top in modules:
            continue  # a part of the design, which the report of the whole lists
        slot = _slot(report)
        if slot is None:
            notes.append(f"{name} is of a stage that is not known, and is left out")
        elif slot not in found:
            found[slot], places[slot] = report, path
            notes += [note if name in note else f"{name}: {note}" for note in report.notes]
        else:
            merged = _merged(found[slot], report)
            if merged is not None:
                found[slot] = merged
            elif _another(path, places[slot]):
                notes.append(f"{name} is left out: {places[slot].relative_to(folder).as_posix()} is of the same kind")
    return VendorReports(**_with_tool(found), notes=tuple(dict.fromkeys(notes)))


def _candidates(folder: Path) -> Iterator[Path]:
    """Files that may be reports: the complete ones of a design first, then the ones nearest to the folder."""
    files = [
        path
        for path in folder.rglob("*")
        if path.suffix in (".rpt", ".xml") and path.is_file() and not _hidden(path.relative_to(folder))
    ]
    for path in sorted(files, key=lambda path: (_rank(path), len(path.parts), path.as_posix())):
        if path.suffix == ".xml":
            if re.search(r"csynth\.xml$|^export_\w+\.xml$", path.name):
                yield path
        elif _promising(path):
            yield path


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _promising(path: Path) -> bool:
    """Whether a text looks like a report of ours; the tools write dozens of others with the same suffix."""
    with path.open(encoding="utf-8", errors="replace") as file:
        head = file.read(_HEAD)
    named = re.search(r"(csynth|cosim|export_syn|export_impl)\.rpt$|^lat\.rpt$", path.name)
    return bool(named) or any(kind.search(head) for kind in (_CSYNTH, _COSIM, _EXPORT, _TIMING, _UTILISATION))


def _rank(path: Path) -> int:
    """Which of several reports of C synthesis is about the whole design, with all of its modules."""
    return 0 if path.name == "csynth.xml" else 1 if path.name == "csynth.rpt" else 3 if path.name == "lat.rpt" else 2


def _slot(report: Report) -> str | None:
    """The field of `VendorReports` for a report."""
    if isinstance(report, CSynthesis):
        return "c_synthesis"
    if isinstance(report, CoSimulation):
        return "co_simulation"
    after = report.stage
    if after is None:
        return None
    if isinstance(report, Utilisation):
        return "synthesised" if after == "netlist" else "placed"
    kind = "timing" if isinstance(report, Timing) else "export"
    routed = after == "place and route" and not (isinstance(report, Timing) and not _routed(report))
    return f"{kind}_{'routed' if routed else 'synthesised'}"


def _routed(report: Timing) -> bool:
    """Whether the wires are known: those of a design that is only placed are estimated."""
    state = (report.state or "").lower()
    return "rout" in state


def _merged(first: Any, second: Any) -> Any:
    """Two reports of one kind in one, when they say different things about the same design; None when they do not."""
    if isinstance(first, Utilisation) and first.design == second.design and bool(first.modules) != bool(second.modules):
        flat, tree = (second, first) if first.modules else (first, second)
        return flat.model_copy(update={"modules": tree.modules})
    if isinstance(first, CSynthesis):
        if first.top == second.top and first.version == second.version:
            known = {name: value for name, value in first if value not in (None, ())}
            return second.model_copy(update=known)
        return first if second.top is None else None
    if isinstance(first, CoSimulation):
        known = {name: value for name, value in first if value not in (None, ())}
        return second.model_copy(update=known) if second.verdict is None else None
    return None


def _another(path: Path, other: Path) -> bool:
    """Whether a second report of a kind is worth a word: the same in another format, beside the first, is not."""
    return path.parent != other.parent or path.suffix == other.suffix


def _with_tool(found: dict[str, Any]) -> dict[str, Any]:
    """Give the co-simulation the tool and version that C synthesis names: its own report has no header since 2019."""
    simulated, synthesis = found.get("co_simulation"), found.get("c_synthesis")
    if simulated is not None and synthesis is not None and simulated.version is None:
        update = {"tool": synthesis.tool, "version": synthesis.version}
        return {**found, "co_simulation": simulated.model_copy(update=update)}
    return found
