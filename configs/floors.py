"""FLOORS: is any floor of the law violated, and how far above them does one get?

Question. Trained networks (`Adam`, `Path`, `Certified`, to MSE <= .1) and families
with a formula see the same points of the sphere and the same balanced random signs.
Is any certified upper bound below a floor? How far above the sharp floor is the best
function at one (n, d, p): a trained network's, or McShane's on as many dimensions m as
p parameters pay for, n (m + 1) <= p, at the same MSE?

Prediction (of the proofs, of LAW-S's networks and of single data sets of the families,
before any run of this config). No violation: 0 rows of all. Every network's attained
lower bound is above all its floors, and the best comes within 12 times its sharp floor.
The theorem as printed applies to no row. McShane with m >= 64 lies 1 to 4 sqrt(8)
= 11.3 times above its sharp floor. The caps of s = .1 are disjoint for d >= 64: their
constant is sqrt(19) to roundoff. The sandwich: floor <= best of both everywhere; the
trained networks are the smoother ones at p <= 17n, McShane's function at p >= 33n.

Found. 9 of 9; of the sandwich, which no rule asks (the panel shows it), all but one: at
(128, 256), p = 129n, the best network (1.56) is smoother than McShane's function on 128
dimensions (1.70). All 256 would cost p = 257n.

Command.  isorobust run --config=configs/floors.py --workdir=runs/floors
Cost.     6 to 7 minutes on 2 CPU cores, compiling included; `:smoke` some 30 seconds.
"""

import math
from collections.abc import Iterator
from typing import Any

from isorobust.cases import Family
from isorobust.data import BalancedSigns, Sphere
from isorobust.experiment import Cell, Experiment
from isorobust.models import MLP
from isorobust.models.interpolants import (
    Caps,
    Groups,
    LeastSquares,
    McShane,
    MinNorm,
    Quadratic,
)
from isorobust.results.rules import Rule, Summary
from isorobust.training import Adam, Certified, Path

__all__ = ["cpu", "smoke"]

# (n, d): widths; p from 2 n to 129 n
GRID = {
    (128, 256): (4, 16, 64),
    (256, 32): (16, 64, 128),
    (256, 64): (8, 32, 128),
    (512, 64): (16, 64, 256),
    (512, 128): (16, 64, 256),
}
LEFT = 0.1  # the MSE that a fit may leave: epsilon = .9


def cpu() -> Experiment:
    """5 pairs (n, d) x 3 widths x 3 recipes x 3 seeds, and 78 cases."""
    cells = _cells(GRID, adam=4000, path=2500, certified=4000)
    cases = tuple(_families(GRID))
    return Experiment("FLOORS", 1, cells, seeds=3, cases=cases, rules=tuple(_rules()))


def smoke() -> Experiment:
    """The same in seconds: a test that everything runs, not a table."""
    cells = _cells({(64, 64): (4, 64)}, adam=1000, path=400, certified=400)
    cases = tuple(_families({(64, 64): (4, 64), (32, 64): (8,)}))
    bounds, rules = ("data", "sweep", "product", "certificate"), tuple(_rules())
    return Experiment(
        "FLOORS-smoke", 1, cells, 2, bounds=bounds, cases=cases, rules=rules
    )


def _cells(grid: dict, adam: int, path: int, certified: int) -> tuple[Cell, ...]:
    return tuple(
        Cell(Sphere(), BalancedSigns(), MLP(width=width), n, d, recipe)
        for recipe in (
            Adam(target_mse=LEFT, learning_rate=1e-2, steps=adam),
            Path(target_mse=LEFT, steps=path),
            Certified(target_mse=LEFT, steps=certified),
        )
        for (n, d), widths in grid.items()
        for width in widths
    )


def _families(grid: dict) -> Iterator[Family]:
    for (n, d), widths in grid.items():
        for family in _of_size(n, d, widths):
            yield Family(Sphere(), BalancedSigns(), family, n, d)


def _of_size(n: int, d: int, widths: tuple[int, ...]) -> Iterator[Any]:
    """The families that say something at (n, d)."""
    paid = {min(MLP(width=k).folded_params(d) // n - 1, d) for k in widths}
    for m in sorted(paid | {d}):
        if m >= 1:
            yield McShane(m, left=LEFT)
            yield McShane(m)
    for m in (d // 2, d):
        if n + 1 < m:
            yield MinNorm(m)
        elif m + 1 < n:
            yield LeastSquares(m)
    if n < d * (d + 1) // 2:
        yield Quadratic()
    yield Caps(0.1)
    yield Caps(0.25)
    yield from (Groups(n // m) for m in (1, 2, 4) if 16 * m <= d)


def _rules() -> Iterator[Rule]:
    above = (1.0, math.inf)
    yield Rule("no floor is violated", Summary("violated", "sum"), (0.0, 0.0))
    literal = Summary("theorem_applies", "sum")
    yield Rule("the theorem as printed applies to no row", literal, (0.0, 0.0))
    networks, mcshane = ("kind = network",), ("family = McShane",)
    least = Summary("lower / floor", "least", networks)
    yield Rule("networks: lower bound over the highest floor, least", least, above)
    least = Summary("lower / floor_sharp", "least", networks)
    yield Rule("networks: lower bound over the sharp floor, least", least, (1.0, 12.0))
    for ratio in _both("exact / floor_sharp", (*mcshane, "m >= 64")):
        claim = f"McShane, m >= 64, over the sharp floor: {ratio.how}"
        yield Rule(claim, ratio, (1.0, 4 * math.sqrt(8)))
    least = Summary("exact / floor", "least", mcshane)
    yield Rule("McShane over the highest floor, least", least, (1 - 1e-6, math.inf))
    edge = math.sqrt(19)
    for caps in _both("exact", ("family = Caps", "block ~ s=0.1", "d >= 64")):
        within = (edge * (1 - 1e-9), edge * (1 + 1e-9))
        yield Rule(f"caps of s = .1, d >= 64: sqrt(19), {caps.how}", caps, within)


def _both(column: str, where: tuple[str, ...]) -> tuple[Summary, Summary]:
    """The least and the largest."""
    return Summary(column, "least", where), Summary(column, "largest", where)
