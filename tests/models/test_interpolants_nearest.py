"""McShane interpolation: exact, smoothest, and as random distances say."""

import itertools
import math
from types import SimpleNamespace

import numpy as np
import pytest

from isorobust.models.interpolants.nearest import McShane, near, slope, values


def sphere(rng: np.random.Generator, *shape: int) -> np.ndarray:
    x = rng.standard_normal(shape)
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def signs(rng: np.random.Generator, s: int, n: int) -> np.ndarray:
    return rng.permuted(np.tile([1.0, -1.0], (s, n // 2)), axis=1)


def test_the_constant_is_the_steepest_pair(rng: np.random.Generator) -> None:
    x, y = sphere(rng, 1, 9, 5), rng.uniform(-1, 1, (1, 9))
    found = McShane(5).solve(x, y, 1.0, rng)
    pairs = itertools.combinations(range(9), 2)
    by_hand = max(
        abs(y[0, i] - y[0, j]) / math.dist(x[0, i], x[0, j]) for i, j in pairs
    )
    assert found.lower[0] == found.upper[0] == pytest.approx(by_hand, rel=1e-12)
    assert found.mse[0] < 1e-25 and found.p == 9 * 6 and found.rank == 5
    assert found.function is not None
    np.testing.assert_allclose(found.function(0, x[0]), y[0], atol=1e-12)


def test_no_quotient_is_steeper_and_one_is_as_steep(rng: np.random.Generator) -> None:
    z, y = rng.standard_normal((40, 3)), signs(rng, 1, 40)[0]
    steepest = slope(z, y)
    points = np.concatenate([z, rng.standard_normal((2000, 3))])
    f = values(z, y, steepest, points)
    apart = np.linalg.norm(points[:, None] - points, axis=2)
    rise = np.abs(f[:, None] - f) / np.where(apart > 0, apart, np.inf)
    assert rise.max() == pytest.approx(steepest, rel=1e-12)


def test_units_and_projection(rng: np.random.Generator) -> None:
    x, y = sphere(rng, 2, 30, 8), signs(rng, 2, 30)
    state = rng.bit_generator.state

    def solve(x: np.ndarray, y: np.ndarray, m: int) -> np.ndarray:
        rng.bit_generator.state = state
        return McShane(m).solve(x, y, 1.0, rng).upper

    one = solve(x, y, 4)
    np.testing.assert_allclose(solve(2 * x, y, 4), one / 2, rtol=1e-12)
    np.testing.assert_allclose(solve(x, y / 4, 4), one / 4, rtol=1e-12)
    assert np.all(solve(x, y, 8) < one)  # no projection: nothing comes closer


def test_what_a_fit_leaves(rng: np.random.Generator) -> None:
    # labels shrunk to 1 - sqrt(.1) leave MSE .1 and take the constant along
    x, y = sphere(rng, 2, 30, 8), signs(rng, 2, 30)
    whole = McShane(8).solve(x, y, 1.0, rng)
    part = McShane(8, left=0.1).solve(x, y, 1.0, rng)
    np.testing.assert_allclose(part.mse, 0.1, rtol=1e-12)
    np.testing.assert_allclose(part.upper, (1 - 0.1**0.5) * whole.upper, rtol=1e-12)
    for name in ("over_predicted", "over_law"):
        np.testing.assert_allclose(part.columns[name], whole.columns[name], rtol=1e-12)


def test_chunks_change_nothing(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    z, y = rng.standard_normal((50, 3)), rng.uniform(-1, 1, 50)
    whole = slope(z, y), values(z, y, 2.0, z)
    monkeypatch.setattr("isorobust.models.interpolants.nearest.CHUNK", 7)
    assert slope(z, y) == whole[0]
    np.testing.assert_array_equal(values(z, y, 2.0, z), whole[1])


def test_twins_with_different_labels_are_not_fitted(rng: np.random.Generator) -> None:
    x, y = sphere(rng, 1, 10, 4), signs(rng, 1, 10)
    x[0, np.flatnonzero(y[0] > 0)[0]] = x[0, np.flatnonzero(y[0] < 0)[0]]
    found = McShane(4).solve(x, y, 1.0, rng)
    assert np.isfinite(found.upper[0]) and found.mse[0] == pytest.approx(4 / 10)


@pytest.mark.parametrize("m", [4, 16, 64])
@pytest.mark.parametrize("on_sphere", [False, True])
def test_the_median_over_random_points(
    m: int, on_sphere: bool, rng: np.random.Generator
) -> None:
    n, d, s = 128, 64, 100
    x, y = rng.standard_normal((s, n, d)) / math.sqrt(d), signs(rng, s, n)
    if on_sphere:
        x /= np.linalg.norm(x, axis=2, keepdims=True)
    ratio = McShane(m).solve(x, y, 1.3, rng).columns["over_predicted"]
    # the median of s draws has an error of 1.25 sd / sqrt s
    assert abs(np.median(ratio) - 1) < 4 * 1.25 * ratio.std() / math.sqrt(s) + 0.01


@pytest.mark.parametrize("m", [1, 2, 7, 8])
def test_the_law_of_one_distance(m: int, rng: np.random.Generator) -> None:
    # with share = 4 ln 2 / n^2 of one distance below `near`: count them
    d, n = 8, 10
    share = 4 * math.log(2) / n**2
    for on_sphere in (False, True):
        x = rng.standard_normal((2, 200_000, d)) / math.sqrt(d)
        if on_sphere:
            x /= np.linalg.norm(x, axis=2, keepdims=True)
        apart = np.linalg.norm((x[0] - x[1])[:, :m], axis=1)
        below = np.mean(apart < near(n, d, m, on_sphere))
        assert abs(below - share) < 4 * math.sqrt(share / 200_000)


def test_no_median_of_few_points_or_other_labels(rng: np.random.Generator) -> None:
    assert math.isnan(near(1, 8, 2, True))
    found = McShane(2).solve(sphere(rng, 1, 9, 5), rng.uniform(-1, 1, (1, 9)), 1.0, rng)
    assert np.isnan(found.columns["predicted"][0])


def test_sensitivity_and_length_bound_the_class(rng: np.random.Generator) -> None:
    # two members of the class: values differ by at most J |w - v|
    n, m = 30, 3
    z, y = rng.standard_normal((n, m)), signs(rng, 1, n)[0]
    steepest = slope(z, y)
    moved, other = z + 0.1 * rng.standard_normal((n, m)), y + 0.1
    points = rng.standard_normal((500, m))
    far = np.abs(
        values(z, y, steepest, points) - values(moved, other, steepest, points)
    )
    apart = math.hypot(np.linalg.norm(z - moved), np.linalg.norm(y - other))
    assert far.max() <= math.sqrt(1 + steepest**2) * apart


def test_objection() -> None:
    assert (
        McShane(9).objection(SimpleNamespace(d=8)) == "family.m = 9: must be <= d = 8"
    )
    assert McShane(8).objection(SimpleNamespace(d=8)) is None
