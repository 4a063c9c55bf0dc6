"""The sandwich: at one (n, d, p), floors, trained networks, and McShane's function.

McShane's function on a projection, with p' <= p parameters, fits the same points. So
what p parameters can do lies between the floors of both classes and the smaller of
what training found and what McShane's formula gives.
"""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np

Key = TypeVar("Key", str, int)


@dataclass(frozen=True)
class Line:
    """One (n, d, p) of trained networks, on the data sets that McShane's saw too.

    data: law of x and of y; fitted of `networks` reached their target
    floor: the largest sharp floor of those networks (None: it is silent)
    mcshane_floor: that of McShane's class at this m
    trained: the least over recipes of the geometric mean of `upper` (on R^d) over the
        fitted seeds; recipe: whose it is
    mcshane: the least over m with n (m + 1) <= p of the geometric mean of its constant;
        m: which. It fits exactly, the networks to their target only.
    smaller: "trained" or "McShane"; None where one of them isn't there
    """

    data: str
    n: int
    d: int
    p: int
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
    """A line for every (n, d, p) of trained networks, in the order of the rows.

    rows: records of networks (no kind, or "network") and rows of the family McShane;
    all others are passed over. () unless there are both.
    """
    cells: dict[tuple, list[dict]] = {}
    nearest: dict[tuple, dict[int, list[dict]]] = {}
    for row in rows:
        if row.get("kind", "network") == "network":
            where = f"{row['distribution']}; {row['target']}", row["n"], row["d"]
            cells.setdefault((*where, row["p"]), []).append(row)
        elif row.get("family") == "McShane":
            where = row["block"].partition("; ")[2], row["n"], row["d"]
            nearest.setdefault(where, {}).setdefault(row["m"], []).append(row)
    if not nearest:
        return ()
    return tuple(
        _line(where, some, nearest.get(where[:3], {})) for where, some in cells.items()
    )


def _line(where: tuple, rows: list[dict], nearest: dict[int, list[dict]]) -> Line:
    data, n, d, p = where
    fitted = [row for row in rows if row["reached"]]
    recipes: dict[str, list[dict]] = {}
    for row in fitted:
        recipes.setdefault(row["recipe"].partition("(")[0], []).append(row)
    small = {m: some for m, some in nearest.items() if some[0]["p"] <= p}
    trained, recipe = _least(recipes, "upper")
    mcshane, m = _least(small, "exact")
    smaller = None
    if trained is not None and mcshane is not None:
        smaller = "trained" if trained < mcshane else "McShane"
    return Line(
        data=data,
        n=n,
        d=d,
        p=p,
        law_ratio=rows[0]["law_ratio"],
        networks=len(rows),
        fitted=len(fitted),
        floor=_highest(fitted),
        trained=trained,
        recipe=recipe,
        mcshane=mcshane,
        m=m,
        mcshane_floor=None if m is None else _highest(small[m]),
        smaller=smaller,
    )


def _highest(rows: list[dict]) -> float | None:
    floors = [row["floor_sharp"] for row in rows if row["floor_sharp"] is not None]
    return max(floors, default=None)


def _least(
    groups: dict[Key, list[dict]], column: str
) -> tuple[float | None, Key | None]:
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
