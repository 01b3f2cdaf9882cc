"""`l1ae data compare`: two samples, feature by feature."""

import json
from dataclasses import replace

import numpy as np
import pytest

from l1ae.events.io import write_events


@pytest.fixture(scope="module")
def two(tmp_path_factory, many_events):
    """Few inputs, drawn quickly: a file, and one with new ids in which every MET is 10 GeV larger."""
    folder = tmp_path_factory.mktemp("two")
    events = many_events.select(many_events.layout.select({"MET": 1, "jet": 2}, ("pt", "phi")))
    words = events.words.copy()
    words[:, 0, 0] += 20
    shifted = replace(events, words=words, event_id=events.event_id + np.uint64(10**6))
    for name, content in (("events.h5", events), ("shifted.h5", shifted)):
        write_events(folder / name, content)
    return folder / "events.h5", folder / "shifted.h5"


def row(ended, name):
    return next(line for line in ended.out.splitlines() if line.split()[1:2] == [name]).replace("│", "").split()


def test_a_shift_is_found_written_and_drawn(l1ae, two, tmp_path):
    picture, record = tmp_path / "both.png", tmp_path / "both.json"
    ended = l1ae("data", "compare", *two, "--plot", picture, "--json", record)
    assert ended.text
    assert "3000 events of events.h5 (A) and 3000 of shifted.h5 (B)" in ended.out
    assert row(ended, "MET_pt")[1:3] == ["3000", "3000"]
    found = json.loads(record.read_text())
    significant = [test["name"] for test in found["tests"] if test["p"] is not None and test["p_holm"] < 0.01]
    assert significant == ["MET_pt"]
    assert ended.out.index("MET_pt") < ended.out.index("MET_phi")
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["both.json", "both.png"]


def test_limits_decide_the_exit_code(l1ae, two, tmp_path):
    base = ("data", "compare", *two, "--plot", tmp_path / "both.png")
    assert l1ae(*base, "--max-ks", "0.9", "--min-p", "0").text
    for limit, message in ((("--max-ks", "0.1"), "KS distance of 0.1; MET_pt most"), (("--min-p", "0.001"), "MET_pt")):
        ended = l1ae(*base, *limit)
        assert ended.code == 1
        assert message in ended.message
        assert (tmp_path / "both.png").exists()


def test_processes_of_one_sample_can_be_compared(l1ae, two, many_events, tmp_path):
    event_file = two[0]
    picture = tmp_path / "both.png"
    ended = l1ae(
        "data", "compare", event_file, event_file, "--process-a", "W", "--process-b", "Z", "--plot", picture, "--all"
    )  # fmt: skip
    counts = [len(many_events.of(name)) for name in "WZ"]
    assert f"{counts[0]} events of events.h5: W (A) and {counts[1]} of events.h5: Z (B)" in ended.text
    assert "stand in" not in ended.out
    itself = l1ae("data", "compare", event_file, event_file, "--process", "W", "--plot", picture, "--top", "3")
    assert f"{counts[0]} event ids of events.h5: W stand in events.h5: W too" in itself.text


def test_the_sample_is_known_in_both_places_and_the_picture_lies_here(l1ae, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ended = l1ae("data", "compare", "sample", "sample", "--process-a", "W", "--process-b", "tt", "--sort", "ks")
    assert "47360 events of sample: W (A) and 240 of sample: tt (B)" in ended.text
    assert [path.name for path in tmp_path.iterdir()] == ["sample-vs-sample.png"]


def test_what_cannot_be_compared_is_refused(l1ae, event_file, many_events, tmp_path):
    few = tmp_path / "few.h5"
    write_events(few, many_events.select(many_events.layout.select({"MET": 1, "jet": 4})))
    before = list(tmp_path.iterdir())
    for arguments, message in (
        ((event_file, few), "their objects are MET, e/gamma, muon, jet and MET, jet"),
        ((event_file, tmp_path / "none.h5"), "no event file"),
        ((event_file, event_file, "--process", "top"), "no process top"),
        ((event_file, event_file, "--process", "W", "--process-b", "Z"), "leave it out"),
    ):
        ended = l1ae("data", "compare", *arguments)
        assert ended.code == 2
        assert message in ended.message
    assert list(tmp_path.iterdir()) == before
