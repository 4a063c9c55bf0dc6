"""Lines by other losses than squares: Huber's, a quantile's, squares with signs."""

import numpy as np
from scipy.optimize import linprog, nnls

from isorobust.results.clustered import Sums, sums

HUBER = 1.345  # standard deviations: 95 % as efficient as least squares (Huber 1981)
NORMAL = 0.6744897501960817  # the median of |u| for u normal of variance 1
STEPS = 200


def huber(
    x: np.ndarray, y: np.ndarray, codes: np.ndarray
) -> tuple[np.ndarray, Sums] | None:
    """The line of Huber's loss: squares within 1.345 s, absolute values beyond.

    s: the median of |residual| over .6745, found together with the line by reweighting.
    The sums are of the loss's derivatives at that s. None where half of the residuals
    are zero.
    """
    best = np.linalg.lstsq(x, y)[0]
    for _ in range(STEPS):
        left = y - x @ best
        size = float(np.median(np.abs(left))) / NORMAL
        if size <= 1e-12 * (1 + float(np.max(np.abs(y)))):
            return None
        root = np.minimum(1, HUBER * size / np.maximum(np.abs(left), 1e-300)) ** 0.5
        new = np.linalg.lstsq(root[:, None] * x, root * y)[0]
        moved, best = float(np.max(np.abs(x @ (new - best)))), new
        if moved < 1e-12 * size:
            break
    left = y - x @ best
    slopes = np.clip(left, -HUBER * size, HUBER * size)
    inside = (np.abs(left) <= HUBER * size).astype(float)
    return best, sums(x, slopes, inside, codes)


def quantile(
    x: np.ndarray, y: np.ndarray, share: float, counts: np.ndarray | None = None
) -> np.ndarray:
    """The line [k] with a `share` of the rows below it (Koenker and Bassett 1978).

    The least sum of share u+ + (1 - share) u-, a linear program: its dual, max y'a with
    x'a = (1 - share) x'w and 0 <= a <= w, has the line as its multipliers; w: how often
    each row counts (once unless given).
    """
    often = np.ones(len(y)) if counts is None else counts
    found = linprog(
        -y,
        A_eq=x.T,
        b_eq=(1 - share) * (often @ x),
        bounds=np.column_stack([np.zeros(len(y)), often]),
        method="highs",
    )
    return -np.asarray(found.eqlin.marginals)


def check_loss(left: np.ndarray, share: float) -> float:
    """The sum that `quantile` makes least."""
    return float(np.sum(np.where(left > 0, share, share - 1) * left))


def non_negative(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Least squares with coefficients >= 0; columns scaled for the solver."""
    scale = np.linalg.norm(x, axis=0)
    return nnls(x / scale, y)[0] / scale
