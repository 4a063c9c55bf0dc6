"""Linear families by other roads: pseudo-inverses, Monte Carlo, the grid itself."""

from types import SimpleNamespace

import numpy as np
import pytest

from isorobust.models.interpolants import (
    LeastSquares,
    MinNorm,
    QuantisedLeastSquares,
)

SETS = 3000


def draw(n: int, d: int, sphere: bool, sets: int = SETS) -> tuple:
    rng = np.random.default_rng(11)
    x = rng.standard_normal((sets, n, d)) / np.sqrt(d)
    if sphere:
        x /= np.linalg.norm(x, axis=2, keepdims=True)
    signs = np.where(np.arange(n) % 2 == 0, 1.0, -1.0)
    return x, np.stack([rng.permutation(signs) for _ in range(sets)])


def projection(d: int, m: int, sets: int, seed: int) -> np.ndarray:
    """The Q that a family draws from this generator."""
    rng = np.random.default_rng(seed)
    return np.linalg.qr(rng.standard_normal((sets, d, m)))[0]


def test_least_norm_is_the_pseudo_inverse() -> None:
    x, y = draw(6, 20, sphere=True, sets=2)
    found = MinNorm(m=12).solve(x, y, 1.0, np.random.default_rng(0))
    q = projection(20, 12, 2, 0)
    assert found.function is not None
    for i in range(2):
        w = np.linalg.pinv(x[i] @ q[i]) @ y[i]
        assert found.lower[i] == pytest.approx(np.linalg.norm(w))
        assert found.function(i, np.eye(20)) == pytest.approx(q[i] @ w)


@pytest.mark.parametrize("sphere", [True, False])
def test_the_mean_square_constant(sphere: bool) -> None:
    """E Lip^2 = n d / (m - n - 1), d - 2 for d on the sphere: 4 standard errors."""
    n, d, m = 6, 20, 18
    found = MinNorm(m).solve(*draw(n, d, sphere), 1.0, np.random.default_rng(1))
    square = found.lower**2
    error = 4 * square.std() / np.sqrt(SETS)
    assert error < 0.05 * square.mean()
    assert square.mean() == pytest.approx(n * (d - 2 * sphere) / (m - n - 1), abs=error)


def test_least_squares_attains_the_law_below_the_noise() -> None:
    n, d, m = 40, 12, 8
    found = LeastSquares(m).solve(*draw(n, d, False), 1.0, np.random.default_rng(2))
    epsilon = 1 - found.mse
    error = 4 * epsilon.std() / np.sqrt(SETS)
    assert epsilon.mean() == pytest.approx(m / n, abs=error) and error < 0.01
    square = found.lower**2
    error = 4 * square.std() / np.sqrt(SETS)
    assert square.mean() == pytest.approx(d * m / (n - m - 1), abs=error)
    law = epsilon * np.sqrt(n * d / m)
    assert found.columns["eps_law"] == pytest.approx(law)
    assert found.columns["over_law"] == pytest.approx(found.lower / law)


def test_least_squares_is_numpys() -> None:
    x, y = draw(20, 10, sphere=True, sets=2)
    found = LeastSquares(m=5).solve(x, y, 1.0, np.random.default_rng(3))
    q = projection(10, 5, 2, 3)
    for i in range(2):
        w = np.linalg.lstsq(x[i] @ q[i], y[i])[0]
        assert found.upper[i] == pytest.approx(np.linalg.norm(w))


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_the_rounded_weights_are_of_the_class(bits: int) -> None:
    n, d, m, sets = 40, 24, 16, 30
    family = QuantisedLeastSquares(m, bits)
    found = family.solve(*draw(n, d, True, sets), 1.0, np.random.default_rng(4))
    q, step = projection(d, m, sets, 4), family.step(n, d)
    assert found.function is not None and found.bits == bits * m
    used = set()
    for i in range(sets):
        level = found.function(i, np.eye(d)) @ q[i] / step - 0.5
        assert level == pytest.approx(np.round(level), abs=1e-9)
        used |= set(np.round(level).astype(int))
    # 480 weights use every level and no other
    assert used == set(range(-(2 ** (bits - 1)), 2 ** (bits - 1)))


def test_many_bits_are_least_squares() -> None:
    x, y = draw(40, 24, sphere=True, sets=20)
    y *= 0.3  # no weight leaves the grid
    plain = LeastSquares(16).solve(x, y, 1.0, np.random.default_rng(5))
    gaps = []
    for bits in (6, 10, 14):
        fine = QuantisedLeastSquares(16, bits)
        found = fine.solve(x, y, 1.0, np.random.default_rng(5))
        gaps.append(np.abs(found.lower - plain.lower).max())
        assert np.all(found.mse >= plain.mse - 1e-12)
        assert gaps[-1] <= np.sqrt(16) * fine.step(40, 24) / 2
    assert gaps[2] < gaps[1] / 4 < gaps[0] / 16


def test_the_scale_is_fixed_beforehand() -> None:
    """Other data, labels and projections: the same step."""
    family = QuantisedLeastSquares(8, 3)
    a = np.sqrt(12 / (40 - 9)) * np.sqrt(2 * np.log(8))
    assert family.step(40, 12) == pytest.approx(2 * a / 8)


def test_points_that_coincide_leave_an_error() -> None:
    x, y = draw(6, 20, sphere=True, sets=2)
    x[:, 1] = x[:, 0]
    y[:, 1] = -y[:, 0]
    found = MinNorm(m=12).solve(x, y, 1.0, np.random.default_rng(0))
    assert found.mse == pytest.approx(2 / 6)


def test_of_several_least_squares_the_shortest() -> None:
    x, y = draw(18, 20, sphere=True, sets=2)
    x[..., 10:] = 0  # 10 directions for 12 weights
    found = LeastSquares(m=12).solve(x, y, 1.0, np.random.default_rng(3))
    q = projection(20, 12, 2, 3)
    w = np.linalg.pinv(x[0] @ q[0]) @ y[0]
    assert found.lower[0] == pytest.approx(np.linalg.norm(w))


@pytest.mark.parametrize(
    ("family", "n", "d", "wrong"),
    [
        (MinNorm(16), 14, 32, None),
        (MinNorm(16), 15, 32, "n + 2"),
        (MinNorm(16), 8, 15, "d = 15"),
        (LeastSquares(16), 18, 16, None),
        (LeastSquares(16), 17, 16, "at most"),
        (QuantisedLeastSquares(16), 64, 15, "at most"),
    ],
)
def test_objections(family: MinNorm, n: int, d: int, wrong: str | None) -> None:
    said = family.objection(SimpleNamespace(n=n, d=d))
    assert said is None if wrong is None else wrong in (said or "")
