"""One set of properties over every distribution of the room."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import norm

from isorobust.data import controls, distributions

KNOWN = [getattr(distributions, name)() for name in distributions.__all__]
SHELF = [*KNOWN, *(getattr(controls, name)() for name in controls.__all__)]
# linear functions attain the constant of these; for the others it is an upper bound
LINEAR = ("AnisotropicGaussian", "Gaussian", "Mixture", "UnnormalisedGaussian")


def named(law: object) -> str:
    return type(law).__name__


def linear_constant(x: np.ndarray, component: np.ndarray) -> float:
    """The largest d Var(u.x) over unit u within a component: a lower bound on c."""
    d = x.shape[1]
    within = [np.cov(x[component == c], rowvar=False) for c in np.unique(component)]
    return max(d * float(np.linalg.eigvalsh(cov)[-1]) for cov in within)


@pytest.mark.parametrize("law", SHELF, ids=named)
def test_unit_second_moment(law: object, rng: np.random.Generator) -> None:
    d = 16
    square = np.sum(law.draw(rng, 20000, d).x ** 2, axis=1)
    expected = d if named(law) == "UnnormalisedGaussian" else 1
    error = square.std() / np.sqrt(len(square))
    assert np.mean(square) == pytest.approx(expected, abs=5 * error + 1e-9)


@pytest.mark.parametrize("law", [x for x in SHELF if x.components == 1], ids=named)
def test_coordinates_are_centred(law: object, rng: np.random.Generator) -> None:
    x = law.draw(rng, 20000, 16).x
    assert np.all(np.abs(x.mean(axis=0)) < 5 * x.std(axis=0) / np.sqrt(len(x)))


@pytest.mark.parametrize("law", KNOWN, ids=named)
def test_isoperimetric_constant(law: object, rng: np.random.Generator) -> None:
    """Linear functions attain c for Gaussians, and 1 - 1 / m of it on S^{m-1}."""
    d = 16
    sample = law.draw(rng, 40000, d)
    seen, c = linear_constant(sample.x, sample.component), law.isoperimetry(d)
    assert seen <= c * 1.1  # the largest of d sample eigenvalues is 1 + 2 sqrt(d / N)
    if named(law) in LINEAR:
        assert seen >= c * 0.95
    if named(law) in ("Sphere", "EmbeddedSphere"):
        m = getattr(law, "m", d)
        assert seen >= c * (1 - 1 / m) * 0.95


@pytest.mark.parametrize("law", KNOWN, ids=named)
def test_concentration_of_a_lipschitz_function(law: object) -> None:
    """E exp(t (f - E f)) <= exp(t^2 c / (2 d)) for f = the distance to a point."""
    d = 32
    sample = law.draw(np.random.default_rng(3), 40000, d)
    c = law.isoperimetry(d)
    t = np.sqrt(2 * d / c)
    for component in np.unique(sample.component):
        x = sample.x[sample.component == component]
        f = np.linalg.norm(x - 0.5, axis=1)
        moment = np.log(np.mean(np.exp(t * (f - f.mean()))))
        assert moment <= t**2 * c / (2 * d) * 1.05


@pytest.mark.parametrize("law", SHELF, ids=named)
@pytest.mark.parametrize("d", [8, 200])
def test_a_law_is_the_same_wherever_it_is_drawn(law: object, d: int) -> None:
    one, other = (law.draw(np.random.default_rng(5), 20, d) for _ in range(2))
    assert one.x.shape == (20, d) and one.x.dtype == float
    assert np.array_equal(one.x, other.x)
    assert np.all(np.isfinite(one.x)) and one.component.shape == (20,)


@pytest.mark.parametrize("law", SHELF, ids=named)
def test_the_radius_holds_all_points(law: object, rng: np.random.Generator) -> None:
    d, n = 16, 200
    radius = law.radius(n, d, 0.1)
    longest = [np.linalg.norm(law.draw(rng, n, d).x, axis=1).max() for _ in range(100)]
    assert np.mean(np.array(longest) > radius + 1e-9) <= 0.1


@pytest.mark.parametrize("law", SHELF, ids=named)
def test_the_first_rows_do_not_depend_on_how_many_follow(law: object) -> None:
    few = law.draw(np.random.default_rng(1), 10, 16).x
    many = law.draw(np.random.default_rng(1), 50, 16).x
    assert np.array_equal(few, many[:10])


def test_sphere_is_the_sphere(rng: np.random.Generator) -> None:
    x = distributions.Sphere().draw(rng, 100, 8).x
    np.testing.assert_allclose(np.linalg.norm(x, axis=1), 1, atol=1e-12)
    assert distributions.Sphere.on_sphere


def test_mixture_is_well_separated(rng: np.random.Generator) -> None:
    law = distributions.Mixture(modes=3, spread=0.3)
    sample = law.draw(rng, 300, 64)
    means = [sample.x[sample.component == c].mean(0) for c in range(3)]
    apart = [np.linalg.norm(means[i] - means[j]) for i in range(3) for j in range(i)]
    assert np.allclose(apart, np.sqrt(2 * (1 - 0.09)), atol=0.1)
    assert np.bincount(sample.component).tolist() == [100, 100, 100]


def test_the_spectrum_has_the_stable_rank_asked_for() -> None:
    for rank, d in ((1.0, 8), (4.0, 64), (3.5, 2000), (64.0, 64)):
        law = distributions.AnisotropicGaussian(stable_rank=rank)
        spectrum = law.spectrum(d)
        assert spectrum.sum() == pytest.approx(1)
        assert np.all(np.diff(spectrum) <= 0) and spectrum[-1] >= 0
        assert 1 / spectrum[0] == pytest.approx(rank)
        assert d / law.isoperimetry(d) == pytest.approx(rank)  # d_eff


def test_the_anisotropic_covariance_is_its_spectrum(rng: np.random.Generator) -> None:
    law = distributions.AnisotropicGaussian(stable_rank=2)
    cov = np.cov(law.draw(rng, 50000, 6).x, rowvar=False)
    np.testing.assert_allclose(cov, np.diag(law.spectrum(6)), atol=0.01)


def test_the_embedded_sphere_is_isometric(rng: np.random.Generator) -> None:
    law, d = distributions.EmbeddedSphere(m=3), 20
    x = law.draw(rng, 500, d).x
    np.testing.assert_allclose(np.linalg.norm(x, axis=1), 1, atol=1e-12)
    assert np.linalg.matrix_rank(x) == 3
    # Archimedes: on S^2 a coordinate is uniform, so (x.u)^4 has mean 1/5
    u = x[0]
    assert np.mean((x[1:] @ u) ** 4) == pytest.approx(1 / 5, abs=0.05)
    assert d / law.isoperimetry(d) == 2


def test_the_cube_is_uniform(rng: np.random.Generator) -> None:
    d = 4
    x = distributions.Cube().draw(rng, 50000, d).x * np.sqrt(d / 3)
    assert np.abs(x).max() <= 1
    for k in (2, 4, 6):
        assert np.mean(x**k) == pytest.approx(1 / (k + 1), abs=0.005)


def test_the_cube_is_a_gaussian_pushed_by_a_contraction() -> None:
    """The slope of sqrt(3/d) (2 Phi - 1) is at most sqrt(c / d), attained at 0."""
    d = 5
    z = np.linspace(-4, 4, 4001)
    pushed = np.sqrt(3 / d) * (2 * norm.cdf(z) - 1)
    steepest = np.max(np.diff(pushed) / np.diff(z))
    bound = np.sqrt(distributions.Cube().isoperimetry(d) / d)
    assert bound * (1 - 1e-5) <= steepest <= bound


def test_unnormalised_is_the_gaussian_scaled() -> None:
    one = distributions.Gaussian().draw(np.random.default_rng(2), 9, 7).x
    other = distributions.UnnormalisedGaussian().draw(np.random.default_rng(2), 9, 7).x
    np.testing.assert_allclose(other, one * np.sqrt(7))
    large, small = distributions.UnnormalisedGaussian(), distributions.Gaussian()
    assert large.isoperimetry(7) == 7 * small.isoperimetry(7)
    assert large.radius(9, 7, 0.1) == pytest.approx(
        small.radius(9, 7, 0.1) * np.sqrt(7)
    )


def test_the_corners_are_corners(rng: np.random.Generator) -> None:
    x = controls.DiscreteCube().draw(rng, 1000, 25).x
    assert set(np.unique(x)) == {-0.2, 0.2}
    assert np.mean(x > 0) == pytest.approx(0.5, abs=0.02)


def test_the_random_radius_does_not_concentrate(rng: np.random.Generator) -> None:
    """Var |x| -> 1 - exp(-log_sd^2), whatever d."""
    for d in (50, 500):
        x = controls.ScaleMixture(log_sd=0.5).draw(rng, 8000, d).x
        variance = np.var(np.linalg.norm(x, axis=1))
        assert variance == pytest.approx(1 - np.exp(-0.25), abs=0.03)


def test_laplace_tails_are_exponential(rng: np.random.Generator) -> None:
    d = 10
    x = np.abs(controls.ProductLaplace().draw(rng, 40000, d).x) * np.sqrt(2 * d)
    for s in (1, 2, 4):
        assert np.mean(x > s) == pytest.approx(np.exp(-s), rel=0.05)


def test_controls_state_no_constant() -> None:
    for name in controls.__all__:
        law = getattr(controls, name)()
        assert law.isoperimetry(50) is None
        assert not law.on_sphere


@pytest.mark.parametrize(
    ("law", "said"),
    [
        (distributions.EmbeddedSphere(m=9), "distribution.m = 9: must be <= d = 8"),
        (
            distributions.AnisotropicGaussian(stable_rank=8.5),
            "distribution.stable_rank = 8.5: must be <= d = 8",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else named(value),
)
def test_what_does_not_fit_into_d_is_refused(law: object, said: str) -> None:
    assert law.objection(SimpleNamespace(d=8)) == said
    assert law.objection(SimpleNamespace(d=9)) is None
