"""Quadratic families f(x) = x'Tx: exact constants from the spectrum of T.

On the unit sphere the tangential gradient is 2 (T x - (x'Tx) x), of length 2 sd of the
spectrum under the weights x_j^2, and a standard deviation is at most half the range:

    Lip_S = lambda_max - lambda_min, at x half between the two eigenvectors. [derived]

On the ball of radius R: Lip = 2 R |T|_op, at R times an eigenvector. T of least
Frobenius norm through the points is X' diag(a) X with (X X')^2 a = y, the square taken
entry by entry. Parameters: the entries of T up to symmetry, those off the diagonal
times sqrt(2), so that |w| = |T|_F and |f_w(x) - f_v(x)| <= |x|^2 |w - v|: J = R^2.
[derived]
"""

import math
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np

from isorobust.door import AtLeast
from isorobust.models.interpolants.kernels import least_norm
from isorobust.models.interpolants.solution import Solution, named_ball

__all__ = ["ProjectedQuadratic", "Quadratic", "spectral_edge"]

ON_SPHERE = 1e-5  # data are rounded to float32


@dataclass(frozen=True)
class Quadratic:
    """f(x) = x'Tx, T [d, d] symmetric of least Frobenius norm; n < p = d(d+1)/2.

    predicted := 2 edge(n / d) (1 - n / p)^(-1/2), edge as in `spectral_edge`: in the
    limit d << n << d^2 that is 2 sqrt(2) sqrt(nd/p). [derived at small load; the load
    factor is heuristic] over_law := Lip / sqrt(nd/p). Sphere data: domain "sphere";
    other data: "ball" of the radius that holds them.
    """

    sizes = ()
    shown = ("over_law", "over_predicted")

    def solve(
        self, x: np.ndarray, y: np.ndarray, radius: float, rng: np.random.Generator
    ) -> Solution:
        """One function a data set, exact."""
        n, d = x.shape[1:]
        p = d * (d + 1) // 2
        t = _least_frobenius(x, y)
        lipschitz, domain = _constant(t, x, radius)
        predicted = 2 * spectral_edge(n / d) * (1 - n / p) ** -0.5
        return Solution(
            p=p,
            mse=_errors(t, x, y),
            lower=lipschitz,
            upper=lipschitz,
            domain=domain,
            rho=np.linalg.norm(t, axis=(1, 2)),
            log_j=np.full(len(x), 2 * math.log(radius)),
            columns={
                "over_law": lipschitz / math.sqrt(n * d / p),
                "predicted": np.full(len(x), predicted),
                "over_predicted": lipschitz / predicted,
            },
            function=lambda i, points: _values(t[i], points),
        )

    def objection(self, case: Any) -> str | None:
        """What is wrong with a case of this family."""
        p = case.d * (case.d + 1) // 2
        return None if case.n < p else f"n = {case.n}: must be < d (d + 1) / 2 = {p}"


@dataclass(frozen=True)
class ProjectedQuadratic:
    """f(x) = z'Tz, z = sqrt(d/m) Q'x cut back to |z| <= r; Q [d, m] random orthonormal.

    n < m(m+1)/2. r = max |z_i| over the data is a parameter: p = m(m+1)/2 + 1. The cut
    z min(1, r / |z|) is 1-Lipschitz and f is constant along rays beyond it, so on R^d

        Lip = 2 r sqrt(d/m) |T|_op exactly, reached from inside at |z| = r. [derived]

    (Tangential gradients there are shorter by sqrt(1 - r^2 m/d): on the sphere it is an
    upper bound.) J on the ball of radius B of (T, r): |T - S|_F Z^2 + B 2 Z |r - r'|,
    Z = R sqrt(d/m) >= |z|, so J = sqrt(Z^4 + 4 B^2 Z^2). [derived]
    truncated = False is a control: f = z'Tz on the whole sphere (other data: ball),
    where Lip = (d/m) (range of the spectrum of T and, for m < d, 0) sees |z| up to
    sqrt(d/m), far from all data; p = m(m+1)/2 and J = Z^2.
    """

    m: Annotated[int, AtLeast(1)] = 32
    truncated: bool = True

    sizes = ("m",)
    shown = ("over_law",)

    def solve(
        self, x: np.ndarray, y: np.ndarray, radius: float, rng: np.random.Generator
    ) -> Solution:
        """One function a data set, exact."""
        s, n, d = x.shape
        stretch = math.sqrt(d / self.m)
        project = np.linalg.qr(rng.standard_normal((s, d, self.m)))[0] * stretch
        z = x @ project
        t = _least_frobenius(z, y)
        norm, reach = np.linalg.norm(t, axis=(1, 2)), radius * stretch
        if self.truncated:
            cut = np.linalg.norm(z, axis=2).max(axis=1)
            lipschitz, domain = 2 * cut * stretch * _widest(t), "rd"
            rho = np.hypot(norm, cut)
            log_j = 0.5 * np.log(reach**4 + 4 * named_ball(rho) ** 2 * reach**2)
        else:
            cut, rho = np.full(s, math.inf), norm
            lipschitz, domain = _constant(project @ t @ project.mT, x, radius)
            log_j = np.full(s, 2 * math.log(reach))
        p = self.m * (self.m + 1) // 2 + self.truncated
        return Solution(
            p=p,
            mse=_errors(t, z, y),
            lower=lipschitz,
            upper=lipschitz,
            domain=domain,
            rho=rho,
            log_j=log_j,
            rank=self.m,
            columns={"over_law": lipschitz / math.sqrt(n * d / p)},
            function=lambda i, x: _values(t[i], _cut_back(x @ project[i], cut[i])),
        )

    def objection(self, case: Any) -> str | None:
        """What is wrong with a case of this family."""
        p = self.m * (self.m + 1) // 2
        if self.m > case.d:
            return f"family.m = {self.m}: must be <= d = {case.d}"
        return None if case.n < p else f"n = {case.n}: must be < m (m + 1) / 2 = {p}"


def spectral_edge(r: float) -> float:
    """The edge of the spectrum of sum_i y_i x_i x_i' for balanced signs y, n / d = r.

    A difference of two free Marchenko-Pastur laws: with R(z) = r z / (1 - z^2) the edge
    is the least 1/z + R(z), at z^2 = 2 / (2 + r + sqrt(r^2 + 8 r)); 2 sqrt(r) for large
    r, 1 + sqrt(2 r) for small. [derived, in the limit of large d]
    """
    z = math.sqrt(2 / (2 + r + math.sqrt(r * r + 8 * r)))
    return 1 / z + r * z / (1 - z * z)


def _least_frobenius(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """T [s, d, d] symmetric through all points (as near as those that coincide let)."""
    gram = (x @ x.mT) ** 2
    weights = np.stack([least_norm(*one)[0] for one in zip(gram, y, strict=True)])
    t = x.mT @ (weights[..., None] * x)
    return (t + t.mT) / 2


def _constant(t: np.ndarray, x: np.ndarray, radius: float) -> tuple[np.ndarray, str]:
    """(Lip [s], domain) of x'Tx where the data live: the unit sphere or a ball."""
    if np.abs(np.sum(x**2, axis=2) - 1).max() > ON_SPHERE:
        return 2 * radius * _widest(t), "ball"
    values = np.linalg.eigvalsh(t)
    return values[:, -1] - values[:, 0], "sphere"


def _widest(t: np.ndarray) -> np.ndarray:
    return np.abs(np.linalg.eigvalsh(t)).max(axis=1)


def _values(t: np.ndarray, x: np.ndarray) -> np.ndarray:
    """x'Tx [..., n]."""
    return np.sum((x @ t) * x, axis=-1)


def _errors(t: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.mean((_values(t, x) - y) ** 2, axis=1)


def _cut_back(z: np.ndarray, cut: float) -> np.ndarray:
    length = np.linalg.norm(z, axis=-1, keepdims=True)
    return z * np.minimum(1.0, cut / np.maximum(length, 1e-300))
