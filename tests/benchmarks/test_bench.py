"""The harness on tiny inputs: every figure has a baseline, and no figure is given for a wrong implementation."""

import ast
import io
import json
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from rich.console import Console

from benchmarks import emulation, record, run, scoring
from benchmarks.clock import Spread, in_turns
from benchmarks.record import Row
from benchmarks.run import Sizes, measure
from benchmarks.subject import prepare
from l1ae.errors import VerificationError
from l1ae.events.io import write_events
from l1ae.terminal import Terminal

ROOT = Path(__file__).parents[2]
TINY = Sizes(
    scoring_events=40,
    scoring_repeats=2,
    training_events=128,
    epochs=2,
    reading_repeats=2,
    start_up_repeats=1,
    memory_events=200,
    conversion_events=4000,
    large_events=4000,
    generated_events=2,
    pool_events=4,
    emulated=emulation.EmulationSizes(events=20, repeats=2, compared=60_000),
)
#: Rows per group; nothing here asserts a time.
GROUPS = {
    "scoring": 18,
    "arithmetic": 2,
    "training": 2,
    "reading": 1,
    "start-up": 1,
    "memory": 2,
    "generation": 2,
    "conversion": 2,
    "large file": 10,
}


CANDIDATES = ["C simulation, 2 threads", "integer reference (numpy)", "Keras predict"]


@pytest.fixture(scope="module")
def configs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("configs")
    paths = []
    for kind in ("variational", "undercomplete"):
        paths.append(folder / f"{kind}.yaml")
        content = {"name": kind, "autoencoder": {"kind": kind, "hidden": [4], "latent": 2}}
        paths[-1].write_text(yaml.safe_dump(content))
    return paths


@pytest.fixture(scope="module")
def event_file(many_events, tmp_path_factory):
    """Objects ordered by pT, as the public format has them."""
    words = many_events.words.copy()
    for kind in many_events.layout.kinds:
        block = words[:, many_events.layout.rows(kind.name)]
        order = np.argsort(-block[..., 0], axis=1, kind="stable")
        words[:, many_events.layout.rows(kind.name)] = np.take_along_axis(block, order[..., None], axis=1)
    path = tmp_path_factory.mktemp("ordered") / "events.h5"
    write_events(path, replace(many_events, words=words))
    return path


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    """One background process and one signal: Pythia takes seconds to start for each."""
    content = yaml.safe_load((ROOT / "configs" / "recipes" / "lepton.yaml").read_text())
    content["backgrounds"] = [process | {"share": 1.0} for process in content["backgrounds"] if process["name"] == "W"]
    content["signals"] = [process for process in content["signals"] if process["name"] == "A4l"]
    path = tmp_path_factory.mktemp("recipe") / "tiny.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


@pytest.fixture(scope="module")
def rows(configs, event_file, recipe, compiled, tmp_path_factory):
    sizes = replace(TINY, recipes=(str(recipe),))
    with Terminal() as ui:
        return measure(configs, event_file, sizes, ui, tmp_path_factory.mktemp("bench"), configs)


def test_every_figure_has_a_baseline_a_ratio_and_sizes(rows):
    assert {kind: sum(row.group.startswith(kind) for row in rows) for kind in GROUPS} == GROUPS
    assert len(rows) == sum(GROUPS.values())
    for row in rows:
        assert row.baseline_name
        assert row.baseline_name != row.name
        assert row.sizes
        assert all(count > 0 for count in row.sizes.values())
        assert row.stage == "measured"
        assert row.better in ("higher", "lower")
        assert row.ratio == row.measured.median / row.baseline.median
        for spread in (row.measured, row.baseline):
            assert 0 <= spread.low <= spread.median <= spread.high
            assert spread.repeats >= 1


def test_the_full_autoencoder_and_its_encoder_are_scored(rows):
    for shape in ("57-4-2", "57-4-2-4-57"):
        found = [row for row in rows if row.group == f"scoring {shape}"]
        assert {row.baseline_name for row in found} == {scoring.BASELINE}
        assert {row.name for row in found} == set(CANDIDATES)


def test_every_way_to_emulate_is_measured_on_the_same_events(rows):
    for shape in ("57-4-2", "57-4-2-4-57"):
        found = {row.name: row for row in rows if row.group == f"scoring {shape}, emulation"}
        assert {row.baseline_name for row in found.values()} == {scoring.BASELINE}
        said = " ".join(found)
        for what in (
            "l1ae.Emulator, 1 thread",
            "numpy int64",
            "packaged library",
            "XLA",
            "without special instructions",
        ):
            assert what in said
        assert {row.sizes["events"] for row in found.values()} == {20}
        assert found[emulation.EMULATOR].sizes["events equal to the reference"] == 60_000
        (share,) = (row for row in rows if row.group == f"arithmetic {shape}")
        assert 0 < share.ratio < 1
        assert share.sizes == {"products an event": 57 * 4 + 4 * 2 + (4 * 2 + 57 * 4) * (shape != "57-4-2")}


def test_an_emulator_that_differs_gets_no_figures(subject, monkeypatch):
    class Wrong(emulation.Emulator):
        def __call__(self, values):
            found = super().__call__(values)
            found[3] += 1
            return found

    monkeypatch.setattr(emulation, "Emulator", Wrong)
    words = subject.samples.first_test_events(20).inputs
    with Terminal() as ui, pytest.raises(VerificationError, match="differs from the reference in 1 of 20 events"):
        emulation.agreement(subject.circuit, words, 20, ui)


def test_record_and_table(rows, tmp_path):
    facts = record.machine()
    content = json.loads(json.dumps(record.document(rows, facts, facts)))
    assert content["stage"] == "measured"
    assert {"cpu", "cores", "cores_usable", "load_average", "load_average_after"} <= content["machine"].keys()
    assert {"python", "numpy", "hls4ml", "tensorflow", "g++"} <= content["versions"].keys()
    assert len(content["rows"]) == len(rows)
    for entry in content["rows"]:
        assert {"baseline_name", "baseline", "measured", "ratio", "sizes", "unit", "stage"} <= entry.keys()
        assert {"median", "low", "high", "repeats"} == entry["measured"].keys() == entry["baseline"].keys()
    console = Console(file=io.StringIO(), width=200)
    console.print(record.table(rows, facts))
    shown = console.file.getvalue()
    assert all(row.name in shown and f"baseline: {row.baseline_name}" in shown for row in rows)


def test_memory_is_that_of_the_process_and_not_of_its_parent(rows):
    added, peak = (row.measured.median for row in rows if row.group.startswith("memory"))
    assert peak > max(added, 100)  # MiB: TensorFlow is in it
    small = "from benchmarks.child import peak; print(peak())"
    parent = np.ones(2**26)  # 512 MiB, which a child would inherit in getrusage on Linux
    done = subprocess.run([sys.executable, "-c", small], capture_output=True, text=True, check=True)
    assert 0 < int(done.stdout) < parent.nbytes / 2


@pytest.fixture(scope="module")
def subject(configs, event_file, compiled, tmp_path_factory):
    with Terminal() as ui:
        return prepare(configs[0], event_file, tmp_path_factory.mktemp("subject"), ui)


@pytest.mark.parametrize("name", CANDIDATES)
def test_one_lsb_in_one_event_is_refused(subject, name):
    words = subject.samples.first_test_events(40).inputs
    candidates = scoring.implementations(subject)
    right = candidates[name]

    def wrong(words):
        scores = right(words).copy()
        scores[17] += 1
        return scores

    with pytest.raises(VerificationError, match=r"differs from .* in 1 of 40 events, first event 17"):
        scoring.rates("tiny", candidates | {name: wrong}, words, 1)


def test_a_score_that_is_wrong_only_when_it_is_timed_is_refused(subject):
    words = subject.samples.first_test_events(20).inputs
    calls = []

    def tired(words):
        calls.append(len(words))
        return subject.circuit.reference(words) + (len(calls) > 2)

    with pytest.raises(VerificationError, match="20 of 20"):
        scoring.rates("tiny", {"baseline": subject.circuit.reference, "tired": tired}, words, 3)
    assert len(calls) == 3


def test_scores_that_are_no_integers_are_refused(subject):
    words = subject.samples.first_test_events(20).inputs
    candidates = {
        "baseline": subject.circuit.reference,
        "float": lambda words: subject.circuit.reference(words).astype(float),
    }
    with pytest.raises(VerificationError, match="float64"):
        scoring.rates("tiny", candidates, words, 1)


def test_a_failure_is_one_line_and_writes_nothing(tmp_path, monkeypatch, capfd):
    def fail(*_):
        raise VerificationError("one LSB apart; no figures")

    monkeypatch.setattr(run, "measure", fail)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert run.main(tmp_path / "bench.json", tmp_path / "events.h5") == 1
    out = capfd.readouterr().out
    assert out.startswith("bench: error: one LSB apart; no figures (everything it made is kept in ")
    assert out.count("\n") == 1
    assert not (tmp_path / "bench.json").exists()


def test_in_turns():
    order = []
    times = in_turns({"a": lambda: order.append("a"), "b": lambda: order.append("b")}, 3)
    assert order == ["a", "b"] * 3
    assert {name: len(values) for name, values in times.items()} == {"a": 3, "b": 3}


def test_ratio_and_spread():
    row = Row("g", "n", "s", "lower", Spread.of([3, 1, 2]), "b", Spread.of([4.0]), {"events": 1})
    assert (row.measured, row.ratio) == (Spread(2, 1, 3, 3), 0.5)
    assert np.isclose(row.as_dict()["ratio"], 0.5)


def test_only_the_base_install_is_needed():
    roots = set()
    for path in Path(run.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                roots |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                roots.add((node.module or "").split(".")[0])
    assert roots - sys.stdlib_module_names == {
        "benchmarks",
        "l1ae",
        "click",
        "da4ml",
        "h5py",
        "keras",
        "numpy",
        "rich",
        "tensorflow",
    }
