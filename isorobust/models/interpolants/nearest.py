"""Interpolation by the nearest labels: the smoothest function through given points."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from scipy.optimize import brentq
from scipy.spatial.distance import cdist
from scipy.stats import beta, chi2

from isorobust.door import AtLeast, Between, later
from isorobust.models.interpolants.solution import Solution

__all__ = ["McShane"]

CHUNK = 512  # rows of the distance matrix [CHUNK, n] held at a time
ANGLES = 4000  # points of the midpoint rule over the angle of two points


@dataclass(frozen=True)
class McShane:
    """f(x) = min_i (y_i + L |Q'x - z_i|), z_i = Q'x_i; Q [d, m] random orthonormal.

    L = max |y_i - y_j| / |z_i - z_j| over z_i != z_j: for labels +-1, 2 over the least
    projected distance of opposite labels. Lip = L exactly on R^d: no minimum of L-
    Lipschitz functions has more, and x_i, x_i + Q(z_j - z_i) attain it. Through all
    points unless two with different labels coincide. m = d: the smoothest interpolant
    there is (McShane 1934), the floor of the data.

    left: the share of mean y^2 that the fit leaves: it goes through kept y_i instead,
    kept = 1 - sqrt(left), which is what the law's floor counts at that MSE. [derived]

    Class: the z_i and y_i, p = n (m + 1), J = sqrt(1 + L^2). L isn't counted: a larger
    one interpolates too, so for Lip >= Lambda it suffices that the class with
    L = Lambda doesn't fit, and J grows with L. [derived]

    predicted: the median of L over balanced signs, were the n^2/4 distances of opposite
    labels independent: 2 over the quantile at 4 ln 2 / n^2 of one distance. `near`
    has its exact law: sqrt(2 d / chi^2_m quantile) for N(0, I/d), less on the sphere
    as m / d grows. nan where labels are no signs. [derived] over_predicted =
    L / (kept predicted); over_law = L / (kept sqrt(nd/p)) -> sqrt 2 as m >> log n.
    """

    m: Annotated[int, AtLeast(1)] = 16
    left: Annotated[float, Between(0.0, 0.99)] = later(0.0)

    sizes = ("m",)
    shown = ("predicted", "over_predicted", "over_law")

    def solve(
        self, x: np.ndarray, y: np.ndarray, radius: float, rng: np.random.Generator
    ) -> Solution:
        """One function a data set, exact on R^d."""
        s, n, d = x.shape
        project = np.linalg.qr(rng.standard_normal((s, d, self.m)))[0]
        z = x @ project
        kept = 1 - math.sqrt(self.left)
        aims = kept * y
        steepest = np.array([slope(a, b) for a, b in zip(z, aims, strict=True)])
        fitted = [values(z[i], aims[i], steepest[i], z[i]) for i in range(s)]
        on_sphere = bool(np.allclose(np.linalg.norm(x, axis=2), 1, atol=1e-6))
        signs = np.all(np.abs(y) == 1, axis=1)
        predicted = np.where(signs, 2 / near(n, d, self.m, on_sphere), np.nan)
        p = n * (self.m + 1)
        return Solution(
            p=p,
            mse=np.mean((np.array(fitted) - y) ** 2, axis=1),
            lower=steepest,
            upper=steepest,
            rho=np.sqrt(np.sum(z**2, axis=(1, 2)) + np.sum(aims**2, axis=1)),
            log_j=0.5 * np.log1p(steepest**2),
            rank=self.m,
            columns={
                "predicted": predicted,
                "over_predicted": steepest / (kept * predicted),
                "over_law": steepest / (kept * math.sqrt(n * d / p)),
            },
            function=lambda i, points: values(
                z[i], aims[i], steepest[i], points @ project[i]
            ),
        )

    def objection(self, case: Any) -> str | None:
        """What is wrong with a case of this family."""
        if self.m > case.d:
            return f"family.m = {self.m}: must be <= d = {case.d}"
        return None


def near(n: int, d: int, m: int, on_sphere: bool) -> float:
    """The least of n^2/4 projected distances: the quantile of one at 4 ln 2 / n^2.

    |Q'(x - x')|^2 is (2 / d) chi^2_m for N(0, I/d); on the sphere (2 - 2 cos phi) B,
    phi of density ~ sin^(d - 2), B ~ Beta(m / 2, (d - m) / 2) independent. [derived]
    nan for n < 4.
    """
    share = 4 * math.log(2) / n**2
    if share >= 1:
        return math.nan
    if not on_sphere:
        return math.sqrt(2 / d * chi2.ppf(share, m))
    if m == d:
        return 2 * math.sqrt(beta.ppf(share, (d - 1) / 2, (d - 1) / 2))
    phi = (np.arange(ANGLES) + 0.5) * math.pi / ANGLES
    weight = np.sin(phi) ** (d - 2)
    weight /= weight.sum()

    def excess(square: float) -> float:
        kept = np.minimum(square / (2 - 2 * np.cos(phi)), 1)
        return float(weight @ beta.cdf(kept, m / 2, (d - m) / 2)) - share

    return math.sqrt(brentq(excess, 0, 4, xtol=1e-14))


def slope(z: np.ndarray, y: np.ndarray) -> float:
    """max |y_i - y_j| / |z_i - z_j| over z_i != z_j; z [n, m], y [n]."""
    steepest = 0.0
    for rows, apart in _distances(z, z):
        gaps = np.abs(y[rows, None] - y)
        quotients = np.divide(gaps, apart, out=np.zeros_like(apart), where=apart > 0)
        steepest = max(steepest, float(quotients.max()))
    return steepest


def values(
    z: np.ndarray, y: np.ndarray, steepest: float, points: np.ndarray
) -> np.ndarray:
    """min_i (y_i + L |point - z_i|) [k] at projected points [k, m]."""
    parts = [np.min(y + steepest * a, axis=1) for _, a in _distances(points, z)]
    return np.concatenate(parts)


def _distances(a: np.ndarray, b: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """(rows, |a_i - b_j| [rows, n]) by chunks; differences first, so none cancels."""
    for start in range(0, len(a), CHUNK):
        rows = slice(start, start + CHUNK)
        yield rows, cdist(a[rows], b)
