"""`l1ae monitor`: new events against the reference of a run."""

import json
from dataclasses import replace

import numpy as np
import pytest

from l1ae.circuit import Circuit
from l1ae.config import load_config
from l1ae.events.io import write_events
from l1ae.events.split import PARTS, part_codes
from l1ae.samples import Samples


@pytest.fixture(scope="module")
def run(undercomplete):
    return undercomplete.place.run


@pytest.fixture(scope="module")
def reference(run):
    """The background test events of the run, as `watch` has to find them."""
    samples = Samples.open(load_config(run / "config.yaml").data)
    return samples.stream.read(samples.config.background, "test")


@pytest.fixture
def fresh(many_events, tmp_path):
    """Background events of the kind that the run was trained on, with ids of their own."""
    background = many_events.of("W", "Z", "QCD", "tt")
    path = tmp_path / "fresh.h5"
    write_events(path, replace(background, event_id=background.event_id + np.uint64(10**6)))
    return path


@pytest.fixture
def drifted(many_events, tmp_path):
    """The same with every second transverse momentum of the first objects twice as large."""
    background = many_events.of("W", "Z", "QCD", "tt")
    words = background.words.copy()
    words[::2, :4, 0] = np.minimum(2 * words[::2, :4, 0], 511)
    path = tmp_path / "drifted.h5"
    write_events(path, replace(background, words=words, event_id=background.event_id + np.uint64(10**6)))
    return path


def test_rates_and_scores_are_counted_event_by_event(l1ae, run, fresh, reference, tmp_path, many_events):
    record = tmp_path / "drift.json"
    said = l1ae("monitor", run, "--data", fresh, "--json", record).text
    found = json.loads(record.read_text())
    circuit = Circuit.load(run / "circuit.json")
    before = circuit.output_words(reference.inputs)[:, 0]
    now = circuit.output_words(many_events.of("W", "Z", "QCD", "tt").inputs)[:, 0]
    assert found["rates"]
    for rate in found["rates"]:
        assert rate["reference"]["passed"] == (before >= rate["threshold"]).sum()
        assert rate["reference"]["events"] == len(before)
        assert rate["new"]["passed"] == (now >= rate["threshold"]).sum()
        assert rate["new"]["events"] == len(now)
        assert str(rate["threshold"]) in said
    (score,) = (test for test in found["comparison"]["tests"] if test["name"] == "score")
    assert score["entries"] == [len(before), len(now)]
    words = np.union1d(before, now)
    distance = max(abs((before <= word).mean() - (now <= word).mean()) for word in words)
    assert score["ks"] == pytest.approx(distance, abs=1e-12)
    report = json.loads((run / "report.json").read_text())
    words = {point["threshold"] for signal in report["physics"].values() for point in signal["tpr"].values()}
    words |= {point["threshold"] for point in report["rates"]["points"]}
    assert {rate["threshold"] for rate in found["rates"]} == words - {None}


def test_events_that_are_like_the_reference_pass_every_limit(l1ae, run, fresh):
    assert l1ae("monitor", run, "--data", fresh, "--max-ks", 0.15, "--max-change", 2).text


def test_the_reference_against_itself_has_no_distance_and_a_note(l1ae, run, reference, tmp_path):
    write_events(tmp_path / "same.h5", reference)
    record = tmp_path / "same.json"
    said = l1ae("monitor", run, "--data", tmp_path / "same.h5", "--json", record, "--all").text
    assert "event ids of the reference of tiny stand in same.h5 too" in " ".join(said.split())
    found = json.loads(record.read_text())
    assert all(test["ks"] in (0, None) for test in found["comparison"]["tests"])
    assert all(rate["ratio"] in (1, None) and rate["p"] == 1 for rate in found["rates"])
    assert (part_codes(reference.event_id) == PARTS.index("test")).all()


def test_drift_of_inputs_is_found_and_named(l1ae, run, drifted, tmp_path):
    record = tmp_path / "drift.json"
    ended = l1ae("monitor", run, "--data", drifted, "--max-ks", 0.05, "--json", record)
    assert ended.code == 1
    assert "are further apart than a KS distance of 0.05" in ended.err
    tests = json.loads(record.read_text())["comparison"]["tests"]  # written all the same
    worst = max((test for test in tests if test["ks"] is not None and test["name"] != "score"), key=lambda t: t["ks"])
    assert worst["name"].endswith("_pt")


def test_a_rate_that_has_changed_is_found(l1ae, run, fresh, many_events, tmp_path):
    loud = many_events.of("W", "Z", "QCD", "tt")
    words = loud.words.copy()
    words[:, :, 0] = np.where(words[:, :, 0] > 0, np.minimum(words[:, :, 0] * 20, 511), 0)
    write_events(tmp_path / "loud.h5", replace(loud, words=words))
    ended = l1ae("monitor", run, "--data", tmp_path / "loud.h5", "--max-change", 3)
    assert ended.code == 1
    assert "rates changed by more than a factor 3; that of score >= " in ended.err


def test_pictures_are_drawn(l1ae, run, fresh, tmp_path):
    scores, inputs = tmp_path / "scores.png", tmp_path / "inputs.svg"
    assert l1ae("monitor", run, "--data", fresh, "--plot", scores, "--plot-inputs", inputs).text
    assert scores.read_bytes().startswith(b"\x89PNG")
    assert "<svg" in inputs.read_text()[:2000]


def test_chosen_processes_of_several_files(l1ae, run, fresh, drifted, tmp_path, many_events):
    record = tmp_path / "x.json"
    assert l1ae("monitor", run, "--data", fresh, "--data", drifted, "--processes", "W,Z", "--json", record).text
    found = json.loads(record.read_text())
    assert found["files"] == ["fresh.h5", "drifted.h5"]
    assert found["comparison"]["second"]["events"] == 2 * len(many_events.of("W", "Z"))


def test_what_is_wrong_is_one_line(l1ae, run, fresh, tmp_path, many_events):
    def refused(*arguments):
        ended = l1ae("monitor", *arguments)
        assert ended.code == 2
        return ended.message

    assert "none.h5" in refused(run, "--data", tmp_path / "none.h5")
    assert "named twice" in refused(run, "--data", fresh, "--data", fresh)
    assert "no process muon" in refused(run, "--data", fresh, "--processes", "muon")
    (tmp_path / "torn.h5").write_bytes(fresh.read_bytes()[:5000])
    assert refused(run, "--data", tmp_path / "torn.h5")
    other = tmp_path / "empty.h5"
    write_events(other, many_events.take(slice(0, 0)))
    assert "no events to compare" in refused(run, "--data", other)
    assert refused(tmp_path, "--data", fresh)
