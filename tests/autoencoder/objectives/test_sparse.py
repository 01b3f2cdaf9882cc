import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from l1ae.autoencoder.objectives.sparse import kl_sparsity, laplace

CODE = np.random.default_rng(0).normal(0, 2, (50, 4)).astype(np.float32)


def test_the_laplace_prior_is_the_mean_absolute_code():
    assert np.allclose(laplace(CODE), np.abs(CODE).mean(axis=1), rtol=1e-6)


def test_kl_sparsity_is_its_formula():
    activity, target = (1 / (1 + np.exp(-CODE.astype(float)))).mean(axis=0), 0.2
    one_by_one = [sum(p * np.log(p / q) for p, q in ((target, a), (1 - target, 1 - a))) for a in activity]
    assert np.isclose(float(kl_sparsity(CODE, target)), np.mean(one_by_one), rtol=1e-5)


@given(st.floats(0.02, 0.9), st.floats(-4, 4))
@settings(deadline=None, max_examples=30)
def test_kl_sparsity_is_smallest_at_its_target(target, away):
    def cost(logit):
        return float(kl_sparsity(np.full((3, 2), logit, dtype=np.float32), target))

    best = np.log(target / (1 - target))
    assert abs(cost(best)) < 1e-6
    assert cost(best + away) >= -1e-6
    assert cost(best + 2 * away) >= cost(best + away) - 1e-6
    if abs(away) > 0.5:
        assert cost(best + away) > 1e-4


def test_a_code_without_any_activity_is_no_division_by_zero():
    for logit in (-100.0, 100.0):
        assert np.isfinite(float(kl_sparsity(np.full((3, 2), logit, dtype=np.float32), 0.05)))
