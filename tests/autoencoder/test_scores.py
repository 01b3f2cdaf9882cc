import keras
import numpy as np
import pytest

from l1ae.autoencoder.scores import deploy, deploy_float, sigma_shifts
from l1ae.circuit import lower
from l1ae.events.layout import LEPTON
from l1ae.records import SignedPrecision
from l1ae.settings import AutoencoderConfig, InputsConfig

from .. import networks

LAYOUT = LEPTON.select({"MET": 1, "jet": 2})
WORDS = np.concatenate(
    [networks.background(LAYOUT, 200).astype(int), np.random.default_rng(1).integers(-4096, 4096, (200, 9))]
)
SCALE = [20, 0, 70, 40, 0, 70, 30, 0, 70], [4, 3, 5, 5, 5, 5, 5, 5, 5]
CODE = SignedPrecision(width=8, integer=4)


def parts(kind, **options):
    """Values of every tensor of a deployed model, from the integers of its circuit, and what Keras says to the score.

    Options of `deploy` and keys of the configuration.
    """
    own = {name: options.pop(name) for name in ("shifts", "prior_width", "score_of") if name in options}
    config = AutoencoderConfig(kind=kind, hidden=(6,), latent=3, code=CODE, **options)
    keras.utils.set_random_seed(3)
    autoencoder = networks.network(config, *SCALE, layout=LAYOUT)
    model = deploy(autoencoder, config, InputsConfig(), LAYOUT, score=own.pop("score_of", None), **own)
    circuit = lower(model)
    values = {name: circuit.value(name, words) for name, words in circuit.trace(WORDS).items()}
    found = model.predict(WORDS.astype(np.float32), verbose=0)
    assert (found == values[circuit.output.name]).all()
    assert circuit.proved
    assert len(np.unique(found)) > 10
    assert "BatchNormalization" not in {type(layer).__name__ for layer in model.layers}
    return values, found[:, 0].astype(float), circuit


def test_the_squared_error_is_the_sum_of_squares_and_keeps_the_order_of_its_root():
    values, score, _ = parts("undercomplete")
    residual = values["scaled"] - values["reconstruction"]
    assert (score == (residual**2).sum(axis=1)).all()
    root = np.sqrt((residual**2).mean(axis=1))
    assert (np.argsort(score, kind="stable") == np.argsort(root, kind="stable")).all()


def test_the_absolute_error_is_the_sum_of_absolute_values():
    values, score, _ = parts("undercomplete", score="absolute_error")
    assert (score == np.abs(values["scaled"] - values["reconstruction"]).sum(axis=1)).all()


@pytest.mark.parametrize("name", ["squared_error", "absolute_error"])
def test_absent_objects_add_nothing_when_they_are_masked(name):
    values, score, _ = parts("undercomplete", score=name, mask_absent=True)
    residual = (values["scaled"] - values["reconstruction"]).reshape(-1, 3, 3)
    there = WORDS.reshape(-1, 3, 3)[..., 0] > 0
    assert not there.all()
    size = np.square if name == "squared_error" else np.abs
    assert (score == (size(residual).sum(axis=2) * there).sum(axis=1)).all()


def test_the_radius_is_the_sum_of_squared_means():
    values, score, _ = parts("variational")
    assert (score == (values["code_quantized"] ** 2).sum(axis=1)).all()


def test_the_error_of_a_variational_one_is_that_of_its_mean():
    values, score, _ = parts("variational", score_of="squared_error")
    assert (score == ((values["scaled"] - values["reconstruction"]) ** 2).sum(axis=1)).all()


def test_the_weighted_radius_divides_each_mean_by_its_power_of_two():
    shifts = np.array([0, 3, 1])
    values, score, _ = parts("variational", score="weighted_radius", shifts=shifts)
    assert (score == ((values["code_quantized"] / 2.0**shifts) ** 2).sum(axis=1)).all()
    _, plain, _ = parts("variational", score="weighted_radius")
    assert (plain == (values["code_quantized"] ** 2).sum(axis=1)).all()


@pytest.mark.parametrize("prior_width", [1.0, 4.0])
def test_the_kl_term_is_within_half_a_last_bit_of_each_table(prior_width):
    values, score, circuit = parts("variational", score="kl", prior_width=prior_width)
    mean, log_variance = values["code_quantized"], values["log_variance_quantized"]
    scaled = log_variance - 2 * np.log(prior_width)
    of_mean, of_variance = (mean / prior_width) ** 2 / 2, (np.exp(scaled) - 1 - scaled) / 2
    lsb = 2.0**-circuit.output.format.fraction
    top = 2**16 * lsb  # a table entry has 16 bits
    exact = np.minimum(of_mean, top - lsb) + np.minimum(of_variance, top - lsb)
    assert np.abs(score - exact.sum(axis=1)).max() <= 6 * lsb / 2 + 1e-9
    assert lsb <= 2**-5
    assert (of_variance >= top).any(), "some of these events saturate,"
    assert (of_variance[log_variance < 2 * np.log(prior_width)] < top).all(), "but none with a small sigma"


def test_the_score_of_a_student_is_its_code():
    values, score, circuit = parts("student")
    assert circuit.output.name == "score"
    assert (score == values["score"][:, 0]).all()
    assert str(circuit.output.format) == "ap_fixed<8,4,RND_CONV,SAT>"
    assert score.min() < 0 < score.max()


def test_shifts_are_the_nearest_powers_of_two_of_sigma_from_the_smallest():
    sigma = np.array([0.5, 1.0, 1.3, 1.6, 4.0, 0.5 * 2**20])
    log_variance = np.tile(2 * np.log(sigma), (10, 1))
    assert sigma_shifts(log_variance).tolist() == [0, 1, 1, 2, 3, 8]
    assert sigma_shifts(log_variance + 100 * np.log(2)).tolist() == [0, 1, 1, 2, 3, 8], (
        "a common factor keeps the order of events"
    )
    mixed = np.log(np.array([[1.0, 1.0], [1.0, 31.0]]))
    assert sigma_shifts(mixed).tolist() == [0, 2], "of the mean variance, 1 and 16"


@pytest.mark.parametrize(
    ("kind", "score"),
    [
        ("undercomplete", "absolute_error"),
        ("variational", "weighted_radius"),
        ("variational", "kl"),
    ],
)
def test_the_float_score_has_the_same_formula(kind, score):
    """The float score of the quantized network itself: what remains is the rounding of the tables of the KL term."""
    config = AutoencoderConfig(kind=kind, hidden=(6,), latent=3, score=score, mask_absent=kind == "undercomplete")
    keras.utils.set_random_seed(3)
    autoencoder = networks.network(config, *SCALE, layout=LAYOUT)
    options = {"shifts": np.array([0, 3, 1])} if score == "weighted_radius" else {}
    options |= {"prior_width": 4.0} if score == "kl" else {}
    words = WORDS[:200].astype(np.float32)
    exact = deploy(autoencoder, config, InputsConfig(), LAYOUT, **options).predict(words, verbose=0)
    floating = deploy_float(autoencoder, config, LAYOUT, **options).predict(words, verbose=0)
    if score == "kl":
        near = floating[:, 0] < 4  # no term saturates
        assert near.sum() > 50
        assert np.abs(exact - floating)[near].max() < 0.02
    else:
        assert np.allclose(exact, floating, rtol=1e-6)
