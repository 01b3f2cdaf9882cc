"""`l1ae encode`: code words of events, and what the compression costs."""

import json
import os
import subprocess
import sys
from dataclasses import replace

import h5py
import numpy as np
import pytest

from l1ae.circuit import Circuit
from l1ae.events.io import write_events
from l1ae.files import sha256
from l1ae.samples import Samples

from ..coders import autoencoder, write_run


@pytest.fixture
def run(tmp_path, event_file):
    return write_run(tmp_path / "run", event_file)


def codes(path):
    with h5py.File(path) as file:
        record = json.loads(bytes(file.attrs["record"]))
        return {name: file[name][()] for name in ("code", "process", "event_id")}, record


def test_the_code_words_of_the_test_events_are_those_of_the_circuit(l1ae, run, tmp_path):
    assert l1ae("encode", run.path, "--out", tmp_path / "codes.h5").text
    found, record = codes(tmp_path / "codes.h5")
    samples = Samples.open(run.config.data)
    events = samples.stream.read(samples.processes, "test")
    traced = Circuit.load(run.circuit).trace(events.inputs, ["code_quantized"])["code_quantized"]
    assert found["code"].dtype == np.int8
    assert (found["code"] == traced).all()
    assert (found["event_id"] == events.event_id).all()
    assert (found["process"] == events.process).all()
    assert record == {
        "run": "made",
        "circuit_sha256": sha256(run.circuit),
        "file": "events.h5",
        "file_sha256": samples.sha256,
        "part": "test",
        "process_names": list(events.process_names),
        "code_format": "ap_fixed<6,3,RND_CONV,SAT>",
    }


def test_the_record_says_how_many_bits_are_saved_and_what_is_lost(l1ae, run, tmp_path):
    ended = l1ae("encode", run.path, "--out", tmp_path / "codes.h5", "--json", tmp_path / "codes.json")
    assert (
        "bits per event: 502 (741 at the port) -> 18 (3 x ap_fixed<6,3,RND_CONV,SAT>): 27.9 times fewer" in ended.text
    )
    found = json.loads((tmp_path / "codes.json").read_text())
    assert found["bits"] == {"fields": 502, "port": 741, "code": 18}
    counted, _ = codes(tmp_path / "codes.h5")
    assert found["events"] == len(counted["code"])
    background = np.isin(counted["process"], range(4))
    assert found["background"]["events"] == background.sum()
    _, numbers = np.unique(counted["code"][background][:, 0], return_counts=True)
    share = numbers / numbers.sum()
    assert found["background"]["entropy_bits"][0] == pytest.approx(-(share * np.log2(share)).sum())
    features = {(one["kind"], one["feature"]): one for one in found["background"]["features"]}
    assert features["MET", "pt"]["network"]["entries"] == background.sum()
    assert features["jet", "phi"]["network"]["rms"] > features["jet", "phi"]["inputs"]["rms"] > 0
    names = [name for loss in found["processes"] for name in loss["processes"]]
    assert names == ["W", "Z", "QCD", "tt", "LQ", "A4l", "h0", "h+"]
    assert found["notes"] == []
    for line in ("jet pt", "come back absent", "RMS of the inputs alone"):
        assert line in ended.out


def test_all_events_of_another_file_are_encoded(l1ae, run, many_events, tmp_path):
    other = replace(many_events.of("W", "LQ"), event_id=many_events.of("W", "LQ").event_id + np.uint64(10**6))
    write_events(tmp_path / "other.h5", other)
    ended = l1ae("encode", run.path, "--data", tmp_path / "other.h5", "--out", tmp_path / "codes.h5")
    assert f"{len(other):,} events" in ended.text
    assert "note" not in ended.out
    found, record = codes(tmp_path / "codes.h5")
    assert (found["event_id"] == other.event_id).all()
    assert (record["part"], record["file"]) == ("whole", "other.h5")


def test_who_encodes_training_events_is_told(l1ae, run, event_file, tmp_path):
    ended = l1ae("encode", run.path, "--data", event_file, "--out", tmp_path / "codes.h5")
    assert "note: the run was trained on a part of these events" in ended.text


def test_a_file_without_background_shows_its_first_process(l1ae, run, many_events, tmp_path):
    write_events(tmp_path / "signal.h5", many_events.of("h0"))
    out, record = tmp_path / "codes.h5", tmp_path / "codes.json"
    ended = l1ae("encode", run.path, "--data", tmp_path / "signal.h5", "--out", out, "--json", record)
    assert f"h0: {len(many_events.of('h0')):,} events" in ended.text
    assert json.loads(record.read_text())["background"] is None


def test_a_variational_run_is_decoded_by_what_lies_beside_its_circuit(l1ae, event_file, tmp_path):
    run = write_run(tmp_path / "vae", event_file, "variational")
    assert "jet pt" in l1ae("encode", run.path, "--out", tmp_path / "codes.h5").text
    with_decoder, record = codes(tmp_path / "codes.h5")
    assert record["circuit_sha256"] == sha256(run.circuit)
    run.decoded.unlink()
    ended = l1ae("encode", run.path, "--out", tmp_path / "alone.h5", "--json", tmp_path / "alone.json")
    assert "note: this run has no decoder" in ended.text
    assert (codes(tmp_path / "alone.h5")[0]["code"] == with_decoder["code"]).all()
    assert json.loads((tmp_path / "alone.json").read_text())["background"]["features"] == []
    autoencoder(seed=2).save(run.decoded)
    assert "has another encoder than" in l1ae("encode", run.path, "--out", tmp_path / "other.h5").message


def test_what_cannot_be_encoded_is_refused_before_anything_is_written(l1ae, run, event_file, many_events, tmp_path):
    student = write_run(tmp_path / "student", event_file, "student")
    empty = write_run(tmp_path / "empty", event_file)
    empty.circuit.unlink()
    few = tmp_path / "few.h5"
    write_events(few, many_events.select(many_events.layout.select({"MET": 1, "jet": 4})))
    none = tmp_path / "none.h5"
    write_events(none, many_events.take(slice(0)))
    (tmp_path / "codes.h5").write_text("mine")
    before = sorted(path.name for path in tmp_path.iterdir())
    for arguments, message in (
        ((student.path,), "a student computes its score directly and has no code"),
        ((empty.path,), "l1ae convert"),
        ((tmp_path / "nothing",), "holds no run"),
        ((run.path, "--data", few), "has another layout than the run"),
        ((run.path, "--data", none), "holds no events to encode"),
        ((run.path, "--out", tmp_path / "codes.h5"), "exists: overwrite it with --force"),
        ((run.path, "--out", tmp_path / "codes.npz"), "must end with .h5 or .hdf5"),
        ((run.path, "--out", event_file, "--force"), "is also an input"),
    ):
        if "--out" not in arguments:
            arguments = (*arguments, "--out", tmp_path / "new.h5")
        ended = l1ae("encode", *arguments)
        assert message in ended.message
        assert sorted(path.name for path in tmp_path.iterdir()) == before
    assert l1ae("encode", run.path, "--out", tmp_path / "codes.h5", "--force").text


def test_an_interruption_leaves_nothing_half(l1ae, run, tmp_path, monkeypatch):
    from l1ae.evaluation.compression import Losses

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Losses, "add_seen", interrupt)
    before = sorted(path.name for path in tmp_path.iterdir())
    assert l1ae("encode", run.path, "--out", tmp_path / "codes.h5").code == 130
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_the_file_lies_here_unless_it_is_asked_for_elsewhere(l1ae, run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert l1ae("encode", run.path).text
    assert (tmp_path / "made_codes.h5").is_file()


def test_no_tensorflow_is_needed(run, tmp_path):
    code = (
        "import sys; from l1ae.cli import main\n"
        f"for command in ('encode', 'generate'):\n"
        f"    try: main([command, {str(run.path)!r}, '--out', {str(tmp_path)!r} + '/' + command + '.h5'] + ['--from-data'] * (command == 'generate'))\n"  # noqa: E501
        "    except SystemExit as ended: assert ended.code == 0, ended.code\n"
        "sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)\n"
    )
    environment = os.environ | {"COLUMNS": "200"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr


def test_a_trained_run_is_encoded(l1ae, variational, tmp_path):
    assert "come back absent" in l1ae("encode", variational.place.run, "--out", tmp_path / "codes.h5").text
