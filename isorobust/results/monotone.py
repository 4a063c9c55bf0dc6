"""Statistics that compare cells: how far a bound rises along a factor; two blocks."""

import itertools
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from isorobust.results.cells import data_of, enough, independent
from isorobust.results.clustered import closed, least_squares
from isorobust.results.statistics import SUMMARIES, Found, admits, misspelt, number

__all__ = ["Contrast", "Rise"]


@dataclass(frozen=True)
class Rise:
    """The largest ratio of a cell's response to that of the cell before it.

    Cells in the order of `factor`, at equal columns `alike`; a cell's response is its
    geometric mean over the networks that reached their target. At most 1 where the
    response never rises; the largest of many noisy ratios lies above the truth.
    """

    response: str
    factor: str
    where: tuple[str, ...] = ()
    alike: tuple[str, ...] = ("block", "n", "d")

    def of(self, rows: list[dict], rng: np.random.Generator) -> Found:
        """The largest ratio, and over how many networks."""
        chosen = [row for row in rows if admits(self.where, row)]
        found = _logs(chosen, self.response, (*self.alike, self.factor))
        used = sum(map(len, found.values()))
        series: dict[tuple, list[tuple[float, float]]] = {}
        for (*group, at), logs in found.items():
            series.setdefault(tuple(group), []).append((at, float(np.mean(logs))))
        rises = [
            float(np.exp(after - before))
            for cells in series.values()
            for (_, before), (_, after) in itertools.pairwise(sorted(cells))
        ]
        out = len(chosen) - used
        if not rises:
            return Found(None, excluded=out, reason="no two cells to compare")
        return Found(max(rises), rows=used, excluded=out)

    def check(self) -> str | None:
        """What is wrong with the fields."""
        return misspelt(self.where)


@dataclass(frozen=True)
class Contrast:
    """The response where `over` holds divided by that where `under` does.

    Of cells (geometric means over the networks that reached their target) that are
    equal in the columns `alike`; how: which number of these ratios, geometric mean with
    its 95 % interval (CR2, pairs that share data sets being one cluster) among them.
    Cells that have no partner count neither as rows nor as excluded.
    """

    response: str
    over: tuple[str, ...]
    under: tuple[str, ...]
    how: Literal["least", "largest", "mean"] = "mean"
    alike: tuple[str, ...] = ("n", "d", "width")

    def of(self, rows: list[dict], rng: np.random.Generator) -> Found:
        """The number of the ratios."""
        above, below = (
            [row for row in rows if admits(side, row)]
            for side in (self.over, self.under)
        )
        top, bottom = (
            _logs(side, self.response, self.alike) for side in (above, below)
        )
        pairs = [key for key in top if key in bottom]
        used = sum(len(top[key]) + len(bottom[key]) for key in pairs)
        out = self._partnered(above, below) - used
        if not pairs:
            return Found(None, excluded=out, reason="no two cells to compare")
        logs = np.array([np.mean(top[key]) - np.mean(bottom[key]) for key in pairs])
        value = float(np.exp(SUMMARIES[self.how](list(logs))))
        if self.how != "mean":
            return Found(value, rows=used, excluded=out)
        shared = {_key(row, self.alike): data_of(row) for row in above}
        codes, _ = independent(pairs, [shared[key] for key in pairs], 1)
        ends = _interval(logs, codes)
        return Found(value, *ends, rows=used, excluded=out)

    def _partnered(self, above: list[dict], below: list[dict]) -> int:
        """How many rows have a cell on the other side, whether or not it was fitted."""
        sides = [[_key(row, self.alike) for row in side] for side in (above, below)]
        both = set(sides[0]) & set(sides[1])
        return sum(key in both for side in sides for key in side)

    def check(self) -> str | None:
        """What is wrong with the fields."""
        return misspelt(self.over) or misspelt(self.under)


def _interval(logs: np.ndarray, codes: np.ndarray) -> tuple[float | None, float | None]:
    """Of exp(mean(logs [pairs])), pairs of one code together; None with too few."""
    ones = np.ones((len(logs), 1))
    if not enough(ones, codes):
        return None, None
    best, told = least_squares(ones, logs, codes)
    found = closed(float(best[0]), told, np.ones(1))
    if found.low is None or found.high is None:
        return None, None
    return float(np.exp(found.low)), float(np.exp(found.high))


def _key(row: dict, columns: tuple[str, ...]) -> tuple[Any, ...]:
    return tuple(row.get(name) for name in columns)


def _logs(
    rows: list[dict], response: str, columns: tuple[str, ...]
) -> dict[tuple[Any, ...], list[float]]:
    """{columns' values: log response of the networks that reached their target}."""
    cells: dict[tuple[Any, ...], list[float]] = {}
    for row in rows:
        value = number(row, response)
        if row.get("reached", True) and value is not None and value > 0:
            cells.setdefault(_key(row, columns), []).append(float(np.log(value)))
    return cells
