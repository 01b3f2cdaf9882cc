"""Verilog to a shared library: translated by Verilator, compiled with g++, kept for the same sources and tools."""

import ctypes
import hashlib
import os
import re
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from l1ae.errors import RunFolderError, ToolchainError
from l1ae.files import cache_folder
from l1ae.hardware.simulation.tools import Tools, find_tools, run_all

_PREFIX = "Vdesign"
#: Registers without a value, and bits that are X, get random ones. Functions are split so that g++ stays fast.
_VERILATE = (
    *("--cc", "--prefix", _PREFIX, "--Mdir", "cpp", "--x-assign", "unique", "--x-initial", "unique"),
    *("--output-split", "20000", "--output-split-cfuncs", "20000", "-Wno-fatal", "-Wno-lint", "-Wno-style"),
)
#: Optimised code would run twice as fast and take ten times as long to compile.
_COMPILE = ("-O0", "-std=c++17", "-fPIC", "-fno-gnu-unique", "-w", "-DVL_USER_FATAL")
_LINK = ("-shared", "-Wl,-Bsymbolic", "-pthread", "-s")
_RUNTIME = ("verilated.cpp", "verilated_threads.cpp")
#: Compilers that work side by side.
_JOBS = 2
_PORT = re.compile(r"\bVL_(?:IN|OUT|INOUT)(?:8|16|64|W)?\(&(\w+),(\d+),(\d+)")
#: Steps of a build, for a progress bar.
STEPS = 3


@dataclass(frozen=True)
class Library:
    """A design as a shared library, with the widths of its ports, and the version of the Verilator that made it."""

    path: Path
    version: str
    functions: ctypes.CDLL
    ports: dict[str, int]


def build(
    sources: Sequence[Path],
    top: str,
    output: str,
    *,
    log: Path,
    cache: Path | None = None,
    advance: Callable[[], object] = lambda: None,
) -> Library:
    """The library of the module `top` in Verilog `sources`, whose port `output` holds the outputs.

    `log` gets what the tools say; `cache`: where libraries are kept; `advance` is called `STEPS` times.
    Raises `ToolchainError` when a tool is missing or fails.
    """
    tools = find_tools()
    try:
        texts = [Path(source).read_bytes() for source in sources]
    except OSError as error:
        raise RunFolderError(f"{error.filename} cannot be read: {error.strerror}; write the Verilog again") from error
    driver = resources.files("l1ae.hardware.simulation").joinpath("driver.cpp").read_text(encoding="utf-8")
    settings = [top, output, driver, tools.version, tools.compiler_version, *_VERILATE, *_COMPILE, *_LINK]
    key = _digest([*(setting.encode() for setting in settings), *texts])
    cache = cache or cache_folder("simulation")
    library = cache / f"{top}-{key}.so"
    if not library.exists():
        try:
            cache.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix=".build-", dir=cache) as folder:
                names = _copy(sources, texts, Path(folder))
                runtime = _runtime(tools, cache, log)
                advance()
                _make(tools, Path(folder), names, top, output, driver, runtime, log, advance).replace(library)
        except OSError as error:
            raise RunFolderError(f"cannot write {cache}: {error.strerror or error}") from error
    try:
        functions = ctypes.CDLL(str(library), mode=os.RTLD_LOCAL | os.RTLD_NOW)
    except OSError as error:
        raise ToolchainError(f"{library} cannot be loaded ({error}): remove it and build again") from error
    functions.l1ae_ports.restype = ctypes.c_char_p
    ports = (port.split(":") for port in functions.l1ae_ports().decode().split())
    return Library(library, tools.version, functions, {name: int(bits) for name, bits in ports})


def _make(
    tools: Tools,
    folder: Path,
    names: Sequence[str],
    top: str,
    output: str,
    driver: str,
    runtime: Path,
    log: Path,
    advance: Callable[[], object],
) -> Path:
    """Translate and compile in `folder`; the library."""
    run_all(top, [[tools.verilator, *_VERILATE, "--top-module", top, *names]], folder, log, tools)
    advance()
    made = folder / "cpp"
    ports = dict(_ports((made / f"{_PREFIX}.h").read_text(encoding="utf-8")))
    _check_ports(ports, top, output)
    (made / "driver.cpp").write_text(driver, encoding="utf-8")
    listed = " ".join(f"{name}:{bits}" for name, bits in ports.items())
    macros = [f'-DL1AE_PORTS="{listed}"', f"-DL1AE_OUTPUT={output}"]
    if "threshold" in ports:
        macros.append("-DL1AE_THRESHOLD")
    commands = []
    for index, files in enumerate(_shares(sorted(made.glob("*.cpp")))):
        (folder / f"share{index}.cpp").write_text("".join(f'#include "cpp/{file.name}"\n' for file in files))
        places = ["-Icpp", *_includes(tools)]
        commands.append(
            [tools.compiler, *_COMPILE, *macros, *places, "-c", f"share{index}.cpp", "-o", f"share{index}.o"]
        )
    run_all(top, commands, folder, log, tools)
    objects = [command[-1] for command in commands]
    run_all(top, [[tools.compiler, *_LINK, *objects, str(runtime), "-o", "design.so"]], folder, log, tools)
    advance()
    return folder / "design.so"


def _check_ports(ports: dict[str, int], top: str, output: str) -> None:
    """What the driver needs; widths are for the caller to judge."""
    trigger = ["trigger"] if "threshold" in ports else []
    for name in ("clk", "rst", "in_valid", "in_words", "out_valid", output, *trigger):
        if name not in ports:
            raise ToolchainError(f"module {top} has no port {name}: these are not the Verilog files of this project")


def _ports(header: str) -> list[tuple[str, int]]:
    """Names and widths of the ports in the class that Verilator made."""
    return [(name, int(high) - int(low) + 1) for name, high, low in _PORT.findall(header)]


def _copy(sources: Sequence[Path], texts: Sequence[bytes], folder: Path) -> list[str]:
    """Copy the sources, as they were read, into `folder`, under names that tell them apart, and return these."""
    names: list[str] = []
    for source, text in zip(sources, texts, strict=True):
        name = Path(source).name if Path(source).name not in names else f"{len(names)}_{Path(source).name}"
        (folder / name).write_bytes(text)
        names.append(name)
    return names


def _shares(files: Sequence[Path]) -> list[list[Path]]:
    """The files in as many shares of about one size as there are compilers; a small design in one."""
    sizes = {file: file.stat().st_size for file in files}
    shares: list[list[Path]] = [[] for _ in range(_JOBS if sum(sizes.values()) > 200_000 else 1)]
    for file in sorted(files, key=lambda file: -sizes[file]):
        min(shares, key=lambda share: sum(sizes[other] for other in share)).append(file)
    return shares


def _runtime(tools: Tools, cache: Path, log: Path) -> Path:
    """Verilator's own C++, compiled once for all designs."""
    texts = [(tools.root / "include" / name).read_bytes() for name in _RUNTIME]
    settings = [tools.version, tools.compiler_version, *_COMPILE]
    runtime = cache / f"verilated-{_digest([*(setting.encode() for setting in settings), *texts])}.o"
    if not runtime.exists():
        with tempfile.TemporaryDirectory(prefix=".build-", dir=cache) as folder:
            made = [f"{Path(name).stem}.o" for name in _RUNTIME]
            commands = [
                [tools.compiler, *_COMPILE, *_includes(tools), "-c", str(tools.root / "include" / name), "-o", target]
                for name, target in zip(_RUNTIME, made, strict=True)
            ]
            run_all("Verilator's runtime", commands, Path(folder), log, tools)
            command = [tools.compiler, "-r", "-nostdlib", *made, "-o", "all.o"]
            run_all("Verilator's runtime", [command], Path(folder), log, tools)
            (Path(folder) / "all.o").replace(runtime)
    return runtime


def _includes(tools: Tools) -> list[str]:
    return [f"-I{tools.root / 'include'}", f"-I{tools.root / 'include' / 'vltstd'}"]


def _digest(parts: Sequence[bytes]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(b"%d\0" % len(part) + part)
    return digest.hexdigest()[:32]
