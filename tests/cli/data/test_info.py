"""`l1ae data info`: what an event file holds."""

from pathlib import Path

import numpy as np
import pytest


def test_info_counts_the_events_and_draws_them(l1ae, event_file, many_events, tmp_path):
    picture = tmp_path / "events.png"
    ended = l1ae("data", "info", event_file, "--plot", picture)
    assert ended.text
    assert "3000 events" in ended.out
    for code, name in enumerate(many_events.process_names):
        row = next(line for line in ended.out.splitlines() if line.split()[1:2] == [name])
        assert str(int((many_events.process == code).sum())) in row.split()
    assert f"distributions drawn in {picture}" in ended.out
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert [path.name for path in tmp_path.iterdir()] == ["events.png"]


def test_info_refuses_a_picture_of_an_unknown_kind(l1ae, event_file, tmp_path):
    ended = l1ae("data", "info", event_file, "--plot", tmp_path / "events.xyz")
    assert ended.code == 2
    assert "give it one of the endings .png, .svg, .pdf" in ended.message
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [None, b"", b"\x89HDF\r\n\x1a\n", b"words"])
def test_info_refuses_what_is_no_event_file(l1ae, tmp_path, content):
    file = tmp_path / "events.h5"
    if content is not None:
        file.write_bytes(content)
    before = list(tmp_path.iterdir())
    ended = l1ae("data", "info", file)
    assert ended.code == 2
    assert str(file) in ended.message
    assert list(tmp_path.iterdir()) == before


def test_info_of_a_foreign_file_counts_what_is_not_finite(l1ae, many_events, tmp_path):
    physical = many_events.to_physical()[:50]
    physical[..., 0] = -np.sort(-physical[..., 0], axis=1)
    for _, rows, _, _, _ in many_events.layout.columns():
        physical[:, rows] = np.take_along_axis(
            physical[:, rows], np.argsort(-physical[:, rows, :1], axis=1, kind="stable"), axis=1
        )
    physical[3, 0, 0] = np.nan
    physical[4, 9, 1], physical[5, 9, 1] = np.inf, -np.inf
    file = tmp_path / "foreign.npy"
    np.save(file, physical)
    ended = l1ae("data", "info", file)
    assert "47 events" in ended.text
    assert "3 of 50 left out" in ended.out
    cells = [line.replace("│", "").split() for line in ended.out.splitlines()]
    assert ["a", "value", "is", "NaN", "1", "3"] in cells
    assert ["a", "value", "is", "infinite", "2", "4"] in cells
    assert sorted(path.name for path in tmp_path.iterdir()) == ["foreign.npy", "foreign.png"]


def test_the_picture_of_a_folder_lies_beside_it(tmp_path, monkeypatch):
    from l1ae.events.inspection import picture_of

    (tmp_path / "cms").mkdir()
    monkeypatch.chdir(tmp_path / "cms")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert picture_of(Path()) == tmp_path / "cms.png"
    assert picture_of(Path("~/a.b.h5")) == tmp_path / "a.b.png"
