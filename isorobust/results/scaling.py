"""Fits of a bound over cells, with 95 % intervals that take cells as the unit.

log L is averaged over the seeds that reached their target (taking networks as the unit
covers the truth in 60 % of tables instead of 95 %). Cells that share data sets are one
cluster. Intervals are CR2's (results/clustered.py) unless named.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from scipy.stats import t as student

from isorobust.results import clustered
from isorobust.results.cells import (
    Average,
    averages,
    design,
    enough,
    independent,
    tells,
    usable,
)
from isorobust.results.clustered import LEVEL, Estimate, Sums
from isorobust.results.losses import check_loss, huber, non_negative, quantile

__all__ = [
    "Average", "Estimate", "Fit", "affine", "averages", "envelope", "mean", "power_law",
    "robust", "squares",
]  # fmt: skip

Interval = Literal["cr2", "wild", "percentile"]
SHARE = 0.05  # of the networks that lie below the envelope


@dataclass(frozen=True)
class Fit:
    """A fit over cells.

    terms: name -> Estimate; r2: share of the variance that it explains (of an envelope:
    of its loss)
    cells, networks: what it rests on; excluded: networks left out since they didn't fit
    clusters, unit: how many independent "cells" or "data sets" the intervals count
    kind: "estimates", or "bounds": low and high are what failures leave open, with the
        ends' intervals, and the estimate is only the middle between them
    failed: networks in it of which only the failure is known
    between: under bounds, the ends as they are estimated, without their intervals
    without: the terms where the least or the largest fifth of an axis is left out
    """

    model: str
    terms: dict[str, Estimate]
    r2: float
    cells: int
    networks: int
    excluded: int
    clusters: int = 0
    unit: str = "cells"
    kind: str = "estimates"
    failed: int = 0
    between: dict[str, tuple[float, float]] = field(default_factory=dict)
    without: dict[str, dict[str, float]] = field(default_factory=dict)


def power_law(
    rows: list[dict],
    response: str,
    factors: tuple[str, ...],
    rng: np.random.Generator | None = None,
    interval: Interval = "cr2",
) -> Fit | None:
    """log L = a + sum_f e_f log f over cells by least squares; terms are the e_f.

    None with too few cells, or where the factors don't vary independently.
    """
    cells = averages(rows, response, factors)
    if not cells:
        return None
    x, y = _logs(cells, factors)
    fit = _line("log-log", factors, x, y, cells, len(rows), rng, interval)
    if fit is None or len(factors) < 2:
        return fit
    return replace(fit, without=_without(factors, x, y))


def affine(
    rows: list[dict],
    response: str,
    rng: np.random.Generator | None = None,
    factor: str = "law_ratio",
    interval: Interval = "cr2",
) -> Fit | None:
    """L = a + b factor over cells by least squares; L the geometric mean.

    The factor is sqrt(n d / p) unless named.
    """
    cells = averages(rows, response, (factor,))
    if not cells:
        return None
    x = design([[c.factors[factor] for c in cells]])
    y = np.exp([cell.log for cell in cells])
    return _line("affine", ("a", "b"), x, y, cells, len(rows), rng, interval)


def squares(rows: list[dict], response: str, factor: str = "law_ratio") -> Fit | None:
    """L^2 = a^2 + b^2 factor^2 over cells, by least squares with a^2, b^2 >= 0.

    Independent noise in place of the affine law's worst case. Terms are a and b; their
    intervals are the roots of those of a^2 and b^2, cut at 0.
    """
    cells = averages(rows, response, (factor,))
    if not cells:
        return None
    x = design([np.square([c.factors[factor] for c in cells])])
    y = np.exp([2 * cell.log for cell in cells])
    free = _line("squares", ("a", "b"), x, y, cells, len(rows))
    if free is None:
        return None
    best = non_negative(x, y)
    terms = {
        name: Estimate(float(value) ** 0.5, _root(there.low), _root(there.high))
        for value, (name, there) in zip(best, free.terms.items(), strict=True)
    }
    return replace(free, terms=terms, r2=explained(y, x @ best))


def robust(rows: list[dict], response: str, factors: tuple[str, ...]) -> Fit | None:
    """As `power_law`, by Huber's loss: a stray cell pulls only so much."""
    cells = averages(rows, response, factors)
    if not cells:
        return None
    x, y = _logs(cells, factors)
    return _line("huber", factors, x, y, cells, len(rows), solve=huber)


def envelope(
    rows: list[dict],
    response: str,
    factors: tuple[str, ...],
    rng: np.random.Generator,
    draws: int = 99,
) -> Fit | None:
    """As `power_law`, the line that 5 % of the networks lie below: how low L gets.

    By quantile regression over networks; intervals are percentiles over draws of
    clusters, of which tails have few: read them as rough.
    """
    some = [row for row in rows if usable(row, (response, *factors))]
    cells = averages(some, response, factors)
    if not cells:
        return None
    x = design([np.log([row[name] for row in some]) for name in factors])
    y = np.log([row[response] for row in some])
    names = [row["cell"] for row in some]
    data = dict(zip(dict.fromkeys(names), [cell.data for cell in cells], strict=True))
    codes, unit = independent(names, [data[name] for name in names], x.shape[1])
    if not enough(x, codes):
        return None
    best = quantile(x, y, SHARE)
    count = int(codes.max()) + 1
    often = rng.multinomial(count, np.full(count, 1 / count), draws)[:, codes]
    drawn = [
        quantile(x, y, SHARE, weights) for weights in often if tells(x[weights > 0])
    ]
    ends: tuple = (None, None)
    if len(drawn) > draws / 2:
        ends = tuple(np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0))
    terms = {
        name: Estimate(
            float(best[i]), *(None if e is None else float(e[i]) for e in ends)
        )
        for i, name in enumerate(factors, 1)
    }
    flat = check_loss(y - quantile(x[:, :1], y, SHARE), SHARE)
    r1 = 1 - check_loss(y - x @ best, SHARE) / flat if flat > 0 else 0.0
    left = len(rows) - len(some)
    return Fit("envelope", terms, r1, len(cells), len(some), left, count, unit)


def _logs(
    cells: list[Average], factors: tuple[str, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """A column of ones and the factors' logarithms [cells, k], and log L [cells]."""
    x = design([np.log([c.factors[name] for c in cells]) for name in factors])
    return x, np.array([cell.log for cell in cells])


def _line(
    model: str,
    names: tuple[str, ...],
    x: np.ndarray,
    y: np.ndarray,
    cells: list[Average],
    rows: int,
    rng: np.random.Generator | None = None,
    interval: Interval = "cr2",
    solve: Callable = clustered.least_squares,
) -> Fit | None:
    """The fit of y [cells] on x [cells, k]; names: of all columns, or all but ones."""
    codes, unit = independent(
        list(range(len(cells))), [cell.data for cell in cells], x.shape[1]
    )
    found = solve(x, y, codes) if enough(x, codes) else None
    if found is None:
        return None
    best, told = found
    first = x.shape[1] - len(names)
    terms = {
        name: _term(best, told, j, rng, interval) for j, name in enumerate(names, first)
    }
    used = sum(cell.count for cell in cells)
    r2 = explained(y, x @ best)
    return Fit(model, terms, r2, len(cells), used, rows - used, told.clusters, unit)


def _term(
    best: np.ndarray,
    told: Sums,
    j: int,
    rng: np.random.Generator | None,
    interval: Interval,
) -> Estimate:
    if rng is not None and interval == "wild":
        return clustered.wild(best, told, j, rng)
    if rng is not None and interval == "percentile":
        return clustered.percentile(best, told, j, rng)
    return clustered.closed(float(best[j]), told, np.eye(len(best))[j])


def explained(y: np.ndarray, fitted: np.ndarray) -> float:
    """The share of the variance of y [rows] that the fit explains; 0 of none."""
    spread = float(np.sum((y - y.mean()) ** 2))
    return 1 - float(np.sum((y - fitted) ** 2)) / spread if spread > 0 else 0.0


def _root(value: float | None) -> float | None:
    return None if value is None else max(0.0, value) ** 0.5


def _without(
    factors: tuple[str, ...], x: np.ndarray, y: np.ndarray
) -> dict[str, dict[str, float]]:
    """The exponents without the least or the largest fifth of each axis.

    All of a value goes where it reaches into the fifth; nothing is said where what is
    left can't tell the factors apart.
    """
    found = {}
    for j, name in enumerate(factors, 1):
        low = np.quantile(x[:, j], 0.2, method="lower")
        high = np.quantile(x[:, j], 0.8, method="higher")
        for sign, end, kept in (
            ("<=", low, x[:, j] > low),
            (">=", high, x[:, j] < high),
        ):
            rest = x[kept]
            if tells(rest):
                best = np.linalg.lstsq(rest, y[kept])[0]
                without = f"without {name} {sign} {np.exp(end):g}"
                found[without] = dict(zip(factors, map(float, best[1:]), strict=True))
    return found


def mean(values: list[float]) -> Estimate:
    """Geometric mean of positive numbers, with a Student interval on the log scale."""
    logs = np.log(values)
    middle = float(logs.mean())
    if len(logs) < 2:
        return Estimate(float(np.exp(middle)), None, None)
    half = float(student.ppf((1 + LEVEL) / 2, len(logs) - 1) * logs.std(ddof=1))
    half /= np.sqrt(len(logs))
    return Estimate(*(float(np.exp(v)) for v in (middle, middle - half, middle + half)))
