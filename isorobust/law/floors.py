"""Floors: what the Lipschitz constant of a fitted network can't be below.

Each function of `__all__` takes the Setting of one network and gives a Floor: a value
with the domain whose Lipschitz constant it bounds, or None with the hypothesis that
fails. All of them hold on R^d as well, whose constant is the largest.
"""

import math
from dataclasses import dataclass

import numpy as np

from isorobust.law.setting import Setting

__all__ = ["data", "rank", "sharp"]

# epsilon in steps of .01 and a power of two for the size of the weights are chosen
# after training: a union bound over 100 x 64 classes pays for that
POST_HOC = 100 * 64
GRID = 0.01
CLASSES = "labels are classes: the law speaks of one real output"


@dataclass(frozen=True)
class Floor:
    """A floor of the law.

    value: None where a hypothesis fails, and `reason` says which
    domain: "sphere" (geodesic) or "rd" (Euclidean, all of R^d)
    """

    value: float | None
    reason: str | None = None
    domain: str = "rd"


def sharp(s: Setting) -> Floor:
    """The pure-noise law with explicit constants; valid at any n.

    With probability >= 1 - delta, for all f of the class with MSE <= 1 - eps:

        Lip >= max_eta (s(eps) - b - eta) sqrt(n d / (2 c [p log(1 + 2 rho J / eta)
               + log(1 / delta)])),      s(eps) = 1 - sqrt(1 - eps), 0 < eta < s - b,

    b the imbalance of the labels within components. Proof in BUILD_NOTES.md ("The sharp
    floor"): MSE <= 1 - eps and |y| = 1 give (1/n) sum y f >= s(eps); for one f that sum
    is c L^2 / (n d)-sub-Gaussian; an (eta / J)-net of the ball of radius rho. [derived]
    Hypotheses: labels +-1, independent of x; isoperimetric constant c known; eps > 0.
    """
    domain = "sphere" if s.on_sphere else "rd"
    if s.outputs > 1:
        return Floor(None, CLASSES, domain)
    if not s.signs:
        return Floor(None, "labels are not all +-1", domain)
    if not s.independent:
        return Floor(None, "labels depend on x", domain)
    if s.c is None or s.radius is None:
        return Floor(None, "isoperimetric constant of x is unknown", domain)
    epsilon = math.floor(max(min(s.epsilon, 1.0), 0.0) / GRID) * GRID
    correlation = 1 - math.sqrt(1 - epsilon) - s.imbalance
    if correlation <= 0:
        return Floor(None, "training MSE is not below the noise", domain)
    eta = correlation * np.linspace(0.02, 0.9, 45)
    log_cover = np.logaddexp(
        0.0, math.log(2 * s.ball) + s.log_sensitivity - np.log(eta)
    )
    # half of delta pays for the radius R of the data
    bracket = s.p * log_cover + math.log(2 * POST_HOC / s.delta)
    values = (correlation - eta) * np.sqrt(s.n * s.d / (2 * s.c * bracket))
    return Floor(float(values.max()), None, domain)


def data(s: Setting) -> Floor:
    """The data floor: no function that fits these labels is smoother, whatever its p.

        Lip >= (|y_i - y_j| - sqrt(2 n MSE))_+ / sqrt(sum |x_i - x_j|^2)

    over a matching of disjoint pairs (triangle inequality in l2); with +-1 labels and
    n/2 opposite pairs that is 2 (1 - sqrt MSE) sqrt(N / sum |x_i - x_j|^2). Certain (no
    delta), Euclidean distance. [derived] Hypothesis: the pairs' labels differ by more
    than the fit leaves open.
    """
    return _paired(s, s.pair_square)


def rank(s: Setting) -> Floor:
    """The rank floor: a first layer of `width` units sees at most r = min(width, d)
    directions.

        Lip >= (|y_i - y_j| - sqrt(2 n MSE))_+ / sqrt(sum_{k <= r} lambda_k(M)),
        M = sum (x_i - x_j)(x_i - x_j)' over the same matching.

    f = g(P x) with P of rank r, so only |P (x_i - x_j)| counts. The explicit form of
    Bubeck, Li, Nagaraj 2021, Theorem 6. Certain; on R^d. Same hypothesis as `data`.
    """
    return _paired(s, s.pair_top)


def _paired(s: Setting, square: float) -> Floor:
    if s.outputs > 1:
        return Floor(None, CLASSES)
    left = s.label_gap - math.sqrt(2 * s.n * s.mse)
    if left <= 0:
        return Floor(None, "the fit is too loose for any pair of labels")
    if square <= 0:
        return Floor(None, "paired points coincide")
    return Floor(left / math.sqrt(square))
