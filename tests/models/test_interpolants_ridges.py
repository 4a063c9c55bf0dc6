"""Caps on the sphere: exact where they are disjoint, bracketed where they meet."""

import itertools
import math
from types import SimpleNamespace

import numpy as np
import pytest

from isorobust.models.interpolants import ridges
from isorobust.models.interpolants.ridges import Caps, bracket, tangential


def sphere(rng: np.random.Generator, *shape: int) -> np.ndarray:
    x = rng.standard_normal(shape)
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def signs(rng: np.random.Generator, s: int, n: int) -> np.ndarray:
    return rng.permuted(np.tile([1.0, -1.0], (s, n // 2)), axis=1)


@pytest.mark.parametrize("s, constant", [(0.1, math.sqrt(19)), (0.25, math.sqrt(7))])
def test_disjoint_caps_are_as_printed(
    s: float, constant: float, rng: np.random.Generator
) -> None:
    x, y = np.stack([np.eye(12)] * 2), signs(rng, 2, 12)  # orthogonal: disjoint
    found = Caps(s).solve(x, y, 1.0, rng)
    np.testing.assert_allclose(found.lower, constant, rtol=1e-12)
    np.testing.assert_array_equal(found.lower, found.upper)
    assert found.mse.max() < 1e-25 and found.p == 12 * 13 and found.domain == "sphere"
    assert found.columns["overlaps"].max() == 0 and found.columns["deepest"][0] == 1


@pytest.mark.parametrize("angle, sign", [(0.3, -1), (0.3, 1), (0.8, -1), (1.5, 1)])
def test_two_caps_by_hand(angle: float, sign: float, rng: np.random.Generator) -> None:
    # gradients of two caps, both active and alone, over their whole plane and beyond
    b = 0.75
    u = np.array([[1.0, 0, 0], [math.cos(angle), math.sin(angle), 0]])
    a = np.array([4.0, 4.0 * sign])
    lower, upper, deepest = bracket(u, a, b, rng)
    assert deepest == (2 if angle < 2 * math.acos(b) else 1)
    grid = np.linspace(-1, 1, 1201)
    p, q = (v.ravel() for v in np.meshgrid(grid, grid))
    p, q = p[p**2 + q**2 <= 1], q[p**2 + q**2 <= 1]
    points = np.column_stack([p, q, np.sqrt(np.maximum(1 - p**2 - q**2, 0))])
    dense = tangential(u, a, b, points).max()
    assert dense <= upper * (1 + 1e-12) and lower <= upper
    assert dense == pytest.approx(lower, rel=5e-3)
    assert lower == pytest.approx(upper, rel=1e-9)


@pytest.mark.parametrize("s", [0.1, 0.25, 0.5])
@pytest.mark.parametrize("d", [3, 6, 24])
def test_the_bracket_holds_dense_samples(
    s: float, d: int, rng: np.random.Generator
) -> None:
    u, y = sphere(rng, 14, d), signs(rng, 1, 14)[0]
    lower, upper, _ = bracket(u, y / s, 1 - s, rng)
    # points near the data too: in 24 dimensions random ones miss every cap
    near = u[rng.integers(14, size=20_000)] + rng.normal(0, 0.7 / d**0.5, (20_000, d))
    points = np.concatenate([near, sphere(rng, 20_000, d)])
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    dense = tangential(u, y / s, 1 - s, points).max()
    assert dense <= upper * (1 + 1e-12)
    assert lower <= upper
    if d < 24:
        assert dense <= lower * 1.05  # the corners find what sampling finds


def test_gradients_against_differences(rng: np.random.Generator) -> None:
    u, y = sphere(rng, 9, 4), signs(rng, 1, 10)[0, :9]
    x = u[:5] + 0.3 * rng.standard_normal((5, 4))
    x /= np.linalg.norm(x, axis=1, keepdims=True)

    def f(x: np.ndarray) -> np.ndarray:
        return np.maximum(x @ u.T - 0.6, 0) @ y

    for one, claimed in zip(x, tangential(u, y, 0.6, x), strict=True):
        frame = np.linalg.qr(np.column_stack([one, rng.standard_normal((4, 3))]))[0]
        h = 1e-6
        turn = [
            (f(math.cos(h) * one + math.sin(h) * e) - f(math.cos(h) * one)) / h
            for e in frame.T[1:]
        ]
        assert claimed == pytest.approx(np.linalg.norm(turn), abs=1e-4)


def test_listed_sets_are_all_that_meet(rng: np.random.Generator) -> None:
    u, b = sphere(rng, 9, 3), 0.6
    listed = {tuple(a) for s in ridges._sets(u @ u.T, b) for a in s}
    points = sphere(rng, 50_000, 3) @ u.T > b
    for active in np.unique(points, axis=0):
        for size in range(1, active.sum() + 1):
            for part in itertools.combinations(np.flatnonzero(active), size):
                assert tuple(map(int, part)) in listed


def test_too_many_sets_still_give_a_bound(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    x, y = sphere(rng, 1, 40, 6), signs(rng, 1, 40)
    listed = Caps(0.25).solve(x, y, 1.0, rng)
    monkeypatch.setattr(ridges, "MOST", 30)
    found = Caps(0.25).solve(x, y, 1.0, rng)
    assert np.isnan(found.columns["deepest"][0])
    assert found.upper[0] >= listed.upper[0] >= listed.lower[0]
    assert 0 < found.lower[0] <= found.upper[0]


def test_units(rng: np.random.Generator) -> None:
    x, y = sphere(rng, 2, 20, 12), signs(rng, 2, 20)
    one = Caps().solve(x, y, 1.0, rng)
    half = Caps().solve(x, y / 2, 1.0, rng)
    far = Caps().solve(3 * x, y, 3.0, rng)  # its sphere is that of the directions
    np.testing.assert_allclose(half.upper, one.upper / 2, rtol=1e-12)
    np.testing.assert_allclose(far.upper, one.upper, rtol=1e-12)


def test_sensitivity(rng: np.random.Generator) -> None:
    # members of the class: relu(w . x - beta), |values| differ by at most R rho |w - v|
    n, d, s = 12, 5, 0.25
    x, y = sphere(rng, 1, n, d), signs(rng, 1, n)
    found = Caps(s).solve(x, y, 1.0, rng)
    w, a, beta = x[0] / s**0.5, y[0] / s**0.5, (1 - s) / s**0.5
    assert found.rho is not None and found.log_j is not None
    assert found.rho[0] == pytest.approx(math.hypot(*w.ravel(), *a))
    points = sphere(rng, 5000, d)
    shift = 0.1 * rng.standard_normal((n, d)), 0.1 * rng.standard_normal(n)
    values = [
        np.maximum(points @ v.T - beta, 0) @ c
        for v, c in ((w, a), (w + shift[0], a + shift[1]))
    ]
    apart = math.hypot(*shift[0].ravel(), *shift[1])
    assert np.abs(values[0] - values[1]).max() <= math.exp(found.log_j[0]) * apart


def test_objection() -> None:
    flat = SimpleNamespace(distribution=SimpleNamespace(on_sphere=False))
    assert "need points on the sphere" in (Caps().objection(flat) or "")
