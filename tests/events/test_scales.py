import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from l1ae.events.scales import LAYOUT, N_INPUTS, WORD_WIDTH, feature_names, rows

FIELDS = [
    pytest.param(scale, id=f"{kind.name}-{name}")
    for kind in LAYOUT
    for name, scale in (("pt", kind.pt), ("eta", kind.eta), ("phi", kind.phi))
    if scale is not None
]


@pytest.mark.parametrize("scale", FIELDS)
def test_every_word_survives_the_way_to_physical_units_and_back(scale):
    words = np.arange(scale.low, scale.high + 1)
    assert (scale.to_words(scale.to_physical(words)) == words).all()


@pytest.mark.parametrize("scale", FIELDS)
def test_every_word_fits_its_width_and_the_input_port(scale):
    assert scale.low >= -(2 ** (scale.width - 1))
    assert scale.high < 2**scale.width
    assert -(2 ** (WORD_WIDTH - 1)) <= scale.low <= scale.high < 2 ** (WORD_WIDTH - 1)


@given(st.floats(min_value=-1e6, max_value=1e6))
def test_a_momentum_is_rounded_to_half_a_count_or_saturates(value):
    scale = LAYOUT[3].pt
    word = int(scale.to_words(np.array([value]))[0])
    if value <= 0:
        assert word == 0
    elif value >= scale.high * scale.lsb:
        assert word == scale.high
    else:
        assert abs(word * scale.lsb - value) <= scale.lsb / 2


@given(st.floats(min_value=-50, max_value=50))
def test_phi_wraps_and_comes_back_in_the_same_direction(value):
    scale = LAYOUT[2].phi
    back = float(scale.to_physical(scale.to_words(np.array([value])))[0])
    assert -math.pi <= back < math.pi
    assert abs(math.remainder(back - value, 2 * math.pi)) <= scale.lsb / 2 + 1e-9


def test_the_scales_are_those_of_the_global_trigger():
    met, egamma, muon, jet = LAYOUT
    assert (met.pt.width, egamma.pt.width, muon.pt.width, jet.pt.width) == (12, 9, 9, 11)
    assert egamma.eta.lsb == 0.0435
    assert muon.eta.lsb == 0.010875
    assert muon.phi.lsb == 2 * math.pi / 576
    assert jet.phi.lsb == 2 * math.pi / 144


def test_the_layout_has_19_rows_and_57_names():
    assert [rows(kind) for kind in LAYOUT] == [slice(0, 1), slice(1, 5), slice(5, 9), slice(9, 19)]
    names = feature_names()
    assert len(names) == len(set(names)) == N_INPUTS
    assert names[:4] == ("MET_pt", "MET_eta", "MET_phi", "egamma1_pt")
    assert names[-1] == "jet10_phi"
