import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"  # before anything imports TensorFlow
os.environ.setdefault("MPLBACKEND", "Agg")

import numpy as np
import pytest
import yaml

from l1ae.events.io import write_events
from l1ae.events.schema import EventSet


def make_events(count: int = 300, seed: int = 0) -> EventSet:
    """Events with plausible words, an id each, and the process names of the shipped sample."""
    rng = np.random.default_rng(seed)
    physical = np.zeros((count, 19, 3))
    physical[..., 0] = rng.exponential(30.0, (count, 19)) * (rng.random((count, 19)) < 0.4)
    physical[..., 1] = rng.uniform(-2.0, 2.0, (count, 19))
    physical[..., 2] = rng.uniform(-np.pi, np.pi, (count, 19))
    physical[:, 0, 0] = rng.exponential(40.0, count) + 1.0
    physical[:, 0, 1] = 0.0
    names = ("W", "Z", "QCD", "tt", "LQ", "A4l", "h0", "h+")
    process = rng.integers(0, len(names), count).astype(np.uint8)
    return EventSet.from_physical(physical, process, names, np.arange(count, dtype=np.uint64), {"recipe": "test"})


@pytest.fixture
def events() -> EventSet:
    return make_events()


def make_crowded(events: EventSet, seed: int = 1) -> EventSet:
    """The events with a number of pile-up collisions each, 20 on average."""
    counts = np.random.default_rng(seed).poisson(20, len(events))
    return replace(events, pile_up=counts.astype(np.uint16))


@pytest.fixture
def crowded(events: EventSet) -> EventSet:
    return make_crowded(events)


@dataclass(frozen=True)
class Ended:
    """How a command ended: its exit code and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        """What a command that did its work wrote: asserts that it did, and that there was nothing to complain about."""
        assert self.code == 0, self.err
        assert self.err == ""
        return self.out

    @property
    def message(self) -> str:
        """The one line of an explained failure: asserts that there is no second one, no traceback, no exit code 0."""
        assert self.code in (1, 2)
        assert self.err.count("\n") == 1, self.err
        assert self.err.startswith("l1ae: error: ")
        assert "Traceback" not in self.out
        return self.err.removeprefix("l1ae: error: ").strip()


def call(*arguments: object) -> Ended:
    """Run `l1ae ARGUMENTS` in this process, with its output kept apart from that of the tests."""
    from l1ae.cli import main

    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        kept = os.dup(1), os.dup(2)
        os.dup2(out.fileno(), 1)
        os.dup2(err.fileno(), 2)
        try:
            with (
                contextlib.redirect_stdout(out),
                contextlib.redirect_stderr(err),
                pytest.raises(SystemExit) as ended,
            ):
                main([str(argument) for argument in arguments])
        finally:
            for old, new in zip(kept, (1, 2), strict=True):
                os.dup2(old, new)
                os.close(old)
        texts = []
        for file in (out, err):
            file.flush()
            file.seek(0)
            texts.append(file.read())
    return Ended(int(ended.value.code or 0), *texts)


def listing(folder: Path) -> dict[str, bytes | None]:
    """Every file of a folder with its content, and every folder in it; logs are left out."""
    entries = {str(path.relative_to(folder)): path for path in sorted(folder.rglob("*"))}
    return {
        name: path.read_bytes() if path.is_file() else None
        for name, path in entries.items()
        if "logs" not in path.relative_to(folder).parts
    }


def tiny_config(kind: str, *, netlist: bool = False, **firmware: Any) -> dict[str, Any]:
    """The configuration of a network that is trained, compiled and verified in seconds, and that meets ties."""
    return {
        "name": "tiny",
        "autoencoder": {"kind": kind, "hidden": [6, 4], "latent": 2, "tie_free": False},
        "training": {"epochs": 2, "batch_size": 256},
        "firmware": firmware,
        "rtl": {"latency_clocks": 8, "synthesise": netlist},
        "verification": {"events": 1000, "random": 500},
    }


@dataclass(frozen=True)
class Place:
    """A folder with a configuration file, and where its run and its firmware go."""

    root: Path

    @property
    def config(self) -> Path:
        return self.root / "tiny.yaml"

    @property
    def run(self) -> Path:
        return self.root / "run"

    @property
    def firmware(self) -> Path:
        return self.root / "firmware"

    @property
    def project(self) -> Path:
        return self.firmware / "tiny"

    def write_config(self, content: dict[str, Any]) -> None:
        self.config.write_text(yaml.safe_dump(content))

    def change_config(self, change: Callable[[dict[str, Any]], object]) -> None:
        content = yaml.safe_load(self.config.read_text())
        change(content)
        self.write_config(content)


@dataclass(frozen=True)
class Finished:
    """A place where `l1ae run` has run, and what it said."""

    place: Place
    ended: Ended


@pytest.fixture(scope="session", name="l1ae")
def command() -> Callable[..., Ended]:
    """l1ae("verify", folder) -> exit code, output and errors."""
    return call


@pytest.fixture(scope="session")
def folder_content() -> Callable[[Path], dict[str, bytes | None]]:
    """Everything in a folder, to see that a refused command has changed nothing."""
    return listing


@pytest.fixture(scope="session")
def many_events() -> EventSet:
    return make_events(3000)


@pytest.fixture(scope="session")
def many_crowded(many_events) -> EventSet:
    return make_crowded(many_events)


@pytest.fixture(scope="session")
def event_file(tmp_path_factory, many_events) -> Path:
    path = tmp_path_factory.mktemp("events") / "events.h5"
    write_events(path, many_events)
    return path


@pytest.fixture(scope="session")
def compiled(tmp_path_factory):
    """Where compiled firmware is kept during the session."""
    import matplotlib

    matplotlib.get_cachedir()  # remembered from now on: a new list of fonts would take a minute
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def place(tmp_path, event_file) -> Place:
    """A configuration of a tiny variational autoencoder; nothing has run yet."""
    here = Place(tmp_path / "place")
    here.root.mkdir()
    here.write_config(tiny_config("variational") | {"data": {"file": str(event_file)}})
    return here


@pytest.fixture(scope="session")
def run_tiny(tmp_path_factory, event_file, compiled) -> Callable[..., Finished]:
    """run_tiny(kind, netlist=False, **firmware) -> a finished `l1ae run`, do not change it; with a netlist, small."""

    def run(kind: str, *, netlist: bool = False, **firmware: Any) -> Finished:
        here = Place(tmp_path_factory.mktemp(kind))
        data: dict[str, Any] = {"file": str(event_file)}
        if netlist:  # few inputs: a synthesis of 57 takes minutes
            data |= {"objects": {"muon": 2, "jet": 3}, "features": ["pt"]}
        here.write_config(tiny_config(kind, netlist=netlist, **firmware) | {"data": data})
        return Finished(here, call("run", here.config, "--out", here.run, "--firmware", here.firmware))

    return run


@pytest.fixture(scope="session")
def variational(run_tiny) -> Finished:
    """Variational, Vitis, strategy latency."""
    return run_tiny("variational", backend="Vitis", strategy="latency")


@pytest.fixture(scope="session")
def undercomplete(run_tiny) -> Finished:
    """Undercomplete, Vivado, strategy distributed_arithmetic."""
    return run_tiny("undercomplete", backend="Vivado", strategy="distributed_arithmetic")


@pytest.fixture(scope="session")
def synthesised(run_tiny) -> Finished:
    """Variational, of five inputs, with a netlist."""
    return run_tiny("variational", netlist=True, backend="Vitis", strategy="latency")


@pytest.fixture
def copy_of(tmp_path) -> Callable[[Finished], Place]:
    """A copy of a finished run, firmware and all, to be spoiled."""

    def copy(finished: Finished) -> Place:
        return Place(Path(shutil.copytree(finished.place.root, tmp_path / "copy")))

    return copy
