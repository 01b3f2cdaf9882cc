"""`l1ae data`: what an event file holds, and requests for events that cannot be met."""

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


def test_an_unknown_recipe_is_refused_and_the_known_ones_are_named(l1ae, tmp_path):
    ended = l1ae("data", "generate", "dijet", "--out", tmp_path / "events.h5")
    assert ended.code == 2
    assert "no recipe 'dijet'" in ended.message
    assert "lepton" in ended.message
    assert "zero-bias" in ended.message
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "options", [("--events", "0"), ("--events", "10", "--signal-events", "10"), ("--events", "0", "--seed", "7")]
)
def test_a_request_that_makes_no_events_is_refused(l1ae, tmp_path, options):
    ended = l1ae("data", "generate", "zero-bias", *options, "--out", tmp_path / "events.h5")
    assert ended.code == 2
    assert ended.message
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("options", [("--events", "-1"), ("--workers", "0"), ("--seed", "many"), ()])
def test_generate_refuses_numbers_that_are_none(l1ae, tmp_path, options):
    out = ("--out", tmp_path / "events.h5") if options else ()
    ended = l1ae("data", "generate", "zero-bias", *options, *out)
    assert ended.code == 2
    assert ended.err.startswith("Usage: l1ae data generate")
    assert list(tmp_path.iterdir()) == []
