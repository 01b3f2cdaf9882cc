"""What a verification feeds to every implementation."""

import numpy as np
import pytest

from l1ae.circuit import UNDECIDED, Circuit, FixedFormat, Input, Overflow, Rounding, Wire, corner_words
from l1ae.config import VerificationConfig
from l1ae.events.layout import LEPTON
from l1ae.settings import AutoencoderConfig, InputsConfig
from l1ae.stimuli import OFF_GRID_SHARE, choose, stimuli

LOW, HIGH = -4096, 4095  # the ends of a word of 13 bits


@pytest.fixture(scope="module")
def circuit():
    from l1ae.autoencoder.architectures import build
    from l1ae.autoencoder.scores import deploy
    from l1ae.autoencoder.transforms import InputTransform
    from l1ae.circuit import lower

    config = AutoencoderConfig(kind="variational", hidden=(4,), latent=2)
    autoencoder = build(config, InputTransform.of([60] * 57, [6] * 57), LEPTON)
    return lower(deploy(autoencoder, config, InputsConfig(), LEPTON))


@pytest.fixture(scope="module")
def data():
    return np.random.default_rng(3).integers(0, 500, (400, 57)).astype(np.int16)


def config(events=100, random=1000, seed=1):
    return VerificationConfig(events=events, random=random, seed=seed)


def test_there_are_as_many_as_asked_for(circuit, data):
    found = stimuli(circuit, data, config())
    assert list(found) == ["data", "random", "past the range", "corner"]
    assert len(found["data"]) == len(data)
    assert len(found["random"]) + len(found["past the range"]) == 1000
    assert len(found["past the range"]) == OFF_GRID_SHARE * 1000
    for values in found.values():
        assert values.shape[1:] == (57,)
        assert values.dtype == np.float64


def test_events_of_the_data_are_distinct_and_in_their_order():
    rows = choose(400, config())
    assert len(rows) == 100
    assert (np.diff(rows) > 0).all()
    assert rows.max() - rows.min() > 200, "not only the first ones"
    assert (choose(400, config()) == rows).all()
    assert (choose(400, config(seed=2)) != rows).any()


def test_a_data_set_with_fewer_events_is_used_whole():
    assert choose(400, config(events=10_000)).tolist() == list(range(400))


def test_the_events_of_the_data_are_taken_as_they_are(circuit, data):
    assert (stimuli(circuit, data, config())["data"] == data).all()


def test_random_words_fill_the_port_to_its_ends(circuit, data):
    words = stimuli(circuit, data, config())["random"]
    assert (words == np.rint(words)).all()
    assert (words.min(), words.max()) == (LOW, HIGH)
    assert (words.min(axis=0) < 0.95 * LOW).all()
    assert (words.max(axis=0) > 0.95 * HIGH).all()


def test_some_values_lie_past_the_range_and_some_between_two_words(circuit, data):
    values = stimuli(circuit, data, config())["past the range"]
    assert (values < LOW).any(axis=1).all()
    assert (values > HIGH).any(axis=1).all()
    quarters = set(np.unique(np.mod(values, 1.0)).tolist())
    assert quarters == {0.0, 0.25, 0.5, 0.75}, "ties of the port among them"


def test_the_corner_cases_of_the_circuit_are_among_them(circuit, data):
    corners = stimuli(circuit, data, config())["corner"]
    assert (corners == corner_words(circuit, 1)).all()
    assert (corners.min(), corners.max()) == (LOW, HIGH)


def test_the_seed_decides(circuit, data):
    one, same, other = (stimuli(circuit, data, config(seed=seed)) for seed in (1, 1, 2))
    for name, values in one.items():
        assert np.array_equal(values, same[name])
        assert name == "data" or not np.array_equal(values, other[name])


def test_even_the_smallest_request_goes_past_the_range(circuit, data):
    found = stimuli(circuit, data, config(events=1, random=1))
    assert len(found["past the range"]) == 1
    assert len(found["random"]) == 0


# Any ports: several, of any shape, sign and binary point.


@pytest.fixture(scope="module")
def ports():
    """A signed image with 2 bits below the point, and an unsigned vector whose last bit counts 4."""
    image = Input("image", (), (2, 2, 1), FixedFormat(True, 6, 4, Rounding.RND_CONV, Overflow.SAT))
    vector = Input("vector", (), (3,), FixedFormat(False, 5, 7, Rounding.RND_CONV, Overflow.SAT))
    joined = Wire("joined", ("image", "vector"), (7,), UNDECIDED, tuple(range(7)))
    return Circuit.derive([image, vector, joined])


def test_the_ports_stand_side_by_side_in_values_of_their_own_grid(ports):
    found = stimuli(ports, None, config())
    assert "data" not in found
    assert found["random"].shape == (900, 7)
    words = found["random"] / ([0.25] * 4 + [4.0] * 3)
    assert (words == np.rint(words)).all()
    assert (words.min(axis=0) == [-32] * 4 + [0] * 3).all()
    assert (words.max(axis=0) == 31).all()
    assert (ports.input_words(found["random"]) == words).all()


def test_every_port_is_passed_on_both_sides(ports):
    past = stimuli(ports, None, config())["past the range"]
    assert (past.min(axis=0) < [-8.0] * 4 + [0.0] * 3).all()
    assert (past.max(axis=0) > [7.75] * 4 + [124.0] * 3).all()


def test_a_port_that_the_model_does_not_know_gets_words_only(ports):
    past = stimuli(ports, None, config(), ["vector"])["past the range"]
    assert set(np.unique(past[:, 4:]).tolist()) <= {4.0 * word for word in range(32)}
    assert (past[:, :4] < -8).any()


@pytest.mark.parametrize("width", [25, 40, 61])
def test_a_wide_port_gets_values_that_all_can_read_alike(width):
    port = Input("words", (), (3,), FixedFormat(True, width, width, Rounding.RND_CONV, Overflow.SAT))
    circuit = Circuit.derive([port, Wire("same", ("words",), (3,), UNDECIDED, (0, 1, 2))])
    past = stimuli(circuit, None, config())["past the range"]
    assert (past == past.astype(np.float32)).all()
    assert (np.abs(past).max(axis=0) > port.format.high / 2).all()
