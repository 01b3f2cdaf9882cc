"""`l1ae evaluate`: a finished run on another file."""

import json

import numpy as np
import pytest

from l1ae.events.io import write_events


@pytest.fixture
def other_file(tmp_path, many_events):
    path = tmp_path / "other.h5"
    write_events(path, many_events.take(np.arange(len(many_events))[::-1]))
    return path


def test_the_training_file_gives_the_numbers_of_the_report_again(l1ae, variational, event_file, tmp_path):
    record = tmp_path / "new" / "elsewhere.json"
    ended = l1ae("evaluate", variational.place.run, "--data", event_file, "--json", record)
    assert "only its test part: the run was trained on the rest of it" in " ".join(ended.text.split())
    found = json.loads(record.read_text())
    report = json.loads((variational.place.run / "report.json").read_text())
    assert found["physics"] == report["physics"]
    assert found["files"][0]["sha256"] == report["data"]["sha256"]
    for point, before in zip(found["rates"]["points"], report["rates"]["points"], strict=True):
        assert {key: value for key, value in point.items() if key != "menu"} == {
            key: value for key, value in before.items() if key != "menu"
        }
    for point in found["in_force"]:
        assert point["background"] == point["before"]


def test_another_file_is_used_whole_and_nothing_is_written_into_the_run(
    l1ae, variational, other_file, many_events, folder_content, tmp_path
):
    before = folder_content(variational.place.run)
    record = tmp_path / "elsewhere.json"
    ended = l1ae("evaluate", variational.place.run, "--data", other_file, "--json", record, "--signals", "LQ,h0")
    assert "the whole file" in ended.text
    found = json.loads(record.read_text())
    assert found["signals"] == ["LQ", "h0"]
    assert found["events"]["LQ"] == len(many_events.of("LQ"))
    assert sum(found["events"].values()) == len(many_events.of("W", "Z", "QCD", "tt", "LQ", "h0"))
    assert folder_content(variational.place.run) == before


def test_a_foreign_file_is_read_and_its_bad_events_are_counted(l1ae, variational, tmp_path):
    values = np.zeros((300, 19, 3))
    values[:, 0, 0] = np.linspace(1, 300, 300)
    values[7, 0, 0] = np.nan
    np.save(tmp_path / "zerobias.npy", values)
    file = tmp_path / "zerobias.npy"
    ended = l1ae("evaluate", variational.place.run, "--data", file, "--background", "zerobias")
    assert "zerobias.npy: left out 1 events because a value is NaN." in ended.text
    assert "Background: 299 zerobias. Signals: none." in ended.text


def test_what_is_missing_is_one_line_with_the_way_out(l1ae, variational, copy_of, event_file, tmp_path, many_events):
    def refused(*arguments):
        return l1ae("evaluate", *arguments).message

    place = copy_of(variational)
    assert "gone.h5" in refused(place.run, "--data", "gone.h5")
    write_events(tmp_path / "signal.h5", many_events.of("LQ"))
    assert "name the background with --background" in refused(place.run, "--data", tmp_path / "signal.h5")
    assert "no event of HH" in refused(place.run, "--data", event_file, "--signals", "HH")
    layout = many_events.layout.select({"MET": 1, "jet": 4})
    write_events(tmp_path / "jets.h5", many_events.select(layout))
    assert "jets.h5 has another layout than the run" in refused(place.run, "--data", tmp_path / "jets.h5")
    report = json.loads((place.run / "report.json").read_text())
    (place.run / "report.json").write_text(json.dumps(report | {"layout": None}))
    assert refused(place.run, "--data", event_file) == (
        f"{place.run / 'report.json'} was written by an older l1ae: l1ae report {place.run}"
    )
    (place.run / "report.json").unlink()
    assert refused(place.run, "--data", event_file) == f"{place.run} has no report.json yet: l1ae report {place.run}"
    (place.run / "circuit.json").unlink()
    assert refused(place.run, "--data", event_file) == f"{place.run} has no circuit.json yet: l1ae convert {place.run}"
    assert "holds no run" in refused(tmp_path, "--data", event_file)


def test_a_file_must_be_named(l1ae, variational):
    ended = l1ae("evaluate", variational.place.run)
    assert ended.code == 2
    assert "--data" in ended.err


def test_scoring_needs_neither_tensorflow_nor_scikit_learn(variational, event_file):
    import subprocess
    import sys

    code = (
        "import sys; from l1ae.cli import main\n"
        f"try: main(['evaluate', {str(variational.place.run)!r}, '--data', {str(event_file)!r}])\n"
        "except SystemExit as end: assert not end.code\n"
        "sys.exit(str({'tensorflow', 'sklearn', 'matplotlib'} & set(sys.modules) or '') or 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
