"""Isoperimetric constants: how sharply 1-Lipschitz functions of x concentrate.

c-isoperimetry in its MGF form, E exp(t (f - Ef)) <= exp(t^2 c L^2 / (2 d)) for every
L-Lipschitz f, which log-Sobolev measures have (Herbst) and which implies Bubeck &
Sellke 2021, Definition 1.1. The law only uses d / c. Units of c: |x|^2, so x -> s x
multiplies it by s^2; the suite scales x so that E|x|^2 = 1, but where it says so.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Constant:
    """c of a law of x in R^d.

    value: None where there is none that doesn't grow with d, and `reason` says why
    evidence: where it comes from; attained: some f has this very c (no smaller one is
        true)
    """

    value: float | None
    evidence: str
    attained: bool = False
    reason: str | None = None


def effective_dimension(d: int, c: float) -> float:
    """d / c: the dimension that counts, for x of length ~ 1. [derived] No units."""
    return d / c


def gaussian() -> Constant:
    """N(0, I/d): c = 1, attained by linear f."""
    return Constant(1.0, "Herbst; Bubeck & Sellke 2021 state O(1)", True)


def standard_gaussian(d: int) -> Constant:
    """N(0, I), E|x|^2 = d: c = d, attained; "sqrt d" leaves the law."""
    return Constant(float(d), "N(0, I/d), scaled", True)


def anisotropic_gaussian(eigenvalues: Sequence[float]) -> Constant:
    """N(0, S), tr S = 1: c = d max eigenvalue, so d / c = tr S / max: the stable rank.

    eigenvalues: of S [d], any scale; c is that of S / tr S. Attained by linear f.
    """
    c = len(eigenvalues) * max(eigenvalues) / sum(eigenvalues)
    return Constant(c, "a linear image of N(0, I), derived", True)


def sphere(d: int) -> Constant:
    """Uniform on S^{d-1}: c = d / (d - 1), d >= 2; geodesic or chordal distance."""
    return Constant(d / (d - 1), "log-Sobolev constant 1/(d - 1) of S^{d-1}")


def embedded_sphere(m: int, d: int) -> Constant:
    """S^{m-1} set isometrically in R^d: c = d / (m - 1), so d / c = m - 1."""
    return Constant(d / (m - 1), "sphere(m), derived; the ambient d has no say")


def cube(d: int, side: float | None = None) -> Constant:
    """Uniform on a solid cube: c = d side^2 / (2 pi); 6 / pi at E|x|^2 = 1 (default).

    The image of N(0, I) under side * Phi in each coordinate, which stretches by at most
    side / sqrt(2 pi). Linear f have pi / 6 of it. side = 1 / sqrt d: c = 1 / (2 pi).
    """
    side = math.sqrt(12 / d) if side is None else side
    return Constant(d * side**2 / (2 * math.pi), "a Lipschitz image, derived")


def strongly_log_concave(kappa: float) -> Constant:
    """Density exp(-V) with V'' >= kappa d: c = 1 / kappa; N(0, I/d) has kappa = 1."""
    return Constant(1 / kappa, "Bakry & Emery 1985; Bobkov & Ledoux 2000, Prop. 3.1")


def product(rho: float) -> Constant:
    """Independent coordinates of log-Sobolev constant 1 / (rho d) each: c = 1 / rho."""
    return Constant(1 / rho, "log-Sobolev inequalities tensorise")


def discrete_cube() -> Constant:
    """Uniform on {+-1/sqrt d}^d: none."""
    return Constant(
        None,
        "derived; convex f are fine (Talagrand)",
        reason="the Euclidean distance to half of the cube fluctuates by d^(-1/4): "
        "c grows like sqrt d",
    )


def scale_mixture() -> Constant:
    """A Gaussian of random radius: none."""
    return Constant(
        None, "derived", reason="|x| is 1-Lipschitz and fluctuates by O(1): c ~ d"
    )


def laplace() -> Constant:
    """Independent Laplace coordinates: none."""
    return Constant(
        None,
        "derived; a Poincare inequality holds",
        reason="coordinates have exponential tails: the law falls to n sqrt(d) / p",
    )


def poincare_ratio(n: int, d: int, p: int) -> float:
    """n sqrt(d) / p: the weaker law of a Poincare inequality, up to constants.

    [Bubeck & Sellke 2021, a remark without proof]
    """
    return n * math.sqrt(d) / p
