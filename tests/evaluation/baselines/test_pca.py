import numpy as np
import pytest

from l1ae.errors import DataError
from l1ae.evaluation import PcaBaseline


def test_pca_error_is_what_the_components_miss(rng):
    basis = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    train = rng.normal(size=(4000, 6)) * [9, 7, 0, 0, 0, 0] @ basis.T + 3
    pca = PcaBaseline(2).fit([train])
    np.testing.assert_allclose(pca.score(train[:50]), 0, atol=1e-9)
    np.testing.assert_allclose(pca.score(train[:50] + 2 * basis[:, 3]), 4, rtol=1e-6)


def test_pca_agrees_with_an_eigenvalue_decomposition(rng):
    train, x = rng.normal(size=(500, 5)) @ rng.normal(size=(5, 5)), rng.normal(size=(40, 5))
    vectors = np.linalg.eigh(np.cov(train.T))[1][:, :2]  # the two directions of least variance
    expected = (((x - train.mean(axis=0)) @ vectors) ** 2).sum(axis=1)
    np.testing.assert_allclose(PcaBaseline(3).fit([train]).score(x), expected, rtol=1e-6)


@pytest.mark.parametrize("cuts", [[1], [3, 8, 400], list(range(20, 500, 20))])
def test_pca_is_the_same_however_the_events_are_cut_into_batches(rng, cuts):
    train, x = rng.normal(size=(500, 5)) @ rng.normal(size=(5, 5)), rng.normal(size=(40, 5))
    whole, pieces = PcaBaseline(2).fit([train]), PcaBaseline(2).fit(np.split(train, cuts))
    np.testing.assert_allclose(pieces.score(x), whole.score(x), rtol=1e-9)


def test_pca_of_hardware_words_does_not_overflow():
    train = np.array([[30_000, -30_000, 5], [-30_000, 30_000, 5], [29_000, -29_000, 9]], np.int16)
    assert PcaBaseline(1).fit([train]).score(train).max() < 20


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda: PcaBaseline(0), "at least 1"),
        (lambda: PcaBaseline(3).fit([np.ones((10, 3))]), "leave no error to measure"),
        (lambda: PcaBaseline(1).score(np.ones((10, 3))), "call fit"),
        (lambda: PcaBaseline(1).fit([np.eye(4)]).score(np.ones((10, 3))), "3 features, the PCA was fitted on 4"),
        (lambda: PcaBaseline(1).fit([np.ones(5)]), "expected .events, features."),
        (lambda: PcaBaseline(1).fit([np.full((9, 3), np.nan)]), "NaN"),
    ],
)
def test_misuse(act, message):
    with pytest.raises(DataError, match=message):
        act()
