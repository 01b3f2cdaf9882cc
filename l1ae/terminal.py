"""What a person at a terminal sees, kept apart from what the libraries say.

TensorFlow, hls4ml, FastJet and compilers write straight to the process' output. `Terminal` keeps the real output for
itself; `quiet` sends everything else to a log file.
"""

import os
import re
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from l1ae.errors import L1aeError, RunFolderError

#: Called with the number of steps that were done, and optionally what to show beside the bar.
Advance = Callable[..., None]


_WIDTH_OF_A_FILE = 120  # columns of a table that goes into a file or a pipe


class Terminal:
    """Messages and progress bars on the output that the process was started with; a context manager that closes it."""

    def __init__(self) -> None:
        sys.stdout.flush()
        file = os.fdopen(os.dup(1), "w", encoding="utf-8")
        self.console = Console(file=file, highlight=False, width=None if file.isatty() else _WIDTH_OF_A_FILE)

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(self, *_: object) -> None:
        self.console.file.close()

    def say(self, text: str) -> None:
        """One line; rich markup is not interpreted."""
        self.console.print(text, markup=False, soft_wrap=True)

    def stage(self, title: str) -> None:
        """The heading of a stage."""
        self.console.print(title, style="bold", markup=False, soft_wrap=True)

    @contextmanager
    def progress(self, description: str, total: int) -> Iterator[Advance]:
        """A bar with time left; yields the function that moves it. Without a terminal it stays silent."""
        columns = (
            TextColumn("  {task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
        )
        with Progress(*columns, console=self.console, transient=True, disable=not self.console.is_terminal) as bar:
            task = bar.add_task(description, total=total, note="")

            def advance(steps: int = 1, note: str = "") -> None:
                bar.update(task, advance=steps, note=note)

            yield advance

    @contextmanager
    def phase(self, name: str, epochs: int) -> Iterator[Callable[[int, float, float], None]]:
        """A bar for a phase of a training, moved by (epochs, training loss, validation loss)."""
        with self.progress(f"{name}, epochs", epochs) as advance:
            yield lambda done, loss, validation: advance(done, note=f"loss {loss:.5f}, validation {validation:.5f}")


@contextmanager
def quiet(log: Path) -> Iterator[None]:
    """Append everything that libraries write to the process' output to `log` while the block runs.

    An unexpected exception is turned into an `L1aeError` that quotes the first error line of what was appended.
    """
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        file = log.open("a", encoding="utf-8")
        written = file.tell()
    except OSError as error:
        raise RunFolderError(f"cannot write the log {log}: {error.strerror}") from error
    _flush()
    kept = os.dup(1), os.dup(2)
    try:
        with file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
            yield
    except (L1aeError, KeyboardInterrupt):
        raise
    except Exception as error:
        detail = first_error(log, written) or " ".join(str(error).split())[:300]
        with suppress(OSError), log.open("a", encoding="utf-8") as file:
            traceback.print_exc(file=file)  # the message itself is one line
        raise L1aeError(f"{type(error).__name__}: {detail} (log: {log})") from error
    finally:
        _flush()
        os.dup2(kept[0], 1)
        os.dup2(kept[1], 2)
        os.close(kept[0])
        os.close(kept[1])


def _flush() -> None:
    with suppress(OSError):  # a log on a full disk: what is lost is chatter
        sys.stdout.flush()
        sys.stderr.flush()


_ERROR_LINE = re.compile(r"\b(error|fatal|abort|exception)\b", re.IGNORECASE)


def first_error(log: Path, start: int = 0) -> str | None:
    """The first line of a log, from byte `start` on, that looks like an error; None when there is none."""
    try:
        with log.open(encoding="utf-8", errors="replace") as lines:
            lines.seek(start)
            return next((" ".join(line.split())[:300] for line in lines if _ERROR_LINE.search(line)), None)
    except OSError:
        return None
