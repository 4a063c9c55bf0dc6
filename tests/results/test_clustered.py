"""Intervals by cluster against statsmodels, brute force, and repeated sampling."""

from collections.abc import Callable

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.linalg import fractional_matrix_power

from isorobust.results import clustered
from isorobust.results.clustered import closed, least_squares, percentile, spread, wild

TRUTH = np.array([1.0, 0.5, 0.4, -0.3])


def sample(
    rng: np.random.Generator, cells: int = 30, seeds: int = 4, within: float = 0.0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """x [rows, 4], y and cells; within: how far factors vary inside a cell."""
    x = np.column_stack([np.ones(cells), rng.uniform(3, 9, (cells, 3))])
    codes = np.repeat(np.arange(cells), seeds)
    x = x[codes]
    x[:, 1:] += within * rng.standard_normal((len(x), 3))
    y = x @ TRUTH + 0.2 * rng.standard_normal(cells)[codes]
    return x, y + 0.1 * rng.standard_normal(len(y)), codes


@pytest.mark.parametrize("within", [0.0, 0.5])
def test_least_squares_is_statsmodels(rng: np.random.Generator, within: float) -> None:
    x, y, codes = sample(rng, within=within)
    best, told = least_squares(x, y, codes)
    theirs = sm.OLS(y, x).fit(
        cov_type="cluster", cov_kwds={"groups": codes, "use_correction": False}
    )
    np.testing.assert_allclose(best, theirs.params, rtol=1e-6)
    inverse = np.linalg.inv(told.information.sum(0))
    plain = inverse @ (told.scores.T @ told.scores) @ inverse
    np.testing.assert_allclose(np.sqrt(np.diag(plain)), theirs.bse, rtol=1e-6)


def test_clusters_of_one_row_are_hc2(rng: np.random.Generator) -> None:
    x, y, _ = sample(rng)
    _, told = least_squares(x, y, np.arange(len(y)))
    errors = [spread(told, unit)[0] for unit in np.eye(4)]
    np.testing.assert_allclose(errors, sm.OLS(y, x).fit().HC2_se, rtol=1e-6)


def test_cr2_is_the_formula_with_whole_matrices(rng: np.random.Generator) -> None:
    """Bell and McCaffrey's matrices of rows, which the sums over clusters avoid."""
    x, y, codes = sample(rng, cells=9, within=0.5)
    best, told = least_squares(x, y, codes)
    inverse = np.linalg.inv(x.T @ x)
    away = np.eye(len(y)) - x @ inverse @ x.T
    for j in range(4):
        variance, columns = 0.0, []
        for g in range(9):
            own = codes == g
            weights = fractional_matrix_power(away[np.ix_(own, own)], -0.5)
            look = weights @ x[own] @ inverse[j]
            variance += float(look @ (y - x @ best)[own]) ** 2
            columns.append(away[:, own] @ look)
        gram = np.array(columns) @ np.array(columns).T
        error, freedom = spread(told, np.eye(4)[j])
        assert error == pytest.approx(variance**0.5)
        assert freedom == pytest.approx(np.trace(gram) ** 2 / np.sum(gram**2))


def test_one_cluster_alone_with_a_value_gets_no_nonsense(
    rng: np.random.Generator,
) -> None:
    x, y, codes = sample(rng, cells=8)
    x[:, 1] = codes == 3
    best, told = least_squares(x, y, codes)
    term = closed(float(best[1]), told, np.eye(4)[1])
    assert term.low is None or term.high - term.low > 0
    other = closed(float(best[2]), told, np.eye(4)[2])
    assert other.low is not None and np.isfinite(other.low)


def test_the_bootstrap_is_the_refits(rng: np.random.Generator) -> None:
    """Percentiles over sums are those over rows drawn again and fitted again."""
    x, y, codes = sample(rng, within=0.3)
    best, told = least_squares(x, y, codes)
    key = np.random.Philox(key=3)
    found = percentile(best, told, 1, np.random.Generator(key))
    again = np.random.Generator(np.random.Philox(key=3))
    draws = again.multinomial(30, np.full(30, 1 / 30), clustered.RESAMPLES)
    slopes = []
    for draw in draws[:, codes]:
        root = np.sqrt(draw)
        slopes.append(np.linalg.lstsq(root[:, None] * x, root * y)[0][1])
    low, high = np.quantile(slopes, [0.025, 0.975])
    assert (found.low, found.high) == pytest.approx((low, high))


def test_the_wild_interval_is_what_the_rows_say(rng: np.random.Generator) -> None:
    """At its ends the test by rows of the held fit rejects at 5 %, to a few draws."""
    x, y, codes = sample(rng, cells=12, within=0.3)
    best, told = least_squares(x, y, codes)
    found = wild(best, told, 1, np.random.Generator(np.random.Philox(key=3)))
    again = np.random.Generator(np.random.Philox(key=3))
    weights = again.choice(
        np.r_[clustered.WEBB, -clustered.WEBB], (clustered.RESAMPLES, 12)
    )
    for end, inward in ((found.low, 1), (found.high, -1)):
        chances = []
        for value in (end - 0.002 * inward, end + 0.002 * inward):
            rest = np.delete(x, 1, 1)
            held = np.linalg.lstsq(rest, y - value * x[:, 1])[0]
            line = rest @ held + value * x[:, 1]
            ratios = [
                _ratio(x, line + (y - line) * some[codes], codes, value)
                for some in weights
            ]
            chances.append(np.mean(np.array(ratios) >= _ratio(x, y, codes, value)))
        assert chances[0] <= 0.05 <= chances[1] + 1e-9


def _ratio(x: np.ndarray, y: np.ndarray, codes: np.ndarray, value: float) -> float:
    best = np.linalg.lstsq(x, y)[0]
    look = (y - x @ best) * np.linalg.pinv(x)[1]
    error = np.sqrt(np.sum(np.bincount(codes, look) ** 2))
    return float(abs(best[1] - value) / error)


METHODS: dict[str, Callable] = {
    "cr2": lambda best, told, rng: closed(best[1], told, np.eye(4)[1]),
    "percentile": lambda best, told, rng: percentile(best, told, 1, rng),
    "wild": lambda best, told, rng: wild(best, told, 1, rng),
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("cells", [12, 60])
def test_intervals_hold_the_truth(
    rng: np.random.Generator, method: str, cells: int
) -> None:
    """Of 200, 95 % less or more three standard deviations (the percentiles: five)."""
    held = 0
    for _ in range(200):
        best, told = least_squares(*sample(rng, cells))
        term = METHODS[method](best, told, rng)
        held += term.low <= TRUTH[1] <= term.high
    spare = 15 if method == "percentile" else 9
    assert 190 - spare <= held <= 190 + 9


def test_taking_networks_as_the_unit_does_not(rng: np.random.Generator) -> None:
    held = 0
    for _ in range(100):
        x, y, _ = sample(rng, 30, 16)
        low, high = sm.OLS(y, x).fit().conf_int()[1]
        held += low <= TRUTH[1] <= high
    assert held <= 75


def test_units_of_the_factors_do_not_matter(rng: np.random.Generator) -> None:
    x, y, codes = sample(rng, within=0.3)
    units = np.array([1.0, 1e9, 1e-7, 1e3])
    told = [least_squares(x * scale, y, codes)[1] for scale in (np.ones(4), units)]
    for j, unit in enumerate(np.eye(4)):
        (error, freedom), (scaled, same) = (spread(some, unit) for some in told)
        assert scaled * units[j] == pytest.approx(error, rel=1e-6)
        assert same == pytest.approx(freedom, rel=1e-6)


def test_clusters_that_do_not_tell_everything_give_no_interval() -> None:
    """Huber's loss set aside all rows that told the second column from the first."""
    x = np.array([[1.0, 2.0], [1.0, 2.0], [1.0, 5.0], [1.0, 2.0]])
    inside = np.array([1.0, 1.0, 0.0, 1.0])
    told = clustered.sums(x, np.ones(4), inside, np.arange(4))
    found = clustered.closed(0.3, told, np.array([0.0, 1.0]))
    assert found == clustered.Estimate(0.3, None, None)
    nothing = clustered.sums(x, np.zeros(4), np.zeros(4), np.arange(4))
    assert clustered.closed(0.3, nothing, np.array([1.0, 0.0])).low is None
