import pytest

from l1ae.errors import ConfigError
from l1ae.events.generator.generate import event_counts
from l1ae.events.generator.recipes import RECIPES, find_recipe


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=lambda recipe: recipe.name)
def test_background_shares_are_a_whole(recipe):
    assert sum(process.share for process in recipe.backgrounds) == pytest.approx(1)
    assert all(process.share == 0 for process in recipe.signals)
    assert len({process.name for process in recipe.processes}) == len(recipe.processes)


def test_unknown_recipe_lists_the_known_ones():
    with pytest.raises(ConfigError, match="no recipe 'leptons'; known recipes: lepton, zero-bias"):
        find_recipe("leptons")


@pytest.mark.parametrize("events", [1, 7, 10, 999, 100_000])
def test_counts_follow_the_mixture_exactly(events):
    recipe = RECIPES["lepton"]
    counts = event_counts(recipe, events, 3)
    background = [counts[process.name] for process in recipe.backgrounds]
    assert sum(background) == events
    assert all(
        abs(count - events * process.share) < 1 for count, process in zip(background, recipe.backgrounds, strict=True)
    )
    assert [counts[process.name] for process in recipe.signals] == [3, 3, 3, 3]


def test_counts_of_the_shipped_sample():
    counts = event_counts(RECIPES["lepton"], 100_000, 10_000)
    assert counts == {
        "W": 59_200, "Z": 6_700, "QCD": 33_800, "tt": 300, "LQ": 10_000, "A4l": 10_000, "h0": 10_000, "h+": 10_000
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "events", "signal", "message"),
    [
        ("lepton", 0, 0, "no events were asked for"),
        ("zero-bias", 0, None, "no events were asked for"),
        ("lepton", -1, 0, "cannot be negative"),
        ("lepton", 0, -1, "cannot be negative"),
        ("zero-bias", 10, 10, "has no signals"),
    ],
)
def test_impossible_counts_are_refused(name, events, signal, message):
    with pytest.raises(ConfigError, match=message):
        event_counts(RECIPES[name], events, signal)
