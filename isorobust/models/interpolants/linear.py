"""Linear families on a random projection: exact constants, exact theory.

All are f_w(x) = w . Q'x with Q [d, m] random orthonormal, independent of the data and
frozen: p = m, Lip = |w| exactly (on R^d, and on the sphere, where x is orthogonal to
Q w), and |f_w(x) - f_v(x)| <= R |w - v|, so J = R. [derived]
"""

import math
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np

from isorobust.door import AtLeast, Between
from isorobust.models.interpolants.kernels import least_norm
from isorobust.models.interpolants.solution import Solution

__all__ = ["LeastSquares", "MinNorm", "QuantisedLeastSquares"]


@dataclass(frozen=True)
class MinNorm:
    """f(x) = w . Q'x of least norm through all points; n + 1 < m <= d.

    E Lip^2 = n d / (m - n - 1) for x of N(0, I/d) (inverse Wishart), with d - 2 for d
    on the sphere (Beta laws of |Q'x|^2 and of the distance to the others' span), for
    signs independent of x. [derived] So Lip / sqrt(nd/p) is about
    load := (1 - (n + 1) / p)^(-1/2), and over_load := Lip / (load sqrt(nd/p)) about 1.
    """

    m: Annotated[int, AtLeast(1)] = 128

    sizes = ("m",)
    shown = ("load", "over_load")

    def solve(
        self, x: np.ndarray, y: np.ndarray, radius: float, rng: np.random.Generator
    ) -> Solution:
        """One function a data set, exact."""
        n, d = x.shape[1:]
        project, z = _projected(x, self.m, rng)
        w = (z.mT @ _solved(z @ z.mT, y)[..., None])[..., 0]
        load = (1 - (n + 1) / self.m) ** -0.5
        over = np.linalg.norm(w, axis=1) / (load * math.sqrt(n * d / self.m))
        columns = {"load": np.full(len(x), load), "over_load": over}
        return _solution(w, project, z, y, radius, columns)

    def objection(self, case: Any) -> str | None:
        """What is wrong with a case of this family."""
        if not case.n + 1 < self.m <= case.d:
            return f"family.m = {self.m}: must be within n + 2 and d = {case.d}"
        return None


@dataclass(frozen=True)
class LeastSquares:
    """f(x) = w . Q'x of least squares; m <= d, m + 1 < n: below the noise, no fit.

    epsilon = mean y^2 - MSE has mean p / n exactly (the trace of a projection; x
    symmetric, signs independent of it), and E Lip^2 = d m / (n - m - 1) for x of
    N(0, I/d). [derived] So over_law := Lip / (epsilon sqrt(nd/p)) is about
    load := (1 - (p + 1) / n)^(-1/2): the law is attained at every epsilon, up to load.
    eps_law := epsilon sqrt(nd/p).
    """

    m: Annotated[int, AtLeast(1)] = 64

    sizes = ("m",)
    shown = ("eps_law", "load", "over_law")

    def solve(
        self, x: np.ndarray, y: np.ndarray, radius: float, rng: np.random.Generator
    ) -> Solution:
        """One function a data set, exact."""
        project, z = _projected(x, self.m, rng)
        w = _least_squares(z, y)
        return _solution(w, project, z, y, radius, _below_noise(w, z, y, x.shape[2]))

    def objection(self, case: Any) -> str | None:
        """What is wrong with a case of this family."""
        return _too_wide(self.m, case)


@dataclass(frozen=True)
class QuantisedLeastSquares:
    """Least squares with each weight rounded to `bits` bits: a class of 2^(bits m).

    The 2^bits levels are the midpoints of equal intervals of [-A, A], the same for all
    weights, a function of (n, d, m, bits): A = s sqrt(2 ln 2^bits), s^2 = d/(n - m - 1)
    the variance of a weight of least squares; N(0, s^2) leaves [-A, A] with a chance
    <= 2 / 2^bits. Weights beyond A take the last level. |F| is exact, so the floor of a
    finite class holds without rho, J or eta. Lip = |w| of the rounded w, exact;
    epsilon is what the rounded w attains. Columns as LeastSquares.
    """

    m: Annotated[int, AtLeast(1)] = 64
    bits: Annotated[int, Between(1, 24)] = 4

    sizes = ("m", "bits")
    shown = ("eps_law", "load", "over_law")

    def solve(
        self, x: np.ndarray, y: np.ndarray, radius: float, rng: np.random.Generator
    ) -> Solution:
        """One function a data set, exact; Solution.bits = bits m."""
        n, d = x.shape[1:]
        project, z = _projected(x, self.m, rng)
        w = _rounded(_least_squares(z, y), self.step(n, d), self.bits)
        columns = _below_noise(w, z, y, d)
        return _solution(w, project, z, y, radius, columns, float(self.bits * self.m))

    def step(self, n: int, d: int) -> float:
        """The distance 2 A / 2^bits of two levels."""
        spread = math.sqrt(d / (n - self.m - 1))
        return 2 * spread * math.sqrt(2 * self.bits * math.log(2)) / 2**self.bits

    def objection(self, case: Any) -> str | None:
        """What is wrong with a case of this family."""
        return _too_wide(self.m, case)


def _projected(
    x: np.ndarray, m: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """(Q [s, d, m] orthonormal columns, X Q [s, n, m])."""
    project = np.linalg.qr(rng.standard_normal((len(x), x.shape[2], m)))[0]
    return project, x @ project


def _least_squares(z: np.ndarray, y: np.ndarray) -> np.ndarray:
    """w [s, m], of least norm where several do."""
    return _solved(z.mT @ z, (z.mT @ y[..., None])[..., 0])


def _solved(gram: np.ndarray, y: np.ndarray) -> np.ndarray:
    """K^+ y [s, n]: points that coincide leave an MSE, no error."""
    return np.stack([least_norm(*one)[0] for one in zip(gram, y, strict=True)])


def _rounded(w: np.ndarray, step: float, bits: int) -> np.ndarray:
    half = 2 ** (bits - 1)
    return step * (np.clip(np.floor(w / step), -half, half - 1) + 0.5)


def _errors(w: np.ndarray, z: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.mean(((z @ w[..., None])[..., 0] - y) ** 2, axis=1)


def _below_noise(
    w: np.ndarray, z: np.ndarray, y: np.ndarray, d: int
) -> dict[str, np.ndarray]:
    """Columns eps_law, load and over_law of a fit that leaves an MSE."""
    n, m = z.shape[1:]
    law = (np.mean(y**2, axis=1) - _errors(w, z, y)) * math.sqrt(n * d / m)
    load = np.full(len(z), (1 - (m + 1) / n) ** -0.5)
    # an epsilon <= 0, which coarse rounding may leave, has no law
    over = np.linalg.norm(w, axis=1) / np.where(law > 0, law, np.nan)
    return {"eps_law": law, "load": load, "over_law": over}


def _solution(
    w: np.ndarray,
    project: np.ndarray,
    z: np.ndarray,
    y: np.ndarray,
    radius: float,
    columns: dict[str, np.ndarray],
    bits: float | None = None,
) -> Solution:
    lipschitz = np.linalg.norm(w, axis=1)
    return Solution(
        p=w.shape[1],
        mse=_errors(w, z, y),
        lower=lipschitz,
        upper=lipschitz,
        rho=lipschitz,
        log_j=np.full(len(w), math.log(radius)),
        bits=bits,
        rank=w.shape[1],
        columns=columns,
        function=lambda i, points: points @ (project[i] @ w[i]),
    )


def _too_wide(m: int, case: Any) -> str | None:
    limit = min(case.n - 2, case.d)
    if m > limit:
        return f"family.m = {m}: must be at most min(n - 2, d) = {limit}"
    return None
