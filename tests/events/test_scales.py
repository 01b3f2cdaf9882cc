import math

import numpy as np
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from l1ae.events.layout import GLOBAL_TRIGGER
from l1ae.events.scales import HardwareScale

FIELDS = [
    pytest.param(scale, id=f"{kind.name}-{name}")
    for kind in GLOBAL_TRIGGER.kinds
    for name, scale in kind.fields.items()
]


@pytest.mark.parametrize("scale", FIELDS)
def test_every_word_survives_the_way_to_physical_units_and_back(scale):
    words = np.arange(scale.low, scale.high + 1)
    assert (scale.to_words(scale.to_physical(words)) == words).all()


@pytest.mark.parametrize("scale", FIELDS)
def test_every_word_fits_its_width_and_the_input_port(scale):
    assert scale.low >= -(2 ** (scale.width - 1))
    assert scale.high < 2**scale.width
    port = 2 ** (GLOBAL_TRIGGER.word_width - 1)
    assert -port <= scale.low <= scale.high < port


@given(st.floats(min_value=-1e6, max_value=1e6))
def test_a_momentum_is_rounded_to_half_a_count_or_saturates(value):
    scale = GLOBAL_TRIGGER.kind("jet").pt
    word = int(scale.to_words(np.array([value]))[0])
    if value <= 0:
        assert word == 0
    elif value >= scale.high * scale.lsb:
        assert word == scale.high
    else:
        assert abs(word * scale.lsb - value) <= scale.lsb / 2


@given(st.floats(min_value=-50, max_value=50))
def test_phi_wraps_and_comes_back_in_the_same_direction(value):
    scale = GLOBAL_TRIGGER.kind("muon").fields["phi"]
    back = float(scale.to_physical(scale.to_words(np.array([value])))[0])
    assert -math.pi <= back < math.pi
    assert abs(math.remainder(back - value, 2 * math.pi)) <= scale.lsb / 2 + 1e-9


@pytest.mark.parametrize("scale", FIELDS)
def test_only_the_ends_where_values_saturate_count_as_saturated(scale):
    words = np.arange(scale.low, scale.high + 1)
    expected = {scale.high, *([scale.low] if scale.signed else [])} if scale.period is None else set()
    assert set(words[scale.saturated(words)].tolist()) == expected


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"width": 8, "period": 144, "unit": "deg", "lsb": 2.5}, "is no full turn of 2 pi"),
        ({"width": 8, "period": 300}, "a period of 300 needs an unsigned word that holds it"),
        ({"width": 8, "period": 144, "signed": True}, "needs an unsigned word"),
        ({"width": 16}, "at most 15"),
        ({"width": 8, "lsb": 0.0}, "greater than 0"),
        ({"width": 8, "lsb": math.inf}, "finite"),
    ],
)
def test_impossible_scales_are_refused(fields, message):
    with pytest.raises(pydantic.ValidationError, match=message):
        HardwareScale(**{"lsb": 0.5, "unit": "GeV"} | fields)
