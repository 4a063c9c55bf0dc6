"""Fits of a bound over cells, with intervals from resampling cells.

The unit is the cell: log L is averaged over the seeds that reached their target, and
the bootstrap draws cells, not networks (resampling networks covers the truth in 60 % of
tables instead of 95 %).
"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student

RESAMPLES = 2000
LEVEL = 0.95
FEWEST = 6  # cells: with fewer, an interval from resampling them says nothing


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval; None where it can't be had."""

    estimate: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Fit:
    """A fit over cells.

    terms: name -> Estimate; r2: share of the variance over cells that it explains
    cells, networks: what it rests on; excluded: networks left out since they didn't fit
    """

    model: str
    terms: dict[str, Estimate]
    r2: float
    cells: int
    networks: int
    excluded: int


@dataclass(frozen=True)
class Average:
    """A cell over its networks that reached their target.

    log: the mean of log(response); factors: the geometric means of the factors, each
    the number itself where it is the same for all; count: how many networks they are
    """

    log: float
    factors: dict[str, float]
    count: int


def averages(
    rows: list[dict], response: str, factors: tuple[str, ...] = ()
) -> list[Average]:
    """One Average a cell that has a network which reached its target."""
    cells: dict[str, list[dict]] = {}
    for row in rows:
        if row["reached"] and all(
            _positive(row[name]) for name in (response, *factors)
        ):
            cells.setdefault(row["cell"], []).append(row)
    return [
        Average(
            float(np.mean(np.log([row[response] for row in some]))),
            {name: _middle([row[name] for row in some]) for name in factors},
            len(some),
        )
        for some in cells.values()
    ]


def _positive(value: float | None) -> bool:
    return value is not None and value > 0


def _middle(values: list[float]) -> float:
    """The geometric mean; the number itself where all are the same."""
    if len(set(values)) == 1:
        return float(values[0])
    return float(np.exp(np.mean(np.log(values))))


def power_law(
    rows: list[dict], response: str, factors: tuple[str, ...], rng: np.random.Generator
) -> Fit | None:
    """log L = a + sum_f e_f log f over cells by least squares; terms are the e_f.

    None with too few cells, or where the factors don't vary independently.
    """
    cells = averages(rows, response, factors)
    columns = [np.ones(len(cells))]
    columns += [np.log([cell.factors[name] for cell in cells]) for name in factors]
    y = np.array([cell.log for cell in cells])
    return _fit("log-log", ["constant", *factors], columns, y, cells, rows, rng)


def affine(
    rows: list[dict],
    response: str,
    rng: np.random.Generator,
    factor: str = "law_ratio",
) -> Fit | None:
    """L = a + b factor over cells by least squares; L the geometric mean.

    The factor is sqrt(n d / p) unless named.
    """
    cells = averages(rows, response, (factor,))
    columns = [np.ones(len(cells)), np.array([c.factors[factor] for c in cells])]
    y = np.exp([cell.log for cell in cells])
    return _fit("affine", ["a", "b"], columns, y, cells, rows, rng)


def _fit(
    model: str,
    names: list[str],
    columns: list[np.ndarray],
    y: np.ndarray,
    cells: list[Average],
    rows: list[dict],
    rng: np.random.Generator,
) -> Fit | None:
    x = np.column_stack(columns)
    if len(y) < max(FEWEST, x.shape[1] + 1) or np.linalg.matrix_rank(x) < x.shape[1]:
        return None
    best = np.linalg.lstsq(x, y)[0]
    spread = float(np.sum((y - y.mean()) ** 2))
    used = sum(cell.count for cell in cells)
    low, high = _interval(x, y, rng)
    terms = {
        name: Estimate(
            float(best[i]), *(None if e is None else float(e[i]) for e in (low, high))
        )
        for i, name in enumerate(names)
        if name != "constant"
    }
    r2 = 1 - float(np.sum((y - x @ best) ** 2)) / spread if spread > 0 else 0.0
    return Fit(model, terms, r2, len(cells), used, len(rows) - used)


def _interval(x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> tuple:
    """Percentiles of the coefficients over RESAMPLES draws of cells."""
    found = []
    for _ in range(RESAMPLES):
        rows = rng.integers(len(y), size=len(y))
        if np.linalg.matrix_rank(x[rows]) == x.shape[1]:
            found.append(np.linalg.lstsq(x[rows], y[rows])[0])
    if len(found) < RESAMPLES / 2:
        return None, None
    tail = 100 * (1 - LEVEL) / 2
    return tuple(np.percentile(found, [tail, 100 - tail], axis=0))


def mean(values: list[float]) -> Estimate:
    """Geometric mean of positive numbers, with a Student interval on the log scale."""
    logs = np.log(values)
    middle = float(logs.mean())
    if len(logs) < 2:
        return Estimate(float(np.exp(middle)), None, None)
    half = float(student.ppf((1 + LEVEL) / 2, len(logs) - 1) * logs.std(ddof=1))
    half /= np.sqrt(len(logs))
    return Estimate(*(float(np.exp(v)) for v in (middle, middle - half, middle + half)))
