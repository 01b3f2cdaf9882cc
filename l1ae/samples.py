"""The events of a run: opened, checked, and handed out part by part of the split, never all at once."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from l1ae.config import DataConfig
from l1ae.errors import DataError
from l1ae.events.layout import Layout
from l1ae.events.schema import EventSet
from l1ae.events.shuffle import Buckets
from l1ae.events.source import digest, resolve
from l1ae.events.split import PARTS, Part
from l1ae.events.stream import EventStream


@dataclass(frozen=True)
class Samples:
    """Background and signals of a configuration in the parts of the split."""

    config: DataConfig
    stream: EventStream

    @classmethod
    def open(cls, config: DataConfig) -> "Samples":
        """Open the files; raises `DataError` for a process that they do not hold, or hold too little of."""
        samples = cls(config, EventStream([resolve(name) for name in config.files], config.objects, config.features))
        if samples.layout.n_inputs < 2:
            raise DataError("one input makes no autoencoder: choose more with data.objects and data.features")
        known = ", ".join(samples.stream.process_names)
        for name in (*config.background, *config.signals):
            if name not in samples.stream.process_names:
                raise DataError(f"no process {name} in {samples.where}, it holds {known}")
        for name in config.signals:
            if not samples.counts[name]["test"]:
                raise DataError(
                    f"{samples.where} holds no test event of the signal {name}: take it out of data.signals"
                )
        if min(samples.background_events(part) for part in PARTS) == 0:
            raise DataError(f"{samples.where} holds too few background events for training, validation and test")
        return samples

    @property
    def layout(self) -> Layout:
        """Objects and features that enter the model."""
        return self.stream.layout

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files."""
        return tuple(file.path for file in self.stream.files)

    @property
    def name(self) -> str:
        """The files without their folders: records travel, and folders of one machine mean nothing on another."""
        return ", ".join(Path(name).name for name in self.config.files)

    @property
    def where(self) -> str:
        """The files with their folders, for messages."""
        return ", ".join(map(str, self.paths))

    @cached_property
    def counts(self) -> dict[str, dict[Part, int]]:
        """Events of each process in each part."""
        return self.stream.counts()

    @cached_property
    def sha256(self) -> str:
        """Digest of the files' content."""
        return digest(self.paths)

    @property
    def processes(self) -> tuple[str, ...]:
        """Background and signals."""
        return (*self.config.background, *self.config.signals)

    def check(self) -> None:
        """Read every event once; raises `DataError` for a damaged file or a word that no hardware sends."""
        for _ in self.stream.chunks():
            pass

    def background_events(self, part: Part) -> int:
        """Background events of a part."""
        return sum(self.counts[name][part] for name in self.config.background)

    def test_events(self) -> int:
        """Test events of background and signals."""
        return sum(self.counts[name]["test"] for name in self.processes)

    def shuffled(self, part: Part, folder: Path) -> Buckets:
        """Background words (N, n_inputs) of a part in random order; what does not fit into memory lies in `folder`."""
        chunks = (chunk.inputs for chunk in self.stream.chunks(self.config.background, part))
        key = f"{self.sha256} {part} {self.config.model_dump_json()}"
        return Buckets.scatter(chunks, self.background_events(part), folder / part, key)

    def first_test_events(self, count: int) -> EventSet:
        """The first `count` test events of background and signals."""
        chunks = self.stream.chunks(self.processes, "test")
        found: list[EventSet] = []
        while sum(map(len, found)) < min(count, self.test_events()):
            found.append(next(chunks))
        return EventSet.concatenate(found).take(slice(count))
