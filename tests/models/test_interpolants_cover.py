"""The one-parameter cover: digits, carries, exact fits, the law that breaks."""

import itertools
from types import SimpleNamespace

import numpy as np
import pytest

from isorobust.models.interpolants import OneParameterCover


def draw(n: int, d: int, sets: int = 2) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(9)
    x = rng.standard_normal((sets, n, d))
    x /= np.linalg.norm(x, axis=2, keepdims=True)
    signs = np.where(np.arange(n) % 2 == 0, 1.0, -1.0)
    return x, np.stack([rng.permutation(signs) for _ in range(sets)])


def nothing() -> np.random.Generator:
    return np.random.default_rng(0)


def test_a_number_names_the_function() -> None:
    """a = .1011...: nodes in turn; values at the nodes are the digits' signs."""
    family = OneParameterCover(cells=2)
    a = 0b101100010
    signs = family._signs(a << 7, 2)  # 9 digits, then 7 bits that fill the byte
    assert signs.tolist() == [1, -1, 1, 1, -1, -1, -1, 1, -1]
    nodes = np.array([(j - 1.0, i - 1.0) for i in range(3) for j in range(3)])
    total = sum(bump * signs[c] for c, bump in family._bumps(nodes))
    assert total == pytest.approx(signs)


def test_bumps_sum_to_one() -> None:
    points = np.random.default_rng(1).uniform(-1.5, 1.5, (200, 3))
    total = sum(bump for _, bump in OneParameterCover(cells=5)._bumps(points))
    assert total == pytest.approx(np.ones(200))


@pytest.mark.parametrize(("n", "d", "cells"), [(12, 2, 1024), (12, 3, 64)])
def test_fine_covers_fit_exactly(n: int, d: int, cells: int) -> None:
    found = OneParameterCover(cells).solve(*draw(n, d), 1.0, nothing())
    assert np.all(found.mse < 1e-24)
    assert found.lower == pytest.approx(cells * np.sqrt(d))
    assert found.p == 1 and found.bits == (cells + 1) ** d


def test_collisions_are_counted() -> None:
    """Two opposite signs at one point: half of it is lost, and the MSE says so."""
    x = np.array([[[1.0, 0.0], [1.0, 0.0], [-1.0, 0.0], [0.0, 1.0]]])
    y = np.array([[1.0, -1.0, 1.0, -1.0]])
    found = OneParameterCover(cells=4).solve(x, y, 1.0, nothing())
    assert found.mse[0] == pytest.approx(4 / 4)  # f = -1 or 1 there: (0 + 4) / 4
    assert np.isnan(found.columns["over_law"][0])


def test_the_constant_by_brute_force() -> None:
    """Gradients of the multilinear pieces in every corner of every cell."""
    family, d = OneParameterCover(cells=3), 3
    found = family.solve(*draw(10, d), 1.0, nothing())
    assert found.function is not None
    h, delta, worst = 2 / 3, 1e-7, 0.0
    for cell in itertools.product(range(3), repeat=d):
        for corner in itertools.product((0, 1), repeat=d):
            inward = delta * (1 - 2 * np.array(corner))
            at = -1 + h * (np.array(cell) + corner) + inward
            rows = np.concatenate([at + np.diag(inward), at[None]])
            values = found.function(0, rows)
            slope = np.linalg.norm((values[:-1] - values[-1]) / delta)
            worst = max(worst, float(slope))
    assert found.lower[0] == pytest.approx(worst, rel=1e-5)


def test_a_carry_attains_the_sensitivity() -> None:
    """a = .0111...1 and a + 2^-N = .1000...0 differ by 2 somewhere: J = 2^(N + 1)."""
    family = OneParameterCover(cells=3)
    low, high = (1 << 15) - 1, 1 << 15
    signs = [family._signs(a, 2) for a in (low, high)]
    assert np.all(np.abs(signs[0] - signs[1]) == 2)
    found = family.solve(*draw(4, 2), 1.0, nothing())
    assert found.log_j == pytest.approx(np.log(2) * 17)
    assert np.all(found.rho == 1)


def test_the_law_in_p_breaks_and_the_law_in_bits_does_not() -> None:
    found = OneParameterCover(cells=4).solve(*draw(1024, 6), 1.0, nothing())
    assert np.all(found.columns["over_law"] < 0.5)
    assert np.all(found.columns["over_bits"] > 1)


def test_objections() -> None:
    fine = SimpleNamespace(n=8, d=2)
    assert OneParameterCover(2047).objection(fine) is None
    assert "cells + 1" in (OneParameterCover(2048).objection(fine) or "")
    many = SimpleNamespace(n=8, d=13)
    assert "d <= 12" in (OneParameterCover(1).objection(many) or "")
