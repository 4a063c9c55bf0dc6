"""c against moment generating functions in closed form, and variances by counting."""

import math

import numpy as np
import pytest
from scipy.special import gammaln, ive
from scipy.stats import binom

from isorobust.data.controls import DiscreteCube, ProductLaplace, ScaleMixture
from isorobust.data.distributions import (
    AnisotropicGaussian,
    Cube,
    EmbeddedSphere,
    Gaussian,
    Mixture,
    Sphere,
    UnnormalisedGaussian,
)
from isorobust.law import isoperimetry

T = np.linspace(0.05, 4, 30)  # in units of sqrt d


def needed(log_mgf: np.ndarray, t: np.ndarray, d: int) -> float:
    """The least c that allows log E exp(t (f - Ef)) at all t, L = 1."""
    return float(np.max(2 * d * log_mgf / t**2))


def test_gaussians_attain_theirs(rng: np.random.Generator) -> None:
    """E exp(t x_1) = exp(t^2 / (2 d)); of N(0, S) along its longest axis."""
    for d in (1, 7, 300):
        t = T * math.sqrt(d)
        assert needed(t**2 / (2 * d), t, d) == pytest.approx(
            isoperimetry.gaussian().value
        )
        plain = isoperimetry.standard_gaussian(d)
        assert needed(t**2 / 2, t, d) == pytest.approx(plain.value)
        spectrum = rng.exponential(size=d)
        top = spectrum.max() / spectrum.sum()
        skew = isoperimetry.anisotropic_gaussian(spectrum.tolist())
        assert needed(t**2 * top / 2, t, d) == pytest.approx(skew.value)
        # d / c is the stable rank
        assert isoperimetry.effective_dimension(d, skew.value) == pytest.approx(1 / top)
        even = isoperimetry.anisotropic_gaussian([0.2] * d)
        assert even.value == pytest.approx(1)


@pytest.mark.parametrize("d", [2, 3, 10, 200])
def test_the_sphere_s_coordinate_stays_within(d: int) -> None:
    """E exp(t x_1) = Gamma(d/2) (2/t)^(d/2-1) I_{d/2-1}(t); tight to d / (d - 1)."""
    t = T * math.sqrt(d)
    order = d / 2 - 1
    log_mgf = gammaln(d / 2) - order * np.log(t / 2) + np.log(ive(order, t)) + t
    c = isoperimetry.sphere(d).value
    found = needed(log_mgf, t, d)
    assert found <= c and found >= 0.99 * min(1.0, c * (d - 1) / d)


@pytest.mark.parametrize("d", [16, 50])
def test_distributions_of_the_suite_say_the_same(d: int) -> None:
    axes = AnisotropicGaussian().spectrum(d).tolist()
    for distribution, constant in (
        (Gaussian(), isoperimetry.gaussian()),
        (UnnormalisedGaussian(), isoperimetry.standard_gaussian(d)),
        (AnisotropicGaussian(), isoperimetry.anisotropic_gaussian(axes)),
        (Sphere(), isoperimetry.sphere(d)),
        (EmbeddedSphere(m=8), isoperimetry.embedded_sphere(8, d)),
        (Cube(), isoperimetry.cube(d)),
        (Mixture(spread=0.5), isoperimetry.strongly_log_concave(1 / 0.5**2)),
        (DiscreteCube(), isoperimetry.discrete_cube()),
        (ScaleMixture(), isoperimetry.scale_mixture()),
        (ProductLaplace(), isoperimetry.laplace()),
    ):
        said = distribution.isoperimetry(d)
        assert said == pytest.approx(constant.value), distribution


def test_an_embedded_sphere_has_its_own_dimension() -> None:
    for d in (10, 80, 640):
        c = isoperimetry.embedded_sphere(9, d).value
        assert isoperimetry.effective_dimension(d, c) == pytest.approx(8)
    assert isoperimetry.embedded_sphere(9, 9) == isoperimetry.Constant(
        isoperimetry.sphere(9).value, isoperimetry.embedded_sphere(9, 9).evidence
    )


@pytest.mark.parametrize("d", [1, 6, 50])
def test_the_cube_s_coordinate_stays_within(d: int) -> None:
    """E exp(t u) = sinh(h t) / (h t), h half a side; at most pi / 6 of c, attained."""
    assert isoperimetry.cube(d).value == pytest.approx(6 / math.pi)
    side = 1 / math.sqrt(d)
    assert isoperimetry.cube(d, side).value == pytest.approx(1 / (2 * math.pi))
    for edge in (side, math.sqrt(12 / d)):
        t = np.geomspace(1e-2, 3, 40) / edge
        h = edge * t / 2
        found = needed(np.log(np.sinh(h) / h), t, d)
        c = isoperimetry.cube(d, edge).value
        assert found <= c
        assert found == pytest.approx(c * math.pi / 6, rel=1e-3)


def test_the_cube_s_map_stretches_as_said() -> None:
    """side * Phi has slope <= side / sqrt(2 pi), so c / d is its square: at 0."""
    h = 1e-5
    slope = (math.erf(h / math.sqrt(2)) / 2) / h
    assert isoperimetry.cube(4, 1.0).value / 4 == pytest.approx(slope**2)


def test_strong_log_concavity_and_products() -> None:
    """Both are N(0, I/d) at 1, and x -> s x multiplies c by s^2."""
    assert isoperimetry.strongly_log_concave(1.0).value == 1
    assert isoperimetry.strongly_log_concave(0.25).value == 4  # N(0, 4 I/d)
    assert isoperimetry.product(1.0).value == 1 and isoperimetry.product(0.5).value == 2


def test_the_discrete_cube_has_none() -> None:
    """d Var of the distance to {at least half +1} grows like sqrt d: 6.6 at d = 200."""
    spreads = []
    for d in (200, 800, 3200):
        k = np.arange(d + 1)
        chance = binom.pmf(k, d, 0.5)
        f = 2 / math.sqrt(d) * np.sqrt(np.maximum(k - d // 2, 0))  # k minus signs
        spreads.append(d * float(chance @ f**2 - (chance @ f) ** 2))
    assert spreads[0] == pytest.approx(6.7, abs=0.15)  # theory's, sampled
    assert spreads[1] / spreads[0] == pytest.approx(2, rel=0.05)
    assert spreads[2] / spreads[1] == pytest.approx(2, rel=0.05)
    assert isoperimetry.discrete_cube().value is None


def test_the_scale_mixture_and_laplace_have_none() -> None:
    """|x| = exp(s g) varies by O(1): d Var ~ d. Laplace: E exp(t x) is infinite."""
    variance = math.exp(2 * 0.25) - math.exp(0.25)
    assert 200 * variance == pytest.approx(73, rel=0.01)  # theory 5 (c): 73 ... 170
    for constant in (
        isoperimetry.scale_mixture(),
        isoperimetry.laplace(),
        isoperimetry.discrete_cube(),
    ):
        assert constant.value is None and constant.reason and constant.evidence


def test_the_poincare_law_is_weaker() -> None:
    """n sqrt(d) / p against sqrt(nd / p): smaller once p > n."""
    assert isoperimetry.poincare_ratio(100, 16, 400) == pytest.approx(1)
    assert isoperimetry.poincare_ratio(100, 16, 100) == pytest.approx(
        math.sqrt(100 * 16 / 100)
    )
