"""One set of properties over every distribution of the room."""

import numpy as np
import pytest

from isorobust.data import distributions

SHELF = [getattr(distributions, name)() for name in distributions.__all__]
IDS = distributions.__all__


def linear_constant(x: np.ndarray, component: np.ndarray) -> float:
    """The largest d Var(u.x) over unit u within a component: a lower bound on c."""
    d = x.shape[1]
    within = [np.cov(x[component == c], rowvar=False) for c in np.unique(component)]
    return max(d * float(np.linalg.eigvalsh(cov)[-1]) for cov in within)


@pytest.mark.parametrize("law", SHELF, ids=IDS)
def test_unit_second_moment(law: object, rng: np.random.Generator) -> None:
    x = law.draw(rng, 20000, 16).x
    assert np.mean(np.sum(x**2, axis=1)) == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("law", SHELF, ids=IDS)
def test_isoperimetric_constant(law: object, rng: np.random.Generator) -> None:
    """Linear functions attain c for Gaussians; on the sphere d Var = 1 < c."""
    d = 8
    sample = law.draw(rng, 40000, d)
    seen, c = linear_constant(sample.x, sample.component), law.isoperimetry(d)
    assert seen <= c * 1.1  # the largest of 8 sample eigenvalues is 1 + 2 sqrt(8 / N)
    assert seen >= c * (1 - 1 / d) * 0.95


@pytest.mark.parametrize("law", SHELF, ids=IDS)
def test_concentration_of_a_lipschitz_function(law: object) -> None:
    """E exp(t (f - E f)) <= exp(t^2 c / (2 d)) for f = the distance to a point."""
    d, t = 32, 8.0
    sample = law.draw(np.random.default_rng(3), 40000, d)
    for c in np.unique(sample.component):
        x = sample.x[sample.component == c]
        f = np.linalg.norm(x - 0.5, axis=1)
        moment = np.log(np.mean(np.exp(t * (f - f.mean()))))
        assert moment <= t**2 * law.isoperimetry(d) / (2 * d) * 1.05


@pytest.mark.parametrize("law", SHELF, ids=IDS)
def test_the_radius_holds_all_points(law: object, rng: np.random.Generator) -> None:
    d, n = 16, 200
    radius = law.radius(n, d, 0.1)
    longest = [np.linalg.norm(law.draw(rng, n, d).x, axis=1).max() for _ in range(100)]
    assert np.mean(np.array(longest) > radius + 1e-9) <= 0.1


@pytest.mark.parametrize("law", SHELF, ids=IDS)
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
