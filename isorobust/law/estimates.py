"""What real data lets one say of sigma^2 and of d_eff = d / c: ranges, never points.

Nothing here is certified. Every estimator has a name, an interval and an assumption; a
range ends where an estimator that can only err above does. Intervals are +- 1.96
standard errors from random halves (a half's estimate scatters about the whole's as the
whole's does about its own mean: delete-half jackknife).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

__all__ = ["Estimate", "Way", "coded", "effective_dimension", "noise_variance"]

LEAST = 60  # points, below which nothing is estimated
POINTS = 3000  # as many are looked at: all their distances are kept
HALVES = 20
NEIGHBOURS = 10
FACTORS = (0.5, 1.0, 1.5)  # lambda in units of 1 / sd(f): what a sample can tell
POWERS = 30  # steps of the power method


@dataclass(frozen=True)
class Way:
    """One estimator's answer.

    value: from all points; low, high: its interval
    side: "above" where it can only err to that side, else "both"
    assumes: in words
    """

    name: str
    value: float
    low: float
    high: float
    side: str
    assumes: str


@dataclass(frozen=True)
class Estimate:
    """low <= quantity <= high as far as the ways can tell; points: how many were seen.

    note: what the range can't exclude, in words
    """

    low: float
    high: float
    ways: tuple[Way, ...]
    points: int
    note: str


def coded(classes: np.ndarray) -> np.ndarray:
    """[n, K] labels for class numbers [n]: sqrt 2 in the class's own column, 0 else.

    Two classes lie |y - y'| = 2 apart, as +1 and -1 do, so that E |y - E(y|x)|^2 of two
    classes is the sigma^2 of signs.
    """
    return np.sqrt(2.0) * (classes[:, None] == np.unique(classes))


def noise_variance(x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> Estimate:
    """sigma^2 = E |y - E(y|x)|^2 of points x [n, d] with labels y [n] or [n, K].

    neighbour: (1/2) mean |y - y'|^2, y' the label of the nearest other point. Its mean
        is sigma^2 + (1/2) E |g(x) - g(x')|^2, g = E(y|x): too large where g varies
        between neighbours. For signs it is twice the error of the nearest-neighbour
        rule, which tends to sigma^2 (Cover & Hart 1967: R -> E 2 q (1 - q)).
    residual: mean squared leave-one-out error of the average of the 1 to 10 nearest
        labels, whichever is best. No predictor's is below sigma^2 on average.
    delta: intercept at distance 0 of (1/2) |y - y'|^2 against |x - x'|^2 over the 10
        nearest (the Delta or Gamma test: Pi & Peterson 1994; Stefansson, Koncar & Jones
        1997). Assumes g smooth at the distance of neighbours.
    range: low from `delta` (never below 0), high the lesser of the other two's highs.
    Raises ValueError for fewer than LEAST points.
    """
    x, y = _few(x, y.reshape(len(y), -1).astype(float), rng)
    square = _distances(x)

    def statistics(rows: np.ndarray) -> np.ndarray:
        return _noise(square[np.ix_(rows, rows)], y[rows])

    value, low, high = _intervals(statistics, len(x), rng)
    low, high = np.maximum(low, 0.0), np.maximum(high, 0.0)
    names = (
        ("neighbour", "above", "labels of points differ by noise alone when close"),
        ("residual", "above", "none but independent points"),
        ("delta", "both", "E(y|x) is smooth at the distance of neighbours"),
    )
    ways = tuple(
        Way(name, max(float(v), 0.0), float(a), float(b), side, assumes)
        for (name, side, assumes), v, a, b in zip(names, value, low, high, strict=True)
    )
    note = (
        "sigma^2 = 0 can't be excluded: without repeated x, labels that are a rough "
        "function of x look like noise"
    )
    most = float(high[:2].min())
    if low[2] == 0:
        note = "sigma^2 = 0 is in the range: labels may be a function of x"
    return Estimate(min(float(low[2]), most), most, ways, len(x), note)


def effective_dimension(
    x: np.ndarray, classes: np.ndarray, rng: np.random.Generator
) -> Estimate:
    """d_eff = d / c = E |x - Ex|^2 / s^2 of x [n, d] in components `classes` [n].

    s^2 is the sub-Gaussian variance of 1-Lipschitz functions within a component, the
    largest over the components (Bubeck & Sellke 2021, Theorem 3 with K components).
    stable rank: s^2 from linear functions, a component's first principal direction,
        found on one half and measured on the other. Exact for N(0, S), tr S / l_max;
        other functions can only lower it.
    concentration: s^2 the largest of max_t 2 log E exp(t (f - Ef)) / t^2 over the
        variance and t = +-.5, 1, 1.5 / sd, f the first directions, |x - point| and
        |x - set| for points of the other half. A bank of functions is not all of them:
        again from above.
    two neighbours, neighbours: the dimension of the set that x fills, from the ratios
        of neighbours' distances (Facco et al. 2017; Levina & Bickel 2004 with MacKay &
        Ghahramani's mean). On a sphere S^(m-1), however embedded, d_eff = m - 1 is that
        dimension; assumes as much of other data. Known to fall short beyond ~ 20.
    range: low the least of all lows, high the least high of the first two.
    Repeated points count once. Raises ValueError for fewer than LEAST points.
    """
    x, once = np.unique(x, axis=0, return_index=True)
    x, classes = _few(x, classes[once], rng)
    x = x - x.mean(axis=0)
    square, seed = _distances(x), int(rng.integers(2**32))

    def statistics(rows: np.ndarray) -> np.ndarray:
        own = np.random.Generator(np.random.Philox(key=seed))
        near = np.sort(square[np.ix_(rows, rows)], axis=1)[:, : 2 * NEIGHBOURS]
        spread = _widths(x[rows], classes[rows], own)
        square_length = np.mean(np.sum(x[rows] ** 2, axis=1))
        return np.log([*(square_length / spread), *_dimensions(near)])

    value, low, high = map(np.exp, _intervals(statistics, len(x), rng))
    names = (
        ("stable rank", "above", "x is Gaussian within each component"),
        ("concentration", "above", "no function concentrates worse than the bank's"),
        ("two neighbours", "both", "x is spread like a sphere of its own dimension"),
        ("neighbours", "both", "x is spread like a sphere of its own dimension"),
    )
    ways = tuple(
        Way(name, float(v), float(a), float(b), side, assumes)
        for (name, side, assumes), v, a, b in zip(names, value, low, high, strict=True)
    )
    note = (
        "no estimate bounds d_eff from below: a function that nobody tried may "
        "concentrate worse"
    )
    return Estimate(float(low.min()), float(high[:2].min()), ways, len(x), note)


def _few(
    x: np.ndarray, y: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """At most POINTS rows, drawn at random."""
    if len(x) < LEAST:
        raise ValueError(f"{len(x)} different points: estimates need {LEAST} or more")
    rows = np.sort(rng.permutation(len(x))[:POINTS])
    return x[rows].astype(float), y[rows]


def _distances(x: np.ndarray) -> np.ndarray:
    """[n, n] squared distances, infinite on the diagonal."""
    norms = np.sum(x**2, axis=1)
    square = np.maximum(norms[:, None] + norms[None] - 2 * x @ x.T, 0.0)
    np.fill_diagonal(square, np.inf)
    return square


def _intervals(
    statistics: Callable[[np.ndarray], np.ndarray], n: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(value, low, high) of some statistics of the rows of n points."""
    value = statistics(np.arange(n))
    halves = [statistics(rng.permutation(n)[: n // 2]) for _ in range(HALVES)]
    error = 1.96 * np.std(halves, axis=0, ddof=1)
    return value, value - error, value + error


def _noise(square: np.ndarray, y: np.ndarray) -> np.ndarray:
    """[3] neighbour, residual, delta from squared distances [n, n] and y [n, K]."""
    most = min(NEIGHBOURS, len(y) - 1)
    near = np.argpartition(square, most - 1, axis=1)[:, :most]
    order = np.argsort(np.take_along_axis(square, near, axis=1), axis=1)
    near = np.take_along_axis(near, order, axis=1)
    apart = np.take_along_axis(square, near, axis=1).mean(axis=0)
    unlike = 0.5 * np.sum((y[near] - y[:, None]) ** 2, axis=2).mean(axis=0)
    average = np.cumsum(y[near], axis=1) / np.arange(1, most + 1)[:, None]
    residual = np.sum((average - y[:, None]) ** 2, axis=2).mean(axis=0).min()
    slope = np.polyfit(apart, unlike, 1) if np.ptp(apart) > 0 else [0.0, unlike[0]]
    return np.array([unlike[0], residual, slope[1]])


def _widths(x: np.ndarray, classes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """[2] s^2 of linear functions and of the bank, the largest over the components.

    Three parts of each component: the first makes the functions, the second says which
    is worst and the third how bad it is (and the other way round), so that the largest
    of many noisy numbers isn't taken for a bad one.
    """
    linear, bank = [], []
    members = [np.flatnonzero(classes == c) for c in np.unique(classes)]
    most = max(map(len, members))
    for rows in members:
        if len(rows) < min(30, most):  # too few to say anything of their spread
            continue
        first, *others = np.array_split(rng.permutation(rows), 3)
        widths = [_sub_gaussian(_bank(x[first], x[rest])) for rest in others]
        linear.append([width[0, 0] for width in widths])
        bank.append(np.stack([width.ravel() for width in widths], axis=1))
    return np.array([_worst(np.array(linear)), _worst(np.concatenate(bank))])


def _worst(found: np.ndarray) -> float:
    """The largest of [m, 2]: chosen in a column, read from the other, averaged."""
    chosen = found.argmax(axis=0)
    return 0.5 * float(found[chosen[0], 1] + found[chosen[1], 0])


def _bank(made_of: np.ndarray, x: np.ndarray) -> np.ndarray:
    """[m, n] values at x [n, d] of m 1-Lipschitz functions made of other points."""
    centre = made_of.mean(axis=0)
    apart = made_of - centre
    direction = apart[0]
    for _ in range(POWERS):
        direction = apart.T @ (apart @ direction)
        direction = direction / (np.linalg.norm(direction) or 1.0)
    from_centre = np.linalg.norm(x - centre, axis=1)
    norms = np.sum(x**2, axis=1)[:, None] + np.sum(made_of**2, axis=1)
    distances = np.sqrt(np.maximum(norms - 2 * x @ made_of.T, 0.0)).T
    along = x @ direction
    return np.stack([along, from_centre, distances.min(axis=0), *distances[:4]])


def _sub_gaussian(values: np.ndarray) -> np.ndarray:
    """[m, 7] the variance of m functions' values [m, n], and 2 log E e^(t f) / t^2."""
    apart = values - values.mean(axis=1, keepdims=True)
    variance = np.mean(apart**2, axis=1)
    rates = np.array([s * f for f in FACTORS for s in (1, -1)])
    unit = np.sqrt(np.where(variance > 0, variance, 1.0))
    tilted = np.exp(rates[:, None] * (apart / unit[:, None])[:, None, :]).mean(axis=2)
    proxies = 2 * np.log(tilted) / rates**2 * variance[:, None]
    return np.column_stack([variance, proxies])


def _dimensions(near: np.ndarray) -> np.ndarray:
    """[2] two-neighbour and maximum-likelihood dimension from sorted squares [n, k]."""
    logs = 0.5 * np.log(near)
    two = (len(near) - 1) / np.sum(logs[:, 1] - logs[:, 0])
    k = near.shape[1]
    return np.array(
        [two, (k - 1) / np.mean(np.sum(logs[:, -1:] - logs[:, :-1], axis=1))]
    )
