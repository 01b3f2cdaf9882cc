"""Hand-made particles, a detector without smearing, recipes to play with, and one tiny generated sample."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from l1ae.events import generator
from l1ae.events.generator.decays import DecayTable, make_table
from l1ae.events.generator.library import find_recipe, recipe_folder
from l1ae.events.generator.particles import Particles
from l1ae.events.generator.pythia import start
from l1ae.events.generator.recipes import Detector, Recipe
from l1ae.events.io import read_events
from l1ae.events.schema import EventSet

#: A sample of a few events in four chunks, with a pool of one chunk: minimum-bias Pythia takes seconds to start.
TINY = {"events": 24, "signal_events": 0, "seed": 5, "pool_events": 8, "chunk_events": 8, "progress": False}

Particle = tuple[int, float, float, float]


@pytest.fixture(scope="session")
def lepton() -> Recipe:
    return find_recipe("lepton")


@pytest.fixture(scope="session")
def detector(lepton: Recipe) -> Detector:
    return lepton.detector


@pytest.fixture
def edited(tmp_path: Path) -> Callable[..., Path]:
    """Writes a shipped recipe with changes (a function of its content) into a file."""

    def write(change: Callable[[dict[str, Any]], object], name: str = "lepton") -> Path:
        content = yaml.safe_load((recipe_folder() / f"{name}.yaml").read_text(encoding="utf-8"))
        change(content)
        path = tmp_path / "recipe.yaml"
        path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
        return path

    return write


@pytest.fixture(scope="session")
def tiny_recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The lepton recipe with a small table of decays."""
    content = yaml.safe_load((recipe_folder() / "lepton.yaml").read_text(encoding="utf-8"))
    content["backgrounds"][2]["weighted"]["decays"] = 100
    path = tmp_path_factory.mktemp("recipe") / "tiny.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def tiny_request() -> dict[str, object]:
    return dict(TINY)


@pytest.fixture(scope="session")
def tiny_sample(tiny_recipe: Path, tmp_path_factory: pytest.TempPathFactory) -> EventSet:
    """The tiny sample, made by one worker; nothing but the file is left behind."""
    path = generator.generate(tiny_recipe, tmp_path_factory.mktemp("tiny") / "tiny.h5", workers=1, **TINY)
    assert [file.name for file in path.parent.iterdir()] == ["tiny.h5"]
    return read_events(path)


@pytest.fixture(scope="session")
def table(lepton: Recipe) -> DecayTable:
    """4,000 decays at rest of a B0, a Lambda_b0 and a D+ (PDG codes 511, 5122, 411)."""
    pythia = start("decays", (*lepton.pythia.common, "ProcessLevel:all = off", "Print:quiet = on"), seed=3)
    return make_table(pythia, (511, 5122, 411), 4000)


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
def perfect(detector: Detector) -> Detector:
    """A detector that measures every energy exactly."""
    resolutions = [name for name in Detector.model_fields if name.endswith(("_stochastic", "_constant", "_slope"))]
    return detector.model_copy(update=dict.fromkeys(resolutions, 0.0))


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(1)


@pytest.fixture
def sample_path(tmp_path: Path) -> Path:
    return tmp_path / "sample.h5"
