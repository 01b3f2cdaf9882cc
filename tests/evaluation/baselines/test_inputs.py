import numpy as np
import pytest

from l1ae.errors import DataError
from l1ae.evaluation.baselines.inputs import as_inputs, draw

ROWS = np.arange(1000).reshape(-1, 1)


@pytest.mark.parametrize("cuts", [[1], [5, 17, 900], list(range(10, 1000, 10))])
def test_the_draw_does_not_depend_on_batches(cuts):
    whole = draw([ROWS], 100, seed=3)
    assert (draw(np.split(ROWS, cuts), 100, seed=3) == whole).all()
    assert (draw([ROWS], 100, seed=4) != whole).any()


def test_the_draw_keeps_order_and_takes_no_row_twice():
    found = draw([ROWS[:400], ROWS[400:]], 100, seed=1)[:, 0]
    assert len(found) == 100
    assert (np.diff(found) > 0).all()


def test_all_rows_are_taken_where_the_limit_allows():
    assert (draw([ROWS[:7], ROWS[7:]], 1000, seed=1) == ROWS).all()
    assert draw([], 5, seed=1).shape == (0, 0)


def test_every_row_has_the_same_chance():
    hits = np.zeros(50)
    for seed in range(2000):
        hits[draw([ROWS[:20], ROWS[20:50]], 10, seed)[:, 0].astype(int)] += 1
    assert abs(hits - 400).max() < 5 * np.sqrt(400 * 0.8)


@pytest.mark.parametrize(
    ("x", "message"),
    [(np.ones(3), "expected .events, features."), ([[np.inf]], "NaN or inf"), (np.ones((0, 4)), "at least one")],
)
def test_what_cannot_be_learned_from(x, message):
    with pytest.raises(DataError, match=message):
        as_inputs(x)
