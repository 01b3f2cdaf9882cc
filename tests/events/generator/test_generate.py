import itertools
import json
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
from l1ae.events.generator.assemble import first_id
from l1ae.events.generator.chunks import Chunk
from l1ae.events.generator.generate import run_chunks
from l1ae.events.generator.library import find_recipe
from l1ae.events.generator.progress import Progress
from l1ae.events.generator.pythia import start
from l1ae.events.generator.recipes import Process
from l1ae.events.io import read_events

module = sys.modules[generate.__module__]


def same(first, second):
    names = ("words", "process", "event_id", "pile_up")
    return all(np.array_equal(getattr(first, name), getattr(second, name)) for name in names)


def test_a_sample_is_what_was_asked_for(tiny_sample, tiny_recipe, tiny_request):
    assert np.bincount(tiny_sample.process, minlength=10).tolist() == [14, 2, 8, 0, 0, 0, 0, 0, 0, 0]
    assert tiny_sample.process_names == ("W", "Z", "QCD", "tt", "LQ", "A4l", "h0", "h+", "HH", "LLP")
    independent = json.loads(tiny_sample.metadata["independent_events"])
    recipe = find_recipe(tiny_recipe)
    recipe = recipe.model_copy(update={"pool": recipe.pool.model_copy(update={"events": tiny_request["pool_events"]})})
    for code, name in enumerate(tiny_sample.process_names):
        identity = np.unique(tiny_sample.event_id[tiny_sample.process == code])
        assert independent[name] == len(identity)
        first = int(first_id(recipe, 5, code))
        assert identity.tolist() == list(range(first, first + len(identity)))
    assert independent["W"] == 14
    assert len(np.unique(tiny_sample.words, axis=0)) == len(tiny_sample)
    physical = tiny_sample.to_physical()
    assert (np.maximum(physical[:, 1, 0], physical[:, 5, 0]) >= 23).all()
    for rows in (slice(1, 5), slice(5, 9), slice(9, 19)):
        assert (np.diff(physical[:, rows, 0], axis=1) <= 0).all()


def test_every_event_knows_its_pile_up(tiny_sample):
    assert tiny_sample.pile_up.dtype == np.uint16
    assert len(tiny_sample.pile_up) == len(tiny_sample)
    assert tiny_sample.pile_up.mean() == pytest.approx(20, abs=5 * np.sqrt(20 / 24))
    assert "collisions of the pile-up in the crossing of each event" in tiny_sample.metadata["pile_up_count"]


def test_samples_of_other_seeds_and_recipes_have_other_ids(lepton):
    other = find_recipe("zero-bias")
    first = {int(first_id(*which)) for which in ((lepton, 1, 0), (lepton, 2, 0), (other, 1, 0), (lepton, 1, 1))}
    ordered = sorted(first)
    assert len(ordered) == 4
    assert all(later - earlier >= 2**32 for earlier, later in itertools.pairwise(ordered))
    assert max(first) < 2**64


def test_the_metadata_tells_how_it_was_made(tiny_sample):
    metadata = tiny_sample.metadata
    assert metadata["recipe"] == "lepton"
    assert metadata["seed"] == "5"
    assert metadata["background_processes"] == "W,Z,QCD,tt"
    assert metadata["signal_processes"] == "LQ,A4l,h0,h+,HH,LLP"
    assert metadata["pythia"].startswith("8.")
    assert metadata["collisions"] == "proton-proton, 13 TeV, leading order"
    assert "8 minimum-bias events" in metadata["pile_up_pool"]
    assert json.loads(metadata["pile_up_profile"]) == {"20.0": 1.0}
    efficiency, sigma, visible = (
        json.loads(metadata[key]) for key in ("filter_efficiency", "cross_section_pb", "visible_cross_section_pb")
    )
    assert list(efficiency) == list(sigma) == list(visible) == ["W", "Z", "QCD"]
    assert efficiency["QCD"] < 1e-3 < 0.1 < efficiency["W"] < 0.6
    assert sigma["W"] == pytest.approx(4.8e4, rel=0.2)  # pb, at leading order
    assert sigma["QCD"] > 1e8
    assert visible["W"] == pytest.approx(sigma["W"] * efficiency["W"], rel=1e-3)
    predicted = json.loads(metadata["predicted_mixture"])
    assert sum(predicted.values()) == pytest.approx(1, abs=1e-3)
    assert json.loads(metadata["generated"])["W"] >= 14


def test_a_killed_run_goes_on_from_its_chunks_with_more_workers(
    tiny_sample, tiny_recipe, tiny_request, sample_path, monkeypatch
):
    work = sample_path.with_name("work")
    command = (
        "from pathlib import Path; from l1ae.events.generator import generate; "
        f"generate({str(tiny_recipe)!r}, Path({str(sample_path)!r}), "
        f"chunk_dir=Path({str(work)!r}), workers=1, **{tiny_request!r})"
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
    generate(tiny_recipe, sample_path, chunk_dir=work, workers=2, **tiny_request)
    assert same(read_events(sample_path), tiny_sample)
    assert finished
    assert {path: path.stat().st_mtime_ns for path in finished} == finished

    with pytest.raises(RunFolderError, match="remove that folder to start afresh"):
        generate(tiny_recipe, sample_path, chunk_dir=work, workers=1, overwrite=True, **tiny_request | {"seed": 6})


def test_chunks_of_a_version_without_pile_up_are_not_taken_up(lepton, sample_path):
    work = sample_path.with_name("work")
    work.mkdir()
    settings = module._settings(lepton, 1, 500, module.require_generators())
    assert settings.pop("event_chunks") == ["words", "origin", "pile_up", "tally"]
    (work / "settings.json").write_text(json.dumps(settings, indent=1), encoding="utf-8")
    with pytest.raises(RunFolderError, match=r"work holds chunks of .*another version of l1ae; remove that folder"):
        generate("lepton", sample_path, chunk_dir=work, events=1, progress=False)
    assert [path.name for path in work.iterdir()] == ["settings.json"]


def test_a_folder_of_somebody_else_is_left_alone(sample_path):
    work = sample_path.with_name(sample_path.name + ".parts")
    work.mkdir()
    (work / "thesis.tex").write_text("", encoding="utf-8")
    with pytest.raises(RunFolderError, match="is no work folder of the generator"):
        generate("lepton", sample_path, events=1, progress=False)
    assert [path.name for path in work.iterdir()] == ["thesis.tex"]


def test_zero_bias_accepts_every_crossing(sample_path, edited):
    def short(content):
        content["signals"] = [signal for signal in content["signals"] if signal["name"] == "LLP"]
        content["pile_up"] = {"profile": [[3.0, 1.0], [5.0, 1.0]], "underlying_events": 1}

    recipe = edited(short, "zero-bias")
    generate(recipe, sample_path, events=7, signal_events=2, workers=1, pool_events=6, chunk_events=4, progress=False)
    events = read_events(sample_path)
    assert np.bincount(events.process).tolist() == [7, 2]
    assert events.metadata["filter_efficiency"] == '{"zero-bias": 1.0, "LLP": 1.0}'
    assert list(json.loads(events.metadata["cross_section_pb"])) == ["LLP"]
    assert json.loads(events.metadata["pile_up_profile"]) == {"3.0": 0.5, "5.0": 0.5}
    assert len(np.unique(events.event_id)) == 9
    assert "times on average" in events.metadata["pile_up_pool_reuse"]
    used = float(events.metadata["pile_up_pool_reuse"].split("used ")[1].split()[0]) * 6
    used += int(events.metadata["pile_up_hard_collisions"].split(",")[0])
    underlying = 2  # one of each of the two LLP events
    assert events.pile_up.sum() + underlying == pytest.approx(used, abs=0.3), "all collisions of a zero-bias crossing"


def test_switches_that_pythia_refuses_are_explained(lepton, tmp_path):
    nothing = Process(name="nothing", switches=("HardQCD:all = off",), share=1.0)
    chunk = Chunk(lepton, "events", nothing, index=0, events=1, seed=1, path=tmp_path / "process.npz")
    with (
        Progress([chunk], shown=False) as bar,
        pytest.raises(ToolchainError, match=r"process nothing: .*no process switched on.*whole output is in") as error,
    ):
        run_chunks([chunk], 1, tmp_path, bar)
    log = Path(str(error.value).rsplit(" ", 1)[1])
    assert "no process switched on" in log.read_text(encoding="utf-8")
    assert "\n" not in str(error.value)


def test_chunks_of_one_kind_share_no_seed(lepton, tmp_path):
    process = lepton.processes[0]
    chunks = [Chunk(lepton, "events", process, index, 1, 1, tmp_path / "x") for index in range(100)]
    seeds = [chunk.seeds(purpose)[1] for chunk in chunks for purpose in ("", "hard collisions")]
    assert len(set(seeds)) == 200
    assert len({chunk.seeds("")[0].integers(2**62) for chunk in chunks}) == 100
    assert chunks[3].seeds("")[1] == chunks[3].seeds("")[1]


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
