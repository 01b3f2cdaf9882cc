import contextlib

import keras
import numpy as np
import pytest

from l1ae.autoencoder import training
from l1ae.autoencoder.architectures import build
from l1ae.autoencoder.tasks import ReconstructionTask, Task
from l1ae.autoencoder.transforms import InputTransform
from l1ae.errors import DataError, RunFolderError
from l1ae.events.layout import LEPTON
from l1ae.events.shuffle import Buckets
from l1ae.records import SignedPrecision
from l1ae.settings import AutoencoderConfig, TrainingConfig

WORDS = np.random.default_rng(0).exponential(60, (600, 57)).astype(np.int16)


DATA = Buckets.of(WORDS[:500]), Buckets.of(WORDS[500:])


def in_pieces(words, sizes):
    """The same events as several buckets."""
    parts = np.split(words, np.cumsum(sizes)[:-1])
    return Buckets(tuple(map(len, parts)), parts.__getitem__)


def fit(kind, folder, *, stop_after=None, seed=1, data=None, **settings):
    """Train a small network; returns (weights of encoder and decoder, history)."""

    class Interrupted(Exception):
        pass

    def progress(epoch, *_):
        if epoch == stop_after:
            raise Interrupted

    keras.utils.set_random_seed(seed)
    transform = InputTransform.of([60] * 57, [6] * 57)
    autoencoder = build(AutoencoderConfig(kind=kind, hidden=(8, 4), latent=2), transform, LEPTON)
    config = TrainingConfig.model_validate({"epochs": 4, "batch_size": 64, "seed": seed} | settings)
    task = ReconstructionTask(autoencoder, config, transform, LEPTON)
    history = None
    with contextlib.suppress(Interrupted):
        history = training.fit(task, *(data or DATA), config, folder, progress)
    weights = [*autoencoder.encoder.get_weights(), *autoencoder.decoder.get_weights()]
    return [weight.copy() for weight in weights], history


def equal(one, two):
    return all((left == right).all() for left, right in zip(one, two, strict=True))


@pytest.mark.parametrize("kind", ["undercomplete", "variational"])
def test_the_same_seed_gives_the_same_weights_twice_and_another_seed_others(kind, tmp_path):
    first, history = fit(kind, tmp_path / "a")
    second, _ = fit(kind, tmp_path / "b")
    other, _ = fit(kind, tmp_path / "c", seed=2)
    assert equal(first, second)
    assert not equal(first, other)
    assert history.epochs == 4
    assert history.loss[-1] < history.loss[0]


def test_an_interrupted_training_ends_with_the_weights_of_an_uninterrupted_one(tmp_path):
    whole, history = fit("variational", tmp_path / "whole", warmup_epochs=3)
    for epoch in (1, 3):
        fit("variational", tmp_path / "parts", stop_after=epoch, warmup_epochs=3)
    parts, resumed = fit("variational", tmp_path / "parts", warmup_epochs=3)
    assert equal(whole, parts)
    assert resumed.validation_loss == history.validation_loss


def test_training_stops_when_the_validation_loss_no_longer_falls(tmp_path):
    _, history = fit("undercomplete", tmp_path, epochs=40, patience=1, learning_rate=0.3)
    assert history.epochs < 40
    assert history.epochs - history.best_epoch == 1
    assert history.best == history.validation_loss[history.best_epoch - 1]


def test_the_weights_of_the_best_epoch_are_kept(tmp_path, monkeypatch):
    losses = iter([3.0, 1.0, 2.0, 4.0] * 2)
    monkeypatch.setattr(training, "_mean_loss", lambda *_: next(losses))
    kept, history = fit("undercomplete", tmp_path / "whole")
    second, _ = fit("undercomplete", tmp_path / "short", stop_after=2)
    assert history.best_epoch == 2
    assert equal(kept, second)


def test_a_loss_that_is_not_finite_is_an_error_and_not_a_model(tmp_path, monkeypatch):
    monkeypatch.setattr(training, "_mean_loss", lambda *_: float("nan"))
    with pytest.raises(DataError, match=r"loss became .* in epoch 1: lower training.learning_rate"):
        fit("undercomplete", tmp_path)


@pytest.mark.parametrize("damage", ["not json", '{"loss": [1.0], "validation_loss": [1.0], "surprise": 1}'])
def test_a_damaged_checkpoint_is_refused(tmp_path, damage):
    fit("undercomplete", tmp_path, stop_after=1)
    (tmp_path / "history.json").write_text(damage)
    with pytest.raises(RunFolderError, match=r"checkpoint .* is damaged"):
        fit("undercomplete", tmp_path)


def test_a_checkpoint_whose_weights_are_gone_is_refused(tmp_path):
    fit("undercomplete", tmp_path, stop_after=1)
    (tmp_path / "epoch0001.weights.h5").unlink()
    with pytest.raises(RunFolderError, match=r"checkpoint .* is damaged"):
        fit("undercomplete", tmp_path)


@pytest.mark.parametrize("sizes", [(500,), (200, 300), (30, 40, 430), (499, 1)])
def test_every_event_is_seen_once_an_epoch_in_full_batches_however_many_buckets(tmp_path, monkeypatch, sizes):
    seen = []
    fit_as_it_is = Task.fit

    def spy(self, x, **kwargs):
        seen.append(x["target"].copy())
        return fit_as_it_is(self, x, **kwargs)

    monkeypatch.setattr(Task, "fit", spy)
    words = np.zeros((500, 57), dtype=np.int16)
    words[:, 0] = np.arange(500)
    keras.utils.set_random_seed(1)
    transform = InputTransform.of([0] * 57, [0] * 57, SignedPrecision(width=16, integer=16))
    autoencoder = build(AutoencoderConfig(kind="undercomplete", hidden=(4,), latent=2), transform, LEPTON)
    config = TrainingConfig(epochs=2, batch_size=64, learning_rate=1e-9)
    task = ReconstructionTask(autoencoder, config, transform, LEPTON)
    training.fit(task, in_pieces(words, sizes), Buckets.of(words[:50]), config, tmp_path)
    order = np.concatenate([features[:, 0] for features in seen]).astype(int).reshape(2, 500)
    assert (np.sort(order) == np.arange(500)).all()
    assert (order[0] != order[1]).any()
    if len(sizes) > 1:
        batches = sum(-(-len(features) // 64) for features in seen)
        assert batches == 2 * 8, "only the last batch of an epoch is a short one"


def test_buckets_of_the_validation_do_not_change_its_loss(tmp_path):
    _, whole = fit("variational", tmp_path / "whole", epochs=1)
    pieces = DATA[0], in_pieces(WORDS[500:], (37, 63))
    _, cut = fit("variational", tmp_path / "cut", epochs=1, data=pieces)
    assert cut.validation_loss == pytest.approx(whole.validation_loss, rel=1e-6)


def test_training_from_several_buckets_can_be_interrupted_as_well(tmp_path):
    data = in_pieces(WORDS[:500], (123, 300, 77)), DATA[1]
    whole, _ = fit("variational", tmp_path / "whole", data=data)
    fit("variational", tmp_path / "resumed", data=data, stop_after=2)
    resumed, _ = fit("variational", tmp_path / "resumed", data=data)
    assert equal(whole, resumed)
