import numpy as np

from l1ae.autoencoder.objectives import vicreg

RNG = np.random.default_rng(0)
ONE, TWO = RNG.normal(0, 0.5, (2, 200, 3)).astype(np.float32)
#: Orthogonal columns of spread 2: nothing to complain about.
IDEAL = 2 * np.stack([np.tile(pattern, 50) for pattern in ([1, 1, -1, -1], [1, -1, 1, -1], [1, -1, -1, 1])], axis=1)


def test_terms_are_their_formulas():
    assert np.isclose(float(vicreg.invariance(ONE, TWO)), ((ONE - TWO) ** 2).mean(), rtol=1e-5)
    spread = np.sqrt(ONE.var(axis=0) + 1e-4)
    assert np.isclose(float(vicreg.variance(ONE)), np.maximum(1 - spread, 0).mean(), rtol=1e-5)
    matrix = np.cov(ONE.astype(float), rowvar=False)
    others = (matrix**2).sum() - (np.diag(matrix) ** 2).sum()
    assert np.isclose(float(vicreg.covariance(ONE)), others / 3, rtol=1e-4)


def test_equal_views_are_invariant_and_collapse_costs():
    assert float(vicreg.invariance(ONE, ONE)) == 0.0
    collapsed = np.ones((200, 3), dtype=np.float32)
    assert np.isclose(float(vicreg.variance(collapsed)), 0.99, atol=1e-4)
    assert float(vicreg.covariance(collapsed)) == 0.0


def test_spread_and_independent_outputs_cost_nothing():
    ideal = IDEAL.astype(np.float32)
    assert float(vicreg.variance(ideal)) == 0.0
    assert abs(float(vicreg.covariance(ideal))) < 1e-6


def test_outputs_that_say_the_same_cost():
    same = np.repeat(IDEAL[:, :1], 3, axis=1).astype(np.float32)
    assert float(vicreg.variance(same)) == 0.0
    assert float(vicreg.covariance(same)) > 10
    assert np.isfinite(float(vicreg.covariance(same[:1]))), "a batch of one event"
