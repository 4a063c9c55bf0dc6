"""The smallest size at which half of the seeds meet a limit, and its exponents."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from isorobust.results.cells import FEWEST
from isorobust.results.clustered import RESAMPLES
from isorobust.results.statistics import FEW, Found, admits, misspelt, number

__all__ = ["Threshold"]

# (value of the group's factors) -> a size a seed: 0 or inf outside the sizes tried
Sizes = dict[tuple[float, ...], list[float]]


@dataclass(frozen=True)
class Threshold:
    """The exponent of `factor` in the least size with column <= limit.

    A group is what has the same `factors`. In a group every seed has its own least
    size: the first, in order, whose column is <= limit, interpolated in log column and
    log size from the one before (a row whose own fit matters to it: see `fitted`); the
    group's is the median over its seeds, where half of them meet the limit. A group
    whose median lies outside the sizes tried is left out, and its rows counted as
    excluded.

    exponent: least squares of log size over groups on log factors, 95 % interval by
        resampling groups and seeds within them
    over, over_limit, over_where: if `over` names a column, the size is divided by that
        of this limit, taken of the rows of `over_where`, or of `where` if that is ()
    what: "exponent"; "ratio" the median over groups of size / n; "count" the groups
    fitted: whether only rows that reached their target can meet the limit
    """

    column: str
    limit: float
    factor: str
    factors: tuple[str, ...] = ("n", "d")
    where: tuple[str, ...] = ()
    over: str = ""
    over_limit: float = 1.0
    over_where: tuple[str, ...] = ()
    what: Literal["exponent", "ratio", "count"] = "exponent"
    fitted: bool = False
    size: str = "p"

    def of(self, rows: list[dict], rng: np.random.Generator) -> Found:
        """The exponent, the median ratio or the number of groups."""
        chosen = [row for row in rows if admits(self.where, row)]
        parts = [self._sizes(chosen, self.column, self.limit)]
        if self.over:
            others = self.over_where or self.where
            below = [row for row in rows if admits(others, row)]
            parts.append(self._sizes(below, self.over, self.over_limit))
        groups = [
            key
            for key in parts[0]
            if all(key in some and _inside(some[key]) for some in parts)
        ]
        used = sum(self._key(row) in groups for row in chosen)
        out = len(chosen) - used
        if self.what == "count":
            return Found(float(len(groups)), rows=len(chosen), excluded=out)
        if self.what == "ratio":
            return self._ratio(parts[0], groups, used, out)
        x = np.log(np.array(groups, float).reshape(len(groups), len(self.factors)))
        x = np.column_stack([np.ones(len(groups)), x])
        if len(groups) < FEWEST or np.linalg.matrix_rank(x) < x.shape[1]:
            return Found(None, excluded=out, reason=FEW)
        place = 1 + self.factors.index(self.factor)
        value = _fitted(x, _logs(parts, groups))[place]
        low, high = _interval(parts, groups, x, place, rng)
        return Found(float(value), low, high, rows=used, excluded=out)

    def check(self) -> str | None:
        """What is wrong with the fields taken together."""
        if self.factor not in self.factors:
            return f"factor = {self.factor!r}: must be among factors {self.factors}"
        if min(self.limit, self.over_limit) <= 0:
            return f"limit = {min(self.limit, self.over_limit)}: must be > 0"
        return misspelt(self.where) or misspelt(self.over_where)

    def _key(self, row: dict) -> tuple[float, ...]:
        return tuple(number(row, name) or 0.0 for name in self.factors)

    def _sizes(self, rows: list[dict], column: str, limit: float) -> Sizes:
        curves: dict[tuple, list[tuple[float, float]]] = {}
        for row in rows:
            value, size = number(row, column), number(row, self.size)
            if size is None:
                continue
            met = value is not None and not (self.fitted and not row.get("reached"))
            at = (size, float(value or 0.0) if met else math.inf)
            curves.setdefault((self._key(row), row["seed"]), []).append(at)
        found: Sizes = {}
        for (key, _), curve in curves.items():
            found.setdefault(key, []).append(least(sorted(curve), limit))
        return found

    def _ratio(self, sizes: Sizes, groups: list, used: int, out: int) -> Found:
        if not groups or "n" not in self.factors:
            return Found(None, excluded=out, reason="no group has a threshold")
        place = self.factors.index("n")
        ratios = [float(np.median(sizes[key])) / key[place] for key in groups]
        return Found(float(np.median(ratios)), rows=used, excluded=out)


def least(curve: list[tuple[float, float]], limit: float) -> float:
    """Where a curve of (size, value), in order of size, first is <= limit.

    0 where its first is already (unless it is the limit), inf where none is. Linear in
    logarithms between two sizes; the geometric middle where the value before has none.
    """
    before: tuple[float, float] | None = None
    for size, value in curve:
        if value <= limit:
            if before is None:
                return size if value == limit else 0.0
            if not math.isfinite(before[1]) or value <= 0:
                return math.sqrt(before[0] * size)
            share = math.log(before[1] / limit) / math.log(before[1] / value)
            return float(before[0] * (size / before[0]) ** share)
        before = size, value
    return math.inf


def _inside(sizes: list[float]) -> bool:
    """Whether the median is among the sizes tried."""
    middle = sorted(sizes)[(len(sizes) - 1) // 2 : len(sizes) // 2 + 1]
    return all(0 < size < math.inf for size in middle)


def _logs(parts: list[Sizes], groups: list) -> np.ndarray:
    """[groups]: log of the size, or of the sizes' quotient."""
    first, *others = (
        np.array([np.log(np.median(some[key])) for key in groups]) for some in parts
    )
    return first - others[0] if others else first


def _fitted(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.linalg.lstsq(x, y)[0]


def _interval(
    parts: list[Sizes],
    groups: list,
    x: np.ndarray,
    place: int,
    rng: np.random.Generator,
) -> tuple[float | None, float | None]:
    """Percentiles over draws of groups, and in each of its seeds."""
    found = []
    for _ in range(RESAMPLES):
        at = rng.integers(len(groups), size=len(groups))
        if np.linalg.matrix_rank(x[at]) < x.shape[1]:
            continue
        drawn = np.zeros(len(groups))
        for sign, some in zip((1, -1), parts, strict=False):
            for i, j in enumerate(at):
                sizes = np.array(some[groups[j]])
                again = np.median(rng.choice(sizes, size=len(sizes)))
                kept = again if 0 < again < math.inf else np.median(sizes)
                drawn[i] += sign * np.log(kept)
        found.append(_fitted(x[at], drawn)[place])
    if len(found) < RESAMPLES / 2:
        return None, None
    low, high = np.percentile(found, [2.5, 97.5])
    return float(low), float(high)
