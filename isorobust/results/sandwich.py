"""The sandwich: at one (n, d, p), floors, trained networks, and McShane's function.

McShane's function on a projection, with p' <= p parameters, fits the same points as
well. So what p parameters can do lies between the floors of both classes and the
smaller of what training found and what McShane's formula gives.
"""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from isorobust.results.cells import laws_of

ROUNDING = 1e-6  # of a training MSE held against its target, as in `reached`

Key = TypeVar("Key")


@dataclass(frozen=True)
class Line:
    """One (n, d, p) of trained networks, on the data sets that McShane's saw too.

    data: law of x and of y; fitted of `networks` reached their target_mse
    floor: the largest sharp floor of those networks (None: it is silent)
    mcshane_floor: that of McShane's class at this m
    trained: the least over recipes of the geometric mean of `upper` (on R^d) over the
        fitted seeds; recipe: whose it is
    mcshane: the least over m with n (m + 1) <= p of the geometric mean of its constant,
        among fits to target_mse or better; m: which
    smaller: "trained" or "McShane"; None where one of them isn't there
    """

    data: str
    n: int
    d: int
    p: int
    target_mse: float
    law_ratio: float
    networks: int
    fitted: int
    floor: float | None
    trained: float | None
    recipe: str | None
    mcshane: float | None
    m: int | None
    mcshane_floor: float | None
    smaller: str | None

    @property
    def holds(self) -> bool | None:
        """Whether each is above the floor of its class; None with nothing to hold."""
        pairs = (self.floor, self.trained), (self.mcshane_floor, self.mcshane)
        held = [low <= v for low, v in pairs if low is not None and v is not None]
        return all(held) if held else None


def sandwich(rows: list[dict]) -> tuple[Line, ...]:
    """A line for every (n, d, p, target) of trained networks, in the rows' order.

    rows: records of networks (no kind, or "network") and rows of the family McShane;
    all others are passed over. () unless there are both.
    """
    nearest: dict[tuple, list[dict]] = {}
    for row in rows:
        if row.get("family") == "McShane":
            where = laws_of(row), row["n"], row["d"]
            nearest.setdefault(where, []).append(row)
    if not nearest:
        return ()
    cells: dict[tuple, list[dict]] = {}
    for row in rows:
        if row.get("kind", "network") == "network":
            where = laws_of(row), row["n"], row["d"]
            cells.setdefault((*where, row["p"], row["target_mse"]), []).append(row)
    return tuple(
        _line(where, some, nearest.get(where[:3], [])) for where, some in cells.items()
    )


def _line(where: tuple, rows: list[dict], nearest: list[dict]) -> Line:
    data, n, d, p, target_mse = where
    fitted = [row for row in rows if row["reached"]]
    recipes: dict[str, list[dict]] = {}
    for row in fitted:
        recipes.setdefault(row["recipe"].partition("(")[0], []).append(row)
    small: dict[tuple[int, str], list[dict]] = {}
    for row in nearest:
        if row["p"] <= p and row["train_mse"] <= target_mse * (1 + ROUNDING):
            small.setdefault((row["m"], row["block"]), []).append(row)
    trained, recipe = _least(recipes, "upper")
    mcshane, best = _least(small, "exact")
    smaller = None
    if trained is not None and mcshane is not None:
        smaller = "trained" if trained < mcshane else "McShane"
    return Line(
        data=data,
        n=n,
        d=d,
        p=p,
        target_mse=target_mse,
        law_ratio=rows[0]["law_ratio"],
        networks=len(rows),
        fitted=len(fitted),
        floor=_highest(fitted),
        trained=trained,
        recipe=recipe,
        mcshane=mcshane,
        m=None if best is None else best[0],
        mcshane_floor=None if best is None else _highest(small[best]),
        smaller=smaller,
    )


def _highest(rows: list[dict]) -> float | None:
    floors = [row["floor_sharp"] for row in rows if row["floor_sharp"] is not None]
    return max(floors, default=None)


def _least(
    groups: dict[Key, list[dict]], column: str
) -> tuple[float, Key] | tuple[None, None]:
    """The least geometric mean of a column over groups, and whose it is."""
    means = {}
    for key, rows in groups.items():
        values = [row[column] for row in rows if row[column]]
        if values:
            means[key] = float(np.exp(np.mean(np.log(values))))
    if not means:
        return None, None
    best = min(means, key=lambda key: means[key])
    return means[best], best
