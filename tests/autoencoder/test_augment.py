from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from l1ae.autoencoder.augment import drop_objects, outliers, rotate, smear
from l1ae.events.layout import GLOBAL_TRIGGER, LEPTON

from .. import networks

LAYOUTS = {
    "lepton": LEPTON,
    "pt only": LEPTON.select(None, ["pt"]),
    "muons": LEPTON.select({"muon": 3}, ["pt", "phi"]),
    "global trigger": GLOBAL_TRIGGER,
}
BACKGROUND = {name: networks.background(layout, 400) for name, layout in LAYOUTS.items()}
CHANGES = {
    "drop": partial(drop_objects, share=0.3),
    "smear": partial(smear, width=0.8),
    "rotate": rotate,
    "outliers": outliers,
}


def changed(name, words, layout, seed=1):
    return CHANGES[name](words, layout, rng=np.random.default_rng(seed))


def as_sent(words, layout):
    """Whether a trigger could have sent these words."""
    events = words.reshape(-1, *layout.shape)
    for kind, rows, column, _, scale in layout.columns():
        values = events[:, rows, column]
        low, high = (0, 0) if scale is None else (scale.low, scale.high)
        assert values.min() >= low
        assert values.max() <= high
        if kind.count > 1 and column == 0:
            assert (np.diff(values.astype(int), axis=1) <= 0).all()
    assert (events[events[..., 0] == 0] == 0).all()


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", CHANGES)
def test_changed_events_are_events(name, layout):
    words, kind = BACKGROUND[layout], LAYOUTS[layout]
    before = words.copy()
    found = changed(name, words, kind)
    as_sent(found, kind)
    assert (words == before).all(), "what was given stays as it was"
    assert found.dtype == np.int16
    assert found.shape == words.shape
    if name != "rotate" or "phi" in kind.features:
        assert (found != words).any()
    assert (changed(name, words, kind) == found).all()
    if name != "rotate" or "phi" in kind.features:
        assert (changed(name, words, kind, seed=2) != found).any()


@given(st.integers(0, 2**31), st.sampled_from(sorted(LAYOUTS)), st.sampled_from(sorted(CHANGES)))
@settings(max_examples=40, deadline=None)
def test_whatever_the_words_the_result_is_an_event(seed, layout, name):
    kind = LAYOUTS[layout]
    rng = np.random.default_rng(seed)
    words = BACKGROUND[layout][rng.integers(0, 400, 5)].reshape(-1, *kind.shape)
    for _, rows, column, feature, scale in kind.columns():  # the ends of every scale
        if scale is not None and rng.random() < 0.5:
            words[:, rows, column] = rng.choice([max(scale.low, int(feature == "pt")), scale.high])
    as_sent(changed(name, words.reshape(5, -1), kind, seed), kind)


def test_objects_are_lost_as_often_as_asked_and_energy_sums_never():
    words = networks.background(LEPTON, 4000)
    rng = np.random.default_rng(0)
    events, left = (x.reshape(-1, 19, 3)[..., 0] > 0 for x in (words, drop_objects(words, LEPTON, 0.3, rng)))
    assert (events[:, 0] == left[:, 0]).all()
    lost = 1 - left[:, 1:].sum() / events[:, 1:].sum()
    assert abs(lost - 0.3) < 4 * np.sqrt(0.21 / events[:, 1:].sum())
    assert (drop_objects(words, LEPTON, 0.0, rng) == words).all()
    everything = drop_objects(words, LEPTON, 1.0, rng).reshape(-1, 19, 3)
    assert (everything[:, 1:] == 0).all()
    assert (everything[:, 0] == words.reshape(-1, 19, 3)[:, 0]).all()


def test_momenta_are_smeared_by_their_width_and_angles_by_a_count():
    layout = LEPTON.select({"muon": 1, "MET": 1})
    words = np.tile(np.array([[300, 0, 143, 200, -256, 575]], dtype=np.int16), (5000, 1))
    found = smear(words, layout, 0.1, np.random.default_rng(0)).astype(int)
    for column in (0, 3):
        relative = found[:, column] / words[:, column]
        assert abs(relative.mean() - 1) < 0.01
        assert relative.std() == pytest.approx(0.1, rel=0.05)
    assert set(np.unique(found[:, 2])) == {142, 143, 0}, "phi wraps"
    assert set(np.unique(found[:, 4])) == {-256, -255}, "eta saturates"
    assert set(np.unique(found[:, 5])) == {574, 575, 0}
    absent = np.zeros((50, 6), dtype=np.int16)
    assert (smear(absent, layout, 0.5, np.random.default_rng(0)) == 0).all()
    soft = np.tile(np.array([[1, 0, 0, 1, 0, 0]], dtype=np.int16), (500, 1))
    found = smear(soft, layout, 1.0, np.random.default_rng(0))
    assert (found[:, [0, 3]] >= 1).all(), "smearing loses nothing"


def test_a_turned_event_keeps_its_momenta_and_its_angles_between_objects():
    words = BACKGROUND["lepton"].reshape(-1, 19, 3).astype(int)
    found = changed("rotate", BACKGROUND["lepton"], LEPTON).reshape(-1, 19, 3).astype(int)
    assert (found[..., :2] == words[..., :2]).all()
    there = words[..., 0] > 0
    muons = np.zeros(19, dtype=bool)
    muons[LEPTON.rows("muon")] = True
    turned = (found[..., 2] - words[..., 2]) % np.where(muons, 576, 144)
    coarse = np.where(there & ~muons, turned, -1)
    for event in coarse:
        assert len(set(event[event >= 0])) == 1
    by = coarse.max(axis=1)
    assert len(set(by)) > 100, "turned by any angle"
    apart = (turned - 4 * by[:, None] + 288) % 576 - 288
    assert np.abs(apart[there & muons]).max() <= 2, "the finer scale of the muons is rounded for itself"


def test_outliers_visit_every_number_of_objects_and_every_decade_of_momentum():
    found = outliers(networks.background(LEPTON, 4000), LEPTON, np.random.default_rng(0)).reshape(-1, 19, 3)
    for name in ("e/gamma", "muon", "jet"):
        kind, rows = LEPTON.kind(name), LEPTON.rows(name)
        momenta = found[:, rows, 0]
        number = (momenta > 0).sum(axis=1)
        assert np.bincount(number, minlength=kind.count + 1).min() > 0.3 * 4000 / (kind.count + 1) / 2
        leading = momenta[momenta[:, 0] > 0, 0] / kind.pt.high
        assert (leading > 0.5).mean() > 0.1
        assert (leading < 0.05).any()


def test_half_of_the_outliers_keep_something_of_a_real_event():
    words = networks.background(LEPTON, 4000)
    found = outliers(words, LEPTON, np.random.default_rng(0)).reshape(-1, 19, 3)
    real = words.reshape(-1, 19, 3)
    rows = LEPTON.rows("jet")
    jets, before = found[:, rows].reshape(4000, -1), real[:, rows].reshape(4000, -1)
    there = jets.any(axis=1)
    kept = there & (jets == before).all(axis=1)
    assert abs(kept.mean() - 0.25) < 0.03, "half of the events, half of their kinds"
    known = {row.tobytes() for row in before}
    real_jets = np.array([row.tobytes() in known for row in jets]) & there
    assert abs(real_jets.mean() - 0.4) < 0.03, "exchanged with 0.3 in that half"
