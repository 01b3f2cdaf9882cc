import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from l1ae.errors import ConfigError, RunFolderError, ToolchainError
from l1ae.events.generator import generate
from l1ae.events.generator.chunks import Chunk
from l1ae.events.generator.generate import run_chunks
from l1ae.events.generator.progress import Progress
from l1ae.events.generator.pythia import start
from l1ae.events.generator.recipes import RECIPES, Process
from l1ae.events.io import read_events

module = sys.modules[generate.__module__]


def same(first, second):
    return all(np.array_equal(getattr(first, name), getattr(second, name)) for name in ("words", "process", "event_id"))


def test_a_sample_is_what_was_asked_for(tiny_sample):
    assert np.bincount(tiny_sample.process, minlength=8).tolist() == [14, 2, 8, 0, 0, 0, 0, 0]
    assert tiny_sample.process_names == ("W", "Z", "QCD", "tt", "LQ", "A4l", "h0", "h+")
    assert len(np.unique(tiny_sample.event_id)) == len(tiny_sample)
    physical = tiny_sample.to_physical()
    assert (np.maximum(physical[:, 1, 0], physical[:, 5, 0]) >= 23).all()
    for rows in (slice(1, 5), slice(5, 9), slice(9, 19)):
        assert (np.diff(physical[:, rows, 0], axis=1) <= 0).all()


def test_the_metadata_tells_how_it_was_made(tiny_sample):
    metadata = tiny_sample.metadata
    assert metadata["recipe"] == "lepton"
    assert metadata["seed"] == "5"
    assert metadata["background_processes"] == "W,Z,QCD,tt"
    assert metadata["signal_processes"] == "LQ,A4l,h0,h+"
    assert metadata["pythia"].startswith("8.")
    assert "8 minimum-bias events" in metadata["pile_up_pool"]
    assert '"QCD": 0.0' in metadata["filter_efficiency"]


def test_a_killed_run_goes_on_from_its_chunks_with_more_workers(tiny_sample, tiny_request, sample_path, monkeypatch):
    work = sample_path.with_name("work")
    command = (
        "from pathlib import Path; from l1ae.events.generator import generate; "
        f"generate('lepton', Path({str(sample_path)!r}), chunk_dir=Path({str(work)!r}), workers=1, **{tiny_request!r})"
    )
    run = subprocess.Popen([sys.executable, "-c", command], start_new_session=True)
    deadline = time.monotonic() + 120
    while not list(work.glob("p*.npz")):
        assert run.poll() is None, "the run ended before it was killed"
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.killpg(run.pid, signal.SIGKILL)
    run.wait()
    finished = {path: path.stat().st_mtime_ns for path in work.glob("p*.npz")}
    assert not sample_path.exists()

    monkeypatch.setattr(module, "_clear_work_folder", lambda work: None)
    generate("lepton", sample_path, chunk_dir=work, workers=2, **tiny_request)
    assert same(read_events(sample_path), tiny_sample)
    assert finished
    assert {path: path.stat().st_mtime_ns for path in finished} == finished

    with pytest.raises(RunFolderError, match="remove that folder to start afresh"):
        generate("lepton", sample_path, chunk_dir=work, workers=1, **tiny_request | {"seed": 6})


def test_a_folder_of_somebody_else_is_left_alone(sample_path):
    work = sample_path.with_name(sample_path.name + ".parts")
    work.mkdir()
    (work / "thesis.tex").write_text("", encoding="utf-8")
    with pytest.raises(RunFolderError, match="is no work folder of the generator"):
        generate("lepton", sample_path, events=1, progress=False)
    assert [path.name for path in work.iterdir()] == ["thesis.tex"]


def test_zero_bias_accepts_every_crossing_and_needs_no_pool(sample_path):
    generate("zero-bias", sample_path, events=3, seed=2, workers=1, chunk_events=3, progress=False)
    events = read_events(sample_path)
    assert len(events) == 3
    assert events.metadata["filter_efficiency"] == '{"zero-bias": 1.0}'
    assert events.metadata["pile_up_pool"].startswith("none")


def test_switches_that_pythia_refuses_are_explained(tmp_path):
    nothing = Process("nothing", ("HardQCD:all = off",), share=1.0)
    chunk = Chunk(RECIPES["lepton"], nothing, index=0, events=1, seed=1, path=tmp_path / "process.npz")
    with (
        Progress([chunk], shown=False) as bar,
        pytest.raises(ToolchainError, match=r"process nothing: .*no process switched on.*whole output is in") as error,
    ):
        run_chunks([chunk], 1, tmp_path, bar)
    log = Path(str(error.value).rsplit(" ", 1)[1])
    assert "no process switched on" in log.read_text(encoding="utf-8")
    assert "\n" not in str(error.value)


def test_an_unknown_switch_is_named(sample_path):
    with pytest.raises(ToolchainError, match="does not know the switch 'Softly:on = yes' of the process x"):
        start("x", ("Softly:on = yes",), 1)


@pytest.mark.parametrize("package", ["pythia8mc", "fastjet", "awkward"])
def test_a_missing_package_says_what_to_install(sample_path, monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ToolchainError, match=r"pip install 'l1ae\[generate\]'"):
        generate("lepton", sample_path, events=1)
    assert not list(sample_path.parent.iterdir())


@pytest.mark.parametrize(
    "bad", [{"workers": 0}, {"pool_events": 0}, {"chunk_events": 0}, {"seed": -1}, {"events": 0, "signal_events": 0}]
)
def test_impossible_requests_are_refused(sample_path, bad):
    with pytest.raises(ConfigError):
        generate("lepton", sample_path, **bad)
    assert not list(sample_path.parent.iterdir())


def test_import_loads_neither_generators_nor_tensorflow():
    command = (
        "import sys, l1ae.events.generator; "
        "sys.exit(sum(name in sys.modules for name in ('pythia8mc', 'fastjet', 'tensorflow')))"
    )
    assert subprocess.run([sys.executable, "-c", command], check=False).returncode == 0
