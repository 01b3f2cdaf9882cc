"""Bits, entropies and errors of an encoding, against numbers that were counted by hand."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from l1ae.circuit import Circuit
from l1ae.circuit.inverse import InputInverse
from l1ae.evaluation.compression import Bits, Losses, Moments, entropy, joined
from l1ae.events.layout import GLOBAL_TRIGGER, LEPTON

from ..coders import SEEN, front, relative_front

SMALL = LEPTON.select({"MET": 1, "jet": 2})
NAMES = SMALL.feature_names()


def inverse(nodes=None):
    return InputInverse.of(Circuit.derive(nodes or front(SMALL, shift=4)), SMALL, SEEN)  # one word is one LSB


def event(**words):
    return np.array([[words.get(name, 0) for name in NAMES]], dtype=np.int64)


def losses(true, seen, back, found):
    """The record of events which the network sees as `seen` and takes for `back`, and its features by name."""
    counted = Losses(SMALL, range(-8, 8), 1, found)
    counted.add_codes(true, np.zeros((len(true), 1), dtype=np.int64))
    counted.add_words(true, seen, back)
    record = counted.record(("W",))
    return {f"{one.kind} {one.feature}": one for one in record.features}, record


def test_bits_are_the_widths_of_the_fields_of_the_port_and_of_the_code():
    assert Bits.of(LEPTON, 13, 3, 8) == Bits(fields=20 + 4 * 25 + 4 * 28 + 10 * 27, port=57 * 13, code=24)
    assert Bits.of(LEPTON, 13, 3, 8).ratio == 502 / 24
    assert Bits.of(GLOBAL_TRIGGER, 13, 1, 1).fields == 20 + 12 * 25 + 8 * 28 + 12 * 27 + 12 * 25


@pytest.mark.parametrize(
    ("counts", "bits"), [([5], 0), ([1, 1], 1), ([0, 7, 0, 7, 7, 7], 2), ([1, 3], 2 - 0.75 * math.log2(3)), ([0, 0], 0)]
)
def test_entropy_is_what_an_ideal_coder_needs(counts, bits):
    assert entropy(np.array(counts)) == pytest.approx(bits, abs=1e-12)


@given(st.lists(st.integers(-100, 100), min_size=1), st.integers(0, 10))
def test_moments_are_those_of_all_differences_however_they_are_cut(differences, cut):
    values = np.array(differences, dtype=float)
    first, second = Moments(), Moments()
    first.add(values[:cut])
    second.add(values[cut:])
    both = (first + second).deviation()
    assert both.entries == len(values)
    assert both.rms == pytest.approx(np.sqrt(np.mean(values**2)))
    assert both.mean_absolute == pytest.approx(np.abs(values).mean())
    assert both.bias == pytest.approx(values.mean())
    assert (first + second).spread() == pytest.approx(values.std(), abs=1e-6)


def test_errors_are_in_gev_and_radians_and_count_only_objects_that_are_there():
    true = event(MET_pt=40, MET_phi=3, jet1_pt=60, jet1_eta=-20, jet1_phi=10)
    back = event(MET_pt=44, MET_phi=3, jet1_pt=50, jet1_eta=-10, jet1_phi=13, jet2_pt=30, jet2_eta=99)
    features, _ = losses(true, true, back, inverse())
    assert features["MET pt"].network.bias == 2.0
    assert features["jet pt"].network.entries == 1  # the second jet was made up
    assert features["jet pt"].network.bias == -5.0
    assert features["jet pt"].unit == "GeV"
    assert features["jet eta"].network.bias == pytest.approx(10 * 0.0435)
    assert features["jet phi"].network.rms == pytest.approx(3 * 2 * math.pi / 144)
    assert features["MET phi"].network.rms == 0
    assert all(feature.inputs.rms == 0 for feature in features.values())
    assert "MET eta" not in features


def test_phi_is_compared_the_shorter_way_around():
    true, back = event(MET_pt=9, MET_phi=73), event(MET_pt=9, MET_phi=70)  # on both sides of pi, where values jump
    features, _ = losses(true, true - 72, back - 72, inverse(front(SMALL, offset=72, shift=4)))
    assert features["MET phi"].network.bias == pytest.approx(-3 * 2 * math.pi / 144)


def test_objects_that_vanish_or_appear_are_counted_per_kind():
    one, two = event(MET_pt=40, jet1_pt=60), event(MET_pt=40, jet1_pt=60, jet2_pt=30)
    true = np.concatenate([one, two, two])
    back = np.concatenate([two, event(MET_pt=40, jet2_pt=30), event(MET_pt=40)])
    _, record = losses(true, true, back, inverse())
    met, jet = record.presence
    assert (met.present, met.lost, met.absent, met.invented) == (3, 0, 0, 0)
    assert (jet.kind, jet.present, jet.lost, jet.absent, jet.invented) == ("jet", 5, 3, 1, 1)


def test_what_the_inputs_alone_lose_is_told_apart_from_the_network():
    coarse = inverse(front(SMALL, shift=7))  # 8 words look the same
    true = event(MET_pt=22, jet1_pt=26)
    seen = np.rint(true / 8).astype(np.int64)
    features, _ = losses(true, seen, seen + 1, coarse)
    assert features["MET pt"].inputs.bias == 1.0  # 22 comes back as 24
    assert features["MET pt"].network.bias == 5.0


def test_a_relative_phi_is_compared_as_the_distance_to_the_missing_momentum():
    found = inverse(relative_front(SMALL))
    true = event(MET_pt=40, MET_phi=10, jet1_pt=60, jet1_phi=140)  # 14 counts apart
    circuit = Circuit.derive(relative_front(SMALL))
    seen = circuit.trace(true, ["scaled"])["scaled"]
    features, _ = losses(true, seen, seen, found)
    assert features["jet phi"].quantity == "|phi - phi of MET|"
    assert features["jet phi"].network.rms < 4 * 2 * math.pi / 144
    assert (features["MET phi"].unseen, features["MET phi"].network.entries) == (1, 0)
    assert features["MET phi"].network.rms is None


def test_opposite_to_the_missing_momentum_is_half_a_turn_and_not_minus_half_a_turn():
    turned = dataclasses.replace(inverse(), relative=True)
    true = event(MET_pt=40, jet1_pt=60, jet1_phi=70)
    features, _ = losses(true, true, true + event(jet1_phi=2), turned)  # word 72 is pi, and also -pi
    assert features["jet phi"].network.bias == pytest.approx(2 * 2 * math.pi / 144)


def test_processes_add_up():
    rng = np.random.default_rng(0)
    parts = []
    for events in (3, 5):
        part = Losses(SMALL, range(-8, 8), 2, inverse())
        true = np.abs(rng.integers(0, 100, (events, SMALL.n_inputs)))
        true[:, 1] = 0
        part.add_codes(true, rng.integers(-8, 8, (events, 2)))
        part.add_seen(true, true + 2, 0.5)
        part.add_words(true, true, true)
        parts.append(part)
    both, one = joined(parts).record(("W", "Z")), parts[0].record(("W",))
    assert (both.events, one.events) == (8, 3)
    assert both.seen.entries == 8 * SMALL.n_inputs
    assert (both.seen.rms, both.seen.bias) == (1.0, 1.0)
    assert sum(both.entropy_bits) > sum(one.entropy_bits)
    assert both.fields_entropy_bits > one.fields_entropy_bits
    assert one.fields_entropy_bits == pytest.approx(8 * math.log2(3))  # three events, different in all of eight fields
    assert both.presence[0].present == sum(part.record(("W",)).presence[0].present for part in parts)


def test_without_a_decoder_only_the_codes_are_counted():
    counted = Losses(SMALL, range(-8, 8), 1, None)
    counted.add_codes(event(MET_pt=3), np.array([[-8]]))
    record = counted.record(("W",))
    assert (record.seen, record.features, record.presence, record.entropy_bits) == (None, (), (), (0.0,))
