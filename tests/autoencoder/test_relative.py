import json

import numpy as np
import pytest

from l1ae.autoencoder.augment import rotate
from l1ae.autoencoder.relative import Relative
from l1ae.autoencoder.transforms import learn_transform
from l1ae.errors import ConfigError
from l1ae.events.layout import GLOBAL_TRIGGER, LEPTON
from l1ae.settings import InputsConfig

from .. import networks

SMALL = LEPTON.select({"MET": 1, "jet": 1, "muon": 1}, ["pt", "phi"])
MET_PHI, MUON_PHI, JET_PHI = 1, 3, 5
#: pT and phi of the MET, a muon and a jet.
WORDS = np.array(
    [
        [50, 10, 7, 100, 9, 40],
        [50, 143, 7, 0, 9, 0],
        [50, 10, 0, 0, 0, 0],
        [0, 0, 7, 575, 9, 143],
    ]
)


def test_phi_becomes_the_difference_to_the_missing_momentum():
    found = Relative.of(SMALL).apply(WORDS)
    assert (found[:, [0, 2, 4]] == WORDS[:, [0, 2, 4]]).all(), "momenta pass"
    assert (found[:, MET_PHI] == 0).all()
    assert found[[0, 1, 3], JET_PHI].tolist() == [40 - 10, 0 - 143, 143]
    assert found[[0, 1, 3], MUON_PHI].tolist() == [100 - 4 * 10, 0 - 4 * 143, 575], "a muon counts four times finer"


def test_an_absent_object_lies_past_every_difference():
    relative = Relative.of(SMALL)
    words = np.zeros((144, 6), dtype=np.int64)
    words[:, MET_PHI] = np.arange(144)
    found = relative.apply(words)
    assert (found[:, JET_PHI] >= 2 * 144).all()
    assert (found[:, MUON_PHI] >= 2 * 576).all()
    assert (relative.cosine(found[:, JET_PHI], JET_PHI) == 0).all()


@pytest.mark.parametrize(("index", "turn"), [(JET_PHI, 144), (MUON_PHI, 576)])
def test_the_cosine_is_one_and_repeats_itself_to_the_last_bit(index, turn):
    relative = Relative.of(SMALL)
    differences = np.arange(1 - turn, turn)
    found = relative.cosine(differences, index)
    assert np.allclose(found, np.cos(2 * np.pi * differences / turn), atol=1e-12)
    positive = np.arange(1, turn)
    assert (relative.cosine(positive, index) == relative.cosine(positive - turn, index)).all()
    assert (relative.cosine(positive, index) == relative.cosine(-positive, index)).all()
    first = relative.first_word(relative.ratio[index])
    assert first <= 1 - turn
    assert first + 2 ** relative.bits(relative.ratio[index]) > turn


def seen(transform, words):
    """What the network sees, in numpy."""
    differences = transform.relative.apply(words.astype(np.int64))
    address = np.rint(np.ldexp(differences - transform.scaling.offset, -np.array(transform.scaling.shift)))
    address = np.clip(address, 0, 2**transform.address_bits - 1).astype(int)
    return np.take_along_axis(transform.tables.T, address, axis=0)


@pytest.mark.parametrize("layout", [LEPTON, GLOBAL_TRIGGER, SMALL], ids=["lepton", "global trigger", "small"])
def test_turning_an_event_changes_nothing_but_the_rounding_of_muons(layout):
    words = networks.background(layout, 2000)
    transform = learn_transform([words], layout, InputsConfig(transform="log", angles="relative", direction_shift=0))
    before = seen(transform, words)
    after = seen(transform, rotate(words, layout, np.random.default_rng(1)))
    muon = np.array(transform.relative.ratio) == 4
    assert (before[:, ~muon] == after[:, ~muon]).all()
    lsb = 2.0**-transform.precision.fraction
    assert np.abs(before - after).max() * lsb <= 2 * np.pi * 4 / 576 + lsb
    assert np.ptp(before[:, muon]) > 0


def test_the_network_sees_cosines_and_0_where_there_is_no_object():
    config = InputsConfig(transform="log", angles="relative", direction_shift=0)
    transform = learn_transform([networks.background(SMALL, 2000)], SMALL, config)
    found = np.ldexp(seen(transform, WORDS), -transform.precision.fraction)
    half = 2.0**-transform.precision.fraction / 2
    for row, jet, muon in ((0, 30 / 144, 60 / 576), (1, -143 / 144, -572 / 576), (3, 143 / 144, 575 / 576)):
        assert abs(found[row, JET_PHI] - np.cos(2 * np.pi * jet)) <= half
        assert abs(found[row, MUON_PHI] - np.cos(2 * np.pi * muon)) <= half + 2 * np.pi * 2 / 576
    assert (found[2, [JET_PHI, MUON_PHI]] == 0).all()


def test_scales_that_do_not_match_are_refused():
    content = json.loads(LEPTON.to_json())
    for kind in content["kinds"]:
        if kind["name"] == "jet":
            kind["fields"]["phi"] |= {"period": 72, "lsb": 2 * np.pi / 72}
    with pytest.raises(ConfigError, match="phi of MET is no whole number of counts of jet; take absolute"):
        Relative.of(type(LEPTON).from_json(json.dumps(content)))
    with pytest.raises(ConfigError, match="needs an energy sum with a phi"):
        Relative.of(LEPTON.select({"jet": 4}))
