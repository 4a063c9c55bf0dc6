"""The grouped network of Theorem 3: fit, gradients, and the bounds of both sides."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

from isorobust.models.interpolants.grouped import Groups, ascent, certified, tangential
from isorobust.models.interpolants.ridges import Caps


def sphere(rng: np.random.Generator, *shape: int) -> np.ndarray:
    x = rng.standard_normal(shape)
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def signs(rng: np.random.Generator, s: int, n: int) -> np.ndarray:
    return rng.permuted(np.tile([1.0, -1.0], (s, n // 2)), axis=1)


def test_it_fits_where_the_paper_says(rng: np.random.Generator) -> None:
    n, d, k = 64, 256, 16  # m = 4 <= d / (8 ln nk) = 4.6
    x, y = sphere(rng, 2, n, d), signs(rng, 2, n)
    found = Groups(k).solve(x, y, 1.0, rng)
    assert found.columns["worst"].max() < 1e-12 and found.mse.max() < 1e-24
    assert found.p == k * (d + 2)
    assert np.all(found.lower <= found.upper)
    np.testing.assert_array_equal(found.columns["n_over_k"], 4)
    assert found.function is not None
    np.testing.assert_allclose(found.function(1, x[1]), y[1], atol=1e-12)


def test_a_group_a_point_is_a_cap(rng: np.random.Generator) -> None:
    x, y = sphere(rng, 2, 24, 10), signs(rng, 2, 24)
    one, other = Groups(24).solve(x, y, 1.0, rng), Caps(0.5).solve(x, y, 1.0, rng)
    np.testing.assert_allclose(one.mse, other.mse, atol=1e-13)
    assert one.function is not None and other.function is not None
    points = sphere(rng, 50, 10)
    np.testing.assert_allclose(
        one.function(1, points), other.function(1, points), atol=1e-12
    )
    assert np.all(one.lower <= other.upper * (1 + 1e-12))
    assert np.all(other.lower <= one.upper * (1 + 1e-12))
    # orthogonal points have a gradient along x alone: none on the sphere
    at_data = Groups(24).solve(np.eye(24)[None], y[:1], 1.0, rng).columns["at_data"]
    assert at_data[0] < 1e-12


def test_neurons_are_of_least_norm_and_one_on_their_group(
    rng: np.random.Generator,
) -> None:
    x, y = sphere(rng, 21, 9), np.array([1.0] * 13 + [-1.0] * 8)
    w, sign = Groups(7).neurons(x, y)
    assert len(w) == 7 and sorted(sign) == [-1.0] * 3 + [1.0] * 4
    values = x @ w.T
    for g in range(7):
        mine = np.flatnonzero(np.abs(values[:, g] - 1) < 1e-12)
        assert len(mine) in (2, 3, 4) and np.all(y[mine] == sign[g])
        span = x[mine].T @ np.linalg.lstsq(x[mine].T, w[g])[0]
        np.testing.assert_allclose(span, w[g], atol=1e-12)  # no part beside the group


def test_labels_of_any_size(rng: np.random.Generator) -> None:
    x, y = sphere(rng, 1, 40, 400), rng.uniform(-1, 1, (1, 40))
    assert Groups(20).solve(x, y, 1.0, rng).columns["worst"][0] < 1e-12
    same = Groups(20).solve(x, np.abs(y), 1.0, rng)  # one sign only
    assert same.columns["worst"][0] < 1e-12


def test_gradients_against_differences(rng: np.random.Generator) -> None:
    w, sign = 1.5 * sphere(rng, 8, 4), signs(rng, 1, 8)[0]
    x = sphere(rng, 6, 4)

    def f(x: np.ndarray) -> np.ndarray:
        return 2 * np.maximum(x @ w.T - 0.5, 0) @ sign

    for one, claimed in zip(x, tangential(w, sign, x), strict=True):
        frame = np.linalg.qr(np.column_stack([one, rng.standard_normal((4, 3))]))[0]
        h = 1e-6
        turn = [
            (f(math.cos(h) * one + math.sin(h) * e) - f(math.cos(h) * one)) / h
            for e in frame.T[1:]
        ]
        assert claimed == pytest.approx(np.linalg.norm(turn), abs=1e-4)


def test_the_bracket_holds_dense_samples(rng: np.random.Generator) -> None:
    for scale in (0.6, 1.0, 2.0):
        w, sign = scale * sphere(rng, 8, 3), signs(rng, 1, 8)[0]
        dense = tangential(w, sign, sphere(rng, 100_000, 3)).max()
        found = ascent(w, sign, sphere(rng, 64, 3))
        assert max(found, dense) <= certified(w) * (1 + 1e-12)
        assert found >= 0.97 * dense  # the ascent finds what sampling finds


def test_the_upper_bound_is_never_above_its_parents(rng: np.random.Generator) -> None:
    w = rng.standard_normal((30, 12)) / 3
    path = 2 * np.linalg.norm(w, axis=1).sum()
    assert certified(w) <= min(path, 2 * math.sqrt(30) * np.linalg.norm(w, 2))
    # too short to be active anywhere on the sphere
    assert certified(w / np.linalg.norm(w, 2) * 0.49) == 0.0


def test_sensitivity(rng: np.random.Generator) -> None:
    n, d, k = 20, 40, 10
    x, y = sphere(rng, 1, n, d), signs(rng, 1, n)
    found = Groups(k).solve(x, y, 1.0, rng)
    w, sign = Groups(k).neurons(x[0], y[0])
    # balanced: a relu(w . x + b) with |a| = |(w, b)|
    length = np.sqrt(np.linalg.norm(np.column_stack([w, np.full(k, 0.5)]), axis=1))
    scale = math.sqrt(2) / length
    inner, outer = w * scale[:, None], 2 * sign / scale
    bias = -0.5 * scale
    assert found.rho is not None and found.log_j is not None
    assert found.rho[0] == pytest.approx(math.hypot(*inner.ravel(), *outer, *bias))
    points = sphere(rng, 3000, d)
    change = 0.05 * rng.standard_normal((k, d + 2))
    before = np.maximum(points @ inner.T + bias, 0) @ outer
    after = np.maximum(points @ (inner + change[:, :d]).T + bias + change[:, d], 0)
    moved = after @ (outer + change[:, d + 1])
    apart = np.linalg.norm(change)
    assert np.abs(before - moved).max() <= math.exp(found.log_j[0]) * apart


def test_objection() -> None:
    ball = SimpleNamespace(on_sphere=True)
    case = SimpleNamespace(n=100, d=10, distribution=ball)
    assert Groups(10).objection(case) is None
    assert "between n / d = 10 and n" in (Groups(9).objection(case) or "")
    assert "between n / d = 10 and n" in (Groups(101).objection(case) or "")
    case.distribution = SimpleNamespace(on_sphere=False)
    assert "need points on the sphere" in (Groups(10).objection(case) or "")
