"""Laws of x with a known isoperimetric constant: one frozen dataclass each.

Each gives `draw(rng, n, d)`, the isoperimetric constant c of one component (Bubeck &
Sellke 2021, Definition 1.1, in its MGF form: E exp(t(f - Ef)) <= exp(t^2 c L^2 / (2d))
for every L-Lipschitz f), the radius that holds all points, whether x lives on the unit
sphere, and the number of components. d / c is the effective dimension. All have
E|x|^2 = 1 but UnnormalisedGaussian. Laws without a constant are in controls.py.
"""

import math
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np

from isorobust.data.sample import Sample
from isorobust.door import AtLeast, Between

__all__ = [
    "AnisotropicGaussian",
    "Cube",
    "EmbeddedSphere",
    "Gaussian",
    "Mixture",
    "Sphere",
    "UnnormalisedGaussian",
]


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


@dataclass(frozen=True)
class UnnormalisedGaussian:
    """N(0, I_d), E|x|^2 = d: c = d, so d / c = 1 and the law's sqrt(d) is gone.

    Lengths are sqrt(d) times those of `Gaussian`: Lip sqrt(d) is what compares.
    """

    on_sphere = False
    components = 1

    def draw(self, rng: np.random.Generator, n: int, d: int) -> Sample:
        """n points of N(0, I_d)."""
        return Sample(rng.standard_normal((n, d)), np.zeros(n, int))

    def isoperimetry(self, d: int) -> float:
        """c of Definition 1.1."""
        return float(d)

    def radius(self, n: int, d: int, delta: float) -> float:
        """R with |x_i| <= R for all n points: sqrt(d) times that of `Gaussian`."""
        return math.sqrt(d) * Gaussian().radius(n, d, delta)


@dataclass(frozen=True)
class AnisotropicGaussian:
    """N(0, S), tr S = 1, eigenvalues in proportion to i^(-a): c = d lambda_max.

    stable_rank: tr S / lambda_max = d / c, which fixes a; it is d at a = 0. The axes
    are the eigenvectors. c is attained by the first coordinate (Herbst, as N(0, I)
    pushed by S^(1/2), which is sqrt(lambda_max)-Lipschitz).
    """

    stable_rank: Annotated[float, AtLeast(1)] = 4.0

    on_sphere = False
    components = 1

    def spectrum(self, d: int) -> np.ndarray:
        """[d] eigenvalues, the largest first; they sum to 1."""
        index, low, high = np.arange(1, d + 1, dtype=float), 0.0, 64.0
        for _ in range(60):  # sum i^(-a) falls in a: halve the interval
            a = (low + high) / 2
            low, high = (a, high) if (index**-a).sum() > self.stable_rank else (low, a)
        return index**-high / (index**-high).sum()

    def draw(self, rng: np.random.Generator, n: int, d: int) -> Sample:
        """n points of N(0, S)."""
        x = rng.standard_normal((n, d)) * np.sqrt(self.spectrum(d))
        return Sample(x, np.zeros(n, int))

    def isoperimetry(self, d: int) -> float:
        """c of Definition 1.1."""
        return d / self.stable_rank

    def radius(self, n: int, d: int, delta: float) -> float:
        """R with |x_i| <= R for all n points, with probability >= 1 - delta.

        As for `Gaussian`: |x| is sqrt(lambda_max)-Lipschitz in a standard normal.
        """
        return 1.0 + math.sqrt(2.0 * math.log(n / delta) / self.stable_rank)

    def objection(self, cell: Any) -> str | None:
        """What is wrong with a cell of this distribution."""
        if self.stable_rank > cell.d:
            return (
                f"distribution.stable_rank = {self.stable_rank:g}: "
                f"must be <= d = {cell.d}"
            )
        return None


@dataclass(frozen=True)
class Cube:
    """Uniform on the solid cube [-sqrt(3/d), sqrt(3/d)]^d; c <= 6 / pi.

    The cube is N(0, I) pushed coordinate by coordinate by sqrt(3/d) (2 Phi - 1), whose
    slope is at most sqrt(6 / (pi d)). [derived] An upper bound on the constant: about 1
    is the most that a tested function shows.
    """

    on_sphere = False
    components = 1

    def draw(self, rng: np.random.Generator, n: int, d: int) -> Sample:
        """n points, coordinates uniform and independent."""
        x = rng.uniform(-1.0, 1.0, (n, d)) * math.sqrt(3.0 / d)
        return Sample(x, np.zeros(n, int))

    def isoperimetry(self, d: int) -> float:
        """An upper bound on c of Definition 1.1."""
        return 6.0 / math.pi

    def radius(self, n: int, d: int, delta: float) -> float:
        """R with |x_i| <= R for all n points, with probability >= 1 - delta.

        The corners' length sqrt(3), or 1 + the concentration of |x|, whichever is less.
        """
        tail = math.sqrt(2.0 * self.isoperimetry(d) * math.log(n / delta) / d)
        return min(math.sqrt(3.0), 1.0 + tail)


@dataclass(frozen=True)
class EmbeddedSphere:
    """Uniform on a random great sphere S^{m-1} within S^{d-1}; c = d / (m - 1).

    x = E z with E [d, m] orthonormal, drawn once for the data set, and z uniform on
    S^{m-1}: d / c = m - 1 whatever d. A great sphere is totally geodesic, so what is
    L-Lipschitz along S^{d-1} is so along it, and on_sphere holds.
    """

    m: Annotated[int, AtLeast(2)] = 8

    on_sphere = True
    components = 1

    def draw(self, rng: np.random.Generator, n: int, d: int) -> Sample:
        """n points: those of S^{m-1}, embedded."""
        frame, _ = np.linalg.qr(rng.standard_normal((d, self.m)))
        return Sample(Sphere().draw(rng, n, self.m).x @ frame.T, np.zeros(n, int))

    def isoperimetry(self, d: int) -> float:
        """c of Definition 1.1, for the geodesic (and so the chordal) distance."""
        return d / (self.m - 1)

    def radius(self, n: int, d: int, delta: float) -> float:
        """R with |x_i| <= R for all n points, with probability >= 1 - delta."""
        return 1.0

    def objection(self, cell: Any) -> str | None:
        """What is wrong with a cell of this distribution."""
        if self.m > cell.d:
            return f"distribution.m = {self.m}: must be <= d = {cell.d}"
        return None
