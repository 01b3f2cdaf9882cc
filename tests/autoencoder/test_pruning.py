import keras
import numpy as np
import pytest

from l1ae.autoencoder import training
from l1ae.autoencoder.pruning import Pruner, sparsity_at
from l1ae.autoencoder.tasks import ReconstructionTask
from l1ae.autoencoder.transforms import InputTransform
from l1ae.events.layout import LEPTON
from l1ae.events.shuffle import Buckets
from l1ae.settings import AutoencoderConfig, PruningConfig, TrainingConfig

from .. import networks

PT = LEPTON.select(None, ["pt"])
WORDS = networks.background(PT, 300)


def test_the_share_of_zeros_grows_with_the_cube_of_the_time_left():
    config = PruningConfig(sparsity=0.8, begin_epoch=2, end_epoch=6)
    found = [sparsity_at(epoch, config) for epoch in range(9)]
    assert found[:3] == [0.0] * 3
    assert found[3:6] == pytest.approx([0.8 * (1 - x**3) for x in (0.75, 0.5, 0.25)])
    assert found[6:] == [0.8] * 3
    assert sparsity_at(1, PruningConfig(sparsity=0.5, end_epoch=1)) == 0.5


def layer(values):
    dense = keras.layers.Dense(values.shape[1])
    dense.build((None, len(values)))
    dense.set_weights([values, np.zeros(values.shape[1])])
    return dense


def test_the_smallest_weights_of_each_layer_go_and_stay_away():
    one = layer(np.array([[0.1, -0.5], [0.4, -0.2]]))
    two = layer(np.array([[9.0, -8.0], [7.0, 6.0]]))
    pruner = Pruner([one, two], PruningConfig(sparsity=0.5, end_epoch=2))
    assert np.count_nonzero(one.get_weights()[0]) == 4, "nothing before the first epoch"
    pruner.update(2)
    assert np.allclose(one.get_weights()[0], [[0, -0.5], [0.4, 0]])
    assert np.allclose(two.get_weights()[0], [[9, -8], [0, 0]])
    for dense in (one, two):
        dense.kernel.assign(dense.kernel.constraint(dense.kernel + 1.0))  # what an optimiser does
    assert (one.get_weights()[0] == 0).sum() == 2
    pruner.update(3)
    assert (one.get_weights()[0] == 0).tolist() == [[True, False], [False, True]]


def test_equal_weights_go_in_a_fixed_order_and_former_constraints_hold():
    dense = layer(np.full((4, 4), 0.5))
    dense.kernel.constraint = keras.constraints.NonNeg()
    pruner = Pruner([dense], PruningConfig(sparsity=0.25, end_epoch=1))
    pruner.update(1)
    assert (dense.get_weights()[0].ravel() == 0).tolist() == [True] * 4 + [False] * 12
    assert np.asarray(dense.kernel.constraint(dense.kernel - 1.0)).max() == 0


def test_an_epoch_before_the_end_of_pruning_is_never_the_best_and_zeros_stay(tmp_path, monkeypatch):
    losses = iter([1.0, 1.0, 5.0, 4.0, 6.0])
    monkeypatch.setattr(training, "_mean_loss", lambda *_: next(losses))
    config = TrainingConfig(epochs=5, batch_size=100, pruning=PruningConfig(sparsity=0.6, end_epoch=3))
    transform = InputTransform.of([40] * 19, [6] * 19)
    shape = AutoencoderConfig(kind="undercomplete", hidden=(6,), latent=2)
    autoencoder = networks.network(shape, [40] * 19, [6] * 19, layout=PT)
    layers = [x for model in (autoencoder.encoder, autoencoder.decoder) for x in model.layers if hasattr(x, "kernel")]
    task = ReconstructionTask(autoencoder, config, transform, PT)
    data = Buckets.of(WORDS[:200]), Buckets.of(WORDS[200:])
    history = training.fit(task, *data, config, tmp_path, pruner=Pruner(layers, config.pruning))
    assert history.best_epoch == 4
    assert history.best == 4.0
    for kernel in (x.get_weights()[0] for x in layers):
        assert (kernel == 0).sum() == int(0.6 * kernel.size), "an epoch of training after the last pruning"
