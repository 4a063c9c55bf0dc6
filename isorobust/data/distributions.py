"""Laws of x: one frozen dataclass each, normalised so that E|x|^2 = 1.

Each gives `draw(rng, n, d)`, the isoperimetric constant c of one component (Bubeck &
Sellke 2021, Definition 1.1, in its MGF form: E exp(t(f - Ef)) <= exp(t^2 c L^2 / (2d))
for every L-Lipschitz f), the radius that holds all points, whether x lives on the unit
sphere, and the number of components.
"""

import math
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np

from isorobust.data.sample import Sample
from isorobust.door import AtLeast, Between

__all__ = ["Gaussian", "Mixture", "Sphere"]


@dataclass(frozen=True)
class Sphere:
    """Uniform on the unit sphere S^{d-1}; c = d / (d - 1) (log-Sobolev 1/(d - 1))."""

    on_sphere = True
    components = 1

    def draw(self, rng: np.random.Generator, n: int, d: int) -> Sample:
        """n points: standard normals over their length."""
        x = rng.standard_normal((n, d))
        x /= np.linalg.norm(x, axis=1, keepdims=True)
        return Sample(x, np.zeros(n, int))

    def isoperimetry(self, d: int) -> float:
        """c of Definition 1.1, for the geodesic (and so the chordal) distance."""
        return d / (d - 1)

    def radius(self, n: int, d: int, delta: float) -> float:
        """R with |x_i| <= R for all n points, with probability >= 1 - delta."""
        return 1.0

    def objection(self, cell: Any) -> str | None:
        """What is wrong with a cell of this distribution."""
        return "d = 1: the sphere needs d >= 2" if cell.d < 2 else None


@dataclass(frozen=True)
class Gaussian:
    """N(0, I/d); c = 1 (Herbst)."""

    on_sphere = False
    components = 1

    def draw(self, rng: np.random.Generator, n: int, d: int) -> Sample:
        """n points of N(0, I/d)."""
        return Sample(rng.standard_normal((n, d)) / math.sqrt(d), np.zeros(n, int))

    def isoperimetry(self, d: int) -> float:
        """c of Definition 1.1."""
        return 1.0

    def radius(self, n: int, d: int, delta: float) -> float:
        """R with |x_i| <= R for all n points, with probability >= 1 - delta.

        |x| is 1/sqrt(d)-Lipschitz in a standard normal and E|x| <= 1, so
        P(|x| > 1 + t) <= exp(-d t^2 / 2); union over n.
        """
        return 1.0 + math.sqrt(2.0 * math.log(n / delta) / d)


@dataclass(frozen=True)
class Mixture:
    """`modes` Gaussians N(m_l, spread^2 I/d) of equal weight, |m_l|^2 = 1 - spread^2.

    The means are orthogonal directions drawn once for the data set, so two of them lie
    sqrt(2 (1 - spread^2)) apart, against a width of one component along any direction
    of spread / sqrt(d). Each component is isoperimetric with c = spread^2; the mixture
    isn't, which the theorem allows (Bubeck & Sellke 2021, Theorem 3).
    """

    modes: Annotated[int, AtLeast(1)] = 4
    spread: Annotated[float, Between(0.01, 1.0)] = 0.5

    on_sphere = False

    @property
    def components(self) -> int:
        """Number of components."""
        return self.modes

    def draw(self, rng: np.random.Generator, n: int, d: int) -> Sample:
        """n points, the components in turn so that their numbers differ by <= 1."""
        means, _ = np.linalg.qr(rng.standard_normal((d, self.modes)))
        component = np.arange(n) % self.modes
        noise = rng.standard_normal((n, d)) * (self.spread / math.sqrt(d))
        distance = math.sqrt(1.0 - self.spread**2)
        return Sample(distance * means.T[component] + noise, component)

    def isoperimetry(self, d: int) -> float:
        """c of Definition 1.1 for each component."""
        return self.spread**2

    def radius(self, n: int, d: int, delta: float) -> float:
        """R with |x_i| <= R for all n points, with probability >= 1 - delta."""
        tail = math.sqrt(2.0 * math.log(n / delta) / d)
        return math.sqrt(1.0 - self.spread**2) + self.spread * (1.0 + tail)

    def objection(self, cell: Any) -> str | None:
        """What is wrong with a cell of this distribution."""
        if self.modes > cell.d:
            return f"distribution.modes = {self.modes}: must be <= d = {cell.d}"
        return None
