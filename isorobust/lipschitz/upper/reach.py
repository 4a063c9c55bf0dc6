"""Whether some x has a sign pattern: a point, or a proof that none has it (numpy)."""

import math
from typing import NamedTuple

import numpy as np
from scipy.optimize import nnls

from isorobust.lipschitz.domain import UNIT

CLEAR = (1e-6, 1e-9)  # how far inside a region a point has to be: relative, tried so
FAR = 1e-7  # |E u - e| = 1 / sqrt(1 + |x|^2), relative: smaller ones are rounding


class Answer(NamedTuple):
    """What is known of signs s_i of z_i = w_i.x + b_i on |x| <= radius.

    point [d]: the shortest x well inside the region with those signs, or None
    conflict: None, or units (indices) that PROVABLY can't have their signs together
    """

    point: np.ndarray | None
    conflict: np.ndarray | None


def reach(
    w: np.ndarray, b: np.ndarray, signs: np.ndarray, radius: float = math.inf
) -> Answer:
    """The answer for units w [k, d], none zero, b [k] and signs [k] of +-1.

    The shortest x with s_i z_i / |w_i| >= margin is a problem of non-negative least
    squares (Lawson & Hanson 1974, LDP): min_u |E u - e|, E = [G'; h'], where G x >= h.
    With u >= 0 (G'u).x >= h'u for all such x: none is shorter than h'u / |G'u|.
    """
    with np.errstate(over="ignore"):
        size = 2.0 ** np.frexp(np.abs(w).max(axis=1))[1]
        w, b = signs[:, None] * w / size[:, None], signs * b / size
    far = np.abs(b).max() or 1.0
    if not np.isfinite(far):
        return Answer(None, None)
    norm = np.linalg.norm(w, axis=1)
    rows, goal = w / norm[:, None], np.append(np.zeros(w.shape[1]), 1.0)
    for margin in CLEAR:
        offsets = margin - b / norm / far
        try:
            u, rest = nnls(np.vstack([rows.T, offsets]), goal)
        except RuntimeError:  # out of iterations
            return Answer(None, None)
        if rest < FAR:
            continue
        point = far * (rows.T @ u) / rest**2
        if np.linalg.norm(point) <= radius and np.all(w @ point + b > 0):
            return Answer(point, None)
    units = np.flatnonzero(u)
    proven = conflicting(w[units], b[units], u[units] / norm[units], radius)
    return Answer(None, units if proven else None)


def conflicting(w: np.ndarray, b: np.ndarray, u: np.ndarray, radius: float) -> bool:
    """Whether it is certain that no |x| <= radius has w x + b > 0 in all rows.

    So it is if m >= 0, not zero, has m'b + radius |w'm| <= 0, since m'(w x + b) is at
    most that: with m = u and rounding on a ball. On R^d w'm has to be 0: m > 0 is the
    solution of a square system of d + 1 rows, K m = e with K = [w'; 1']; with R ~ K^-1
    and |I - R K| <= q < 1 the error of the computed m is at most |R (K m - e)| / (1 -
    q) (maximum norms; Rump 2010), rounding included by more than its bound. False where
    rows or their number are special, so that m isn't unique.
    """
    n, d = w.shape
    slack = 4 * (n + d + 4) * UNIT
    if math.isfinite(radius):
        margin = slack * (u @ np.abs(b) + radius * (u @ np.linalg.norm(w, axis=1)))
        return bool(u @ b + radius * np.linalg.norm(u @ w) < -margin)
    if n != d + 1:
        return False
    square, right = np.vstack([w.T, np.ones(n)]), np.append(np.zeros(d), 1.0)
    try:
        inverse = np.linalg.inv(square)
    except np.linalg.LinAlgError:
        return False
    m, size = inverse @ right, np.abs(inverse)
    q = np.abs(np.eye(n) - inverse @ square) + slack * (size @ np.abs(square))
    left = np.abs(square @ m - right) + slack * (np.abs(square) @ np.abs(m) + right)
    error = 2 * float((size @ left).max())
    if not (q.sum(axis=1).max() < 0.5 and m.min() > error):
        return False
    margin = error * np.abs(b).sum() + slack * (np.abs(m) @ np.abs(b))
    return not b.any() or float(m @ b) < -margin
