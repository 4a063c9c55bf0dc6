"""Panels: the rows of cases, a line a case, over its seeds."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from isorobust.report.trials import Trials, of_cases
from isorobust.results import scaling
from isorobust.results.sandwich import Line
from isorobust.results.scaling import Estimate


@dataclass(frozen=True)
class Entry:
    """One place of a panel.

    value: a number (geometric mean over the seeds, with a 95 % interval, where they
    differ and are positive, else the mean), or a text; None where no seed has one.
    count: how many of `seeds` have it
    """

    value: Estimate | str | int | None
    count: int
    seeds: int


@dataclass(frozen=True)
class Panel:
    """The cases that may be pooled: all but sizes is the same.

    trials: by line, the seeds behind it; () for lines that are no cases
    """

    name: str
    heads: tuple[str, ...]
    lines: tuple[tuple[Entry, ...], ...]
    trials: tuple[Trials, ...] = ()


def panels(rows: Iterable[dict], shown: dict[str, list[str]]) -> tuple[Panel, ...]:
    """A panel a block, in the order of the rows; shown: block -> columns."""
    blocks: dict[str, dict[str, list[dict]]] = {}
    for row in rows:
        blocks.setdefault(row["block"], {}).setdefault(row["cell"], []).append(row)
    return tuple(
        Panel(
            name,
            tuple(shown[name]),
            tuple(
                tuple(_entry([row.get(head) for row in some]) for head in shown[name])
                for some in cells.values()
            ),
            tuple(of_cases(some, shown[name]) for some in cells.values()),
        )
        for name, cells in blocks.items()
    )


def between(lines: tuple[Line, ...]) -> tuple[Panel, ...]:
    """The sandwich as a panel: () without lines."""
    if not lines:
        return ()
    heads = tuple(field.name for field in fields(Line))
    rows = tuple(
        tuple(_entry([getattr(line, head)]) for head in heads) for line in lines
    )
    name = "Between the floors and McShane's function: trained networks of the same p"
    return (Panel(name, heads, rows),)


def _entry(values: list[Any]) -> Entry:
    there = [value for value in values if value is not None]
    return Entry(_summary(there) if there else None, len(there), len(values))


def _summary(values: list[Any]) -> Estimate | str | int:
    if all(isinstance(value, bool) for value in values):
        return f"{sum(values)}/{len(values)}"
    if any(isinstance(value, (str, list, dict)) for value in values):
        return ", ".join(dict.fromkeys(map(str, values)))
    if len(set(values)) == 1:
        whole = isinstance(values[0], int)
        return values[0] if whole else Estimate(float(values[0]), None, None)
    if min(values) > 0:
        return scaling.mean(values)
    return Estimate(float(np.mean(values)), None, None)
