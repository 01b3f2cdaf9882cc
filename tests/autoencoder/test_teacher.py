import keras
import numpy as np
import pytest

from l1ae.autoencoder.teacher import Surprise, train_teacher
from l1ae.events.layout import LEPTON
from l1ae.events.shuffle import Buckets
from l1ae.settings import TeacherConfig, TrainingConfig

from .. import networks

LAYOUT = LEPTON.select({"MET": 1, "jet": 3}, ["pt"])
WORDS = networks.background(LAYOUT, 4000)
SCORES = np.random.default_rng(0).gamma(2.0, 3.0, 20_000)


def surprise_of(layer, scores):
    return np.asarray(layer(np.asarray(scores, dtype=np.float32)[:, None]))[:, 0]


def test_surprise_is_minus_ln_of_the_share_of_background_with_at_least_that_score():
    layer = Surprise.of(SCORES)
    for knot, value in zip(layer.knots, layer.values, strict=True):
        assert value == pytest.approx(-np.log((knot <= SCORES).mean()), abs=1e-12)
    at = np.quantile(SCORES, np.linspace(0, 0.99, 200))
    truth = [-np.log((x <= SCORES).mean()) for x in at]
    assert np.allclose(surprise_of(layer, at), truth, atol=0.05)
    assert layer.values[0] == 0.0
    assert layer.values[-1] == pytest.approx(np.log(100)), "the last of 20,000 with 200 behind it"


def test_surprise_grows_exponentially_rare_behind_the_last_knot():
    layer = Surprise.of(SCORES)
    at = np.linspace(0, 200, 5001)
    found = surprise_of(layer, at)
    assert (np.diff(found) >= -1e-5).all()
    assert (np.diff(found[at > layer.knots[0]]) > 0).all()
    tail = np.sort(SCORES)[-200:]
    assert layer.slope == pytest.approx(1 / (tail - tail[0]).mean())
    assert np.allclose(np.diff(found[at > layer.knots[-1] + 1]) / np.diff(at)[0], layer.slope, rtol=1e-2)


@pytest.mark.parametrize("scores", [np.arange(10.0), np.zeros(50), np.repeat([1.0, 2.0], 300)], ids=str)
def test_a_few_or_equal_scores_give_a_finite_surprise(scores):
    layer = Surprise.of(scores)
    found = surprise_of(layer, np.linspace(-5, 1000, 200))
    assert np.isfinite(found).all()
    assert found.max() < 2000
    assert (np.diff(found) >= 0).all()


def test_it_is_saved_with_its_knots(tmp_path):
    words = keras.Input((1,))
    model = keras.Model(words, Surprise.of(SCORES, name="surprise")(words))
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    at = np.linspace(0, 50, 100, dtype=np.float32)[:, None]
    assert (again.predict(at, verbose=0) == model.predict(at, verbose=0)).all()


def teacher(folder, members, **settings):
    keras.utils.set_random_seed(1)
    config = TeacherConfig(members=members, hidden=(16,), latent=2, **{"epochs": 1} | settings)
    training = TrainingConfig(batch_size=200, teacher=config)
    data = Buckets.of(WORDS[:3000]), Buckets.of(WORDS[3000:])
    return train_teacher(*data, LAYOUT, training, folder)


def score(model, words):
    return model.predict(words.astype(np.float32), batch_size=8192, verbose=0)[:, 0]


@pytest.fixture(scope="module")
def scores(tmp_path_factory):
    """Of teachers without networks, for all events; the first 3000 were their background."""
    members = {"table": {"table": 1.0}, "total_pt": {"total_pt": 2.0}, "both": {"table": 3.0, "total_pt": 0.5}}
    folder = tmp_path_factory.mktemp("teachers")
    return {name: score(teacher(folder / name, joined), WORDS) for name, joined in members.items()}


def test_the_total_pt_is_the_rarity_of_the_sum_of_all_momenta(scores):
    found = scores["total_pt"][:3000]
    assert abs(found.mean()) < 1e-3
    assert found.std() == pytest.approx(1, abs=1e-3)
    total = WORDS[:3000].sum(axis=1)
    assert (np.diff(found[np.argsort(total, kind="stable")]) >= -1e-5).all()
    survival = np.array([(total >= t).mean() for t in total])
    assert np.corrcoef(found, -np.log(survival))[0, 1] > 0.999


def test_the_table_is_the_rarity_of_the_sum_of_its_densities(scores):
    found = scores["table"]
    densities = []
    for column in WORDS.T:  # a histogram of its own, in the same spirit
        edges = np.unique(np.rint(np.geomspace(1, 4096, 40)))
        bins = np.where(column == 0, 0, np.searchsorted(edges, column, side="right"))
        width = np.append(1.0, np.append(np.diff(edges), 1.0))
        count = np.bincount(bins, minlength=len(width)) + 0.5
        densities.append(-np.log(count / width / count.sum())[bins])
    assert np.corrcoef(found, np.sum(densities, axis=0))[0, 1] > 0.9
    assert abs(found[:3000].mean()) < 1e-3


def test_members_are_joined_by_their_weights(scores):
    one, two, both = scores["table"], scores["total_pt"], scores["both"]
    coefficients, residual, *_ = np.linalg.lstsq(np.stack([one, two, np.ones(len(both))], axis=1), both)
    assert residual[0] < 1e-4, "a weighted sum"
    assert (coefficients[:2] > 0).all()
    assert np.corrcoef(both, one)[0, 1] > np.corrcoef(both, two)[0, 1]


def test_its_networks_tell_the_background_from_other_events(tmp_path):
    from l1ae.autoencoder.augment import outliers

    invented = outliers(WORDS[3000:], LAYOUT, np.random.default_rng(5))
    model = teacher(tmp_path, {"autoencoder": 1.0, "outliers": 1.0}, epochs=3)
    ordinary, strange = score(model, WORDS[3000:]), score(model, invented)
    above = (strange[:, None] > ordinary[None]).mean()
    assert above > 0.65
    assert {path.name for path in tmp_path.iterdir()} == {"autoencoder", "outliers"}, "a checkpoint for each"
    for layer in model.layers:
        assert "Batch" not in type(layer).__name__
