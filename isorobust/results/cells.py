"""From rows to what is fitted: cells averaged over seeds, and what depends on what."""

from dataclasses import dataclass

import numpy as np

from isorobust.results.clustered import codes_of

FEWEST = 6  # clusters: with fewer, an interval says nothing


@dataclass(frozen=True)
class Average:
    """A cell over its networks that reached their target.

    log: the mean of log(response); factors: the geometric means of the factors, each
    the number itself where it is the same for all; count: how many networks they are;
    data: what cells that share data sets have in common, None where none is known
    """

    log: float
    factors: dict[str, float]
    count: int
    data: str | None = None


def averages(
    rows: list[dict], response: str, factors: tuple[str, ...] = ()
) -> list[Average]:
    """One Average a cell that has a network which reached its target."""
    cells: dict[str, list[dict]] = {}
    for row in rows:
        if usable(row, (response, *factors)):
            cells.setdefault(row["cell"], []).append(row)
    return [
        Average(
            float(np.mean(np.log([row[response] for row in some]))),
            {name: _middle([row[name] for row in some]) for name in factors},
            len(some),
            data_of(some[0]),
        )
        for some in cells.values()
    ]


def usable(row: dict, columns: tuple[str, ...]) -> bool:
    """Whether the network reached its target and has these numbers, all positive."""
    return bool(row["reached"]) and positive(row, columns)


def positive(row: dict, columns: tuple[str, ...]) -> bool:
    """Whether the row has these numbers, all positive."""
    return all(row[name] is not None and row[name] > 0 for name in columns)


def data_of(row: dict) -> str | None:
    """The name of the data that the row's cell shares with others of its n and d.

    Whatever the width or the family: networks and solved families see the same points
    and labels. A column `data` says it outright.
    """
    if "data" in row:
        return row["data"]
    laws = laws_of(row)
    return None if laws is None else f"{laws}, {row['n']}, {row['d']}"


def laws_of(row: dict) -> str | None:
    """The laws of x and of y of a network's row or a solved family's, alike in both."""
    if "family" in row and "block" in row:
        return row["block"].partition("; ")[2] or None
    if all(name in row for name in ("distribution", "target", "n", "d")):
        return f"{row['distribution']}; {row['target']}"
    return None


def independent(cells: list, data: list[str | None], k: int) -> tuple[np.ndarray, str]:
    """The cluster 0 ... G - 1 of each row, and what the clusters are.

    Widths (or families) of one (n, d) are fitted to the same data sets, so they are one
    cluster, where that leaves enough clusters for k coefficients; else a cell is one.
    """
    if None not in data:
        groups = len(set(data))
        if max(FEWEST, k + 1) <= groups < len(set(cells)):
            return codes_of(data), "data sets"
    return codes_of(cells), "cells"


def enough(x: np.ndarray, codes: np.ndarray) -> bool:
    """Whether x [rows, k] has independent columns, and there are enough clusters."""
    fewest = max(FEWEST, x.shape[1] + 1)
    return len(np.unique(codes)) >= fewest and tells(x)


def tells(x: np.ndarray) -> bool:
    """Whether the columns of x [rows, k] are independent, and there are rows to spare.

    To 1e-6 of their lengths: nearer ones have no exponents that rounding leaves alone.
    """
    if len(x) <= x.shape[1]:
        return False
    lengths = np.linalg.norm(x, axis=0)
    if not np.all(lengths > 0):
        return False
    return bool(np.linalg.matrix_rank(x / lengths, tol=1e-6) == x.shape[1])


def design(columns: list[np.ndarray] | list[list[float]]) -> np.ndarray:
    """A column of ones, and the columns [rows, k]."""
    return np.column_stack([np.ones(len(columns[0])), *columns])


def _middle(values: list[float]) -> float:
    """The geometric mean; the number itself where all are the same."""
    if len(set(values)) == 1:
        return float(values[0])
    return float(np.exp(np.mean(np.log(values))))
