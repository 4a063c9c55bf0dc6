"""Kernel families against features written out, differences, spectra and ascent."""

from dataclasses import dataclass

import numpy as np
import pytest
from scipy.optimize import minimize

from isorobust.models.interpolants import NTK, RandomFeatures, kernels, published
from isorobust.models.interpolants.features import ACTIVATIONS
from isorobust.models.interpolants.kernels import least_norm

NAMES = sorted(ACTIVATIONS)
N, D = 12, 6


def data(seed: int, s: int, n: int, d: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((s, n, d)) / np.sqrt(d)
    return x, rng.choice([-1.0, 1.0], (s, n))


def features(family: NTK | RandomFeatures, v: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Features [n, p] written out: the road that the families don't take."""
    phi = ACTIVATIONS[family.activation]
    if isinstance(family, RandomFeatures):
        return phi.value(x @ v)
    return np.einsum("ni,nk->nik", x, phi.slope(x @ v)).reshape(len(x), -1)


def drawn(seed: int, d: int, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The projection and the test points that the families draw first."""
    rng = np.random.default_rng(seed)
    return rng.standard_normal((d, k)), kernels._fresh(rng, d)


def by_differences(family: NTK | RandomFeatures, v, theta, z, h=1e-5) -> np.ndarray:
    steps = h * np.eye(z.shape[1])
    return np.stack(
        [
            (features(family, v, z + e) - features(family, v, z - e)) @ theta / (2 * h)
            for e in steps
        ],
        axis=1,
    )


FAMILIES = [NTK(k=9, activation=name) for name in NAMES]
FAMILIES += [RandomFeatures(k=40, activation=name) for name in NAMES]


@pytest.mark.parametrize("family", FAMILIES, ids=repr)
def test_least_squares_on_features_written_out(family: NTK | RandomFeatures) -> None:
    x, y = data(1, 1, N, D)
    found = family.solve(x, y, 2.0, np.random.default_rng(7))
    v, z = drawn(7, D, family.k)
    theta = np.linalg.lstsq(features(family, v, x[0]), y[0], rcond=None)[0]
    lengths = np.linalg.norm(by_differences(family, v, theta, z), axis=1)
    assert found.p == len(theta)
    np.testing.assert_allclose(found.rho, np.linalg.norm(theta), rtol=1e-6)
    np.testing.assert_allclose(found.columns["sensitivity"], lengths.mean(), rtol=1e-5)
    np.testing.assert_allclose(
        found.columns["sensitivity_sd"], lengths.std(ddof=1), rtol=1e-5
    )
    assert found.mse < 1e-15
    inside = lengths[np.linalg.norm(z, axis=1) <= 2.0]
    assert found.lower >= inside.max() * (1 - 1e-5)
    if family.activation != "square":
        assert np.isnan(found.upper)
        np.testing.assert_allclose(found.lower, inside.max(), rtol=1e-5)


@pytest.mark.parametrize("family", FAMILIES, ids=repr)
def test_no_feature_vector_is_longer_than_j(family: NTK | RandomFeatures) -> None:
    x, y = data(1, 1, N, D)
    found = family.solve(x, y, 1.7, np.random.default_rng(7))
    v, _ = drawn(7, D, family.k)
    rng = np.random.default_rng(0)
    ball = rng.standard_normal((4000, D))
    ball[:6] = np.linalg.svd(v)[0]  # where V'x is longest, too
    ball *= 1.7 / np.linalg.norm(ball, axis=1, keepdims=True)
    longest = np.linalg.norm(features(family, v, ball), axis=1).max()
    assert longest <= np.exp(found.log_j) <= 6 * longest


@pytest.mark.parametrize("name", NAMES)
def test_derivatives(name: str) -> None:
    phi, t, h = ACTIVATIONS[name], np.linspace(-4, 4, 41), 1e-6
    np.testing.assert_allclose(
        (phi.value(t + h) - phi.value(t - h)) / (2 * h), phi.slope(t), atol=1e-8
    )
    np.testing.assert_allclose(
        (phi.slope(t + h) - phi.slope(t - h)) / (2 * h), phi.bend(t), atol=1e-8
    )


@pytest.mark.parametrize("name", NAMES)
def test_moments(name: str) -> None:
    phi, m = ACTIVATIONS[name], ACTIVATIONS[name].moments()
    g = np.random.default_rng(3).standard_normal(400_000)
    assert m.linear == pytest.approx(np.mean(g * phi.value(g)), abs=0.01)
    assert m.curved == pytest.approx(np.mean(g * phi.slope(g)), abs=0.01)
    line = phi.value(g).mean() + m.linear * g
    assert m.rest == pytest.approx(np.var(phi.value(g) - line), rel=0.03)
    assert m.slope == pytest.approx(np.var(phi.slope(g)), rel=0.03, abs=1e-3)
    assert m.bend == pytest.approx(np.mean(phi.bend(g) ** 2), rel=0.03)
    assert (m.linear == 0) == (name in ("square", "cos"))


@pytest.mark.parametrize(
    "family", [NTK(k=3, activation="square"), RandomFeatures(k=30)], ids=repr
)
def test_suprema_of_quadratic_forms(family: NTK | RandomFeatures) -> None:
    x, y = data(2, 1, N, D)
    radius = 1.5
    found = family.solve(x, y, radius, np.random.default_rng(9))
    v, _ = drawn(9, D, family.k)
    theta = np.linalg.lstsq(features(family, v, x[0]), y[0], rcond=None)[0]

    def slope(u: np.ndarray, tangential: bool) -> float:
        u = u / np.linalg.norm(u)
        size = 1.0 if tangential else radius
        g = by_differences(family, v, theta, size * u[None])[0]
        return -float(np.linalg.norm(g - tangential * (g @ u) * u))

    starts = np.random.default_rng(1).standard_normal((6, D))
    for tangential, stated in (
        (False, found.upper[0]),
        (True, found.columns["sup_sphere"][0]),
    ):
        best = max(
            -minimize(slope, u, args=(tangential,), tol=1e-9).fun for u in starts
        )
        assert best == pytest.approx(stated, rel=1e-5)
    assert found.lower == found.upper >= found.columns["sensitivity"] * 0.9


def test_fewer_parameters_than_points_leave_a_residual() -> None:
    x, y = data(3, 1, 40, D)
    family = RandomFeatures(k=5, activation="tanh")
    found = family.solve(x, y, 2.0, np.random.default_rng(4))
    v, _ = drawn(4, D, 5)
    z = features(family, v, x[0])
    theta, residual, *_ = np.linalg.lstsq(z, y[0], rcond=None)
    np.testing.assert_allclose(found.mse, residual / 40, rtol=1e-8)
    np.testing.assert_allclose(found.rho, np.linalg.norm(theta), rtol=1e-6)
    assert found.columns["rcond"] < 1e-13 and np.isnan(found.columns["over_predicted"])


def test_quadratic_features_saturate() -> None:
    """t^2 spans d(d+1)/2 = 21 forms: 30 points can't be fitted by 400 features."""
    x, y = data(5, 1, 30, D)
    found = RandomFeatures(k=400).solve(x, y, 2.0, np.random.default_rng(4))
    forms = np.einsum("ni,nj->nij", x[0], x[0]).reshape(30, -1)
    theta = np.linalg.lstsq(forms, y[0], rcond=None)[0]
    np.testing.assert_allclose(
        found.mse, np.mean((forms @ theta - y[0]) ** 2), rtol=1e-6
    )
    assert found.mse > 0.1


def test_least_norm_is_the_pseudo_inverse() -> None:
    rng = np.random.default_rng(0)
    z, y = rng.standard_normal((10, 15)), rng.standard_normal(10)
    alpha, rcond = least_norm(z @ z.T, y)
    np.testing.assert_allclose(z.T @ alpha, np.linalg.pinv(z) @ y, rtol=1e-9)
    gram = z @ z.T
    norms = [np.linalg.norm(m, 1) for m in (gram, np.linalg.inv(gram))]
    assert 1 / np.prod(norms) == pytest.approx(rcond, rel=0.5)
    narrow = z[:, :4]
    alpha, rcond = least_norm(narrow @ narrow.T, y)
    np.testing.assert_allclose(narrow.T @ alpha, np.linalg.pinv(narrow) @ y, rtol=1e-7)
    assert rcond <= 1e-13


@pytest.mark.parametrize("family", FAMILIES[::3], ids=repr)
def test_scalings(family: NTK | RandomFeatures) -> None:
    """y -> 3y: everything 3 times as large; the data sets don't mix."""
    x, y = data(6, 2, N, D)
    one, three = (
        family.solve(x, f * y, 2.0, np.random.default_rng(8)) for f in (1.0, 3.0)
    )
    for name in ("sensitivity", "sensitivity_sd", "over_law"):
        np.testing.assert_allclose(three.columns[name], 3 * one.columns[name])
    np.testing.assert_allclose(three.lower, 3 * one.lower)
    np.testing.assert_allclose(three.rho, 3 * one.rho)
    first = family.solve(x[:1], y[:1], 2.0, np.random.default_rng(8))
    np.testing.assert_allclose(first.lower[0], one.lower[0])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", [NTK, RandomFeatures])
def test_the_prediction_holds_within_a_tenth(kind: type, name: str) -> None:
    n, d = 150, 200
    family = kind(k=40 if kind is NTK else 4000, activation=name)
    x, y = data(10, 3, n, d)
    found = family.solve(x, y, 1.4, np.random.default_rng(11))
    assert np.mean(found.columns["over_predicted"]) == pytest.approx(1, abs=0.1)


def test_published_sizes() -> None:
    assert published.sensitivity("NTK", "square", 1600, 1000, 600) == 3.5
    assert published.sensitivity("RandomFeatures", "tanh", 800, 1000, 40_000) == 34.5
    for n, d, k in ((1600, 999, 600), (1601, 1000, 600), (1600, 1000, 601)):
        assert np.isnan(published.sensitivity("NTK", "square", n, d, k))


def test_objections() -> None:
    @dataclass(frozen=True)
    class Case:
        n: int = 100
        d: int = 1024

    assert NTK(k=2**17).objection(Case()) is None
    assert "k <= 131072" in str(RandomFeatures(k=2**17 + 1).objection(Case()))


@pytest.mark.parametrize("family", [NTK(4), RandomFeatures(8, "square")])
def test_one_dimension_has_one_eigenvalue(family: NTK | RandomFeatures) -> None:
    x, y = np.array([[[0.5], [-1.0], [2.0]]]), np.array([[1.0, -1.0, 1.0]])
    found = family.solve(x, y, 2.0, np.random.default_rng(0))
    assert np.isfinite(found.upper).all() and found.lower <= found.upper
