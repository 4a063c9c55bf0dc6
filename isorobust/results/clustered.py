"""Least squares over rows that come in clusters, and 95 % intervals that know it.

Rows of one cluster may depend on each other in any way; clusters are independent. An
interval needs sums over clusters alone: information A_g [k, k] and scores s_g [k] (for
least squares X_g'X_g and X_g'u_g), so Huber's loss and the censored likelihood take the
same road. benchmarks/coverage.py measures how often each interval holds the truth.
"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student

LEVEL = 0.95
RESAMPLES = 999
TOO_FEW = 1.0  # degrees of freedom: with fewer, Student's tails have no mean
WEBB = np.sqrt([0.5, 1.0, 1.5])  # and their negatives: weights of mean 0, variance 1


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval; None where it can't be had."""

    estimate: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Sums:
    """What clusters say of k parameters: information [G, k, k] and scores [G, k]."""

    information: np.ndarray
    scores: np.ndarray

    @property
    def clusters(self) -> int:
        """G."""
        return len(self.scores)


def sums(x: np.ndarray, slopes: np.ndarray, weights: np.ndarray, codes: np.ndarray) \
        -> Sums:  # fmt: skip
    """Over clusters: sum_i w_i x_i x_i' and sum_i slope_i x_i.

    x [rows, k]; slopes, weights [rows]: the loss's first and second derivative by x'b;
    codes [rows]: the cluster of each row, 0 ... G - 1
    """
    order = np.argsort(codes, kind="stable")
    starts = np.flatnonzero(np.diff(codes[order], prepend=-1))
    parts = np.split(order, starts[1:])
    return Sums(
        np.array([(x[rows].T * weights[rows]) @ x[rows] for rows in parts]),
        np.array([slopes[rows] @ x[rows] for rows in parts]),
    )


def least_squares(
    x: np.ndarray, y: np.ndarray, codes: np.ndarray
) -> tuple[np.ndarray, Sums]:
    """The coefficients [k] of y ~ x, and what the clusters say of them."""
    lengths = np.linalg.norm(x, axis=0)
    best = np.linalg.lstsq(x / lengths, y)[0] / lengths
    return best, sums(x, y - x @ best, np.ones(len(y)), codes)


def codes_of(clusters: list) -> np.ndarray:
    """The number 0 ... G - 1 of each row's cluster, by first appearance."""
    seen: dict = {}
    return np.array([seen.setdefault(c, len(seen)) for c in clusters], int)


def spread(found: Sums, contrast: np.ndarray) -> tuple[float, float]:
    """The standard error of contrast'b, and its degrees of freedom.

    CR2 of Bell and McCaffrey (2002): the score of cluster g is divided by
    (I - A_g A^-1)^(1/2), which makes the variance unbiased where rows are independent
    with one variance; Satterthwaite's degrees of freedom under the same assumption
    (Imbens and Kolesar 2016, eq. 12; Pustejovsky and Tipton 2018). At the level of
    scores X_g'(I - H_g)^(-1/2) u_g = (I - A_g A^-1)^(-1/2) X_g'u_g.

    No degrees of freedom where the clusters don't tell all parameters (Huber's loss may
    set too many rows aside).
    """
    # in units in which every parameter's information is 1
    own = np.diag(found.information.sum(0))
    units = np.where(own > 0, own, np.inf) ** -0.5
    information = found.information * units[:, None] * units
    if np.linalg.cond(information.sum(0)) > 1e12:
        return np.nan, 0.0
    root = np.linalg.cholesky(information.sum(0))
    inverse = np.linalg.inv(root)
    share, axes = np.linalg.eigh(inverse @ information @ inverse.T)
    left = 1 - share
    # a cluster alone in telling of some direction has no residual there
    power = np.where(left > 1e-10, np.maximum(left, 1e-10) ** -0.5, 0.0)
    middle = np.einsum("gij,gj,glj->gil", axes, power, axes)
    into = inverse.T @ (inverse @ (units * contrast))  # A^-1 c
    looks = np.einsum("ij,gjk,k->gi", inverse.T, middle, root.T @ into)
    variance = float(np.sum(((looks * units) * found.scores).sum(1) ** 2))
    # the residuals' weights have products d_g [g = h] - u_g'u_h over clusters g, h
    seen = np.einsum("gij,gj->gi", information, looks)
    u = seen @ inverse.T
    lengths = np.sum(u**2, 1)
    own = np.einsum("gi,gi->g", looks, seen) - lengths
    total = float(np.sum(own**2) + np.sum((u.T @ u) ** 2) - np.sum(lengths**2))
    return variance**0.5, float(np.sum(own)) ** 2 / total if total > 0 else 0.0


def closed(estimate: float, found: Sums, contrast: np.ndarray) -> Estimate:
    """contrast'b with Student's interval at the standard error of `spread`."""
    error, freedom = spread(found, contrast)
    if not freedom >= TOO_FEW:
        return Estimate(estimate, None, None)
    half = float(student.ppf((1 + LEVEL) / 2, freedom)) * error
    return Estimate(estimate, estimate - half, estimate + half)


def percentile(
    best: np.ndarray, found: Sums, j: int, rng: np.random.Generator
) -> Estimate:
    """Coefficient j with the percentiles over RESAMPLES draws of clusters."""
    own = np.einsum("gij,j->gi", found.information, best) + found.scores  # X_g'y_g
    count = found.clusters
    draws = rng.multinomial(count, np.full(count, 1 / count), RESAMPLES)
    total = np.einsum("bg,gij->bij", draws, found.information)
    able = np.linalg.cond(total) < 1e12
    if able.sum() < RESAMPLES / 2:
        return Estimate(float(best[j]), None, None)
    drawn = np.linalg.solve(total[able], (draws @ own)[able][..., None])[:, j, 0]
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail])
    return Estimate(float(best[j]), float(low), float(high))


def wild(best: np.ndarray, found: Sums, j: int, rng: np.random.Generator) -> Estimate:
    """Coefficient j with the values that the wild cluster bootstrap doesn't reject.

    Residuals of the fit with b_j held at the value asked about, each cluster's times
    one of Webb's six weights (Webb 2023), studentized by the plain cluster variance
    (Cameron, Gelbach, Miller 2008); RESAMPLES draws, the same for every value.
    """
    weights = rng.choice(np.r_[WEBB, -WEBB], (RESAMPLES, found.clusters))
    inverse = np.linalg.inv(found.information.sum(0))
    row = inverse[j]
    reach = np.einsum("gij,i->gj", found.information, row)  # e_j' A^-1 A_g
    error = float(np.sum((found.scores @ row) ** 2)) ** 0.5
    if error == 0:
        return Estimate(float(best[j]), float(best[j]), float(best[j]))

    def kept(value: float) -> bool:
        back = row / row[j] * (best[j] - value)
        held = found.scores + np.einsum("gij,j->gi", found.information, back)
        moved = weights @ held @ inverse
        spreads = weights * (held @ row) - moved @ reach.T
        ratio = np.abs(moved[:, j]) / np.sqrt(np.sum(spreads**2, 1))
        return float(np.mean(ratio >= abs(best[j] - value) / error)) > 1 - LEVEL

    ends = []
    for side in (-error, error):
        inside, outside = 0.0, 2.0
        while kept(best[j] + side * outside):
            inside, outside = outside, 2 * outside
            if outside > 1000:
                return Estimate(float(best[j]), None, None)
        for _ in range(12):
            middle = (inside + outside) / 2
            if kept(best[j] + side * middle):
                inside = middle
            else:
                outside = middle
        ends.append(float(best[j] + side * outside))
    return Estimate(float(best[j]), *ends)
