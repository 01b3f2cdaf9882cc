"""Back from what the network sees to hardware words."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from l1ae.circuit import Circuit, FixedFormat
from l1ae.circuit.inverse import InputInverse
from l1ae.errors import ConversionError
from l1ae.events.layout import LEPTON

from ..coders import SEEN, autoencoder, front, relative_front
from ..conftest import make_events

SMALL = LEPTON.select({"MET": 1, "muon": 1, "jet": 2})
EVENTS = make_events(400).select(SMALL).inputs.astype(np.int64)
PT, ETA, PHI = (
    [i for i, name in enumerate(SMALL.feature_names()) if name.endswith(end)] for end in ("pt", "eta", "phi")
)


def scaled(circuit: Circuit, words):
    return circuit.trace(words, ["scaled"])["scaled"]


@given(
    offset=st.lists(st.integers(-60, 200), min_size=SMALL.n_inputs, max_size=SMALL.n_inputs),
    shift=st.lists(st.integers(0, 9), min_size=SMALL.n_inputs, max_size=SMALL.n_inputs),
    tables=st.booleans(),
    seed=st.none() | st.integers(0, 2**32 - 1),
)
@settings(max_examples=40, deadline=None)
def test_the_network_cannot_tell_an_event_from_what_comes_back(offset, shift, tables, seed):
    circuit = Circuit.derive(front(SMALL, offset=offset, shift=shift, tables=tables))
    inverse = InputInverse.of(circuit, SMALL, SEEN)
    seen = scaled(circuit, EVENTS)
    back = inverse.words(seen, None if seed is None else np.random.default_rng(seed))
    blind = inverse.blind
    assert (scaled(circuit, back)[:, ~blind] == seen[:, ~blind]).all()
    assert (back[:, blind] == 0).all()
    for _, rows, column, _, scale in SMALL.columns():
        block = back.reshape(-1, *SMALL.shape)[:, rows, column]
        low, high = (scale.low, scale.high) if scale else (0, 0)
        assert (block >= low).all()
        assert (block <= high).all()


def test_a_map_that_loses_nothing_is_inverted_exactly():
    wide = FixedFormat.parse("ap_fixed<14,14,RND_CONV,SAT>")
    nodes = front(SMALL, offset=5, shift=0)
    circuit = Circuit.derive([*nodes[:-1], type(nodes[-1])("scaled", ("scaling",), (SMALL.n_inputs,), wide)])
    inverse = InputInverse.of(circuit, SMALL, wide)
    assert (inverse.words(scaled(circuit, EVENTS)) == EVENTS).all()


def test_of_words_that_look_the_same_the_middle_comes_back_or_any_of_them():
    circuit = Circuit.derive(front(SMALL, shift=8))  # 16 words look the same: half to even, 8 is still 0
    inverse = InputInverse.of(circuit, SMALL, SEEN)
    one = np.full((2000, SMALL.n_inputs), 1)
    assert (inverse.words(one[:1])[0, PHI] == 16).all()
    drawn = inverse.words(one, np.random.default_rng(0))[:, PHI]
    assert sorted(np.unique(drawn)) == list(range(9, 24))
    assert np.bincount(drawn.ravel()).max() < 2 * np.bincount(drawn.ravel())[9:].min()


def test_an_absent_object_comes_back_as_absent_however_coarse_the_scale():
    circuit = Circuit.derive(front(SMALL, shift=11))
    inverse = InputInverse.of(circuit, SMALL, SEEN)
    nothing = np.zeros((50, SMALL.n_inputs), dtype=np.int64)
    for rng in (None, np.random.default_rng(3)):
        assert (inverse.words(scaled(circuit, nothing), rng)[:, PT] == 0).all()
    # The scale is so coarse that pT 1 looks like no object: it must not be invented.
    nothing[:, PT] = 1
    assert (inverse.words(scaled(circuit, nothing))[:, PT] == 0).all()


def test_a_saturated_word_comes_back_next_to_those_that_do_not_saturate():
    circuit = Circuit.derive(front(SMALL, shift=2))
    inverse = InputInverse.of(circuit, SMALL, SEEN)
    high = np.zeros((1, SMALL.n_inputs), dtype=np.int64)
    high[:, PT] = 511
    back = inverse.words(scaled(circuit, high))
    assert (back[0, PT] == 32).all()  # 4 * 127/16 = 31.75: the first word that saturates, not one of the middle
    low = np.zeros((1, SMALL.n_inputs), dtype=np.int64)
    low[:, ETA] = -128
    eta = [index for index, name in zip(ETA, np.array(SMALL.feature_names())[ETA], strict=True) if "MET" not in name]
    assert (inverse.words(scaled(circuit, low))[0, eta] == -32).all()  # the last word that does not saturate


def test_between_two_values_the_nearer_comes_back_and_of_two_equal_ones_the_smaller_word():
    circuit = Circuit.derive(front(SMALL, shift=0))  # words are 16 LSB apart
    inverse = InputInverse.of(circuit, SMALL, SEEN)
    back = [int(inverse.words(np.full((1, SMALL.n_inputs), value))[0, PT[1]]) for value in (16, 23, 24, 25, 32, 127)]
    assert back == [1, 1, 1, 2, 2, 8]


def test_objects_softer_than_the_softest_are_none():
    circuit = Circuit.derive(front(SMALL, shift=2))
    inverse = InputInverse.of(circuit, SMALL, SEEN, {"jet": 20})
    jet = SMALL.feature_names().index("jet1_pt")
    muon = SMALL.feature_names().index("muon_pt")
    events = np.zeros((4, SMALL.n_inputs), dtype=np.int64)
    events[:, [jet, muon]] = [[9], [10], [12], [25]]
    back = inverse.words(scaled(circuit, events))
    assert back[:, jet].tolist() == [0, 0, 20, 25]
    assert back[:, muon].tolist() == [9, 10, 12, 25]
    assert inverse.softest_gev() == {"jet": 10.0}


def test_an_input_that_always_looks_the_same_is_blind():
    shift = np.full(SMALL.n_inputs, 2)
    shift[ETA[1]] = shift[PHI[1]] = 15
    inverse = InputInverse.of(Circuit.derive(front(SMALL, shift=shift)), SMALL, SEEN)
    assert np.flatnonzero(inverse.blind).tolist() == [ETA[1], PHI[1]]
    seen = np.full((3, SMALL.n_inputs), 7)
    assert (inverse.words(seen)[:, inverse.blind] == 0).all()


def test_a_relative_phi_comes_back_as_the_absolute_difference_to_that_of_the_missing_momentum():
    inverse = InputInverse.of(Circuit.derive(relative_front(SMALL)), SMALL, SEEN)
    assert inverse.relative
    assert np.flatnonzero(inverse.blind).tolist() == [PHI[0]]  # that of the missing momentum itself
    circuit = Circuit.derive(relative_front(SMALL))
    present = np.where(np.arange(SMALL.n_inputs) % 3 == 0, 100, EVENTS)
    back = inverse.words(scaled(circuit, present))
    for index, period, ratio in ((PHI[1], 576, 4), (PHI[2], 144, 1)):
        turn = (present[:, index] - ratio * present[:, PHI[0]]) % period
        difference = np.abs(back[:, index] - np.minimum(turn, period - turn)) / ratio
        assert difference.max() <= 8  # 16 LSB of the cosine: flat where the difference is 0 or pi
        assert difference.mean() < 2
        assert len(np.unique(back[:, index])) > 20


def test_what_is_no_circuit_of_these_events_is_refused():
    circuit = autoencoder()
    with pytest.raises(ConversionError, match="the circuit takes 57 words and these events 12"):
        InputInverse.of(circuit, SMALL, SEEN)
    with pytest.raises(ConversionError, match="no node scaled"):
        InputInverse.of(circuit.between("residual"), LEPTON, SEEN)
    with pytest.raises(ConversionError, match="has other bits below the point"):
        InputInverse.of(circuit, LEPTON, FixedFormat.parse("ap_fixed<8,3>"))
