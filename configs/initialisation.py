"""INITIALISATION: how much of a network's constant is what it started with?

Question. The law is about every function that fits, not about how it was found. But a
trained network keeps what its start gives it: a large first gradient may stay in a lazy
fit and fake a growth with sqrt(d) that has nothing to do with n or p. Two-layer ReLU
networks fit balanced random signs on the sphere by `Adam` to MSE <= .1, from torch's
and from unit rows' initialisation times 1/4, 1 and 4, with batch norm and without, for
d = 32 to 256 at n = 512 and p = 4n (`gradient_at_start` in the records is the control).

Prediction (written before any run of this config). No floor is violated. From 4 times
unit rows the first gradient is over 3 and the final constant exceeds that from 1/4 (a
lazy fit keeps its start): medians above 12 and below 12. The exponent of d at fixed n
and p, in the attained bound: above .2 with batch norm (the first gradient goes as
sqrt(d)), below .2 from 1/4 of unit rows. Batch norm's first gradient has the exponent
.5 +- .15 in d; without it, it hardly depends on d (0 +- .15 from unit rows).

Found. 7 of 8. The constant does grow with d at fixed n and p, by d^.46 [.09, .83], from
a quarter of unit rows as well, whose first gradient is small: so the start isn't what
makes it grow, and the lazy fit was the wrong culprit (n / d falls to 2 on the way).
Four times unit rows start at 13.8 and end at 13.2; a quarter of them end at 11.3. That
is over all d: at d = 256 the quarter ends higher (22.9 against 20.8).

Command.  isorobust run --config=configs/initialisation.py --workdir=runs/initialisation
Cost.     2 minutes on 2 CPU cores, compiling included; `:smoke` some 10 seconds.
"""

import math
from collections.abc import Iterator

from isorobust.data import BalancedSigns, Sphere
from isorobust.experiment import Cell, Experiment
from isorobust.models import MLP
from isorobust.results.rules import Exponent, Rule, Summary
from isorobust.training import Adam

__all__ = ["cpu", "gpu", "smoke"]

SCALES = (0.25, 1.0, 4.0)
DIMENSIONS = (32, 48, 64, 96, 128, 192, 256)
BOUNDS = ("data", "sweep", "random", "product", "path", "liplt", "certificate")


def cpu() -> Experiment:
    """7 dimensions x (2 x 3 initialisations, and batch norm) x 3 seeds."""
    cells = _cells(512, DIMENSIONS, 4000)
    rules = tuple(_rules())
    return Experiment("INITIALISATION", 1, cells, 3, bounds=BOUNDS, rules=rules)


def gpu() -> Experiment:
    """The same at n = 4096, d = 64 to 1024 (not run)."""
    cells = _cells(4096, (*(2 * d for d in DIMENSIONS), 1024), 8000)
    rules = tuple(_rules())
    return Experiment("INITIALISATION-gpu", 1, cells, 4, bounds=BOUNDS, rules=rules)


def smoke() -> Experiment:
    """The same in seconds: a test that everything runs, not a table."""
    cells, rules = _cells(64, (8, 16), 1000), tuple(_rules())
    bounds = ("data", "product", "path")
    return Experiment("INITIALISATION-smoke", 1, cells, 1, bounds=bounds, rules=rules)


def _cells(n: int, dimensions: tuple[int, ...], steps: int) -> tuple[Cell, ...]:
    """Width 4n / (d + 2): p = 4n."""
    kinds = [MLP(init_scheme="unit", init_scale=scale) for scale in SCALES]
    kinds += [MLP(init_scheme="torch", init_scale=scale) for scale in SCALES]
    kinds += [MLP(batch_norm=True), MLP(batch_norm=True, init_scheme="torch")]
    recipe = Adam(target_mse=0.1, learning_rate=1e-2, steps=steps)
    return tuple(
        Cell(
            Sphere(),
            BalancedSigns(),
            kind.clone(width=round(4 * n / (d + 2))),
            n,
            d,
            recipe,
            "coarse",
        )
        for kind in kinds
        for d in dimensions
    )


def _rules() -> Iterator[Rule]:
    yield Rule("floors violated", Summary("violated", "sum"), (0, 0))
    plain = ("model = MLP", "init_scheme = unit")
    large, small = (*plain, "init_scale = 4"), (*plain, "init_scale = 0.25")
    fits = ("reached = true",)
    start = Summary("gradient_at_start", "median", large)
    yield Rule("4 x unit: first gradient", start, (3, math.inf))
    yield Rule("4 x unit: L", Summary("lower", "median", large + fits), (12, math.inf))
    yield Rule("unit / 4: L", Summary("lower", "median", small + fits), (0, 12))
    norm = ("model = MLP+bn",)
    yield Rule(
        "batch norm: exponent of d in L", Exponent("lower", "d", where=norm), (0.2, 1)
    )
    yield Rule(
        "unit / 4: exponent of d in L", Exponent("lower", "d", where=small), (-1, 0.2)
    )
    for said, where, within in (
        ("batch norm", norm, (0.35, 0.65)),
        ("unit rows", (*plain, "init_scale = 1"), (-0.15, 0.15)),
    ):
        statistic = Exponent("gradient_at_start", "d", where=where)
        yield Rule(f"{said}: exponent of d in the first gradient", statistic, within)
