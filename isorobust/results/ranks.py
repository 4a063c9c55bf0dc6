"""Rank correlation over cells, as a statistic that a pass rule can name."""

from dataclasses import dataclass

import numpy as np
from scipy.stats import spearmanr

from isorobust.results.cells import FEWEST, averages
from isorobust.results.statistics import FEW, Found, misspelt, numeric


@dataclass(frozen=True)
class Spearman:
    """Spearman's rank correlation of two columns over cells, 1 or -1 if monotone.

    Of the cells' geometric means over seeds that reached their target; no interval.
    """

    response: str
    factor: str
    where: tuple[str, ...] = ()

    def of(self, rows: list[dict], rng: np.random.Generator) -> Found:
        """The correlation, and over how many networks."""
        columns = (self.response, self.factor)
        chosen = numeric(rows, self.where, columns)
        cells = averages(chosen, self.response, (self.factor,))
        count = sum(cell.count for cell in cells)
        out = len(chosen) - count
        if len(cells) < FEWEST:
            return Found(None, rows=count, excluded=out, reason=FEW)
        logs = [cell.log for cell in cells]
        factors = [cell.factors[self.factor] for cell in cells]
        if min(len(set(logs)), len(set(factors))) == 1:
            return Found(None, rows=count, excluded=out, reason="a column is constant")
        found = float(spearmanr(logs, factors).statistic)
        return Found(found, rows=count, excluded=out)

    def check(self) -> str | None:
        """What is wrong with the fields."""
        return misspelt(self.where)
