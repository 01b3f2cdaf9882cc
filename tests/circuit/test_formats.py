from fractions import Fraction
from math import floor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from l1ae.circuit import FixedFormat, Overflow, Rounding
from l1ae.errors import ConversionError, DataError


def exact(value: Fraction, format_: FixedFormat) -> int:
    """Rounding and overflow by their definitions, on rational numbers."""
    scaled = value * Fraction(2) ** format_.fraction
    word = floor(scaled)
    rest = scaled - word
    if format_.rounding is Rounding.RND:
        word = floor(scaled + Fraction(1, 2))
    elif format_.rounding is Rounding.RND_CONV and (rest > Fraction(1, 2) or (rest == Fraction(1, 2) and word % 2)):
        word += 1
    if format_.overflow is Overflow.WRAP:
        return (word - format_.low) % 2**format_.width + format_.low
    return min(max(word, format_.low), format_.high)


@st.composite
def formats(draw: st.DrawFn) -> FixedFormat:
    width = draw(st.integers(2, 62))
    return FixedFormat(
        draw(st.booleans()),
        width,
        draw(st.integers(-70, 70)),
        draw(st.sampled_from(Rounding)),
        draw(st.sampled_from(Overflow)),
    )


@settings(max_examples=1000, deadline=None)
@given(formats(), st.integers(-(2**62), 2**62), st.integers(-70, 70))
def test_words_are_quantized_as_rational_numbers(format_: FixedFormat, word: int, fraction: int) -> None:
    got = format_.quantize(np.array([word]), fraction)[0]
    assert got == exact(Fraction(word) / Fraction(2) ** fraction, format_)


@settings(max_examples=1000, deadline=None)
@given(formats(), st.data())
def test_ties_and_edges_are_quantized_as_rational_numbers(format_: FixedFormat, data: st.DataObject) -> None:
    bits = data.draw(st.integers(1, 8))
    anchor = data.draw(st.sampled_from([0, format_.low, format_.high]))
    word = (anchor << bits) + data.draw(st.integers(-3 << bits, 3 << bits))
    if abs(word) < 2**62:
        fraction = format_.fraction + bits
        assert format_.quantize(np.array([word]), fraction)[0] == exact(
            Fraction(word) / Fraction(2) ** fraction, format_
        )


@settings(max_examples=1000, deadline=None)
@given(formats(), st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False, width=32))
def test_values_are_quantized_as_rational_numbers(format_: FixedFormat, value: float) -> None:
    too_large = abs(Fraction(value) * Fraction(2) ** format_.fraction) >= 2**62
    if format_.overflow is Overflow.WRAP and too_large:
        with pytest.raises(DataError, match="too large to be wrapped"):
            format_.quantize_values(np.array([value]))
    else:
        assert format_.quantize_values(np.array([value], dtype=np.float32))[0] == exact(Fraction(value), format_)


@pytest.mark.parametrize(
    ("text", "value", "result"),
    [  # from the tables of AMD UG1399 on quantization and overflow modes
        ("ap_fixed<3,2,RND,SAT>", 1.25, 1.5),
        ("ap_fixed<3,2,RND,SAT>", -1.25, -1.0),
        ("ap_fixed<3,2,TRN,SAT>", 1.25, 1.0),
        ("ap_fixed<3,2,TRN,SAT>", -1.25, -1.5),
        ("ap_fixed<3,2,RND_CONV,SAT>", 0.75, 1.0),
        ("ap_fixed<3,2,RND_CONV,SAT>", -1.25, -1.0),
        ("ap_fixed<4,4,RND,SAT>", 19.0, 7.0),
        ("ap_fixed<4,4,RND,SAT>", -19.0, -8.0),
        ("ap_ufixed<4,4,RND,SAT>", 19.0, 15.0),
        ("ap_ufixed<4,4,RND,SAT>", -19.0, 0.0),
        ("ap_fixed<4,4,RND,SAT_SYM>", -19.0, -7.0),
        ("ap_fixed<4,4>", 31.0, -1.0),
        ("ap_fixed<4,4>", -19.0, -3.0),
        ("ap_ufixed<4,4>", 19.0, 3.0),
        ("ap_ufixed<4,4>", -19.0, 13.0),
    ],
)
def test_known_facts_about_ap_fixed(text: str, value: float, result: float) -> None:
    format_ = FixedFormat.parse(text)
    assert format_.quantize_values(np.array([value]))[0] * format_.lsb == result


@given(formats())
def test_text_and_back(format_: FixedFormat) -> None:
    assert FixedFormat.parse(str(format_)) == format_


@pytest.mark.parametrize("text", ["ap_fixed<8>", "fixed<8,3>", "ap_fixed<8,3,RND_CONV>", "ap_fixed<8,3,RND_ZERO,SAT>"])
def test_what_is_not_a_format(text: str) -> None:
    with pytest.raises(ConversionError, match="is not a format"):
        FixedFormat.parse(text)


@given(st.integers(-(2**60), 2**60), st.integers(-(2**60), 2**60), st.integers(-20, 20))
def test_the_smallest_format_that_holds_an_interval(a: int, b: int, fraction: int) -> None:
    low, high = min(a, b), max(a, b)
    format_ = FixedFormat.holding(low, high, fraction)
    assert format_.low <= low
    assert high <= format_.high
    assert format_.fraction == fraction
    if format_.width > 1 + format_.signed:
        smaller = FixedFormat(format_.signed, format_.width - 1, format_.integer - 1)
        assert low < smaller.low or smaller.high < high


def test_what_no_format_can_be() -> None:
    with pytest.raises(ConversionError, match="widths from 1 to 62"):
        FixedFormat(True, 63, 10)
    with pytest.raises(ConversionError, match="at least 2 bits"):
        FixedFormat(True, 1, 1, overflow=Overflow.SAT_SYM)
    with pytest.raises(DataError, match="not a number"):
        FixedFormat(True, 8, 3).quantize_values(np.array([np.nan]))


def test_infinite_values_saturate() -> None:
    format_ = FixedFormat.parse("ap_fixed<8,3,RND_CONV,SAT>")
    assert format_.quantize_values(np.array([-np.inf, np.inf])).tolist() == [-128, 127]
