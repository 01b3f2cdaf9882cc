"""Running a program of the vendor: its noise to a log, its whole process group ended when it takes too long."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from l1ae.errors import RunFolderError, ToolchainError
from l1ae.terminal import first_error

_POLL = 0.2  # seconds between two looks at a program
_GRACE = 10.0  # seconds that a program has to end by itself before it is killed
_ERROR = re.compile(r"^\s*(@E|ERROR\b|FATAL\b|Abnormal program termination|segfault)", re.IGNORECASE)
_NO_ERROR = re.compile(r"\b(0|no) errors?\b", re.IGNORECASE)


def run_logged(
    command: Sequence[str],
    folder: Path,
    log: Path,
    *,
    timeout: float | None = None,
    tick: Callable[[float], None] | None = None,
) -> int:
    """Run a command in `folder`, everything that it says in `log`, and return its exit status.

    `timeout` in seconds. `tick` is called now and then with the seconds that have passed. Whatever ends the wait (the
    timeout, Ctrl-C) ends the program with all that it has started. Raises `ToolchainError` at the timeout.
    """
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        file = log.open("wb")
    except OSError as error:
        raise RunFolderError(f"cannot write the log {log}: {error.strerror}") from error
    with file:
        try:
            process = subprocess.Popen(
                command,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            raise ToolchainError(f"{command[0]} cannot be run: {error.strerror or error}") from error
        start = time.monotonic()
        try:
            while process.poll() is None:
                passed = time.monotonic() - start
                if timeout is not None and passed > timeout:
                    raise ToolchainError(f"{Path(command[0]).name} took longer than {timeout:g} s and was ended: {log}")
                if tick is not None:
                    tick(passed)
                with suppress(subprocess.TimeoutExpired):
                    process.wait(_POLL)
        finally:
            _end(process)
    return process.returncode


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End what is left of the process group, children whose parent has ended already included."""
    try:
        if process.poll() is None:
            _signal(process.pid, signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                process.wait(_GRACE)
    finally:
        _signal(process.pid, signal.SIGKILL)
        process.wait()


def _signal(group: int, number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):  # all have ended
        os.killpg(group, number)


def error_of(log: Path) -> str:
    """The first line of a log that is an error, as it stands, or whatever looks like one; "" when there is none."""
    try:
        with log.open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                if _ERROR.search(line) and not _NO_ERROR.search(line):
                    return " ".join(line.split())[:300]
    except OSError:
        return ""
    return first_error(log) or ""
