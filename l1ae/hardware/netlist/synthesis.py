"""A netlist of an RTL project by Yosys: each pipeline stage by itself, and the registers around them."""

import hashlib
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from l1ae.errors import ConfigError, RunFolderError
from l1ae.files import cache_folder, write_text
from l1ae.hardware.netlist.graph import Module
from l1ae.hardware.netlist.modules import (
    Job,
    Synthesised,
    check_names,
    find_synthesised,
    synthesise_module,
)
from l1ae.hardware.netlist.record import Netlist, figures, measure
from l1ae.hardware.netlist.sources import Sources
from l1ae.hardware.netlist.tools import Tool, yosys
from l1ae.hardware.parts import family_of
from l1ae.terminal import Terminal

if TYPE_CHECKING:
    from l1ae.hardware.rtl import RtlProject

#: Of a netlist that is known, what was found in it is known as well; changes with the code that looks.
_READING = "1"


def synthesise(
    project: "RtlProject",
    *,
    part: str | None = None,
    log: Path,
    folder: Path,
    jobs: int | None = None,
    ui: Terminal | None = None,
    cache: Path | None = None,
) -> Netlist:
    """Synthesise an RTL project for the family of its part, or of another `part`, and write the netlist to `folder`.

    No multipliers, block memories, input buffers or clock buffers are used. What was synthesised before is taken from
    `cache`, by content. `jobs` modules at once, by default one for each core; what Yosys says goes to `log`.
    Raises `ToolchainError` when there is no Yosys or when it fails, `ConfigError` for a part of no known family.
    """
    part = part or project.part
    return synthesise_files(
        project.name, project.sources, part=part, log=log, folder=folder, jobs=jobs, ui=ui, cache=cache
    )


def synthesise_files(
    name: str,
    files: Sequence[Path],
    *,
    part: str,
    log: Path,
    folder: Path,
    jobs: int | None = None,
    ui: Terminal | None = None,
    cache: Path | None = None,
) -> Netlist:
    """The same for Verilog files with the module `name` around its stages."""
    family = family_of(part)
    if family is None:
        raise ConfigError(f"the part {part} is of no family that Yosys maps to: 7-series, UltraScale or UltraScale+")
    tool = yosys()
    sources = Sources.read(files)
    check_names(name, sources)
    stages = sources.stages(name)
    todo = [Job(module, sources, family) for module in stages] + [Job(name, sources, family, tuple(stages))]
    cache = cache or cache_folder("netlist")
    keys = [job.key(tool) for job in todo]
    known = cache / f"{hashlib.sha256(chr(0).join([_READING, part, name, *keys]).encode()).hexdigest()[:32]}.json"
    verilog = folder / f"{name}_netlist.v"
    modules = {job.module: found for job in todo if (found := find_synthesised(job, tool, cache)) is not None}
    if len(modules) < len(todo):
        missing = [job for job in todo if job.module not in modules]
        modules |= _synthesise(missing, tool, cache, log, jobs or _cores(), ui)
    write_text(verilog, "\n".join(modules[job.module].verilog for job in reversed(todo)))
    if known.is_file():
        return Netlist.model_validate_json(known.read_bytes()).model_copy(update={"verilog": verilog})
    read = {module: Module(found.content(), module) for module, found in modules.items()}
    measured = measure(read[name], {stage: read[stage] for stage in stages}, family)
    netlist = Netlist(
        part=part,
        tool=tool.name,
        version=tool.version,
        figures=tuple(figures(measured, name, part, tool.name, tool.version)),
        cells={module: dict(sorted(entry.cells.items())) for module, entry in measured.items()},
        verilog=verilog,
    )
    write_text(known, netlist.model_dump_json() + "\n")
    return netlist


def _synthesise(
    todo: Sequence[Job], tool: Tool, cache: Path, log: Path, jobs: int, ui: Terminal | None
) -> dict[str, Synthesised]:
    """Synthesise modules, the largest first; what is running is killed when one fails or on an interruption."""
    found: dict[str, Synthesised] = {}
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunFolderError(f"cannot write {log}: {error.strerror or error}") from error
    with ThreadPoolExecutor(max(1, jobs)) as pool:
        ordered = sorted(todo, key=lambda job: job.size, reverse=True)
        waiting = {pool.submit(synthesise_module, job, tool, cache, log): job for job in ordered}
        bar = nullcontext(lambda *_, **__: None) if ui is None else ui.progress("netlist, modules", len(todo))
        try:
            with bar as advance:
                for future in as_completed(waiting):
                    found[waiting[future].module] = future.result()
                    advance(1)
        except BaseException:
            tool.stop()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return found


def _cores() -> int:
    affinity: Callable[[int], set[int]] | None = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


__all__ = ["synthesise", "synthesise_files"]
