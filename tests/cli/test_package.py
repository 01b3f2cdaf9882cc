"""`l1ae package`: the model of a run or a project as an emulator package."""

import json
import re

import pytest


def test_a_run_becomes_a_package_with_its_thresholds(l1ae, undercomplete, tmp_path):
    out = tmp_path / "ANOMALY"
    said = l1ae("package", undercomplete.place.run, "--name", "ANOMALY", "--version", 1, "--out", out).text
    compared = re.search(r"ANOMALY_v1: (\d+) events equal to the reference, (\d+) shipped", said)
    assert int(compared[1]) > 500
    rows = json.loads((out / "ANOMALY_v1" / "thresholds.json").read_text())
    physics = json.loads((undercomplete.place.run / "report.json").read_text())["physics"]
    signal, found = next(iter(physics.items()))
    assert rows
    for row in rows:
        point = found["tpr"][row["target_fpr"]]
        assert row["score_word"] == point["threshold"]
        assert row["tpr"][signal] == {key: point[key] for key in ("value", "low", "high")} | {"events": found["events"]}
        assert row["fpr"]["events"] == found["background_events"]
    record = json.loads((out / "ANOMALY_v1" / "record.json").read_text())
    assert record["origin"]["source"] == "run"
    assert all("offset" in one for one in record["inputs"])


def test_a_project_becomes_a_package_and_its_next_version_too(l1ae, undercomplete, tmp_path):
    out = tmp_path / "X"
    for version in (3, 10):
        assert l1ae("package", undercomplete.place.project, "--name", "X", "--version", version, "--out", out).text
    assert list(json.loads((out / "package.json").read_text())["versions"]) == ["X_v3", "X_v10"]
    ended = l1ae("package", undercomplete.place.project, "--name", "X", "--version", 3, "--out", out)
    assert (ended.code, "a version never changes" in ended.message) == (2, True)


@pytest.mark.parametrize("source", ["nothing", "model.keras"])
def test_what_is_no_run_and_no_project_is_refused(l1ae, tmp_path, source):
    if "." in source:
        (tmp_path / source).write_bytes(b"")
    ended = l1ae("package", tmp_path / source, "--name", "X", "--version", 1, "--out", tmp_path / "out")
    assert ended.code == 2
    assert ended.message
    assert not (tmp_path / "out").exists()
