"""A sample of events in any format that l1ae reads, opened to be looked at."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from l1ae.events.io import CHUNK
from l1ae.events.readers.formats import Choice
from l1ae.events.readers.isolated import open_safely
from l1ae.events.readers.own import OwnReader
from l1ae.events.readers.screen import Screen, Skipped
from l1ae.events.schema import EventSet
from l1ae.events.source import sample_path
from l1ae.events.summary import Summary


def picture_of(path: Path) -> Path:
    """Where the picture of a file or folder goes: beside it."""
    resolved = path.expanduser().resolve()
    return resolved.with_name(f"{resolved.stem}.png")


class Inspection:
    """The events behind `sample` or the name of a file or folder; raises `DataError` for what is no event file.

    Foreign files are checked as `l1ae data convert --skip-bad` does: `skipped` says which events were left out, by
    reason, once they have been read. The files of l1ae itself hold checked integers.
    """

    def __init__(self, name: str, choice: Choice | None = None) -> None:
        self.path = sample_path() if name == "sample" else Path(name).expanduser()
        self.reader = open_safely(self.path, self.path.stem, choice or Choice())
        self.foreign = not isinstance(self.reader, OwnReader)
        self._screen = Screen(self.reader, skip_bad=True)

    def __len__(self) -> int:
        return len(self.reader)

    @property
    def skipped(self) -> Mapping[str, Skipped]:
        """Events that were left out, by their first fault."""
        return self._screen.skipped

    def summary(self, advance: Callable[[int], object] | None = None) -> Summary:
        """Read all events and count them; `advance` is told the events of each chunk."""
        reader = self.reader
        summary = Summary(reader.layout, reader.process_names, reader.metadata)
        for events in self.chunks():
            summary.add(events)
            if advance is not None:
                advance(len(events))
        return summary

    def chunks(self) -> Iterator[EventSet]:
        """The good events in order; no chunk is empty."""
        if isinstance(self.reader, OwnReader):
            return self.reader.chunks(CHUNK)
        return self._screen.events(CHUNK)
