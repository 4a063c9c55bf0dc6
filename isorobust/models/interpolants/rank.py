"""Quadratic forms of rank k, made smooth by an optimiser, with a bound below them."""

import math
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from scipy.optimize import minimize

from isorobust.door import AtLeast
from isorobust.models.interpolants.solution import Solution, named_ball

__all__ = ["RankK"]

# Schatten norms that approach the spectral norm: |T| <= |T|_q <= k^(1/q) |T|
SCHATTEN = (4, 8, 16, 32)
STEPS = 200  # of L-BFGS, between two updates of the multipliers
UPDATES = 2
STIFF = 100.0  # penalty of the fit's squared residuals, in units of Lip / n
RESTORE = 100
FITTED = 1e-12  # largest residual [label] of a restored fit


@dataclass(frozen=True)
class RankK:
    """f(x) = x'Tx, T = sum_{j<=k} s_j u_j u_j' through all points, |T|_op made small.

    Signs s_j = +, -, +, ... are fixed beforehand, p = k d. On the sphere Lip =
    lambda_max - lambda_min exactly, given T (quadratic.py). T is a local optimum:
    Schatten norms q = 4, ..., 32 in turn, minimised by L-BFGS under an augmented
    Lagrangian of the fit, then Gauss-Newton steps of least norm back onto the fit.

    How far from the best? Every T of rank k with x_i'Tx_i = y_i has <T, M> = sum y_i^2,
    M = sum y_i x_i x_i', and <T, M> <= |T|_op (sum of the k largest |lambda(M)|):

        |T|_op >= least := sum y_i^2 / (|lambda_1| + ... + |lambda_k|)(M),

    certain given the data, the step that proves |T|_op >= c sqrt(nd)/k (Bubeck, Li,
    Nagaraj 2021, Theorem 9). over_least := |T|_op / least >= 1 closes the bracket.
    over_rank := Lip k / sqrt(nd).

    J: |f_U(x) - f_V(x)| = |sum s_j ((u_j - v_j).x)((u_j + v_j).x)| <= 2 B R^2 |U - V|_F
    on the ball |U|_F <= B. [derived] Sphere data only.
    """

    k: Annotated[int, AtLeast(2)] = 8

    sizes = ("k",)
    shown = ("over_rank", "over_least")

    def solve(
        self, x: np.ndarray, y: np.ndarray, radius: float, rng: np.random.Generator
    ) -> Solution:
        """One function a data set; exact given the T found. No fit shows as MSE."""
        n, d = x.shape[1:]
        signs = np.where(np.arange(self.k) % 2 == 0, 1.0, -1.0)
        scale = math.sqrt(math.sqrt(n * d) / self.k / d)
        starts = scale * rng.standard_normal((len(x), d, self.k))
        u = np.stack(
            [_smoothest(*one, signs) for one in zip(x, y, starts, strict=True)]
        )
        values = np.linalg.eigvalsh((u * signs) @ u.mT)
        lipschitz = values[:, -1] - values[:, 0]
        rho = np.linalg.norm(u, axis=(1, 2))
        residual = np.square(x @ u) @ signs - y
        widest = np.abs(values).max(axis=1)
        return Solution(
            p=self.k * d,
            mse=np.mean(residual**2, axis=1),
            lower=lipschitz,
            upper=lipschitz,
            domain="sphere",
            rho=rho,
            log_j=np.log(2 * named_ball(rho)) + 2 * math.log(radius),
            rank=self.k,
            columns={
                "over_rank": lipschitz * self.k / math.sqrt(n * d),
                "over_least": widest / least_norm(x, y, self.k),
            },
            function=lambda i, points: np.square(points @ u[i]) @ signs,
        )

    def objection(self, case: Any) -> str | None:
        """What is wrong with a case of this family."""
        if self.k > case.d:
            return f"family.k = {self.k}: must be <= d = {case.d}"
        if not case.distribution.on_sphere:
            return f"distribution = {type(case.distribution).__name__}: must be Sphere"
        free = self.k * case.d - self.k * (self.k - 1) // 2
        return None if case.n < free else f"n = {case.n}: must be < {free}, rank k's"


def least_norm(x: np.ndarray, y: np.ndarray, k: int) -> np.ndarray:
    """What |T|_op of a rank-k fit can't be below [s]: `least` of RankK; certain."""
    weighted = np.linalg.eigvalsh(x.mT @ (y[..., None] * x))
    top = np.sort(np.abs(weighted), axis=1)[:, ::-1][:, :k]
    return np.sum(y**2, axis=1) / top.sum(axis=1)


def _smoothest(
    x: np.ndarray, y: np.ndarray, start: np.ndarray, signs: np.ndarray
) -> np.ndarray:
    """U [d, k] of one data set: fitted, made smooth, fitted again."""
    u = _restored(x, y, start, signs)
    multipliers = np.zeros(len(y))
    for q in SCHATTEN:
        stiffness = STIFF * _schatten(u, signs, q)[0] / len(y)
        for _ in range(UPDATES):
            chosen = (x, y, signs, q, stiffness, multipliers)
            found = minimize(
                _lagrangian, u.ravel(), chosen, "L-BFGS-B", jac=True,
                options={"maxiter": STEPS},
            )  # fmt: skip
            u = found.x.reshape(u.shape)
            multipliers = multipliers + stiffness * (np.square(x @ u) @ signs - y)
    return _restored(x, y, u, signs)


def _lagrangian(
    flat: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    signs: np.ndarray,
    q: int,
    stiffness: float,
    multipliers: np.ndarray,
) -> tuple[float, np.ndarray]:
    """Augmented Lagrangian of |T|_q under the fit, and its gradient in U."""
    u = flat.reshape(x.shape[1], len(signs))
    norm, slope = _schatten(u, signs, q)
    z = x @ u
    residual = np.square(z) @ signs - y
    pull = stiffness * residual + multipliers
    value = norm + 0.5 * stiffness * residual @ residual + multipliers @ residual
    return value, (slope + 2 * (x.T @ (pull[:, None] * z)) * signs).ravel()


def _schatten(u: np.ndarray, signs: np.ndarray, q: int) -> tuple[float, np.ndarray]:
    """(|T|_q, its gradient in U [d, k]), from a k x k eigenproblem."""
    basis, r = np.linalg.qr(u)
    values, vectors = np.linalg.eigh((r * signs) @ r.T)
    largest = np.abs(values).max()
    norm = largest * float(np.sum((np.abs(values) / largest) ** q)) ** (1 / q)
    weights = np.sign(values) * (np.abs(values) / norm) ** (q - 1)
    turned = basis @ vectors
    return norm, 2 * (turned * weights) @ (vectors.T @ r) * signs


def _restored(
    x: np.ndarray, y: np.ndarray, u: np.ndarray, signs: np.ndarray
) -> np.ndarray:
    """U moved onto the fit by Gauss-Newton steps of least norm, or as near as it gets.

    J J' = 4 (Z Z') o (X X') with Z = X U: n x n, whatever k.
    """
    inner = x @ x.T
    for _ in range(RESTORE):
        z = x @ u
        residual = y - np.square(z) @ signs
        if np.abs(residual).max() < FITTED:
            break
        gram = 4 * (z @ z.T) * inner
        gram[np.diag_indices_from(gram)] += 1e-14 * np.trace(gram) / len(y)
        step = np.linalg.solve(gram, residual)
        u = u + 2 * (x.T @ (step[:, None] * z)) * signs
    return u
