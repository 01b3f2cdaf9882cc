import pytest
import yaml

from l1ae.errors import ConfigError
from l1ae.events.generator.generate import event_counts
from l1ae.events.generator.library import find_recipe, recipe_folder, recipe_names
from l1ae.events.generator.pythia import start


@pytest.fixture(params=recipe_names())
def recipe(request):
    return find_recipe(request.param)


def test_the_shipped_recipes(recipe):
    assert recipe_names() == ("lepton", "zero-bias")
    assert sum(process.share for process in recipe.backgrounds) == pytest.approx(1)
    assert recipe.pool.events >= 20_000
    assert {"HH", "LLP", "tt"} <= {process.name for process in recipe.processes}
    assert recipe == find_recipe(recipe_folder() / f"{recipe.name}.yaml")


def test_the_recipes_agree_on_the_detector_and_the_collisions():
    first, second = (find_recipe(name) for name in recipe_names())
    assert (first.detector, first.pool, first.pythia) == (second.detector, second.pool, second.pythia)
    for process in first.processes:
        twin = next((other for other in second.processes if other.name == process.name), process)
        assert twin.switches == process.switches


def test_the_profile_of_the_zero_bias_recipe():
    pile_up = find_recipe("zero-bias").pile_up
    assert (min(pile_up.means), max(pile_up.means)) == (20, 62)
    assert sum(pile_up.probabilities) == pytest.approx(1)
    assert find_recipe("lepton").pile_up.means == (20,)
    assert find_recipe("lepton").pile_up.probabilities == (1,)


@pytest.mark.parametrize("name", ["leptons", "lepton ", "", "../recipes/lepton"])
def test_unknown_recipe_lists_the_known_ones(name):
    with pytest.raises(ConfigError, match=r"no recipe '.*'; known recipes: lepton, zero-bias, or a YAML file"):
        find_recipe(name)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"no recipe file .*mine\.yaml; known recipes: lepton, zero-bias"):
        find_recipe(tmp_path / "mine.yaml")


def change(path, value):
    """A change of the value at a path such as `backgrounds.0.share`; None removes it."""

    def apply(content):
        *parents, last = (int(part) if part.isdigit() else part for part in path.split("."))
        for part in parents:
            content = content[part]
        if value is None:
            del content[last]
        else:
            content[last] = value

    return apply


@pytest.mark.parametrize(
    ("where", "value", "message"),
    [
        ("backgrounds.0.share", 0.5, "the shares of the backgrounds add up to 0.908, they must add up to 1"),
        ("backgrounds.0.share", -0.1, "backgrounds.0.share: Input should be greater than or equal to 0"),
        ("backgrounds.3.share", None, "the shares of the backgrounds add up to 0.997"),
        ("backgrounds", [], "backgrounds: Tuple should have at least 1 item"),
        ("signals.0.share", 0.1, "signal LQ has a share; only backgrounds have one"),
        ("signals.0.name", "W", "two processes are named W"),
        ("signals.0.name", "../W", "signals.0.name: String should match"),
        ("signals.0.switches", ["HardQCD:all"], "signals.0.switches.0: String should match"),
        ("signals.0.switches", [], "with a lepton_filter every process needs switches"),
        ("lepton_filter", "none", "lepton_filter"),
        ("pile_up.mean", -1.0, "pile_up.mean: Input should be greater than or equal to 0"),
        ("pile_up.mean", 70_000.0, "pile_up.mean: Input should be less than or equal to 60000"),
        ("pile_up.mean", None, "give either a mean or a profile"),
        ("pile_up.profile", [[20.0, 1.0]], "give either a mean or a profile"),
        ("pile_up.mena", 20.0, "pile_up.mena: unknown key"),
        ("pool.events", 0, "pool.events: Input should be greater than or equal to 1"),
        ("detector.electron_fake_rate", -1e-5, "detector.electron_fake_rate: Input should be greater"),
        ("detector.fake_pt_fraction", [1.0, 0.5], "fake_pt_fraction must be [smallest, largest]"),
        ("detector.jet_radius", None, "detector.jet_radius: Field required"),
        ("detector.jet_radius", "0.4", "detector.jet_radius: Input should be a valid number"),
        ("backgrounds.2.weighted.tries", 0, "backgrounds.2.weighted.tries: Input should be greater than 0"),
        ("backgrounds.2.displaced", True, "process QCD: only a prompt process with switches can be weighted"),
        ("pythia.common", ["a\nb = c"], "pythia.common.0: String should match"),
    ],
)
def test_mistakes_in_a_recipe_are_named(edited, where, value, message):
    path = edited(change(where, value))
    with pytest.raises(ConfigError) as error:
        find_recipe(path)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_weighted_process_needs_the_filter(edited):
    content = yaml.safe_load((recipe_folder() / "lepton.yaml").read_text(encoding="utf-8"))
    path = edited(lambda recipe: recipe["signals"].append(content["backgrounds"][2] | {"share": 0.0}), "zero-bias")
    with pytest.raises(ConfigError, match="weighted processes need a lepton_filter"):
        find_recipe(path)


def test_a_recipe_that_is_no_yaml_is_refused(tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text("name: a\nname: b\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="key name stands twice"):
        find_recipe(path)


@pytest.mark.parametrize("name", recipe_names())
def test_nothing_ordinary_that_lives_long_decays(name):
    # A larger limit on the lifetime, for a long-lived signal, must not let pions, kaons or hyperons decay.
    recipe = find_recipe(name)
    process = next(process for process in recipe.processes if process.displaced)
    pythia = start("x", (*recipe.pythia.common, *recipe.pythia.hard, *process.switches, "Print:quiet = on"), 1)
    data = pythia.particleData
    known = [code for code in (*range(1, 7000), 9000006) if data.isParticle(code)]
    assert {13, 130, 211, 310, 3122} <= set(known)
    assert [code for code in known if data.mayDecay(code) and data.canDecay(code) and data.tau0(code) > 10] == [9000006]
    assert data.tau0(9000006) == 500  # mm


@pytest.mark.parametrize("events", [1, 7, 10, 999, 100_000])
def test_counts_follow_the_mixture_exactly(events):
    recipe = find_recipe("lepton")
    counts = event_counts(recipe, events, 3)
    background = [counts[process.name] for process in recipe.backgrounds]
    assert sum(background) == events
    assert all(
        abs(count - events * process.share) < 1 for count, process in zip(background, recipe.backgrounds, strict=True)
    )
    assert [counts[process.name] for process in recipe.signals] == [3] * len(recipe.signals)


def test_counts_of_the_shipped_sample():
    counts = event_counts(find_recipe("lepton"), 100_000, 10_000)
    background = {"W": 59_200, "Z": 6_700, "QCD": 33_800, "tt": 300}
    assert counts == background | dict.fromkeys(("LQ", "A4l", "h0", "h+", "HH", "LLP"), 10_000)


@pytest.mark.parametrize(
    ("name", "events", "signal", "message"),
    [
        ("lepton", 0, 0, "no events were asked for"),
        ("zero-bias", 0, None, "no events were asked for"),
        ("lepton", -1, 0, "cannot be negative"),
        ("lepton", 0, -1, "cannot be negative"),
        ("lepton", 10**12, 0, "more than"),
    ],
)
def test_impossible_counts_are_refused(name, events, signal, message):
    with pytest.raises(ConfigError, match=message):
        event_counts(find_recipe(name), events, signal)


def test_signals_that_a_recipe_lacks_are_refused(edited):
    recipe = find_recipe(edited(change("signals", [])))
    with pytest.raises(ConfigError, match="has no signals"):
        event_counts(recipe, 10, 10)
