"""`l1ae data generate`: requests for events that cannot be met."""

import pytest


def test_an_unknown_recipe_is_refused_and_the_known_ones_are_named(l1ae, tmp_path):
    ended = l1ae("data", "generate", "dijet", "--out", tmp_path / "events.h5")
    assert ended.code == 2
    assert "no recipe 'dijet'" in ended.message
    assert "lepton" in ended.message
    assert "zero-bias" in ended.message
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "options", [("--events", "0"), ("--events", "0", "--signal-events", "0"), ("--events", "0", "--seed", "7")]
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


def test_a_recipe_with_a_mistake_is_refused_and_the_key_is_named(l1ae, tmp_path):
    recipe = tmp_path / "mine.yaml"
    recipe.write_text("name: mine\nbackground: []\n", encoding="utf-8")
    ended = l1ae("data", "generate", recipe, "--out", tmp_path / "events.h5")
    assert ended.code == 2
    assert f"{recipe}: " in ended.message
    assert [path.name for path in tmp_path.iterdir()] == ["mine.yaml"]


def test_a_recipe_file_that_is_missing_is_named(l1ae, tmp_path):
    ended = l1ae("data", "generate", tmp_path / "mine.yaml", "--out", tmp_path / "events.h5")
    assert ended.code == 2
    assert "no recipe file" in ended.message
    assert list(tmp_path.iterdir()) == []


def test_the_help_lists_the_recipes(l1ae):
    text = l1ae("data", "generate", "--help").text
    assert "Recipes:\n  lepton     events with an isolated electron or muon" in text
    assert "\n  zero-bias  bunch crossings" in text


def test_what_could_not_be_written_is_refused_before_the_work(l1ae, tmp_path):
    (tmp_path / "there.h5").touch()
    (tmp_path / "folder.h5").mkdir()
    for name, message in (
        ("there.h5", "exists: overwrite it with --force"),
        ("folder.h5", "is a folder"),
        ("events.parquet", "must end with .h5"),
    ):
        ended = l1ae("data", "generate", "zero-bias", "--events", "10", "--out", tmp_path / name)
        assert ended.code == 2
        assert message in ended.message
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder.h5", "there.h5"]
