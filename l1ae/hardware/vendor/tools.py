"""Which program runs a step: what is on the PATH, in the order of preference, and what to do when nothing is."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from l1ae.errors import ToolchainError

Backend = Literal["Vitis", "Vivado"]
Step = Literal["csim", "csynth", "cosim", "export", "synth", "impl"]
Tool = Literal["auto", "vitis-run", "vitis_hls", "vivado_hls", "vivado"]

#: All steps in the order in which they run; the first four are of the HLS compiler, the last two of Vivado.
STEPS: tuple[Step, ...] = ("csim", "csynth", "cosim", "export", "synth", "impl")
VIVADO_STEPS: tuple[Step, ...] = ("synth", "impl")
#: HLS compilers by the backend of a project: from 2024.2 on there is no vitis_hls, before 2023.2 no vitis-run.
COMPILERS: dict[Backend, tuple[Tool, ...]] = {"Vitis": ("vitis-run", "vitis_hls"), "Vivado": ("vivado_hls",)}
_INSTALL = {
    "Vitis": "install Vitis HLS (part of the Vitis or Vivado installation)",
    "Vivado": "install Vivado HLS (Vivado 2020.1 or older)",
    "vivado": "install Vivado",
}


@dataclass(frozen=True)
class Program:
    """A program of the vendor: its name, and where it was found, None when it was not looked for or is missing."""

    name: str
    path: Path | None

    def command(self, script: str, options: str = "") -> list[str]:
        """The command that runs a Tcl script from the folder that it lies in; `options` reach the script as `argv`."""
        program = self.name if self.path is None else str(self.path)
        match self.name:
            case "vitis-run":
                return [program, "--mode", "hls", "--tcl", script]
            case "vivado":
                return [program, "-mode", "batch", "-nojournal", "-nolog", "-notrace", "-source", script]
            case _:
                return [program, "-f", script, *([options] if options else [])]


def candidates(step: Step, backend: Backend, tool: Tool) -> tuple[str, ...]:
    """Names of the programs that can run a step, in the order of preference."""
    if step in VIVADO_STEPS:
        return ("vivado",)
    return COMPILERS[backend] if tool in ("auto", "vivado") else (tool,)


def programs(steps: tuple[Step, ...], backend: Backend, tool: Tool, *, missing_ok: bool = False) -> dict[Step, Program]:
    """The program of each step; raises `ToolchainError` with all that was looked for when one is not on the PATH.

    `missing_ok`: name the first candidate instead, for showing what would be run.
    """
    found: dict[Step, Program] = {}
    missing: dict[str, tuple[str, ...]] = {}
    for step in steps:
        names = candidates(step, backend, tool)
        here = next(((name, path) for name in names if (path := shutil.which(name))), None)
        if here is not None:
            found[step] = Program(here[0], Path(here[1]))
        else:
            found[step] = Program(names[0], None)
            missing["vivado" if step in VIVADO_STEPS else backend] = names
    if missing and not missing_ok:
        looked = "; ".join(f"for {_steps(steps, key)}: {', then '.join(names)}" for key, names in missing.items())
        install = " and ".join(_INSTALL[key] for key in missing)
        raise ToolchainError(
            f"no vendor tool on the PATH (looked {looked}): {install}, source its settings64.sh in this shell, "
            "and run this again; or read reports that were made elsewhere with --read FOLDER"
        )
    return found


def _steps(steps: tuple[Step, ...], key: str) -> str:
    return ", ".join(step for step in steps if (step in VIVADO_STEPS) == (key == "vivado"))
