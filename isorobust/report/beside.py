"""Our networks on figure 2 of Bubeck, Li, Nagaraj 2021: the numbers behind it."""

from dataclasses import dataclass

import numpy as np

from isorobust.results import published
from isorobust.results.join import Found
from isorobust.results.scaling import Fit, affine

SEED = 0  # of the bootstrap behind the lines: their estimates don't depend on it


@dataclass(frozen=True)
class Point:
    """A cell at x = sqrt(n/k): the largest of 1000 random gradients over its networks.

    mean, least, largest: over the `networks` that reached their target
    """

    x: float
    mean: float
    least: float
    largest: float
    networks: int


@dataclass(frozen=True)
class Beside:
    """A block's cells, and the line a + b sqrt(n/k) through them where there is one."""

    block: str
    points: tuple[Point, ...]
    fit: Fit | None


def wanted(run: Found) -> bool:
    """Whether a rule of the run speaks of the published figure."""
    asked = [str(rule.statistic) for rule in run.rules]
    asked += [check.claim for check in run.checks]
    words = ("sqrt_n_over_k", "sqrt(n/k)", "published")
    return any(word in said for said in asked for word in words)


def of_run(run: Found) -> tuple[Beside, ...]:
    """A Beside a block with networks that fitted and have the bound; () unasked."""
    if not wanted(run):
        return ()
    blocks: dict[str, dict[str, list[dict]]] = {}
    for record in run.records:
        row = record | published.beside(record)
        if row["reached"] and row.get("random_over_published") is not None:
            cells = blocks.setdefault(row["block"], {})
            cells.setdefault(row["cell"], []).append(row)
    return tuple(_beside(block, cells) for block, cells in blocks.items())


def _beside(block: str, cells: dict[str, list[dict]]) -> Beside:
    rng = np.random.Generator(np.random.Philox(key=SEED))
    rows = [row for some in cells.values() for row in some]
    points = []
    for some in cells.values():
        values = [row["lower_random"] for row in some]
        mean = float(np.mean(values))
        x = some[0]["sqrt_n_over_k"]
        points.append(Point(x, mean, min(values), max(values), len(values)))
    fit = affine(rows, "lower_random", rng, "sqrt_n_over_k")
    return Beside(block, tuple(points), fit)
