"""Faults in operations on single elements: tables, slopes, limits, products, sums and maxima."""

from dataclasses import replace

import numpy as np
import pytest

from l1ae.circuit import Add, FixedFormat, MaxPool, Overflow, Subtract
from l1ae.explain import explain

from .planted import altered, elementwise, traces, with_format, with_word

CIRCUIT = elementwise()
TABLE, LEAKY, CLIPPED = CIRCUIT["table"], CIRCUIT["leaky"], CIRCUIT["clipped"]
ENTRY = int(TABLE.tables[2, 20])
ROOM = FixedFormat(True, 40, 20)


def signless(table):
    """The table as it is when its address is taken for a number without sign."""
    return np.roll(table, 16, axis=1)


FAULTS = {
    "an entry": (
        altered(TABLE, tables=with_word(TABLE.tables, (2, 20), ENTRY ^ 2)),
        "table entry",
        f"entry 4 of table 2 {ENTRY ^ 2} instead of {ENTRY}",
    ),
    "many entries": (
        altered(TABLE, tables=np.where(np.arange(32) > 20, 7, TABLE.tables)),
        "table",
        "and 41 more changed",
    ),
    "shifted": (
        altered(TABLE, tables=TABLE.tables[:, [*range(1, 32), 31]]),
        "table shifted",
        "its tables shifted by 1",
    ),
    "halves": (altered(TABLE, tables=signless(TABLE.tables)), "table order", "as if an index had no sign"),
    "backwards": (altered(TABLE, tables=TABLE.tables[:, ::-1]), "table order", "in reverse order"),
    "of the next element": (altered(TABLE, tables=np.roll(TABLE.tables, -1, axis=0)), "table order", "next element"),
    "slope": (replace(LEAKY, shift=1), "slope", "a shift of 1 instead of 2"),
    "no slope": (replace(LEAKY, shift=0, format=ROOM), "missing rectifier", "leaves negative values as they are"),
    "upper limit": (replace(CLIPPED, high=None, format=ROOM), "limit", "without its upper limit"),
    "lower limit": (replace(CLIPPED, low=-20, format=ROOM), "limit", "a limit of -20 instead of -10"),
    "sum for product": (Add("product", ("clipped", "table"), (4,), ROOM), "operation", "Add instead of Multiply"),
    "difference for sum": (
        Subtract("total", ("product", "clipped"), (4,), ROOM),
        "operation",
        "Subtract instead of Add",
    ),
    "twice the same": (
        replace(CIRCUIT["product"], inputs=("clipped", "clipped"), format=ROOM),
        "wrong operand",
        "product of clipped instead of table",
    ),
    "half as much": (
        replace(CIRCUIT["total"], format=replace(CIRCUIT["total"].format, integer=CIRCUIT["total"].format.integer + 1)),
        "accumulator too coarse",
        "without the last 1 bits",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_named(name):
    change, cause, evidence = FAULTS[name]
    names = [node.name for node in CIRCUIT.nodes[2:]]
    explanation = explain(CIRCUIT, *traces(CIRCUIT, change, names=names))
    assert (explanation.layer, explanation.origin, explanation.cause) == (change.name, change.name, cause)
    assert evidence in explanation.detail


@pytest.mark.parametrize(("choose", "text"), [(np.min, "the smallest"), (lambda x, axis: x[..., 0], "the first")])
def test_another_choice_of_a_window(choose, text):
    reference, firmware = traces(CIRCUIT)
    node = CIRCUIT["largest"]
    assert isinstance(node, MaxPool)
    windows = reference["image"].reshape(-1, 4)[:, node.windows]
    explanation = explain(CIRCUIT, reference, {**firmware, "largest": choose(windows, axis=-1)})
    assert (explanation.layer, explanation.cause) == ("largest", "pooling")
    assert f"{text} element of each window" in explanation.detail


def test_a_value_twice_as_large():
    reference, firmware = traces(CIRCUIT)
    explanation = explain(CIRCUIT, reference, {**firmware, "total": reference["total"] * 2})
    assert (explanation.layer, explanation.cause) == ("total", "shift")
    assert "total times 2**1" in explanation.detail


def test_a_value_without_its_sign():
    reference, firmware = traces(CIRCUIT)
    explanation = explain(CIRCUIT, reference, {**firmware, "total": -reference["total"]})
    assert (explanation.layer, explanation.cause) == ("total", "sign")


def test_an_unneeded_rectifier():
    reference, firmware = traces(CIRCUIT)
    explanation = explain(CIRCUIT, reference, {**firmware, "table": np.maximum(reference["table"], 0)})
    assert (explanation.layer, explanation.cause) == ("table", "needless rectifier")


def test_a_table_that_is_read_at_a_wrong_address_is_no_table_fault():
    """The address is shown, so it is the address that differs first."""
    wraps = with_format(CIRCUIT["address"], overflow=Overflow.WRAP)
    explanation = explain(CIRCUIT, *traces(CIRCUIT, wraps))
    assert (explanation.layer, explanation.cause) == ("address", "overflow mode")
