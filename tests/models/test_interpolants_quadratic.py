"""Quadratic forms, full, projected, of rank k: features, limits, rays, bounds below."""

from types import SimpleNamespace

import numpy as np
import pytest

from isorobust.data import Gaussian, Sphere
from isorobust.models.interpolants import ProjectedQuadratic, Quadratic, RankK
from isorobust.models.interpolants.quadratic import spectral_edge
from isorobust.models.interpolants.rank import least_norm


def draw(n: int, d: int, sets: int = 2) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(8)
    x = rng.standard_normal((sets, n, d))
    x /= np.linalg.norm(x, axis=2, keepdims=True)
    signs = np.where(np.arange(n) % 2 == 0, 1.0, -1.0)
    return x, np.stack([rng.permutation(signs) for _ in range(sets)])


def matrix(found: object, i: int, d: int) -> np.ndarray:
    """T from values: x'Tx at e_j + e_k, less those at e_j and e_k."""
    e = np.eye(d)
    value = found.function  # type: ignore[attr-defined]
    single = value(i, e)
    pairs = (e[:, None] + e[None]).reshape(-1, d)
    both = value(i, pairs).reshape(d, d)
    t = (both - single[:, None] - single[None]) / 2
    t[np.diag_indices(d)] = single
    return t


def test_least_frobenius_is_least_norm_in_features() -> None:
    x, y = draw(12, 6)
    found = Quadratic().solve(x, y, 1.0, np.random.default_rng(0))
    rows, columns = np.triu_indices(6)
    weight = np.where(rows == columns, 1.0, np.sqrt(2))
    for i in range(2):
        w = np.linalg.pinv(weight * x[i][:, rows] * x[i][:, columns]) @ y[i]
        t = matrix(found, i, 6)
        assert t[rows, columns] == pytest.approx(w / weight, abs=1e-10)
        assert found.rho is not None
        assert found.rho[i] == pytest.approx(np.linalg.norm(w))
        values = np.linalg.eigvalsh(t)
        assert found.lower[i] == pytest.approx(values[-1] - values[0])


def test_on_a_ball_it_is_the_norm() -> None:
    x, y = draw(12, 6)
    shorter = x * np.linspace(0.5, 1, 12)[:, None]
    found = Quadratic().solve(shorter, y, 1.3, np.random.default_rng(0))
    assert found.domain == "ball"
    norm = np.linalg.norm(matrix(found, 0, 6), 2)
    assert found.lower[0] == pytest.approx(2 * 1.3 * norm)


def test_the_edge_of_the_spectrum() -> None:
    assert spectral_edge(1e6) == pytest.approx(2e3, rel=1e-3)
    assert spectral_edge(1e-8) == pytest.approx(1 + np.sqrt(2e-8), rel=1e-7)
    for n, d in ((200, 400), (600, 300), (1600, 200)):
        x, y = draw(n, d, 1)
        values = np.linalg.eigvalsh(x[0].T @ (y[0][:, None] * x[0]))
        # the edge is approached from inside at a rate min(n, d)^(-2/3)
        assert 0.92 < values[-1] / spectral_edge(n / d) < 1
        assert 0.92 < -values[0] / spectral_edge(n / d) < 1


def test_the_law_of_quadratics() -> None:
    """2 sqrt(2) sqrt(nd/p) for d << n << d^2; about 3 at these sizes."""
    found = Quadratic().solve(*draw(600, 100), 1.0, np.random.default_rng(0))
    assert np.all(np.abs(found.columns["over_law"] - 3.0) < 0.2)
    assert np.all(np.abs(found.columns["over_predicted"] - 0.93) < 0.07)


def test_beyond_the_cut_rays_are_flat() -> None:
    n, d, m = 20, 12, 8
    x, y = draw(n, d)
    found = ProjectedQuadratic(m).solve(x, y, 1.0, np.random.default_rng(2))
    q = np.linalg.qr(np.random.default_rng(2).standard_normal((2, d, m)))[0]
    assert found.function is not None
    for i in range(2):
        cut = np.sqrt(d / m) * np.linalg.norm(x[i] @ q[i], axis=1).max()
        far = x[i] @ q[i] @ q[i].T
        far *= 1.01 * cut / np.sqrt(d / m) / np.linalg.norm(far, axis=1, keepdims=True)
        value = found.function(i, far)
        assert found.function(i, 5 * far) == pytest.approx(value)
        inside = found.function(i, far / 2)
        assert inside == pytest.approx(value * (1.01 / 2) ** 2)


def test_what_cutting_saves() -> None:
    """The sphere reaches |z| = sqrt(d/m), far from all data: Lip grows like d."""
    n, m = 40, 16
    ratios = []
    for d in (32, 128):
        pair = [
            ProjectedQuadratic(m, cut).solve(*draw(n, d), 1.0, np.random.default_rng(0))
            for cut in (True, False)
        ]
        ratios.append(np.mean(pair[1].lower / pair[0].lower))
    assert ratios[1] == pytest.approx(2 * ratios[0], rel=0.3)  # d against d^(1/2)


def test_sensitivity_of_cut_forms() -> None:
    """Two functions of the class with other T and other r; J of their ball."""
    n, d, m = 12, 10, 6
    x, y = draw(n, d)
    founds = [
        ProjectedQuadratic(m).solve(scale * x, y, 1.0, np.random.default_rng(2))
        for scale in (1.0, 0.8)
    ]
    points = np.random.default_rng(3).standard_normal((3000, d))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    reach = np.sqrt(d / m)
    q = np.linalg.qr(np.random.default_rng(2).standard_normal((2, d, m)))[0]
    cuts = [s * reach * np.linalg.norm(x[0] @ q[0], axis=1).max() for s in (1.0, 0.8)]
    values = [f.function(0, points) for f in founds if f.function is not None]
    # the same data scaled by .8: T / .8^2 and .8 r
    assert founds[0].rho is not None and founds[0].log_j is not None
    norm = np.sqrt(founds[0].rho[0] ** 2 - cuts[0] ** 2)
    apart = np.hypot(norm * (1 / 0.8**2 - 1), cuts[0] - cuts[1])
    j = np.exp(max(float(f.log_j[0]) for f in founds if f.log_j is not None))
    assert np.abs(values[0] - values[1]).max() <= j * apart


def test_rank_k_is_of_rank_k_and_above_its_bound() -> None:
    n, d, k = 24, 16, 6
    x, y = draw(n, d)
    found = RankK(k).solve(x, y, 1.0, np.random.default_rng(4))
    for i in range(2):
        values = np.linalg.eigvalsh(matrix(found, i, d))
        order = np.sort(np.abs(values))
        assert order[-k] > 1e-3 and order[-k - 1] < 1e-10
        least = least_norm(x, y, k)[i]
        assert order[-1] >= least
        assert found.columns["over_least"][i] == pytest.approx(order[-1] / least)
        assert 1 <= found.columns["over_least"][i] < 1.5
        assert found.lower[i] == pytest.approx(values[-1] - values[0])


def test_no_fit_goes_below_the_bound() -> None:
    """Least-Frobenius T has full rank: its bound is that of k = d."""
    x, y = draw(30, 10)
    found = Quadratic().solve(x, y, 1.0, np.random.default_rng(0))
    norms = [np.linalg.norm(matrix(found, i, 10), 2) for i in range(2)]
    assert np.all(norms >= least_norm(x, y, 10))
    assert np.all(least_norm(x, y, 3) > least_norm(x, y, 10))


def test_full_rank_beats_least_frobenius() -> None:
    x, y = draw(40, 16)
    smooth = RankK(16).solve(x, y, 1.0, np.random.default_rng(0))
    plain = Quadratic().solve(x, y, 1.0, np.random.default_rng(0))
    assert np.all(smooth.lower < 0.95 * plain.lower)


def test_sensitivity_of_rank_k() -> None:
    """|f_U - f_V| <= J |U - V|_F for pairs in the ball, and nearly J for some."""
    rng = np.random.default_rng(6)
    signs = np.array([1.0, -1.0])
    found = RankK(2).solve(*draw(4, 5), 1.0, np.random.default_rng(0))
    assert found.log_j is not None and found.rho is not None
    ball, j = 2.0 ** np.ceil(np.log2(found.rho[0])), np.exp(found.log_j[0])
    points = rng.standard_normal((500, 5))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    worst = 0.0
    for _ in range(50):
        u = rng.standard_normal((5, 2)) * [1, 0.01]
        u *= ball / np.linalg.norm(u)
        v = u * rng.uniform(0.9, 0.99)
        f, g = (np.square(points @ w) @ signs for w in (u, v))
        ratio = np.abs(f - g).max() / np.linalg.norm(u - v)
        assert ratio <= j
        worst = max(worst, ratio / j)
    assert worst > 0.7


@pytest.mark.parametrize(
    ("family", "n", "d", "wrong"),
    [
        (Quadratic(), 9, 4, None),
        (Quadratic(), 10, 4, "must be <"),
        (ProjectedQuadratic(4), 9, 4, None),
        (ProjectedQuadratic(4), 10, 8, "must be <"),
        (ProjectedQuadratic(4), 5, 3, "must be <= d"),
        (RankK(4), 25, 8, None),
        (RankK(4), 26, 8, "rank k"),
        (RankK(9), 5, 8, "must be <= d"),
    ],
)
def test_objections(family: RankK, n: int, d: int, wrong: str | None) -> None:
    case = SimpleNamespace(n=n, d=d, distribution=Sphere())
    said = family.objection(case)
    assert said is None if wrong is None else wrong in (said or "")


def test_rank_k_speaks_of_the_sphere() -> None:
    case = SimpleNamespace(n=5, d=8, distribution=Gaussian())
    assert "Sphere" in (RankK(4).objection(case) or "")
