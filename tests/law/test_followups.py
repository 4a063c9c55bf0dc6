"""Shapes of later papers: their exponents, regimes, and the inequalities that hold."""

import math

import numpy as np
import pytest

from isorobust.law import followups, law_ratio


def test_shapes_have_the_exponents_they_print() -> None:
    f = followups
    assert f.wu_parameters(400, 100, 0.5).value == pytest.approx(1.0)
    assert f.wu_dimension(64, 3, 0.5).value == pytest.approx(2.0)
    assert f.wu_entropy(256, 3, 0.5).value == pytest.approx(2.0)  # n eps^2 = 64
    assert f.conjecture(900, 9).value == pytest.approx(10)
    assert f.path_norm(900).value == pytest.approx(30)
    assert f.norm_product(900, 9, 2.0).value == pytest.approx(5)
    assert f.tensor(900, 3, 3).value == pytest.approx(10)
    assert f.quadratic(100, 4, 5).value == pytest.approx(4)
    for shape in (
        f.wu_parameters(4, 1, 1), f.wu_dimension(4, 1, 1), f.wu_entropy(4, 1, 1),
        f.conjecture(4, 1), f.path_norm(4), f.norm_product(4, 1), f.tensor(4, 2, 2),
        f.quadratic(4, 2, 1), f.shmalo(4, 2, 1, 1.0),
    ):  # fmt: skip
        assert shape.unknown and shape.reason is None


def test_wu_says_nothing_in_many_dimensions() -> None:
    assert followups.wu_dimension(10**6, 1000, 1.0).value == pytest.approx(1, rel=0.02)


def test_shmalo_counts_units_not_parameters() -> None:
    """Up to the logarithm it is sqrt(nd/p) of p = k d; kinks of more pieces count."""
    n, d, k = 10**5, 100, 50
    relu = followups.shmalo(n, d, k, 1.0).value
    log = math.log(51 * n * d)
    assert relu == pytest.approx(math.sqrt(n / (51 * log)))
    assert relu * math.sqrt(log) == pytest.approx(law_ratio(n, d, k * d), rel=0.02)
    assert followups.shmalo(n, d, 25, 1.0, pieces=3).value == pytest.approx(relu)
    assert followups.shmalo(n, d, k, 0.0).value is None
    assert followups.shmalo(2, 2, 1, 1.0, inside=0.01).value is None


def test_rigidity_of_random_two_layer_functions(rng: np.random.Generator) -> None:
    """Gradients on both sides of each kink: the larger is never below the bound."""
    d = 5
    for _ in range(20):
        u = rng.standard_normal((4, d))
        u /= np.linalg.norm(u, axis=1, keepdims=True)
        t, alpha = rng.uniform(-0.8, 0.8, 4), rng.standard_normal(4)
        v = rng.standard_normal(d)
        sphere = followups.rigidity(alpha.tolist(), t.tolist()).value
        ball = followups.rigidity(alpha.tolist(), t.tolist(), on_sphere=False).value
        highest = {True: 0.0, False: 0.0}
        for j in range(4):
            x = rng.standard_normal(d)
            x -= (x @ u[j]) * u[j]
            x = math.sqrt(1 - t[j] ** 2) * x / np.linalg.norm(x) + t[j] * u[j]
            for side in (-1e-9, 1e-9):
                on = (u @ (x + side * u[j]) > t).astype(float)
                g = v + (alpha * on) @ u
                tangent = g - (g @ x) * x
                highest[True] = max(highest[True], float(np.linalg.norm(tangent)))
                highest[False] = max(highest[False], float(np.linalg.norm(g)))
        assert highest[True] >= sphere - 1e-6 and highest[False] >= ball - 1e-6
        assert ball >= sphere


def test_rigidity_is_attained() -> None:
    """|<u, x>| = -<u, x> + 2 relu: gradients -u and u, at t = 0."""
    assert followups.rigidity([2.0], [0.0]).value == 1.0
    assert followups.rigidity([2.0], [0.6]).value == pytest.approx(0.8)
    assert followups.rigidity([2.0], [0.6], on_sphere=False).value == 1.0
    assert followups.rigidity([9.0], [1.5]).value == 0.0  # never met
    assert followups.rigidity([9.0], [1.5]).unknown is None


def test_the_norms_of_theorem5_are_ordered(rng: np.random.Generator) -> None:
    """sum |a_j| |w_j| <= sqrt(k) |a| |W|_op, so the product is >= sqrt(n / k) / L."""
    for k in (1, 3, 20):
        a, w = rng.standard_normal(k), rng.standard_normal((k, 6))
        path = np.sum(np.abs(a) * np.linalg.norm(w, axis=1))
        product = np.linalg.norm(a) * np.linalg.norm(w, 2)
        assert path <= math.sqrt(k) * product + 1e-12
        ratio = followups.path_norm(50, 1.3).value / math.sqrt(k)
        assert followups.norm_product(50, k, 1.3).value == pytest.approx(ratio)


def test_the_audited_rank_bound_keeps_its_regime() -> None:
    found = followups.rank(800, 100, 4, 0.001)
    assert found.value == pytest.approx(3 / (32 * math.sqrt(8)) * 5)
    assert found.unknown is None
    assert followups.rank(799, 100, 4, 0.001).reason == "n < 8 d"
    assert followups.rank(800, 100, 4, 0.1).value is None


def test_stability_is_the_larger_of_two() -> None:
    n, d = 1000, 50
    wide = followups.stability(n, d, 4e4, 0.5).value
    assert wide == pytest.approx(6 * math.sqrt(4e4 / (n * d)))
    narrow = followups.stability(n, d, n, 1.0).value
    assert narrow == pytest.approx(math.sqrt(8 / d * math.log(6)))
    assert followups.stability(n, d, n - 1, 0.5).value is None
    assert followups.stability(n, d, n, 0.0).value is None
    # x -> 2 x: distances double, c is four times as large
    assert followups.stability(n, d, 4e4, 0.5, c=4.0).value == pytest.approx(2 * wide)
