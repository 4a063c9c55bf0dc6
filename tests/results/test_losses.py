"""Huber's loss, quantiles and squares against statsmodels and scipy."""

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.optimize import lsq_linear

from isorobust.results.clustered import spread
from isorobust.results.losses import check_loss, huber, non_negative, quantile
from tests.results.test_clustered import sample


def test_hubers_line_is_statsmodels(rng: np.random.Generator) -> None:
    x, y, codes = sample(rng)
    y[::9] += 3.0
    best, told = huber(x, y, codes)
    theirs = sm.RLM(y, x, M=sm.robust.norms.HuberT()).fit(tol=1e-12, maxiter=500)
    np.testing.assert_allclose(best, theirs.params, rtol=1e-6)
    np.testing.assert_allclose(told.scores.sum(0), 0, atol=1e-6)
    assert spread(told, np.eye(4)[1])[0] > 0


def test_a_stray_row_pulls_only_so_much(rng: np.random.Generator) -> None:
    x, y, codes = sample(rng)
    before = huber(x, y, codes)[0]
    y[0] += 100
    after = huber(x, y, codes)[0]
    y[0] += 1e6
    np.testing.assert_allclose(huber(x, y, codes)[0], after, atol=1e-5)
    assert np.max(np.abs(after - before)) < 0.2


def test_huber_refuses_a_line_through_all(rng: np.random.Generator) -> None:
    x, _, codes = sample(rng)
    assert huber(x, x @ np.ones(4), codes) is None


@pytest.mark.parametrize("share", [0.05, 0.5])
def test_a_quantile_is_statsmodels(rng: np.random.Generator, share: float) -> None:
    x, y, _ = sample(rng, seeds=5)
    best = quantile(x, y, share)
    theirs = sm.QuantReg(y, x).fit(q=share, p_tol=1e-12, max_iter=5000).params
    np.testing.assert_allclose(best, theirs, atol=1e-4)
    ours = check_loss(y - x @ best, share)
    assert ours <= check_loss(y - x @ np.asarray(theirs), share) + 1e-12
    below = np.mean(y < x @ best - 1e-9)
    assert below <= share <= np.mean(y < x @ best + 1e-9)


def test_a_row_that_counts_twice_is_there_twice(rng: np.random.Generator) -> None:
    x, y, _ = sample(rng, seeds=1)
    often = rng.integers(0, 3, len(y))
    whole = np.repeat(np.arange(len(y)), often)
    losses = [
        check_loss((y - x @ best)[whole], 0.3)
        for best in (quantile(x, y, 0.3, often), quantile(x[whole], y[whole], 0.3))
    ]
    assert losses[0] == pytest.approx(losses[1])


def test_squares_with_signs(rng: np.random.Generator) -> None:
    x = np.column_stack([np.ones(30), rng.uniform(1e3, 1e6, 30)])
    for slope in (2.0, -2.0):
        y = 10 + slope * x[:, 1] + rng.standard_normal(30)
        theirs = lsq_linear(x, y, (0, np.inf), tol=1e-14).x
        np.testing.assert_allclose(non_negative(x, y), theirs, rtol=1e-4, atol=1e-4)
