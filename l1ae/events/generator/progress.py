"""A progress bar per process, with the rate and the time left."""

from collections import Counter
from collections.abc import Sequence
from types import TracebackType

from rich import progress as rich_progress
from rich.console import Console

from l1ae.events.generator.chunks import Chunk


class Progress:
    """Shows finished chunks on the error stream; `shown=False` shows nothing."""

    def __init__(self, chunks: Sequence[Chunk], shown: bool) -> None:
        self._bars = rich_progress.Progress(
            rich_progress.TextColumn("{task.description:>12}"),
            rich_progress.BarColumn(),
            rich_progress.MofNCompleteColumn(),
            rich_progress.TextColumn("{task.fields[rate]}"),
            rich_progress.TimeElapsedColumn(),
            rich_progress.TimeRemainingColumn(),
            console=Console(stderr=True),
            disable=not shown,
        )
        totals: Counter[str] = Counter()
        for chunk in chunks:
            totals[chunk.label] += chunk.events
        self._tasks = {
            name: self._bars.add_task(name, total=total, rate="", start=False) for name, total in totals.items()
        }
        self._fresh: Counter[str] = Counter()

    def __enter__(self) -> "Progress":
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def begin(self, labels: Sequence[str]) -> None:
        """Start the clocks of these processes."""
        for label in set(labels):
            self._bars.start_task(self._tasks[label])

    def advance(self, chunk: Chunk, fresh: bool = True) -> None:
        """Count a finished chunk; `fresh=False` for one that an earlier run had finished."""
        task = self._tasks[chunk.label]
        rate = ""
        if fresh:
            self._fresh[chunk.label] += chunk.events
            elapsed = self._bars.tasks[task].elapsed
            rate = f"{self._fresh[chunk.label] / elapsed:.1f}/s" if elapsed else ""
        self._bars.update(task, advance=chunk.events, rate=rate)
