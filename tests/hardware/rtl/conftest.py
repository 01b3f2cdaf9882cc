"""Building and running the emitted test benches with Verilator, without l1ae's own simulation."""

import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from l1ae.errors import ToolchainError
from l1ae.hardware.rtl import RtlProject
from l1ae.hardware.simulation.tools import Tools, find_tools


@dataclass(frozen=True)
class Bench:
    """How a test bench ended: exit status and everything it printed."""

    code: int
    text: str

    @property
    def passed(self) -> bool:
        """Whether it said so in its one line, and ended without an error; asserts that both say the same."""
        lines = [line for line in self.text.splitlines() if line.startswith(("PASS", "FAIL"))]
        assert len(lines) == 1, self.text
        assert lines[0].startswith("PASS") == (self.code == 0), self.text
        return self.code == 0


@pytest.fixture(scope="session")
def verilator() -> Tools:
    try:
        return find_tools()
    except ToolchainError as error:
        pytest.skip(str(error))


def compiled(tools: Tools, sources: list[Path], top: str, folder: Path, warnings: str) -> Path:
    """The program of a test bench."""
    includes = [tools.root / "include", tools.root / "include" / "vltstd"]
    options = ["--cc", "--exe", "--main", "--timing", warnings, "--top-module", top, "--prefix", "bench", "--Mdir"]
    subprocess.run(
        [tools.verilator, *options, folder, *sources], check=True, env=dict(tools.environment), capture_output=True
    )
    runtime = folder.parent / "runtime.o"
    flags = ["-std=gnu++20", "-fcoroutines", "-O0", "-w", *(f"-I{path}" for path in includes)]
    flags += ["-DVM_COVERAGE=0", "-DVM_SC=0", "-DVM_TIMING=1", "-DVM_TRACE=0", "-DVL_TIME_CONTEXT"]
    if not runtime.exists():
        parts = [includes[0] / f"{name}.cpp" for name in ("verilated", "verilated_timing", "verilated_threads")]
        objects = []
        for part in parts:
            objects.append(folder.parent / f"{part.stem}.o")
            subprocess.run([tools.compiler, *flags, "-c", part, "-o", objects[-1]], check=True)
        subprocess.run(["ld", "-r", *objects, "-o", runtime], check=True)
    together = folder / "together.cpp"
    together.write_text("".join(f'#include "{file.name}"\n' for file in sorted(folder.glob("bench*.cpp"))))
    program = folder / "bench"
    link = ["-pthread", "-latomic"]
    subprocess.run([tools.compiler, *flags, together, runtime, "-o", program, *link], check=True)
    return program


@pytest.fixture(scope="session")
def bench(verilator, tmp_path_factory) -> Callable[..., Bench]:
    """bench(project, board=False, arguments=()) runs the test bench that lies in the project.

    Warnings of Verilator about files as they were written are errors.
    """
    place = tmp_path_factory.mktemp("benches")
    programs: dict[tuple[str, ...], Path] = {}

    def run(project: RtlProject, *, board: bool = False, arguments: tuple[str, ...] = ()) -> Bench:
        top = f"tb_{project.name}_board" if board else f"tb_{project.name}"
        sources = [*project.sources, project.path / ("board" if board else "tb") / f"{top}.v"]
        if board:
            sources.insert(-1, project.path / "board" / f"{project.name}_board.v")
        key = (top, *(file.read_text() for file in sources))
        if key not in programs:
            folder = Path(tempfile.mkdtemp(dir=place))
            warnings = "-Wno-lint" if project.changed_files() else "-Wall"
            programs[key] = compiled(verilator, sources, top, folder, warnings)
        ended = subprocess.run(
            [programs[key], *arguments], cwd=project.path, capture_output=True, text=True, check=False, timeout=120
        )
        return Bench(ended.returncode, ended.stdout + ended.stderr)

    return run
