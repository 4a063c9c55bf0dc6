"""Fits where some rows failed: all that is known is that they would lie higher.

With a known limit c_i of log L a failed row says log L_i >= c_i (right-censored, Tobin
1958). Without one there are bounds. Both take log L = x'b + u with u normal of one
variance, cell effects among u; clusters may depend inside.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import erfcx, log_ndtr

from isorobust.results.clustered import Estimate, Sums, closed, least_squares, sums

STEPS = 100  # of Newton's, at most; some eight are taken
LOOSE = 25.0  # variance of the prior of the failures' slopes, per standard deviation


@dataclass(frozen=True)
class Failures:
    """Rows of which some failed.

    x [rows, k]: a column of ones, and logs of the factors; y [rows]: log L, of a failed
    row its limit (anything where that isn't known); failed [rows]; codes: clusters
    """

    x: np.ndarray
    y: np.ndarray
    failed: np.ndarray
    codes: np.ndarray


@dataclass(frozen=True)
class Tobit:
    """The maximum likelihood: coefficients [k], sigma, and their clusters' sums.

    sums: of Olsen's parameters (b / sigma, 1 / sigma), in which the likelihood is
    concave
    """

    best: np.ndarray
    sigma: float
    sums: Sums

    def term(self, j: int) -> Estimate:
        """Coefficient j with its interval, by the delta method."""
        contrast = np.zeros(len(self.best) + 1)
        contrast[j], contrast[-1] = self.sigma, -self.best[j] * self.sigma
        return closed(float(self.best[j]), self.sums, contrast)


def hazard(z: np.ndarray) -> np.ndarray:
    """phi(z) / Phi(z), the slope of log Phi; also far out, where both vanish."""
    return np.sqrt(2 / np.pi) / erfcx(-z / np.sqrt(2))


def _bend(z: np.ndarray, steep: np.ndarray) -> np.ndarray:
    """Minus the second derivative of log Phi, in (0, 1), where its slope is `steep`."""
    return np.clip(steep * (z + steep), 0.0, 1.0)


def missed(rows: Failures, line: np.ndarray) -> float:
    """The rms of what the line misses: fitted rows, and limits that it lies below."""
    left = rows.y - rows.x @ line
    return float(
        np.sqrt(np.mean(np.where(rows.failed, np.maximum(left, 0), left) ** 2))
    )


def tobit(rows: Failures) -> Tobit:
    """Maximum likelihood with right-censored rows, by Newton's steps.

    In Olsen's (1978) parameters g = b / sigma, h = 1 / sigma, with z = x'g - h y:
    sum over rows that fitted of log h - z^2 / 2, plus over failed ones of log Phi(z).
    Where `missed` is nothing at all sigma is 0 and there is no maximum.
    """
    there = ~rows.failed
    start = np.linalg.lstsq(rows.x[there], rows.y[there])[0]
    loose = missed(rows, start)
    z_of = np.column_stack([rows.x, -rows.y])
    at = np.r_[start / loose, 1 / loose]
    value = _likelihood(at, z_of, there)
    for _ in range(STEPS):
        found = _sums(at, z_of, there, np.zeros_like(rows.codes))
        score = found.scores[0]
        step = np.linalg.solve(found.information[0], score)
        size = 1.0
        while size > 1e-12:
            new = _likelihood(at + size * step, z_of, there)
            if new >= value:
                break
            size /= 2
        at, value = at + size * step, max(new, value)
        if score @ step < 1e-20 * len(rows.y) or size <= 1e-12:
            break
    found = _sums(at, z_of, there, rows.codes)
    return Tobit(at[:-1] / at[-1], float(1 / at[-1]), found)


def _likelihood(at: np.ndarray, z_of: np.ndarray, there: np.ndarray) -> float:
    if not at[-1] > 0:
        return -np.inf
    z = z_of @ at
    whole = there.sum() * np.log(at[-1]) - 0.5 * np.sum(z[there] ** 2)
    return float(whole + np.sum(log_ndtr(z[~there])))


def _sums(
    at: np.ndarray, z_of: np.ndarray, there: np.ndarray, codes: np.ndarray
) -> Sums:
    z = z_of @ at
    steep = hazard(z)
    found = sums(
        z_of,
        np.where(there, -z, steep),
        np.where(there, 1.0, _bend(z, steep)),
        codes,
    )
    own = np.bincount(codes, there, found.clusters)
    found.information[:, -1, -1] += own / at[-1] ** 2
    found.scores[:, -1] += own / at[-1]
    return found


@dataclass(frozen=True)
class Bounds:
    """Where a coefficient may lie: low and high ends, each with its interval."""

    low: Estimate
    high: Estimate


def bounds(rows: Failures) -> list[Bounds]:
    """Each coefficient's range over what the failed rows could have been.

    Assumed: a row fails no less often the larger its L is, at one (n, d, p); u normal.
    Then at x, where a share Phi(m) fails, those that fitted lie on average between 0
    (failure at random) and sigma phi(m) / Phi(-m) (failure exactly above a limit,
    unknown and free to vary with x) below the line. m is fitted as a probit in x, sigma
    as for a limit everywhere, where it is largest. The range is over all such lifts.
    Ends' intervals take m and sigma as they are.
    """
    there = ~rows.failed
    x, y, codes = rows.x[there], rows.y[there], _again(rows.codes[there])
    index = x @ probit(rows.x, rows.failed)
    least = hazard(-index)
    lift = _sigma(x, y, index, least) * least
    pull = np.linalg.pinv(x)
    found = []
    for j in range(x.shape[1]):
        contrast = np.eye(x.shape[1])[j]
        ends = []
        for raised in (pull[j] < 0, pull[j] > 0):
            best, told = least_squares(x, y + lift * raised, codes)
            ends.append(closed(float(best[j]), told, contrast))
        found.append(Bounds(*ends))
    return found


def probit(x: np.ndarray, failed: np.ndarray) -> np.ndarray:
    """The coefficients [k] of P(failed) = Phi(x'm); x's first column is of ones.

    Slopes have a loose normal prior, which keeps them finite where some factor tells
    failures from fits without exception.
    """
    sign = np.where(failed, 1.0, -1.0)
    middle, size = x[:, 1:].mean(0), x[:, 1:].std(0)
    plain = np.column_stack([x[:, 0], (x[:, 1:] - middle) / size])
    prior = np.r_[0.0, np.full(len(size), 1 / LOOSE)]
    at = np.zeros(x.shape[1])
    for _ in range(STEPS):
        z = sign * (plain @ at)
        steep = hazard(z)
        score = plain.T @ (sign * steep) - prior * at
        information = (plain.T * _bend(z, steep)) @ plain + np.diag(prior)
        step = np.linalg.solve(information, score)
        at = at + step / max(1.0, float(np.max(np.abs(step))) / 2)
        if np.max(np.abs(step)) < 1e-9:
            break
    slopes = at[1:] / size
    return np.r_[at[0] - slopes @ middle, slopes]


def _sigma(x: np.ndarray, y: np.ndarray, index: np.ndarray, least: np.ndarray) -> float:
    """sigma of u, where what fitted is cut off at -index sigma."""
    narrowed = np.sum(1 + index * least - least**2) - x.shape[1]
    sigma = 0.0
    for _ in range(STEPS):
        raised = y + sigma * least
        left = raised - x @ np.linalg.lstsq(x, raised)[0]
        new = float(np.sqrt(np.sum(left**2) / max(narrowed, 1.0)))
        if abs(new - sigma) <= 1e-10 * new:
            break
        sigma = new
    return sigma


def _again(codes: np.ndarray) -> np.ndarray:
    """Codes without gaps."""
    return np.unique(codes, return_inverse=True)[1]
