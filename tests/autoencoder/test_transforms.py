from fractions import Fraction

import numpy as np
import pytest
from scipy.stats import norm

from l1ae.autoencoder import transforms
from l1ae.autoencoder.scaling import learn_scaling
from l1ae.autoencoder.transforms import InputTransform, learn_transform
from l1ae.errors import DataError
from l1ae.events.layout import GLOBAL_TRIGGER, LEPTON
from l1ae.records import SignedPrecision
from l1ae.settings import InputsConfig

from .. import networks

CURVES = ("log", "tail", "density", "quantile")
PT = LEPTON.select(None, ["pt"])
SMALL = LEPTON.select({"MET": 1, "jet": 2}, ["pt", "phi"])
FINE = SignedPrecision(width=16, integer=6)
#: Counts of 2000 background events per address of four words, 0 for an absent object.
RNG = np.random.default_rng(0)
ADDRESSES = np.where(RNG.random(2000) < 0.3, 0, 1 + RNG.exponential(12, 2000).astype(int))
COUNTS = np.bincount(ADDRESSES, minlength=512)
WORDS, LSB = 4 * np.arange(512), 0.5


def address(word, offset, shift, bits):
    """Where the firmware sends a word: rounded half to even, saturated; exact, without floats."""
    return min(max(round(Fraction(int(word) - offset, 2**shift)), 0), 2**bits - 1)


def seen(transform, words):
    """What the network sees of words (N, n), table by table, as integers."""
    scaling = transform.scaling
    columns = [
        [
            transform.tables[i][address(word, scaling.offset[i], scaling.shift[i], transform.address_bits)]
            for word in column
        ]
        for i, column in enumerate(words.T)
    ]
    return np.array(columns).T


def test_the_logarithm_is_that_of_the_momentum_in_units_of_4_gev():
    found = transforms.logarithm(np.array([0, 8, 24, 56]), np.zeros(4), 0.5)
    assert found.tolist() == [0.0, 1.0, 2.0, 3.0]


def test_the_tail_is_counted_where_there_are_events_and_exponential_beyond():
    found = transforms.tail(WORDS, COUNTS, LSB)
    above = np.array([(a <= ADDRESSES).sum() for a in range(512)])
    last = np.flatnonzero(above >= 50).max()
    assert np.allclose(found[: last + 1], -np.log(above[: last + 1] / 2000))
    excess = 4 * (ADDRESSES[last <= ADDRESSES] - last).mean()
    assert np.allclose(np.diff(found[last:]), 4 / excess), "its slope is the inverse of the mean excess"
    assert (np.diff(found) >= 0).all()


def test_the_tail_of_a_rare_object_begins_where_there_are_some():
    counts = np.zeros(512, dtype=int)
    counts[[0, 10, 30]] = 9990, 5, 5
    found = transforms.tail(WORDS, counts, LSB)
    assert np.allclose(found[:11], [0] + [-np.log(10 / 10_000)] * 10)
    assert np.allclose(np.diff(found[10:]), 4 / (4 * 10)), "their mean excess is ten addresses"


def test_many_events_in_the_last_address_do_not_make_everything_a_tail():
    found = transforms.tail(WORDS, np.full(512, 1000), LSB)
    assert np.allclose(found, -np.log(np.arange(512, 0, -1) / 512))


def test_the_quantile_is_the_inverse_normal_of_the_rank():
    found = transforms.quantile(WORDS, COUNTS, LSB)
    above = np.array([(a <= ADDRESSES).sum() for a in range(512)])
    for a in range(np.flatnonzero(above >= 50).max()):
        middle = ((a > ADDRESSES).sum() + (a >= ADDRESSES).sum()) / 2 / 2000
        assert found[a] == pytest.approx(norm.ppf(middle), abs=1e-9)
    assert (np.diff(found) >= 0).all()
    assert np.isfinite(found).all()
    drawn = found[ADDRESSES[ADDRESSES > 0]]
    assert np.sqrt((COUNTS * found**2).sum() / 2000) == pytest.approx(1, abs=0.1)
    assert len(np.unique(drawn)) > 20


def test_the_density_is_one_and_near_the_truth():
    found = transforms.density(WORDS, COUNTS, LSB)
    width = 4 * LSB
    absent, others = np.exp(-found[0]), np.exp(-found[1:]) * width
    assert absent == pytest.approx(COUNTS[0] / 2000, abs=0.001)
    assert absent + others.sum() == pytest.approx(1, abs=0.05)
    truth = 0.7 * (np.exp(-(WORDS[1:] / 4 - 1) / 12) - np.exp(-WORDS[1:] / 4 / 12)) / width
    common = slice(3, 30)
    assert np.abs(found[1:][common] + np.log(truth[common])).max() < 0.4
    assert found[-1] > found[1:200].min() + 4, "what was never seen is rare, not impossible"
    assert np.isfinite(found).all()


@pytest.mark.parametrize("curve", CURVES)
def test_inputs_have_mean_0_and_spread_1_and_directions_less(curve):
    words = networks.background(LEPTON, 3000)
    config = InputsConfig(transform=curve, precision=FINE, direction_shift=3)
    transform = learn_transform([words], LEPTON, config)
    values = np.ldexp(seen(transform, words[:, :12]), -FINE.fraction)
    assert np.abs(values.mean(axis=0)).max() < 0.01
    spread = values.std(axis=0)
    is_pt = np.arange(12) % 3 == 0
    assert np.allclose(spread[is_pt], 1, atol=0.01)
    assert spread[1] == 0, "the eta of the MET is always 0"
    assert np.allclose(spread[[2, 4, 5, 7, 8, 10, 11]], 1 / 8, atol=0.01)


@pytest.mark.parametrize("curve", CURVES)
@pytest.mark.parametrize("layout", [LEPTON, PT, GLOBAL_TRIGGER, SMALL], ids=["lepton", "pt", "global trigger", "small"])
def test_every_layout_gets_a_table_per_input(layout, curve):
    precision = SignedPrecision(width=6, integer=3)
    config = InputsConfig(transform=curve, address=6, precision=precision)
    transform = learn_transform([networks.background(layout, 300)], layout, config)
    assert transform.tables.shape == (layout.n_inputs, 64)
    assert transform.tables.min() >= -32
    assert transform.tables.max() == 31, "rare momenta lie at the end of the range"
    assert transform.word_width == layout.word_width
    momenta = transform.tables[:: len(layout.features)]
    if curve != "density":
        assert (np.diff(momenta, axis=1) >= 0).all()


@pytest.mark.parametrize("curve", ["scale", *CURVES])
def test_the_chunks_do_not_matter(curve):
    words = networks.background(SMALL, 500)
    config = InputsConfig(transform=curve, angles="relative" if curve == "log" else "absolute")
    whole = learn_transform([words], SMALL, config)
    parts = learn_transform(iter([words[:7], words[7:100], words[100:]]), SMALL, config)
    assert whole.scaling == parts.scaling
    assert (whole.tables is None) == (curve == "scale")
    assert curve == "scale" or (whole.tables == parts.tables).all()


def test_without_tables_it_is_the_scaling():
    words = networks.background(LEPTON, 300)
    config = InputsConfig(direction_shift=2)
    transform = learn_transform([words], LEPTON, config)
    assert transform.scaling == learn_scaling([words], LEPTON.is_direction(), 2)
    assert transform.tables is None
    assert transform.precision == config.precision
    assert transform.n_inputs == 57


def test_hardly_an_event_saturates_an_address():
    layout = LEPTON.select({"jet": 1, "MET": 1}, ["pt"])
    words = np.zeros((30_000, 2), dtype=np.int16)
    words[:, 1] = np.minimum(20 * np.random.default_rng(0).pareto(2.5, 30_000), 2047)
    words[:3, 0] = 4095
    transform = learn_transform([words], layout, InputsConfig(transform="tail", address=6))
    for column, offset, shift in zip(words.T, *vars(transform.scaling).values(), strict=True):
        beyond = np.rint((column - offset) / 2**shift) > 63
        assert beyond.mean() <= 1e-4
        finer = np.rint((column - offset) / 2 ** (shift - 1)) > 63
        assert shift == 0 or finer.mean() > 1e-4, "and no bit of the address is given away"
    assert transform.scaling.shift[0] == 0, "three events in 30,000 do not stretch a table"


@pytest.mark.parametrize("curve", CURVES)
def test_constant_and_absent_inputs_are_not_blown_up(curve):
    words = networks.background(SMALL, 500)
    words[:, 4:] = 0  # there is never a second jet
    words[0, 4:] = 3, 7
    words[:, 1] = 5  # the phi of the MET
    transform = learn_transform([words], SMALL, InputsConfig(transform=curve, precision=FINE))
    values = np.ldexp(seen(transform, words), -FINE.fraction)
    assert (values[:, 1] == values[0, 1]).all()
    assert np.abs(values[1:, 4]).max() < 0.1
    assert values[1:, 4].std() == 0
    nothing = learn_transform([np.zeros((10, 6), dtype=np.int16)], SMALL, InputsConfig(transform=curve))
    assert (seen(nothing, np.zeros((1, 6), dtype=int)) == 0).all()


@pytest.mark.parametrize("curve", ["scale", "log"])
def test_without_events_there_is_nothing_to_learn(curve):
    with pytest.raises(DataError, match="1 training events: at least 2"):
        learn_transform([np.zeros((1, 6), dtype=np.int16)], SMALL, InputsConfig(transform=curve))


def test_curves_can_be_kept_as_they_are():
    words = networks.background(PT, 2000)
    config = InputsConfig(transform="density", precision=SignedPrecision(width=16, integer=7))
    learned = learn_transform([words], PT, config, standardise=False)
    absent = np.log((words[:, 5] == 0).mean() + 1e-9)
    assert np.ldexp(learned.tables[5, 0], -9) == pytest.approx(-absent, abs=0.01)


def front_model(transform):
    import keras

    from l1ae.autoencoder.front import front

    words = keras.Input((transform.n_inputs,), name="words")
    return keras.Model(words, front(words, transform))


@pytest.mark.parametrize(
    "config",
    [
        InputsConfig(transform="tail", address=5),
        InputsConfig(transform="density", precision=SignedPrecision(width=10, integer=5)),
        InputsConfig(transform="quantile", angles="relative", address=10),
    ],
    ids=["tail", "density", "relative"],
)
def test_keras_and_the_circuit_see_what_the_tables_say_for_every_word(config):
    from l1ae.circuit import lower

    transform = learn_transform([networks.background(SMALL, 500)], SMALL, config)
    model = front_model(transform)
    every = np.arange(-4096, 4096)
    words = np.zeros((6 * len(every), 6), dtype=np.int64)
    for i in range(6):
        words[i * len(every) : (i + 1) * len(every), i] = every
    words[:, 1] += 17  # some phi of the MET
    words[::2, 2] += words[::2, 2] == 0  # and every other leading jet there
    words = np.clip(words, -4096, 4095)
    inputs = words if transform.relative is None else transform.relative.apply(words)
    expected = seen(transform, inputs)
    circuit = lower(model)
    assert (circuit.reference(words) == expected).all()
    assert circuit.output.format.fraction == config.precision.fraction
    values = model.predict(words.astype(np.float32), batch_size=2**14, verbose=0)
    assert (values == np.ldexp(expected.astype(float), -config.precision.fraction)).all()


def test_without_tables_keras_sees_scaled_words_rounded_half_to_even():
    transform = InputTransform.of([3, -7, 0], [2, 0, 11], SignedPrecision(width=8, integer=4))
    words = np.arange(-4096, 4096)[:, None].repeat(3, axis=1)
    found = front_model(transform).predict(words.astype(np.float32), verbose=0)
    for i, (offset, shift) in enumerate(((3, 2), (-7, 0), (0, 11))):
        lsb = [round(Fraction(int(word) - offset, 2**shift) * 16) for word in words[:, i]]
        assert (found[:, i] * 16 == np.clip(lsb, -128, 127)).all()
