"""`l1ae emulate`: files of scores of a run or a project."""

import json

import h5py
import numpy as np
import pytest

from l1ae.circuit import Circuit
from l1ae.events.io import read_events, write_events
from l1ae.events.source import sample_path
from l1ae.runs import RunFolder


@pytest.fixture
def data(tmp_path):
    write_events(tmp_path / "in" / "a.h5", read_events(sample_path()).take(slice(0, 300)))
    write_events(tmp_path / "in" / "b.h5", read_events(sample_path()).take(slice(300, 700)))
    return tmp_path / "in" / "a.h5", tmp_path / "in" / "b.h5"


def test_several_files_of_a_run_become_one_output_each(l1ae, undercomplete, data, tmp_path):
    run, out = undercomplete.place.run, tmp_path / "scores"
    said = l1ae("emulate", run, "--data", *data, "--out", out, "--thresholds", "5,90").text
    assert "score >= 90" in said
    circuit, chosen = Circuit.load(run / "circuit.json"), RunFolder.open(run).config.data
    for file in data:
        events = read_events(file)
        layout = events.layout.select(chosen.objects, chosen.features)
        expected = circuit.output_words(events.select(layout).inputs)
        with h5py.File(out / file.name) as found:
            assert (found["scores"][:] == expected).all()
            assert (found["passed"][:] == (expected >= np.array([5, 90]))).all()


def test_a_threshold_that_is_no_integer_is_refused(l1ae, undercomplete, data, tmp_path):
    ended = l1ae(
        "emulate", undercomplete.place.run, "--data", data[0], "--out", tmp_path / "x.h5", "--thresholds", "1.5"
    )
    assert ended.code == 2
    assert "no list of integer words" in ended.message


def test_truncated_data_end_with_2_and_leave_nothing(l1ae, undercomplete, data, tmp_path):
    with data[0].open("r+b") as file:
        file.truncate(data[0].stat().st_size // 2)
    ended = l1ae("emulate", undercomplete.place.run, "--data", data[0], "--out", tmp_path / "x.h5")
    assert ended.code == 2
    assert "truncated or damaged" in ended.message
    assert not (tmp_path / "x.h5").exists()


def test_thresholds_are_those_of_the_report_unless_others_are_named(l1ae, undercomplete, data, tmp_path):
    run = undercomplete.place.run
    physics = json.loads((run / "report.json").read_text())["physics"]
    cuts = {point["threshold"] for signal in physics.values() for point in signal["tpr"].values()} - {None}
    assert cuts
    said = l1ae("emulate", run, "--data", data[0], "--out", tmp_path / "x.h5").text
    with h5py.File(tmp_path / "x.h5") as found:
        assert json.loads(bytes(found.attrs["record"]))["thresholds"] == sorted(cuts)
        assert (found["passed"][:] == (found["scores"][:] >= np.array(sorted(cuts)))).all()
    assert all(f"score >= {int(cut)}:" in said for cut in cuts)


def test_files_go_to_the_workers_of_a_scheduler(l1ae, undercomplete, data, tmp_path, monkeypatch):
    distributed = pytest.importorskip("distributed")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    run, here, there = undercomplete.place.run, tmp_path / "here", tmp_path / "there"
    l1ae("emulate", run, "--data", *data, "--out", here)
    with distributed.LocalCluster(n_workers=1, processes=True, dashboard_address=":0", silence_logs=50) as cluster:
        ended = l1ae("emulate", run, "--data", *data, "--out", there, "--scheduler", cluster.scheduler_address)
    assert "a.h5: 300 events, SHA-256" in ended.text
    assert "b.h5: 400 events, SHA-256" in ended.text
    for file in data:
        assert (here / file.name).read_bytes() == (there / file.name).read_bytes()


def test_a_scheduler_that_does_not_answer_is_named(l1ae, undercomplete, data, tmp_path, monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr("l1ae.emulation.cluster._PATIENCE", 1)
    run, out = undercomplete.place.run, tmp_path / "scores"
    ended = l1ae("emulate", run, "--data", *data, "--out", out, "--scheduler", "tcp://127.0.0.1:9")
    assert ended.code == 2
    assert "no dask scheduler answers at tcp://127.0.0.1:9" in ended.message
