"""One variable at a time: every format, every word, against the one meaning of rounding and saturation."""

import decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from l1ae.circuit import FixedFormat, Overflow
from l1ae.hardware import variables

from ..circuits import formats


def port(source, size=1):
    from da4ml.trace import FixedVariableArray, HWConfig

    bits = (int(source.signed), source.integer - source.signed, source.fraction)
    return FixedVariableArray.from_kif(*(np.full(size, count) for count in bits), hwconf=HWConfig(1, -1, -1))


def outcome(source, target, sign, bias, ties=True):
    """Words that the logic gives for all words of `source`, those that it should give, and its adder levels."""
    from da4ml.trace import comb_trace

    x = port(source)
    words = np.arange(source.low, source.high + 1)
    with decimal.localcontext(prec=200):
        found = variables.quantize(x[0] * sign + bias * source.lsb, target, ties=ties)
        logic = comb_trace(x, variables.array([found], x))
    got = logic.predict(np.ldexp(words[:, None].astype(np.float64), -source.fraction), n_threads=1)[:, 0]
    return np.ldexp(got, target.fraction), target.quantize(sign * words + bias, source.fraction), logic.latency[1]


@settings(max_examples=400, deadline=None)
@given(
    source=st.builds(FixedFormat, st.booleans(), st.integers(2, 9), st.integers(-3, 11)),
    target=formats(7, wraps=True),
    sign=st.sampled_from([1, -1]),
    bias=st.integers(-5, 5),
)
def test_every_word_is_brought_to_every_format(source, target, sign, bias):
    got, wanted, _ = outcome(source, target, sign, bias)
    np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize("text", ["ap_fixed<5,3,RND_CONV,SAT>", "ap_ufixed<5,3,RND_CONV,SAT>"])
def test_levels_of_rounding_and_saturation(text):
    source, target = FixedFormat(True, 12, 6), FixedFormat.parse(text)
    got, wanted, levels = outcome(source, target, 1, 0)
    np.testing.assert_array_equal(got, wanted)
    assert levels == 2  # the correction of a tie, and the upper limit; the lower limit is a rectifier
    half = FixedFormat(target.signed, 5, 3, target.rounding, Overflow.WRAP)
    assert outcome(source, half, 1, 0)[2] == 1


def test_without_ties_only_the_limit_is_left():
    # Odd words only: none lies halfway between two words of the target.
    source, target = FixedFormat(True, 11, 6), FixedFormat.parse("ap_fixed<5,3,RND_CONV,SAT>")
    from da4ml.trace import comb_trace

    x = port(source)
    words = np.arange(source.low, source.high + 1)
    found = variables.quantize(x[0] + source.lsb / 2, target, ties=False)
    logic = comb_trace(x, variables.array([found], x))
    got = logic.predict(np.ldexp(words[:, None].astype(np.float64), -source.fraction), n_threads=1)[:, 0]
    np.testing.assert_array_equal(np.ldexp(got, 2), target.quantize(2 * words + 1, source.fraction + 1))
    assert logic.latency[1] == 1


def test_ties_that_are_denied_round_up():
    source, target = FixedFormat(True, 6, 4), FixedFormat.parse("ap_fixed<4,4,RND_CONV,SAT>")
    got, wanted, _ = outcome(source, target, 1, 0, ties=False)
    different = np.arange(source.low, source.high + 1)[got != wanted]
    assert len(different)
    assert set(different % 8) == {2}  # a half above an even word


def test_values_that_always_saturate():
    source, target = FixedFormat(False, 4, 4), FixedFormat.parse("ap_fixed<3,3,TRN,SAT>")
    got, wanted, levels = outcome(source, target, 1, 5)
    np.testing.assert_array_equal(got, wanted)
    assert set(wanted) == {3}
    assert levels == 0
