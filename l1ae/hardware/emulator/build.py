"""The library of a circuit: compiled once for the same text, compiler and processor, and checked when loaded."""

import ctypes
import functools
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, get_args

from l1ae.errors import ConfigError, RunFolderError, ToolchainError
from l1ae.files import cache_folder
from l1ae.terminal import first_error

#: `native`: with all instructions of this processor. `portable`: with those of every processor of its family.
Target = Literal["native", "portable"]
_FLAGS = (
    *("-std=c++17", "-O3", "-fwrapv", "-shared", "-fPIC", "-fvisibility=hidden", "-fno-gnu-unique"),
    *("-Wl,-Bsymbolic", "-Wno-psabi", "-w"),
)
_TARGET_FLAGS: dict[str, tuple[str, ...]] = {"native": ("-march=native",), "portable": ()}


def build(
    text: Callable[[frozenset[str]], str],
    target: Target,
    check: Callable[[ctypes.CDLL], None],
    *,
    cache: Path | None = None,
    log: Path | None = None,
) -> tuple[Path, ctypes.CDLL]:
    """The shared library of a C++ text that depends on the features of the processor, and its functions.

    `check` raises when a library that was just compiled gives wrong words: it is then not kept. `cache`: where
    libraries are kept; `log`: where the compiler's messages go, by default beside the library. Raises `ToolchainError`
    when g++ is missing or fails, and when what lies in the cache is damaged or was made for something else.
    """
    if target not in get_args(Target):
        raise ConfigError(f"target {target}: choose {' or '.join(get_args(Target))}")
    compiler = shutil.which("g++")
    if compiler is None:
        raise ToolchainError("g++ not found: install it, with apt install g++ or dnf install gcc-c++")
    flags = (*_FLAGS, *_TARGET_FLAGS[target])
    features = _features(compiler, _TARGET_FLAGS[target])
    source = text(features)
    key = hashlib.sha256("\0".join([source, _version(compiler), *flags, *sorted(features)]).encode()).hexdigest()[:32]
    cache = cache or cache_folder("emulator")
    library = cache / f"{target}-{key}.so"
    if not library.exists():
        try:
            cache.mkdir(parents=True, exist_ok=True)
            _compile(
                [compiler, *flags, f'-DDIGEST="{key}"'], source, library, log or library.with_suffix(".log"), check
            )
            if log is None:
                library.with_suffix(".log").unlink(missing_ok=True)  # it holds no error
        except OSError as error:
            raise RunFolderError(f"cannot write {cache}: {error.strerror or error}") from error
    return library, _loaded(library, key)


def _compile(command: list[str], source: str, library: Path, log: Path, check: Callable[[ctypes.CDLL], None]) -> None:
    """Compile into a temporary folder beside the library, check, then move it into place."""
    with tempfile.TemporaryDirectory(prefix=".build-", dir=library.parent) as temporary:
        text, built = Path(temporary) / "emulator.cpp", Path(temporary) / library.name
        text.write_text(source, encoding="utf-8")
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as messages:
            start = messages.tell()
            done = subprocess.run(
                [*command, str(text), "-o", str(built)],
                stdin=subprocess.DEVNULL,
                stdout=messages,
                stderr=messages,
                env={**os.environ, "LC_ALL": "C"},
                check=False,
            )
        if done.returncode:
            reason = first_error(log, start) or f"exit status {done.returncode}"
            raise ToolchainError(f"g++ failed on the emulator: {reason}; all messages are in {log}")
        check(_opened(built))
        built.replace(library)


def _loaded(library: Path, key: str) -> ctypes.CDLL:
    """The functions of a library, which must be the one of this key."""
    functions = _opened(library)
    try:
        functions.l1ae_digest.restype = ctypes.c_char_p
        found = functions.l1ae_digest().decode(errors="replace")
    except AttributeError:
        found = "of no emulator"
    if found != key:
        raise ToolchainError(f"{library} is {found}, made for another circuit or processor: remove it and try again")
    return functions


def _opened(library: Path) -> ctypes.CDLL:
    try:
        return ctypes.CDLL(str(library), mode=os.RTLD_LOCAL | os.RTLD_NOW)
    except OSError as error:
        raise ToolchainError(f"{library} cannot be loaded ({error}): remove it and try again") from error


@functools.cache
def _version(compiler: str) -> str:
    return _output(compiler, "--version")


@functools.cache
def _features(compiler: str, flags: tuple[str, ...]) -> frozenset[str]:
    """Macros of the compiler that stand for features of the processor."""
    lines = _output(compiler, *flags, "-dM", "-E", "-x", "c++", os.devnull).splitlines()
    words = [line.split(maxsplit=2) for line in lines]
    return frozenset(word[1] for word in words if len(word) == 3 and word[2] == "1" and word[1].isupper())


def _output(*command: Any) -> str:
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode:
        raise ToolchainError(f"{' '.join(command)} failed: {(done.stderr.splitlines() or ['no message'])[0]}")
    return done.stdout
