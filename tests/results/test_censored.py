"""The censored likelihood by another road; bounds hold the truth."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import norm

from isorobust.results.censored import Failures, bounds, hazard, probit, tobit
from isorobust.results.clustered import closed, codes_of, least_squares
from tests.results.test_clustered import TRUTH, sample

MECHANISMS = ("hard", "soft", "random")


def failures(
    rng: np.random.Generator, mechanism: str, cells: int = 60
) -> tuple[Failures, np.ndarray]:
    """Rows with their limits where they failed, and log L before failing."""
    x, y, codes = sample(rng, cells, 16)
    limit = np.full(len(y), np.quantile(x @ TRUTH, 0.75))
    if mechanism == "soft":
        limit = limit + 0.25 * rng.standard_normal(len(y))
    failed = y > limit
    if mechanism == "random":
        failed = rng.random(len(y)) < 0.25
    return Failures(x, np.where(failed, limit, y), failed, codes), y


def test_the_likelihood_is_at_its_top(rng: np.random.Generator) -> None:
    """Nelder and Mead on the density and the survival function as scipy has them."""
    rows, _ = failures(rng, "soft", 20)
    found = tobit(rows)

    def loss(at: np.ndarray) -> float:
        line, sigma = rows.x @ at[:-1], np.exp(at[-1])
        fitted = norm.logpdf(rows.y, line, sigma)[~rows.failed].sum()
        return float(-fitted - norm.logsf(rows.y, line, sigma)[rows.failed].sum())

    here = np.r_[found.best, np.log(found.sigma)]
    theirs = minimize(loss, here + 0.01, method="Nelder-Mead", options={
        "maxiter": 20000, "maxfev": 20000, "xatol": 1e-9, "fatol": 1e-12,
        "adaptive": True})  # fmt: skip
    assert loss(here) <= theirs.fun + 1e-9
    np.testing.assert_allclose(here, theirs.x, atol=1e-4)
    np.testing.assert_allclose(found.sums.scores.sum(0), 0, atol=1e-6)


def test_information_and_scores_are_the_slopes(rng: np.random.Generator) -> None:
    """Of the whole log likelihood in Olsen's parameters, by differences."""
    rows, _ = failures(rng, "soft", 20)
    found = tobit(rows)
    at = np.r_[found.best, 1.0] / found.sigma

    def likelihood(at: np.ndarray) -> float:
        line, sigma = rows.x @ at[:-1] / at[-1], 1 / at[-1]
        fitted = norm.logpdf(rows.y, line, sigma)[~rows.failed].sum()
        return float(fitted + norm.logsf(rows.y, line, sigma)[rows.failed].sum())

    step, whole = 1e-3, found.sums.information.sum(0)
    for i in range(5):
        for j in range(5):
            a, b = step * np.eye(5)[i], step * np.eye(5)[j]
            change = likelihood(at + a + b) - likelihood(at + a - b)
            change -= likelihood(at - a + b) - likelihood(at - a - b)
            assert -change / (4 * step**2) == pytest.approx(whole[i, j], rel=1e-3)


def test_nothing_failed_is_least_squares(rng: np.random.Generator) -> None:
    x, y, codes = sample(rng)
    found = tobit(Failures(x, y, np.zeros(len(y), bool), codes))
    best, told = least_squares(x, y, codes)
    np.testing.assert_allclose(found.best, best, atol=1e-6)
    assert found.sigma == pytest.approx(np.sqrt(np.mean((y - x @ best) ** 2)))
    term, plain = found.term(1), closed(float(best[1]), told, np.eye(4)[1])
    assert term.high - term.low == pytest.approx(plain.high - plain.low, rel=0.1)


def test_the_probit_is_statsmodels(rng: np.random.Generator) -> None:
    import statsmodels.api as sm

    x, _, _ = sample(rng, 200, 4)
    failed = x @ [-4.0, 0.5, 0.3, -0.1] + rng.standard_normal(len(x)) > 0
    theirs = sm.Probit(failed.astype(float), x).fit(disp=0, tol=1e-12).params
    np.testing.assert_allclose(probit(x, failed), theirs, rtol=0.02, atol=0.02)


def test_a_factor_that_tells_all_failures_apart(rng: np.random.Generator) -> None:
    x, y, codes = sample(rng)
    failed = x[:, 3] > 7
    assert np.all(np.isfinite(probit(x, failed)))
    for end in bounds(Failures(x, y, failed, codes)):
        assert np.isfinite(end.low.estimate) and end.low.estimate <= end.high.estimate


@pytest.mark.parametrize("mechanism", ["hard", "soft"])
def test_known_limits_give_the_truth(rng: np.random.Generator, mechanism: str) -> None:
    """40 tables: no bias beyond .01, where the naive fit has more."""
    errors, naive, held = [], [], 0
    for _ in range(40):
        rows, _ = failures(rng, mechanism)
        found = tobit(rows)
        errors.append(found.best[1:] - TRUTH[1:])
        there = ~rows.failed
        plain = np.linalg.lstsq(rows.x[there], rows.y[there])[0]
        naive.append(plain[1:] - TRUTH[1:])
        terms = [found.term(j) for j in (1, 2, 3)]
        held += sum(t.low <= b <= t.high for t, b in zip(terms, TRUTH[1:], strict=True))
    assert np.all(np.abs(np.mean(errors, axis=0)) < 0.01)
    assert np.max(np.abs(np.mean(naive, axis=0))) > 0.012
    assert held >= 105  # of 120


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_bounds_hold_the_truth(rng: np.random.Generator, mechanism: str) -> None:
    """Whatever made them fail; the naive fit lies within, the limits play no part."""
    held = 0
    for _ in range(20):
        rows, _ = failures(rng, mechanism)
        ends = bounds(rows)
        there = ~rows.failed
        codes = codes_of(list(rows.codes[there]))
        plain, _ = least_squares(rows.x[there], rows.y[there], codes)
        other = Failures(
            rows.x, np.where(rows.failed, 99.0, rows.y), rows.failed, rows.codes
        )
        assert bounds(other) == ends
        for j in (1, 2, 3):
            assert ends[j].low.estimate <= plain[j] <= ends[j].high.estimate
            held += ends[j].low.low <= TRUTH[j] <= ends[j].high.high
    assert held >= 54  # of 60


def test_the_largest_seen_is_no_limit(rng: np.random.Generator) -> None:
    """Taken for the limit of networks that failed at random it is worse than naive."""
    worse = 0
    for _ in range(10):
        rows, y = failures(rng, "random")
        there = ~rows.failed
        guess = np.where(there, y, y[there].max())
        found = tobit(Failures(rows.x, guess, rows.failed, rows.codes)).best
        plain = np.linalg.lstsq(rows.x[there], y[there])[0]
        worse += np.abs(found - TRUTH)[1] > np.abs(plain - TRUTH)[1]
    assert worse >= 9


def test_the_hazard_far_out() -> None:
    z = np.array([-1e8, -50.0, -3.0, 0.0, 3.0, 30.0, 1e8])
    near = norm.pdf(z[2:5]) / norm.cdf(z[2:5])
    np.testing.assert_allclose(hazard(z)[2:5], near, rtol=1e-10)
    assert hazard(z)[1] == pytest.approx(50 + 1 / 50 - 2 / 50**3, rel=1e-9)
    assert hazard(z)[0] == pytest.approx(1e8)
    assert hazard(z)[5] < 1e-190 and hazard(z)[6] == 0


def test_limits_far_above_the_line(rng: np.random.Generator) -> None:
    """The maximum is found from afar: the scores vanish."""
    x, y, codes = sample(rng)
    failed = np.arange(len(y)) % 9 == 1
    found = tobit(Failures(x, np.where(failed, 135.0, y), failed, codes))
    np.testing.assert_allclose(found.sums.scores.sum(0), 0, atol=1e-5)
    assert np.isfinite(found.term(1).low)
