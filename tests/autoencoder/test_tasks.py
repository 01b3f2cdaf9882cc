import keras
import numpy as np
import pytest

from l1ae.autoencoder.architectures import build
from l1ae.autoencoder.tasks import EmbeddingTask, ReconstructionTask, StudentTask, evaluated, remembered
from l1ae.autoencoder.transforms import InputTransform
from l1ae.events.layout import LEPTON
from l1ae.settings import AutoencoderConfig, EmbeddingConfig, TrainingConfig, VicregConfig

from .. import networks

LAYOUT = LEPTON.select({"MET": 1, "jet": 2})
WORDS = networks.background(LAYOUT, 60)
TRANSFORM = InputTransform.of([20, 0, 70] * 3, [4, 5, 5] * 3)
THERE = np.repeat(WORDS[:, ::3] > 0, 3, axis=1)


def small(kind, training=None, **changes):
    """A network and its task; every kind of penalty can be had with every kind of network here."""
    keras.utils.set_random_seed(2)
    autoencoder = build(AutoencoderConfig(kind=kind, hidden=(6,), latent=2, **changes), TRANSFORM, LAYOUT)
    config = TrainingConfig.model_validate(training or {})
    return autoencoder, ReconstructionTask(autoencoder, config, TRANSFORM, LAYOUT)


def arrays(task, seed=0):
    return task.arrays(WORDS, np.random.default_rng(seed))


def loss(task, given):
    return np.asarray(task({name: keras.ops.convert_to_tensor(values) for name, values in given.items()}))


def test_an_event_costs_its_mean_squared_error():
    autoencoder, task = small("undercomplete")
    given = arrays(task)
    assert set(given) == {"target"}
    target = given["target"]
    assert (target == np.asarray(autoencoder.scale(WORDS.astype(np.float32)))).all()
    output = np.asarray(autoencoder.decoder(autoencoder.encoder(target)))
    assert np.allclose(loss(task, given), ((target - output) ** 2).mean(axis=1), rtol=1e-5)


def test_masks_weights_and_periods_reach_the_error():
    settings = {"reconstruction": "absolute", "mask_absent": True, "periodic": True, "feature_weights": {"eta": 0.5}}
    autoencoder, task = small("undercomplete", settings)
    given = arrays(task)
    assert (given["mask"] == THERE).all()
    difference = given["target"] - np.asarray(autoencoder.decoder(autoencoder.encoder(given["target"])))
    turn = 144 / 32
    difference[:, 2::3] -= turn * np.round(difference[:, 2::3] / turn)
    weights = THERE * np.tile([1, 0.5, 1], 3)
    expected = (np.abs(difference) * weights).sum(axis=1) / weights.sum(axis=1)
    assert np.allclose(loss(task, given), expected, rtol=1e-4, atol=1e-6)


def test_penalties_are_added_with_their_weights():
    from l1ae.autoencoder.objectives import contractive, sparse

    autoencoder, plain = small("undercomplete")
    target = arrays(plain)["target"]
    code = np.asarray(autoencoder.encoder(target))
    jacobian = contractive.automatic_jacobian(autoencoder.encoder, keras.ops.convert_to_tensor(target))
    costs = {
        "sparsity": ({"penalty": "l1", "weight": 2.0}, 2 * np.abs(code).mean(axis=1)),
        "contraction": (3.0, 3 * np.asarray(jacobian)),
    }
    for key, (value, expected) in costs.items():
        _, task = small("undercomplete", {key: value})
        assert np.allclose(loss(task, arrays(task)) - loss(plain, arrays(plain)), expected, rtol=1e-3, atol=1e-4)
    _, task = small("undercomplete", {"sparsity": {"penalty": "kl", "weight": 0.5, "target": 0.2}})
    added = loss(task, arrays(task)) - loss(plain, arrays(plain))
    assert np.allclose(added, 0.5 * float(sparse.kl_sparsity(code, 0.2)), atol=1e-4)


def test_weight_decay_counts_kernels_and_no_biases():
    _, plain = small("undercomplete")
    _, task = small("undercomplete", {"weight_decay": 0.1})
    ones = keras.ops.ones((5,))
    losses = []
    for each in (plain, task):
        loss(each, arrays(each))
        losses.append(float(each.compute_loss(y_pred=ones)))
    kernels = [v for v in task.trainable_variables if len(v.shape) == 2]
    assert len(kernels) == 4
    assert losses[0] == 1.0
    assert losses[1] == pytest.approx(1 + 0.1 * sum(float((np.asarray(v) ** 2).sum()) for v in kernels), rel=1e-5)


@pytest.mark.parametrize("kind", ["masking", "gaussian", "detector"])
def test_a_denoising_one_sees_a_corrupted_event_and_answers_for_the_true_one(kind):
    settings = {"corruption": {"kind": kind, "masking": 0.4, "gaussian": 0.3, "detector": 0.5}}
    autoencoder, task = small("denoising", settings)
    given = arrays(task)
    target, seen = given["target"], given["seen"]
    assert (target == np.asarray(autoencoder.scale(WORDS.astype(np.float32)))).all()
    if kind == "gaussian":
        assert (seen - target).std() == pytest.approx(0.3, rel=0.1)
    else:
        absent = np.asarray(autoencoder.scale(np.zeros((1, 9), dtype=np.float32)))
        lost = THERE[:, ::3] & (seen == absent).reshape(60, 3, 3).all(axis=2)
        assert 0.2 < lost[:, 1:].sum() / THERE[:, 3::3].sum() < 0.6
        assert not lost[:, 0].any()
        assert ((seen != target)[:, :3].any()) == (kind == "detector"), "the energy sum is smeared"
    assert (arrays(task)["seen"] == seen).all()
    assert (arrays(task, seed=1)["seen"] != seen).any()
    output = np.asarray(autoencoder.decoder(autoencoder.encoder(seen)))
    assert np.allclose(loss(task, given), ((target - output) ** 2).mean(axis=1), rtol=1e-5)


def test_a_variational_one_draws_its_code_and_warms_up():
    from l1ae.autoencoder.objectives.variational import kl_divergence

    autoencoder, task = small("variational", {"beta": 0.6, "warmup_epochs": 4, "prior_width": 2.0})
    given = arrays(task)
    assert given["noise"].shape == (60, 2)
    mean, log_variance = (np.asarray(x) for x in autoencoder.encoder(given["target"]))
    output = np.asarray(autoencoder.decoder(mean + np.exp(log_variance / 2) * given["noise"]))
    error = ((given["target"] - output) ** 2).mean(axis=1)
    divergence = np.asarray(kl_divergence(mean, log_variance, 2.0))
    for epoch, beta in ((1, 0.15), (3, 0.45), (4, 0.6), (9, 0.6)):
        task.start_epoch(epoch)
        assert np.allclose(loss(task, given), (1 - beta) * error + beta * divergence, rtol=1e-4)
    task.start_epoch(1)
    task.judge()
    assert np.allclose(loss(task, given), 0.4 * error + 0.6 * divergence, rtol=1e-4), "judged with its full weight"


def test_an_embedding_sees_two_views_of_each_event():
    from l1ae.autoencoder.objectives import vicreg

    config = AutoencoderConfig(kind="undercomplete", hidden=(6,), latent=2, embedding=EmbeddingConfig(size=4))
    autoencoder = build(config, TRANSFORM, LAYOUT)
    weights = VicregConfig(invariance=2.0, variance=3.0, covariance=5.0)
    task = EmbeddingTask(autoencoder, weights, LAYOUT)
    given = arrays(task)
    assert set(given) == {"one", "two"}
    assert (given["one"] != given["two"]).any(axis=1).mean() > 0.9
    one, two = (np.asarray(autoencoder.embedding(given[name])) for name in ("one", "two"))
    expected = 2 * float(vicreg.invariance(one, two))
    expected += 3 * (float(vicreg.variance(one)) + float(vicreg.variance(two)))
    expected += 5 * (float(vicreg.covariance(one)) + float(vicreg.covariance(two)))
    assert np.allclose(loss(task, given), expected, rtol=1e-4)
    same = VicregConfig(smear=0.0, drop=0.0)
    views = arrays(EmbeddingTask(autoencoder, same, LAYOUT))
    assert (views["one"][:, ::3] == views["two"][:, ::3]).all(), "turned, and angles by a count"


def test_a_student_sees_as_many_invented_events_and_its_teachers_scores():
    autoencoder = build(AutoencoderConfig(kind="student", hidden=(6,)), TRANSFORM, LAYOUT)
    words = keras.Input((9,))
    teacher = keras.Model(words, keras.ops.sum(words, axis=1, keepdims=True) / 100)
    task = StudentTask(autoencoder, teacher, LAYOUT)
    given = arrays(task)
    assert given["seen"].shape == (120, 9)
    assert (given["seen"][:60] == np.asarray(autoencoder.scale(WORDS.astype(np.float32)))).all()
    assert np.allclose(given["score"][:60, 0], WORDS.sum(axis=1) / 100)
    distance = np.abs(np.asarray(autoencoder.encoder(given["seen"])) - given["score"])[:, 0]
    expected = np.where(distance < 1, distance**2 / 2, distance - 0.5)
    assert np.allclose(loss(task, given), expected, rtol=1e-4, atol=1e-5)
    assert task.multiple == 2
    assert {v.path for v in task.trainable_variables} == {v.path for v in autoencoder.encoder.trainable_variables}


def test_a_model_as_a_function_remembers_the_last_events():
    words = keras.Input((9,))
    model = keras.Model(words, 2 * words)
    function = remembered(evaluated(model))
    first = function(WORDS)
    assert (first == 2 * WORDS).all()
    assert function(WORDS) is first
    assert (function(WORDS[:7]) == 2 * WORDS[:7]).all()
    assert function(WORDS) is not first
