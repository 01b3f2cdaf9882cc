import numpy as np
import pytest

from l1ae.errors import DataError
from l1ae.evaluation import MenuBaseline, menu_paths, threshold
from l1ae.events.layout import GLOBAL_TRIGGER, LEPTON, Layout, ObjectKind

MET, ELECTRON, MUON, JET = 0, 1, 5, 9


def test_the_paths_of_the_lepton_layout(make_events):
    columns = {MET: [9], ELECTRON: [40], ELECTRON + 1: [30], MUON: [35], JET: [100], JET + 1: [50]}
    values = {name: path(make_events(columns))[0] for name, path in menu_paths(LEPTON).items()}
    assert values == {"single e/gamma": 20, "single muon": 17.5, "two leptons": 17.5, "MET": 4.5, "HT": 75}


def test_a_layout_has_the_paths_that_its_objects_allow():
    assert list(menu_paths(GLOBAL_TRIGGER)) == [
        "single e/gamma",
        "single muon",
        "single tau",
        "two leptons",
        "MET",
        "HT",
    ]
    assert list(menu_paths(LEPTON.select({"jet": 1}))) == ["HT"]
    assert list(menu_paths(LEPTON.select({"muon": 1, "MET": 1}))) == ["single muon", "MET"]
    kind = ObjectKind(name="photon", code=1, count=2, fields=LEPTON.kinds[1].fields)
    assert list(menu_paths(Layout(kinds=(kind,)))) == ["single photon"]


def test_the_score_is_the_rarest_path(make_events):
    menu = MenuBaseline().fit([make_events({MUON: np.arange(100), MET: np.arange(100)[::-1]})])
    scores = menu.score(make_events({MUON: [90, 0, 90, 0], MET: [0, 50, 99, 0]}))
    np.testing.assert_allclose(scores, -np.log10([0.10, 0.50, 0.01, 1.0]))


def test_every_path_passes_the_same_fraction_at_a_threshold(make_events, rng):
    events = make_events({MUON: rng.integers(1, 512, 20_000), MET: rng.integers(1, 4096, 20_000)})
    menu = MenuBaseline().fit([events])
    for fraction in (0.1, 0.01):
        fires = np.zeros(len(events), dtype=bool)
        for name in ("single muon", "MET"):
            values = menu_paths(LEPTON)[name](events)
            passes = values >= min(cut for cut in np.unique(values) if np.mean(values >= cut) <= fraction)
            assert 0.8 * fraction < passes.mean() <= fraction
            fires |= passes
        assert ((menu.score(events) >= -np.log10(fraction)) == fires).all()
    assert menu.paths == tuple(menu_paths(LEPTON))


def test_beyond_the_training_events_the_order_stays_and_the_power_law_goes_on(make_events):
    rng = np.random.default_rng(5)
    words = np.minimum(20 * rng.pareto(3.0, 50_000) + 20, 4000).astype(int)
    words = words[words < 1000]
    menu = MenuBaseline().fit([make_events({MET: words})])
    top = words.max()
    scores = menu.score(make_events({MET: [top, top + 1, 1500, 3000]}))
    assert (np.diff(scores) > 0).all()
    assert scores[3] - scores[2] == pytest.approx(3.0 * np.log10(2), rel=0.3)


def test_a_path_that_never_fires_is_rare_when_it_does(make_events):
    menu = MenuBaseline().fit([make_events({MET: np.arange(1, 1000)})])
    none, some = menu.score(make_events({MUON: [0, 1]}))
    assert none == 0
    assert some == pytest.approx(3, abs=0.01)


def test_batches_make_no_difference(make_events, rng):
    events = make_events({JET: rng.integers(0, 2048, 900), MUON: rng.integers(0, 9, 900)})
    pieces = [events.take(slice(start, start + 90)) for start in range(0, 900, 90)]
    assert (MenuBaseline().fit(pieces).score(events) == MenuBaseline().fit([events]).score(events)).all()


def test_it_is_steered_by_one_threshold(make_events, rng):
    events = make_events({JET: rng.integers(0, 2048, 5000), MUON: rng.integers(0, 512, 5000)})
    scores = MenuBaseline().fit([events]).score(events)
    for target in (0.3, 0.05, 0.002):
        assert np.mean(scores >= threshold(scores, target)) == pytest.approx(target, rel=0.2)


def test_misuse(make_events):
    with pytest.raises(DataError, match="there are none"):
        MenuBaseline().fit([])
    with pytest.raises(DataError, match="there are none"):
        MenuBaseline().fit([make_events({MET: []})])
    with pytest.raises(DataError, match="call fit"):
        MenuBaseline().score(make_events({MET: [1]}))
    with pytest.raises(DataError, match="another layout"):
        MenuBaseline().fit([make_events({MET: [1]})]).score(make_events({0: [1]}, LEPTON.select({"jet": 2})))
