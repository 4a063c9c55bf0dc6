"""Statistics of rows that a pass rule can name: summaries, exponents, slopes.

`where`: conditions such as "d >= 64", "family = McShane", "block ~ Adam" (contains);
a row without the column doesn't meet it. A column may be a quotient: "upper / floor".
Each gives `of(rows, rng) -> Found`. Networks that did not reach their target are in no
exponent and no slope, and counted; a summary is over all rows that `where` admits.
"""

import math
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from isorobust.results import scaling
from isorobust.results.cells import data_of

__all__ = ["Exponent", "Slope", "Summary"]

COMPARED = {
    "=": operator.eq,
    "!=": operator.ne,
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
CONDITION = re.compile(r"\s*([\w /]+?)\s*(>=|<=|!=|=|>|<|~)\s*(.+?)\s*")
ASKS_FIT = re.compile(r"\s*reached\b")
SUMMARIES: dict[str, Callable[[list[float]], Any]] = {
    "least": min,
    "largest": max,
    "median": np.median,
    "mean": np.mean,
    "sum": sum,
}
FEW = "fewer than 6 cells, or factors that don't vary independently"


@dataclass(frozen=True)
class Found:
    """A statistic: its value, 95 % interval where it has one, and what it rests on.

    value: None where it can't be had, and `reason` says why
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    rows: int = 0
    excluded: int = 0
    reason: str | None = None


@dataclass(frozen=True)
class Summary:
    """One number over the rows where the column is a number.

    excluded: rows without it, and those that only a condition on `reached` leaves out
    """

    column: str
    how: Literal["least", "largest", "median", "mean", "sum", "count"] = "median"
    where: tuple[str, ...] = ()

    def of(self, rows: list[dict], rng: np.random.Generator) -> Found:
        """The number, and over how many rows."""
        chosen = [row for row in rows if admits(self.where, row)]
        values = [v for row in chosen if (v := number(row, self.column)) is not None]
        fitted_or_not = tuple(c for c in self.where if not ASKS_FIT.match(c))
        out = sum(admits(fitted_or_not, row) for row in rows) - len(values)
        if not chosen:
            return Found(None, excluded=out, reason="no row meets the conditions")
        if self.how == "count":
            return Found(float(len(values)), rows=len(values), excluded=out)
        if not values:  # not 0: a sum of nothing would pass
            return Found(None, excluded=out, reason=f"no row has {self.column}")
        found = float(SUMMARIES[self.how](values))
        return Found(found, rows=len(values), excluded=out)

    def check(self) -> str | None:
        """What is wrong with the fields."""
        return misspelt(self.where)


@dataclass(frozen=True)
class Exponent:
    """The exponent of `factor` in response = C prod_f f^(e_f), by least squares.

    Of log means over seeds; 95 % interval over cells (scaling.power_law).
    factors: all that are fitted, `factor` among them; () means factor alone.
    what: "exponent", or "r2" for the share of variance explained
    """

    response: str
    factor: str
    factors: tuple[str, ...] = ()
    where: tuple[str, ...] = ()
    what: Literal["exponent", "r2"] = "exponent"

    def of(self, rows: list[dict], rng: np.random.Generator) -> Found:
        """The exponent with its interval."""
        factors = self.factors or (self.factor,)
        chosen = numeric(rows, self.where, (self.response, *factors))
        return _of_fit(
            scaling.power_law(chosen, self.response, factors, rng),
            self.factor if self.what == "exponent" else None,
        )

    def check(self) -> str | None:
        """What is wrong with the fields."""
        if self.factors and self.factor not in self.factors:
            return f"factor = {self.factor!r}: must be among factors {self.factors}"
        return misspelt(self.where)


@dataclass(frozen=True)
class Slope:
    """b of response = a + b factor over cells; what = "a" gives the intercept."""

    response: str
    factor: str
    where: tuple[str, ...] = ()
    what: Literal["b", "a", "r2"] = "b"

    def of(self, rows: list[dict], rng: np.random.Generator) -> Found:
        """The slope (or intercept) with its interval over cells."""
        chosen = numeric(rows, self.where, (self.response, self.factor))
        return _of_fit(
            scaling.affine(chosen, self.response, rng, self.factor),
            self.what if self.what != "r2" else None,
        )

    def check(self) -> str | None:
        """What is wrong with the fields."""
        return misspelt(self.where)


def admits(where: tuple[str, ...], row: dict) -> bool:
    """Whether the row meets all conditions."""
    return all(_meets(condition, row) for condition in where)


def number(row: dict, column: str) -> float | None:
    """The row's number of that name, or of a quotient of two; None where it has none.

    True and False count as 1 and 0.
    """
    above, over, below = (part.strip() for part in column.partition("/"))
    value = _number(row.get(above))
    if not over or value is None:
        return value
    divisor = _number(row.get(below))
    return value / divisor if divisor else None


def _number(value: Any) -> float | None:
    real = isinstance(value, (int, float)) and math.isfinite(value)
    return float(value) if real else None


def _meets(condition: str, row: dict) -> bool:
    match = CONDITION.fullmatch(condition)
    assert match  # the door has asked `check`
    column, how, word = match.groups()
    if how == "~":
        return word in str(row.get(column, ""))
    try:
        wanted: Any = float({"true": "1", "false": "0"}.get(word, word))
        value: Any = number(row, column)
    except ValueError:
        wanted, value = word, row.get(column)
    return value is not None and bool(COMPARED[how](value, wanted))


def _is_number(word: str) -> bool:
    try:
        return math.isfinite(float(word))
    except ValueError:
        return False


def misspelt(where: tuple[str, ...]) -> str | None:
    """What is wrong with conditions, if anything."""
    for condition in where:
        match = CONDITION.fullmatch(condition)
        ordered = match is not None and match[2] in (">", "<", ">=", "<=")
        if match is None or (ordered and not _is_number(match[3])):
            return f"where: {condition!r}: must be such as 'd >= 64', 'block ~ Adam'"
    return None


def numeric(
    rows: list[dict], where: tuple[str, ...], columns: tuple[str, ...]
) -> list[dict]:
    """The admitted rows with these columns (quotients among them) as numbers."""
    chosen = [row for row in rows if admits(where, row)]
    return [
        {"reached": row.get("reached", True), "cell": row["cell"], "data": data_of(row)}
        | {column: number(row, column) for column in columns}
        for row in chosen
    ]


def _of_fit(fit: scaling.Fit | None, term: str | None) -> Found:
    if fit is None:
        return Found(None, reason=FEW)
    if term is None:
        return Found(fit.r2, rows=fit.networks, excluded=fit.excluded)
    there = fit.terms[term]
    ends = there.low, there.high
    return Found(there.estimate, *ends, rows=fit.networks, excluded=fit.excluded)
