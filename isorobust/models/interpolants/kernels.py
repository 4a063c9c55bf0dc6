"""Min-norm interpolants on random features: lazy networks, solved by their kernel.

Normalisation. Bombari, Kiyani & Mondelli 2023 take X ~ N(0, I_d), w ~ N(0, I_d / d)
and report S = sqrt(d) |grad f| at fresh points. Here E|x|^2 = 1: x = X / sqrt(d),
v = sqrt(d) w ~ N(0, I_d), so v . x = w . X and the gradient in x is sqrt(d) times
theirs: S = |grad f| at fresh points of N(0, I/d), the same number. S / sqrt(nd/p) too.
"""

import math
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from scipy.linalg import lapack

from isorobust.door import AtLeast
from isorobust.models.interpolants import published
from isorobust.models.interpolants.features import ACTIVATIONS, Activation, Name
from isorobust.models.interpolants.solution import Solution

__all__ = ["NTK", "RandomFeatures", "least_norm"]

FRESH = 64  # test points of a data set
BLOCK = 4096  # features formed at once
LARGEST = 2**27  # d k: the projection takes 1 GiB
SINGULAR = 1e-13  # reciprocal condition below which a kernel counts as singular


@dataclass(frozen=True)
class NTK:
    """Tangent features x (x) phi'(V'x) of a two-layer network at random weights.

    f(x) = x' Theta phi'(V'x), V [d, k] of N(0, 1) frozen, Theta [d, k] of least norm
    through all points (least squares where there is none): p = dk. Never formed: the
    kernel is (XX') o (phi'(XV) phi'(XV)'). For phi = t^2/2, f is the quadratic form
    x'Mx, M = sym(Theta V'), whose class has dimension dk - k(k-1)/2, d(d+1)/2 at most:
    Lip on the ball of radius R is 2 R |M| exactly. Otherwise `lower` is attained.

    predicted, for n << p and n, k << d^2 (moments over N(0, 1), `features.Moments`):
    S^2 = (n/k) (1 + bend/slope) / (1 - n/p) + 4 (curved^2/slope)^2 n/d for even phi:
    S / sqrt(nd/p) = sqrt(2 + 4k/d) for t^2/2. With a linear part (E phi' != 0) the
    data's ridge solution is added, which doesn't fall with p: |a X'(aXX' + slope)^-1 y|
    with a = (E phi')^2; no load 1 - n/p then. [derived, leading order]
    """

    k: Annotated[int, AtLeast(1)] = 40
    activation: Name = "square"

    sizes = ("k",)
    shown = ("sensitivity", "over_law", "over_predicted")

    def solve(
        self, x: np.ndarray, y: np.ndarray, radius: float, rng: np.random.Generator
    ) -> Solution:
        """One function a data set, each with a V of its own; domain: the ball of R."""
        p = x.shape[2] * self.k
        fits = [self._fit(*data, radius, rng) for data in zip(x, y, strict=True)]
        m = ACTIVATIONS[self.activation].moments()
        falls = (1 + m.bend / m.slope) / self.k
        stays = 4 * (m.curved**2 / m.slope) ** 2 / x.shape[2]
        theory = _predicted(x, y, p, (falls, stays), m.linear**2, m.slope)
        return _solution(self, fits, x, p, theory)

    def _fit(
        self, x: np.ndarray, y: np.ndarray, radius: float, rng: np.random.Generator
    ) -> "_Fit":
        phi = ACTIVATIONS[self.activation]
        d = x.shape[1]
        v, z = rng.standard_normal((d, self.k)), _fresh(rng, d)
        slopes = phi.slope(x @ v)
        kernel = (x @ x.T) * (slopes @ slopes.T)
        alpha, rcond = least_norm(kernel, y)
        theta = (x * alpha[:, None]).T @ slopes
        square = self.activation == "square"
        return _Fit(
            points=z,
            gradients=_tangent_gradients(phi, theta, v, z),
            mse=float(np.mean((kernel @ alpha - y) ** 2)),
            rcond=rcond,
            rho=float(np.linalg.norm(theta)),
            # |x (x) phi'(V'x)| <= R |phi'(V'x)|, and |phi'| <= 1 but for phi' = t
            reach=radius * (radius * _norm(v) if square else math.sqrt(self.k)),
            form=theta @ v.T if square else None,
            radius=radius,
        )

    def objection(self, case: Any) -> str | None:
        """What is wrong with a case of this family."""
        return _objection(self.k, case.d)


@dataclass(frozen=True)
class RandomFeatures:
    """Random features phi(V'x): f(x) = w . phi(V'x), V [d, k] of N(0, 1) frozen.

    w of least norm through all points (least squares where there is none): p = k. For
    phi = t^2/2, f is the quadratic form of M = V diag(w) V' / 2: Lip on the ball of
    radius R is 2 R |M| exactly. Otherwise `lower` is attained.

    predicted, for n << k and n << d^2 (moments over N(0, 1), `features.Moments`):
    S^2 = (nd/k) (slope/rest) / (1 - n/k) + (curved^2/rest)^2 n/d for even phi:
    S / sqrt(nd/p) = sqrt(2 + 4k/d^2) for t^2/2, so even features obey the law. With a
    linear part the ridge solution |a X'(aXX' + rest)^-1 y|, a = (E phi')^2, is added
    and is the plateau; no load 1 - n/k then. [derived, leading order]
    """

    k: Annotated[int, AtLeast(1)] = 4000
    activation: Name = "square"

    sizes = ("k",)
    shown = ("sensitivity", "over_law", "over_predicted")

    def solve(
        self, x: np.ndarray, y: np.ndarray, radius: float, rng: np.random.Generator
    ) -> Solution:
        """One function a data set, each with a V of its own; domain: the ball of R."""
        d = x.shape[2]
        fits = [self._fit(*data, radius, rng) for data in zip(x, y, strict=True)]
        m = ACTIVATIONS[self.activation].moments()
        falls = d / self.k * m.slope / m.rest
        stays = (m.curved**2 / m.rest) ** 2 / d
        theory = _predicted(x, y, self.k, (falls, stays), m.linear**2, m.rest)
        return _solution(self, fits, x, self.k, theory)

    def _fit(
        self, x: np.ndarray, y: np.ndarray, radius: float, rng: np.random.Generator
    ) -> "_Fit":
        phi = ACTIVATIONS[self.activation]
        n, d = x.shape
        v, z = rng.standard_normal((d, self.k)), _fresh(rng, d)
        blocks = [slice(i, i + BLOCK) for i in range(0, self.k, BLOCK)]
        kernel = np.zeros((n, n))
        for block in blocks:
            features = phi.value(x @ v[:, block])
            kernel += features @ features.T
        alpha, rcond = least_norm(kernel, y)
        w = np.concatenate([alpha @ phi.value(x @ v[:, block]) for block in blocks])
        square = self.activation == "square"
        return _Fit(
            points=z,
            gradients=(phi.slope(z @ v) * w) @ v.T,
            mse=float(np.mean((kernel @ alpha - y) ** 2)),
            rcond=rcond,
            rho=float(np.linalg.norm(w)),
            reach=_feature_length(self.activation, v, radius),
            form=(v * w) @ v.T / 2 if square else None,
            radius=radius,
        )

    def objection(self, case: Any) -> str | None:
        """What is wrong with a case of this family."""
        return _objection(self.k, case.d)


@dataclass(frozen=True)
class _Fit:
    """One data set's function: gradients [FRESH, d] at points [FRESH, d], and more.

    reach: |features| <= reach for |x| <= radius; form [d, d]: f(x) = x' form x
    """

    points: np.ndarray
    gradients: np.ndarray
    mse: float
    rcond: float
    rho: float
    reach: float
    form: np.ndarray | None
    radius: float

    def bracket(self) -> tuple[float, float, float]:
        """(attained, certified) on the ball of radius R, and on the unit sphere.

        Of x'Mx, M symmetric: sup of |2Mx| is 2 R max |lambda|; of the tangential
        gradient on S^{d-1} lambda_max - lambda_min. Both exact; nan for others.
        """
        if self.form is None:
            inside = np.linalg.norm(self.points, axis=1) <= self.radius
            lengths = np.linalg.norm(self.gradients[inside], axis=1)
            return float(lengths.max(initial=0.0)), math.nan, math.nan
        values = np.linalg.eigvalsh(self.form + self.form.T)
        low, high = values[0], values[-1]
        ball = float(self.radius * max(-low, high))
        return ball, ball, float(high - low) / 2


def least_norm(kernel: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, float]:
    """alpha [n] with features' alpha of least norm among the least-squares fits.

    kernel [n, n] = Z Z': alpha = K^-1 y by Cholesky, once refined; where K is singular
    to working precision (p < n, or too few independent features) K^+ y by eigenvalues
    above n eps max, and K alpha isn't y: the caller's MSE says so. Also the reciprocal
    condition number of K in the 1-norm, LAPACK's estimate (0: not positive definite).
    """
    factor, bad = lapack.dpotrf(kernel, lower=1)
    length = np.abs(kernel).sum(axis=0).max()
    rcond = 0.0 if bad else float(lapack.dpocon(factor, length, uplo="L")[0])
    if rcond > SINGULAR:
        alpha = lapack.dpotrs(factor, y, lower=1)[0]
        return alpha + lapack.dpotrs(factor, y - kernel @ alpha, lower=1)[0], rcond
    values, vectors = np.linalg.eigh(kernel)
    kept = values > len(y) * np.finfo(float).eps * values[-1]
    return (vectors[:, kept] / values[kept]) @ (vectors[:, kept].T @ y), rcond


def _fresh(rng: np.random.Generator, d: int) -> np.ndarray:
    """Test points [FRESH, d] of N(0, I/d)."""
    return rng.standard_normal((FRESH, d)) / math.sqrt(d)


def _tangent_gradients(
    phi: Activation, theta: np.ndarray, v: np.ndarray, z: np.ndarray
) -> np.ndarray:
    """Gradients [m, d] of x' Theta phi'(V'x) at z [m, d]."""
    pre = z @ v
    return phi.slope(pre) @ theta.T + (phi.bend(pre) * (z @ theta)) @ v.T


def _norm(v: np.ndarray) -> float:
    """|V|: the largest singular value, by the smaller Gram matrix."""
    gram = v @ v.T if v.shape[0] < v.shape[1] else v.T @ v
    return math.sqrt(np.linalg.eigvalsh(gram)[-1])


def _feature_length(activation: str, v: np.ndarray, radius: float) -> float:
    """A bound of |phi(V'x)| for |x| <= R, from |V'x| <= |V| R."""
    root = math.sqrt(v.shape[1])
    if activation in ("cos", "tanh"):
        return root
    length = _norm(v) * radius
    # sum t^4 <= (sum t^2)^2; softplus(t) <= log 2 + max(t, 0)
    return length**2 / 2 if activation == "square" else root * math.log(2) + length


def _predicted(
    x: np.ndarray,
    y: np.ndarray,
    p: int,
    parts: tuple[float, float],
    linear: float,
    ridge: float,
) -> np.ndarray:
    """S [s] to leading order: parts per example, and the linear part's solution."""
    n = x.shape[1]
    falls, stays = parts
    if p <= n:  # not an interpolant
        return np.full(len(x), math.nan)
    if not linear:
        return np.full(len(x), math.sqrt(n * (falls / (1 - n / p) + stays)))
    kernel = linear * (x @ x.mT) + ridge * np.eye(n)
    w = linear * x.mT @ np.linalg.solve(kernel, y[..., None])
    return np.sqrt(np.sum(w[..., 0] ** 2, axis=1) + n * (falls + stays))


def _solution(
    family: NTK | RandomFeatures,
    fits: list[_Fit],
    x: np.ndarray,
    p: int,
    theory: np.ndarray,
) -> Solution:
    _, n, d = x.shape
    lengths = np.array([np.linalg.norm(fit.gradients, axis=1) for fit in fits])
    lower, upper, sphere = np.array([fit.bracket() for fit in fits]).T
    mean = lengths.mean(axis=1)
    kind = type(family).__name__
    known = published.sensitivity(kind, family.activation, n, d, family.k)
    return Solution(
        p=p,
        mse=np.array([fit.mse for fit in fits]),
        lower=lower,
        upper=upper,
        domain="ball",
        rho=np.array([fit.rho for fit in fits]),
        log_j=np.log([fit.reach for fit in fits]),
        columns={
            "sensitivity": mean,
            "sensitivity_sd": lengths.std(axis=1, ddof=1),
            "over_law": mean / math.sqrt(n * d / p),
            "predicted": theory,
            "over_predicted": mean / theory,
            "over_published": mean / known,
            "sup_sphere": sphere,
            "rcond": np.array([fit.rcond for fit in fits]),
        },
    )


def _objection(k: int, d: int) -> str | None:
    if d * k > LARGEST:
        return f"family.k = {k}: d k must be <= {LARGEST}, so k <= {LARGEST // d}"
    return None
