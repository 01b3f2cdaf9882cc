"""Every quantizer of QKeras is exact or refused, as the table in docs/exactness.md says.

That page is written by `L1AE_WRITE_DOCS=1 pytest tests/circuit/test_exactness_table.py`.
"""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import qkeras

from l1ae.circuit import Rounding, activations
from l1ae.circuit import quantizers as reading
from l1ae.circuit.quantizers import QUANTIZERS

from .exactness import Result, check_activation, check_weights
from .exactness_page import page
from .exactness_rows import Row, classes, options_of, rows

PAGE = Path(__file__).parents[2] / "docs" / "exactness.md"
ROWS = rows()
_FOUND: dict[str, tuple[Row, Result, Result]] = {}


def found(row: Row) -> tuple[Row, Result, Result]:
    """What became of a row; each is tried once in a session."""
    if str(row) not in _FOUND:
        _FOUND[str(row)] = (row, check_activation(row), check_weights(row))
    return _FOUND[str(row)]


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_exact_or_refused(row: Row) -> None:
    _, activation, weight = found(row)
    for result in (activation, weight):
        assert result.status in ("exact", "refused", "none"), str(result)
        assert "otherwise than its options say" not in result.how  # a rule that is not QKeras's
    assert activation.status != "none"
    if not row.is_quantizer:
        assert weight.status == "none"


def test_no_class_and_no_option_is_forgotten() -> None:
    assert set(classes()) == set(QUANTIZERS)
    for kind in classes():
        tried = {option for row in ROWS if row.quantizer is kind for option in row.options}
        assert tried | ({"training"} & options_of(kind)) == options_of(kind), kind.__name__


@pytest.mark.parametrize(
    ("row", "activation", "weight"),
    [
        (Row(qkeras.quantized_bits, {"bits": 8, "integer": 2}), "exact (format)", "exact (format)"),
        (
            Row(qkeras.quantized_bits, {"bits": 8, "integer": 2, "alpha": 0.5}),
            "exact (format, shift)",
            "exact (format)",
        ),
        (Row(qkeras.quantized_relu, {"bits": 8, "integer": 2}), "exact (format)", "exact (format)"),
        (Row(qkeras.ternary, {"alpha": 1}), "exact (table)", "exact (values)"),
        (Row(qkeras.quantized_tanh, {"bits": 8}), "exact (table)", "exact (values)"),
        (
            Row(qkeras.quantized_bits, {"bits": 8, "integer": 2, "alpha": 0.7}),
            "refused: alpha=0.7",
            "refused: alpha=0.7",
        ),
        (Row(qkeras.bernoulli), "refused: bernoulli draws", "refused: bernoulli draws"),
    ],
    ids=str,
)
def test_the_way_is_told(row: Row, activation: str, weight: str) -> None:
    _, first, second = found(row)
    assert str(first).startswith(activation)
    assert str(second).startswith(weight)


def test_the_page_is_what_was_found() -> None:
    text = page({str(row): found(row) for row in ROWS})
    if os.environ.get("L1AE_WRITE_DOCS"):
        PAGE.write_text(text)
    assert PAGE.read_text() == text, "write it anew: L1AE_WRITE_DOCS=1 pytest tests/circuit/test_exactness_table.py"


@pytest.fixture
def wrong_rounding(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ties go up where QKeras takes the even neighbour."""
    right = reading._format

    def wrong(*arguments: Any) -> Any:
        format_ = right(*arguments)
        return None if format_ is None else reading.replace(format_, rounding=Rounding.RND)

    monkeypatch.setattr(reading, "_format", wrong)


SIMPLE = Row(qkeras.quantized_bits, {"bits": 6, "integer": 2})


@pytest.mark.usefixtures("wrong_rounding")
def test_a_wrong_rounding_rule_is_seen_in_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(activations, "_confirm", lambda *arguments: None)
    assert check_activation(SIMPLE).status == "wrong"


@pytest.mark.usefixtures("wrong_rounding")
def test_a_wrong_rounding_rule_is_seen_when_a_model_is_converted() -> None:
    result = check_activation(SIMPLE)
    assert result.status == "refused"
    assert "otherwise than its options say" in result.how


def test_wrong_weights_are_seen_in_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    from . import exactness

    right = exactness.read_weights

    def wrong(*arguments: Any) -> Any:
        words, format_ = right(*arguments)
        return words ^ 1, format_

    monkeypatch.setattr(exactness, "read_weights", wrong)
    assert check_weights(SIMPLE).status == "wrong"


#: Options whose meaning changes with the width.
_WIDTHS = (
    Row(qkeras.quantized_bits, {"integer": 2}),
    Row(qkeras.quantized_bits, {"integer": 0, "symmetric": 1}),
    Row(qkeras.quantized_bits, {"integer": 3, "keep_negative": False, "alpha": 2.0}),
    Row(qkeras.quantized_bits, {"integer": 1, "alpha": "auto_po2"}),
    Row(qkeras.quantized_linear, {"integer": 2}),
    Row(qkeras.quantized_linear, {"integer": 1, "keep_negative": False}),
    Row(qkeras.quantized_linear, {"integer": 1, "alpha": "auto_po2"}),
    Row(qkeras.quantized_relu, {"integer": 2}),
    Row(qkeras.quantized_relu, {"integer": 2, "negative_slope": 0.25}),
    Row(qkeras.quantized_relu, {"integer": 2, "relu_upper_bound": 1.5, "is_quantized_clip": False}),
    Row(qkeras.quantized_relu, {"integer": 2, "use_sigmoid": 1}),
    Row(qkeras.quantized_tanh),
    Row(qkeras.quantized_tanh, {"use_real_tanh": True}),
    Row(qkeras.quantized_sigmoid),
    Row(qkeras.quantized_sigmoid, {"use_real_sigmoid": True}),
    Row(qkeras.quantized_ulaw, {"integer": 1}),
    Row(qkeras.quantized_po2),
    Row(qkeras.quantized_po2, {"max_value": 2}),
    Row(qkeras.quantized_relu_po2),
    Row(qkeras.quantized_relu_po2, {"negative_slope": 0.25}),
    Row(qkeras.quantized_hswish, {"integer": 2}),
)


def exact_or_refused(row: Row, width: int) -> None:
    for result in (check_activation(row, bits=width), check_weights(row, bits=width)):
        assert result.status in ("exact", "refused"), f"{width} bits: {result}"
        assert "otherwise than its options say" not in result.how


@pytest.mark.parametrize("row", _WIDTHS, ids=str)
@pytest.mark.parametrize("width", [5])
def test_some_widths(row: Row, width: int) -> None:
    exact_or_refused(row, width)


@pytest.mark.slow
@pytest.mark.parametrize("row", _WIDTHS, ids=str)
@pytest.mark.parametrize("width", range(1, 25))
def test_all_widths(row: Row, width: int) -> None:
    exact_or_refused(row, width)


@pytest.mark.slow
@pytest.mark.parametrize("width", range(1, 25))
@pytest.mark.parametrize("kind", [qkeras.quantized_bits, qkeras.quantized_linear, qkeras.quantized_relu])
def test_formats_are_exact_at_every_width(kind: Any, width: int) -> None:
    for integer in sorted({0, 1, width // 2, width, width + 3}):
        row = Row(kind, {"integer": integer})
        assert check_activation(row, bits=width).status == "exact", (width, integer)
        assert check_weights(row, bits=width).status == "exact", (width, integer)


@pytest.mark.slow
@pytest.mark.parametrize("kind", classes(), ids=lambda kind: kind.__name__)
def test_options_mixed_at_random(kind: Any) -> None:
    rng = np.random.default_rng(len(kind.__name__))
    options = [row.options for row in ROWS if row.quantizer is kind]
    for _ in range(40):
        mixed = {name: value for index in rng.integers(0, len(options), 4) for name, value in options[index].items()}
        if "bits" in mixed:
            mixed["bits"] = int(rng.integers(1, 13))
        row = Row(kind, mixed, str(rng.choice(["hard", "smooth", "real"])))
        for result in (check_activation(row), check_weights(row)):
            assert result.status in ("exact", "refused"), f"{row}: {result}"
            assert "otherwise than its options say" not in result.how, str(row)
