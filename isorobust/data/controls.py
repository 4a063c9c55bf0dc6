"""Negative controls: laws of x with E|x|^2 = 1 but no isoperimetric constant O(1).

As in distributions.py, with `isoperimetry` None: the law of robustness doesn't speak,
and cases/geometry.py shows the functions that don't concentrate.
"""

import math
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from scipy.stats import norm

from isorobust.data.distributions import Gaussian
from isorobust.data.sample import Sample
from isorobust.door import Between

__all__ = ["DiscreteCube", "ProductLaplace", "ScaleMixture"]


@dataclass(frozen=True)
class DiscreteCube:
    """Uniform on the corners {-1/sqrt(d), 1/sqrt(d)}^d, with the Euclidean distance.

    To the half-cube {sum x >= 0} the squared distance is (4/d) x the signs to flip, of
    order 1/sqrt(d): the distance varies by ~ d^(-1/4), and c grows as sqrt(d). Convex
    functions do concentrate (Talagrand). |x| = 1, but the points lie apart: nothing
    joins them within the support, so on_sphere is left False.
    """

    on_sphere = False
    components = 1

    def draw(self, rng: np.random.Generator, n: int, d: int) -> Sample:
        """n points, fair signs over sqrt(d)."""
        signs = rng.integers(0, 2, (n, d), dtype=np.int8)
        return Sample((2.0 * signs - 1.0) / math.sqrt(d), np.zeros(n, int))

    def isoperimetry(self, d: int) -> None:
        """None: at least ~ sqrt(d)."""
        return None

    def radius(self, n: int, d: int, delta: float) -> float:
        """R with |x_i| <= R for all n points, with probability >= 1 - delta."""
        return 1.0


@dataclass(frozen=True)
class ScaleMixture:
    """x = r g, g of N(0, I/d), r log-normal and independent of g, E r^2 = 1.

    log_sd: standard deviation of log r. |x| varies by 1 - exp(-log_sd^2) in variance
    whatever d, and E exp(t r) is infinite for every t > 0: no c at all.
    """

    log_sd: Annotated[float, Between(0.01, 4)] = 0.5

    on_sphere = False
    components = 1

    def draw(self, rng: np.random.Generator, n: int, d: int) -> Sample:
        """n points; each takes d + 1 normals in turn, the first for its radius."""
        z = rng.standard_normal((n, d + 1))
        r = np.exp(self.log_sd * z[:, :1] - self.log_sd**2)
        return Sample(r * z[:, 1:] / math.sqrt(d), np.zeros(n, int))

    def isoperimetry(self, d: int) -> None:
        """None: there is none."""
        return None

    def radius(self, n: int, d: int, delta: float) -> float:
        """R with |x_i| <= R for all n points, with probability >= 1 - delta.

        delta / 2 for the largest r (a normal quantile), delta / 2 for the largest |g|.
        """
        quantile = float(norm.isf(delta / (2 * n)))
        largest = math.exp(self.log_sd * quantile - self.log_sd**2)
        return largest * Gaussian().radius(n, d, delta / 2)


@dataclass(frozen=True)
class ProductLaplace:
    """d independent Laplace coordinates of variance 1/d each: exponential tails.

    E exp(t x_1) = 1 / (1 - t^2 / (2d)) is infinite from |t| = sqrt(2d) on: no c at
    all, though a Poincare inequality holds (and with it a weaker law,
    Lip >~ n sqrt(d) / p; Bubeck & Sellke 2021, a remark).
    """

    on_sphere = False
    components = 1

    def draw(self, rng: np.random.Generator, n: int, d: int) -> Sample:
        """n points, coordinates of density sqrt(d/2) exp(-sqrt(2d) |x|)."""
        x = rng.laplace(0.0, 1.0 / math.sqrt(2.0 * d), (n, d))
        return Sample(x, np.zeros(n, int))

    def isoperimetry(self, d: int) -> None:
        """None: there is none."""
        return None

    def radius(self, n: int, d: int, delta: float) -> float:
        """R with |x_i| <= R for all n points, with probability >= 1 - delta.

        |x| <= sqrt(d) max |x_j|, and sqrt(2d) |x_j| is exponential; union over n d.
        """
        return math.log(n * d / delta) / math.sqrt(2.0)
