"""Hand-made particles, a detector without smearing, and one tiny generated sample."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from l1ae.events import generator
from l1ae.events.generator.detector import Detector
from l1ae.events.generator.particles import Particles
from l1ae.events.io import read_events
from l1ae.events.schema import EventSet

#: A sample of a few events in four chunks, with a pool of one chunk: minimum-bias Pythia takes seconds to start.
TINY = {"events": 24, "signal_events": 0, "seed": 5, "pool_events": 8, "chunk_events": 8, "progress": False}

Particle = tuple[int, float, float, float]


@pytest.fixture(scope="session")
def tiny_request() -> dict[str, object]:
    return dict(TINY)


@pytest.fixture(scope="session")
def tiny_sample(tmp_path_factory: pytest.TempPathFactory) -> EventSet:
    """The tiny sample, made by one worker; nothing but the file is left behind."""
    path = generator.generate("lepton", tmp_path_factory.mktemp("tiny") / "tiny.h5", workers=1, **TINY)
    assert [file.name for file in path.parent.iterdir()] == ["tiny.h5"]
    return read_events(path)


@pytest.fixture
def particles() -> Callable[[Sequence[Sequence[Particle]]], Particles]:
    """Builds `Particles` from a list of events, each a list of (kind, pT, eta, phi)."""

    def build(events: Sequence[Sequence[Particle]]) -> Particles:
        flat = [(number, *particle) for number, event in enumerate(events) for particle in event]
        columns = list(zip(*flat, strict=True)) if flat else [[]] * 5
        return Particles(
            len(events),
            np.array(columns[0], dtype=np.int32),
            np.array(columns[2], dtype=np.float32),
            np.array(columns[3], dtype=np.float32),
            np.array(columns[4], dtype=np.float32),
            np.array(columns[1], dtype=np.uint8),
        )

    return build


@pytest.fixture(scope="session")
def perfect() -> Detector:
    """A detector that measures every energy exactly."""
    return Detector(
        em_stochastic=0, em_constant=0, hadron_stochastic=0, hadron_constant=0, muon_constant=0, muon_slope=0
    )


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(1)


@pytest.fixture
def sample_path(tmp_path: Path) -> Path:
    return tmp_path / "sample.h5"
