"""FRONTIER-0: the smoothest function known that fits, at a budget of p parameters.

Question. A task is (n, d) and a budget: at most p parameters, MSE <= .1 on n points of
the sphere with balanced random signs. What is the least certified Lipschitz constant
that anything reaches: a network trained for it (`Certified`), McShane's function on as
many dimensions as p pays for, a form with a formula? And how far is that from the
floor? The report's panel "Between the floors and McShane's function" is the frontier;
whoever has a smoother fit enters it as a recipe or a family of this version's tasks.

Prediction (of FLOORS, which has other sizes; before any run of this config). No floor
is violated. The trained networks are the smoother ones at p <= 17n, McShane's function
at p >= 33n. Over its sharp floor the frontier stays within 12 everywhere. Networks
reach certified constants of at most 2 epsilon sqrt(nd/p) at p <= 4.3n.

Found. 2 of 4; no floor violated. The rules take networks one by one, and the two on
trained ones failed: they lie up to 17 times over their sharp floors, and two of the 18
at p <= 4.3n, both at p = n, are above 2 epsilon sqrt(nd/p): up to 2.5 of it (reach 3.2;
the best has 1.05, reach 1.4). McShane's functions on 64 dimensions stay within 10 times
their floors. Of the frontier itself (the panel: the smoother of both) the claim fails
by little: 12.4 times the floor in 2 of 12 tasks, at most 11 in the others. What no
rule asks held: the networks are smoother in all tasks at p <= 17n, McShane's function
in the three at p >= 33n (at p = n it has no dimension to live on).

Command.  isorobust run --config=configs/frontier.py --workdir=runs/frontier
Cost.     4 minutes on 2 idle CPU cores, compiling included (the published run shared
          them: 24); `:smoke` some 10 seconds.
"""

import math
from collections.abc import Iterator

from isorobust.cases import Family
from isorobust.data import BalancedSigns, Sphere
from isorobust.experiment import Cell, Experiment
from isorobust.models import MLP
from isorobust.models.interpolants import Caps, McShane, Quadratic
from isorobust.results.rules import Rule, Summary
from isorobust.training import Certified

__all__ = ["cpu", "gpu", "smoke"]

LEFT = 0.1  # the MSE that a fit may leave: epsilon = .9
# (n, d): widths, whose p are the budgets: p = 1 n to 66 n
TASKS = {
    (256, 64): (4, 16, 64, 256),
    (512, 64): (8, 32, 128, 256),
    (512, 128): (4, 16, 64, 256),
}
LARGE = {(4096, 128): (32, 128, 512, 2048), (8192, 256): (32, 128, 512, 2048)}


def cpu() -> Experiment:
    """3 pairs (n, d) x 4 budgets x 3 seeds, and what has a formula."""
    return _experiment("FRONTIER-0", TASKS, 4000, 3)


def gpu() -> Experiment:
    """The same at n = 4096 and 8192 (not run)."""
    return _experiment("FRONTIER-0-gpu", LARGE, 8000, 3)


def smoke() -> Experiment:
    """The same in seconds: a test that everything runs, not a table."""
    bounds = ("data", "sweep", "product", "certificate")
    return _experiment("FRONTIER-0-smoke", {(64, 64): (2, 4, 64)}, 400, 2, bounds)


def _experiment(
    track: str, tasks: dict, steps: int, seeds: int, bounds: tuple[str, ...] = ()
) -> Experiment:
    recipe = Certified(target_mse=LEFT, steps=steps)
    cells = tuple(
        Cell(Sphere(), BalancedSigns(), MLP(width=width), n, d, recipe)
        for (n, d), widths in tasks.items()
        for width in widths
    )
    cases, rules = tuple(_solved(tasks)), tuple(_rules())
    return Experiment(track, 1, cells, seeds, bounds=bounds, cases=cases, rules=rules)


def _solved(tasks: dict) -> Iterator[Family]:
    for (n, d), widths in tasks.items():
        paid = {min(MLP(width=k).folded_params(d) // n - 1, d) for k in widths}
        for m in sorted(m for m in paid if m >= 1):
            yield Family(Sphere(), BalancedSigns(), McShane(m, left=LEFT), n, d)
        if n < d * (d + 1) // 2:
            yield Family(Sphere(), BalancedSigns(), Quadratic(), n, d)
        yield Family(Sphere(), BalancedSigns(), Caps(0.25), n, d)


def _rules() -> Iterator[Rule]:
    network = ("kind = network", "reached = true")
    yield Rule("no floor is violated", Summary("violated", "sum"), (0, 0))
    over = Summary("upper / floor_sharp", "largest", network)
    yield Rule("networks over the sharp floor, largest", over, (1, 12))
    # reach = upper / ((1 - sqrt(1 - epsilon)) sqrt(nd/p)); .9 / (1 - sqrt(.1)) = 1.32
    scarce = (*network, "law_ratio >= 3.8")
    reach = Summary("reach", "largest", scarce)
    yield Rule("networks of few parameters: reach, largest", reach, (0, 2 * 1.32))
    mcshane = Summary("exact / floor_sharp", "largest", ("family = McShane", "m >= 64"))
    yield Rule("McShane, m >= 64, over the sharp floor", mcshane, (1, 4 * math.sqrt(8)))
