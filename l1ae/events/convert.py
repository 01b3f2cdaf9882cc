"""Event files of any format that l1ae reads, turned into one event file of its own."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from l1ae.errors import ConfigError, DataError, RunFolderError
from l1ae.events.io import CHUNK, EventWriter
from l1ae.events.layout import Layout
from l1ae.events.parquet import ParquetEventWriter
from l1ae.events.readers.formats import Choice
from l1ae.events.readers.isolated import open_safely
from l1ae.events.readers.raw import Reader
from l1ae.events.readers.screen import Screen
from l1ae.events.schema import EventSet
from l1ae.events.stream import COUNTS, joined_metadata
from l1ae.terminal import Advance

#: Endings of the files that are written.
WRITERS: dict[str, type[EventWriter] | type[ParquetEventWriter]] = {
    ".h5": EventWriter,
    ".hdf5": EventWriter,
    ".parquet": ParquetEventWriter,
}


@dataclass(frozen=True)
class Conversion:
    """What is asked of a conversion.

    `processes`: input -> name of the process of all its events, for files that know none (None: their own name).
    `background`, `signal`: names of processes, noted in the file. `events`: only the first so many of each input.
    """

    choice: Choice = field(default_factory=Choice)
    processes: Mapping[Path, str] = field(default_factory=dict)
    skip_bad: bool = False
    sort: bool = False
    background: tuple[str, ...] = ()
    signal: tuple[str, ...] = ()
    events: int | None = None
    overwrite: bool = False


class Conversions:
    """The inputs of a conversion, opened and found to go together; `write` does the work."""

    def __init__(self, inputs: Sequence[Path], out: Path, asked: Conversion) -> None:
        self.out, self.asked = out, asked
        self._check_output(inputs)
        readers = [open_safely(path, self._process(path), asked.choice) for path in inputs]
        self._check_processes(readers)
        self.screens = [Screen(reader, asked.skip_bad, asked.sort) for reader in readers]
        for reader in readers:
            if not len(reader):
                raise DataError(f"{reader.path} holds no events")
        self.layout = self._common_layout(readers)
        self.pile_up = all(reader.pile_up for reader in readers)
        self.process_names = tuple(dict.fromkeys(name for reader in readers for name in reader.process_names))
        self._check_names(readers)

    @property
    def total(self) -> int:
        """Events that will be read."""
        return sum(min(len(screen.reader), self.asked.events or len(screen.reader)) for screen in self.screens)

    @property
    def kept(self) -> int:
        """Events that were written."""
        return sum(screen.kept for screen in self.screens)

    def write(self, advance: Advance) -> None:
        """Write the file, whole or not at all; raises `DataError` for a bad event that is not to be left out."""
        writer = WRITERS[self.out.suffix](self.out, self.process_names, self.layout, pile_up=self.pile_up)
        with writer:
            for screen in self.screens:
                for events in self._events(screen, advance):
                    writer.append(events)
            if not self.kept:
                raise DataError(f"no event is left of {self._sources()}: every one is bad, {self._summary('skipped')}")
            writer.metadata.update(self.metadata())

    def _events(self, screen: Screen, advance: Advance) -> Iterator[EventSet]:
        codes = np.array([self.process_names.index(name) for name in screen.reader.process_names], dtype=np.uint8)
        done = 0
        for events in screen.events(CHUNK, self.asked.events):
            events = events if self.pile_up else events.without_pile_up()
            yield replace(events, process=codes[events.process], process_names=self.process_names, metadata={})
            advance(screen.read - done)
            done = screen.read

    @property
    def forgotten(self) -> tuple[str, ...]:
        """Names of the inputs whose pile-up counts are left out, because others have none."""
        return tuple(screen.reader.path.name for screen in self.screens if screen.reader.pile_up and not self.pile_up)

    def metadata(self) -> dict[str, str]:
        """What the file says about itself; that of an event file of l1ae alone is kept as it is."""
        foreign = [screen for screen in self.screens if screen.reader.form not in ("l1ae", "parquet")]
        own = [(screen.reader.path.name, screen.reader.metadata) for screen in self.screens if screen not in foreign]
        found = joined_metadata(own) if own else {}
        if foreign:
            found["source"] = self._sources()
            found["skipped"] = self._summary("skipped")
            found["saturated"] = self._summary("saturated")
        if any(len(screen.reader) > screen.read for screen in self.screens):
            found["cut"] = f"the first {self.asked.events} events of {self._sources()}"
            for key in COUNTS:
                found.pop(key, None)  # of the whole file
        if self.asked.background:
            found["background_processes"] = ",".join(self.asked.background)
        if self.asked.signal:
            found["signal_processes"] = ",".join(self.asked.signal)
        return found

    def _sources(self) -> str:
        return ", ".join(f"{screen.reader.path.name} ({screen.reader.form})" for screen in self.screens)

    def _summary(self, what: str) -> str:
        """What was skipped or saturated, file by file, as one line."""
        parts = []
        for screen in self.screens:
            counts = (
                {reason: skipped.events for reason, skipped in screen.skipped.items()}
                if what == "skipped"
                else screen.saturated
            )
            if counts:
                listed = ", ".join(f"{count} {name}" for name, count in counts.items())
                parts.append(f"{screen.reader.path.name}: {listed}")
        return "; ".join(parts) or "none"

    def _process(self, path: Path) -> str:
        name = self.asked.processes.get(path, path.stem)
        if not name or "," in name:
            raise ConfigError(f"{name!r} cannot be the name of a process: name it with --process {path}=NAME")
        return name

    def _check_output(self, inputs: Sequence[Path]) -> None:
        if self.out.suffix not in WRITERS:
            raise ConfigError(f"{self.out} must end with {' or '.join(WRITERS)}: the ending says what is written")
        if len({path.resolve() for path in inputs}) < len(inputs):
            raise ConfigError("an input is named twice")
        if self.out.resolve() in {path.resolve() for path in inputs}:
            raise ConfigError(f"{self.out} is also an input")
        if self.out.is_dir():
            raise RunFolderError(f"{self.out} is a folder")
        if self.out.exists() and not self.asked.overwrite:
            raise RunFolderError(f"{self.out} exists: overwrite it with --force")

    @staticmethod
    def _common_layout(readers: Sequence[Reader]) -> Layout:
        first = readers[0]
        for reader in readers[1:]:
            if reader.layout != first.layout:
                raise ConfigError(
                    f"{reader.path} has another layout than {first.path}: "
                    "choose the same objects of both with --layout, --objects and --features"
                )
        return first.layout

    def _check_processes(self, readers: Sequence[Reader]) -> None:
        for reader in readers:
            if reader.path in self.asked.processes and reader.process_names != (self.asked.processes[reader.path],):
                raise ConfigError(
                    f"{reader.path} says itself which process its events are of ({', '.join(reader.process_names)}): "
                    "leave --process out for it"
                )

    def _check_names(self, readers: Sequence[Reader]) -> None:
        named = [reader.path.name for reader in readers if not reader.known_ids]
        twice = next((name for name in named if named.count(name) > 1), None)
        if twice is not None:
            raise ConfigError(f"two inputs are called {twice}: their events would get equal ids, rename one")
        if len(self.process_names) > 255:
            raise DataError(f"{len(self.process_names)} processes, at most 255 can be told apart")
        both = next((name for name in self.asked.signal if name in self.asked.background), None)
        if both is not None:
            raise ConfigError(f"{both} cannot be both background and signal")
        for name in (*self.asked.background, *self.asked.signal):
            if name not in self.process_names:
                raise ConfigError(f"no process {name} among the inputs, they hold {', '.join(self.process_names)}")
