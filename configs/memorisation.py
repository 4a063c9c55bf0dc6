"""MEMORISATION: n parameters memorise; how many more do so smoothly?

Question. Through n points of the unit sphere with balanced random signs: p*(n, d), the
least p at which half of the data sets are fitted to MSE <= 1e-3, and p_smooth(n, d),
the least p at which half of them have Lip <= 4 (certified). What are their exponents in
n and d, and that of their quotient in d? Exact families: linear (least squares, then
least norm), McShane in m dimensions, cut-back quadratic forms. Trained: two-layer ReLU
networks, `Adam` to 1e-3 for p*, where n >= 16 d (so that the width is about 8 or more),
`Certified` to MSE <= .1 for p_smooth, at n <= 128, d <= 16, where 4 can be had at all.

Prediction (before any run of this config). Linear: p* = n to 10 %, n^(1 +- .05) and
d^(0 +- .05). Quadratic: p_smooth n^(1 +- .2) d^(1 +- .2), its quotient by the linear p*
d^(1 +- .2). McShane: least distances concentrate late, so n^(.95 to 1.3) and
d^(.55 to 1). Trained, p*: n^(1 +- .1), d^(0 +- .15), .5 to 2 n in the median group, all
six groups within the grid. Trained, p_smooth: direction alone, both exponents > 0. No
floor is violated. A network that misses 1e-3 within its steps counts as a failure to
memorise, though its class may contain a fit: p* is that of the trainer.

Found. 7 of 16; no floor violated. Linear p*: n^1.08 [1.07, 1.09], outside: the families
skip n - 1 to n + 1, so p* reads n - 2 and more, .925 n in the median, which matters at
small n. Quadratic p_smooth: n^.52 [.24, .90] d^1.51 [1.26, 1.71], and the quotient
d^1.51: not n d at these n <= 32 (60 of 296 rows lie in groups without a threshold).
McShane: n^1.06 [1.02, 1.12], d^.71 [.65, .76], as foreseen. Trained p*: 1.19 n in the
median, all six groups, but n^1.19 [.99, 1.48] d^-.21 [-.51, .00]: the estimates miss
their ranges, the intervals say little more (44 of 120 fitted). Trained p_smooth: 4 of 6
groups reach 4 within the widths tried, too few for an exponent: its direction is open.

Command.  isorobust run --config=configs/memorisation.py --workdir=runs/memorisation
Cost.     2.9 minutes of CPU time, compiling included, 6.4 minutes on 2 busy CPU cores;
          `:smoke` some 10 seconds.
"""

import math
from collections.abc import Iterable, Iterator
from typing import Any

from isorobust.cases import Family
from isorobust.data import BalancedSigns, Sphere
from isorobust.experiment import Cell, Experiment
from isorobust.models import MLP
from isorobust.models.interpolants import (
    LeastSquares,
    McShane,
    MinNorm,
    ProjectedQuadratic,
)
from isorobust.results.rules import Rule, Summary, Threshold
from isorobust.training import Adam, Certified

__all__ = ["cpu", "gpu", "smoke"]

FIT, SMOOTH = 1e-3, 4.0
SHARES = (0.5, 0.7, 1.0, 1.4, 2.0)  # p / n
MEMORY = ((128, 8), (256, 8), (512, 8), (256, 16), (512, 16), (512, 32))
CALM = tuple((n, d) for n in (32, 64, 128) for d in (8, 16))
EXACT = tuple((n, d) for n in (16, 24, 32) for d in (64, 128, 192))
WIDE = tuple((n, d) for n in (64, 128, 256) for d in (128, 256, 512))
LARGE = tuple((n, d) for n in (1024, 4096, 16384) for d in (16, 32, 64))
BOUNDS = ("data", "sweep", "targeted", "product", "path", "certificate")


def cpu() -> Experiment:
    """Exact families at 9 pairs (n, d) each, networks at 6 and 6; 4 seeds."""
    cells = (*_memory(MEMORY, SHARES, 3000), *_calm(CALM, (2, 4, 8, 16, 32, 64), 1500))
    cases, rules = tuple(_cases(EXACT, WIDE)), tuple(_rules())
    return _experiment("MEMORISATION", cells, 4, cases, rules)


def gpu() -> Experiment:
    """The same with networks at n to 16384 (not run)."""
    calm = tuple((n, d) for n in (64, 128, 256, 512) for d in (8, 16, 32))
    widths = (4, 8, 16, 32, 64, 128, 256)
    cells = (*_memory(LARGE, SHARES, 20000), *_calm(calm, widths, 5000))
    cases, rules = tuple(_cases(EXACT, WIDE)), tuple(_rules())
    return _experiment("MEMORISATION-gpu", cells, 4, cases, rules)


def smoke() -> Experiment:
    """The same in seconds: a test that everything runs, not a table."""
    cells = (*_memory(((32, 4),), (0.5, 8.0), 1500), *_calm(((32, 4),), (4, 8), 200))
    cases, rules = tuple(_cases(((16, 64),), ((16, 64),))), tuple(_rules())
    bounds = ("data", "path")
    return _experiment("MEMORISATION-smoke", cells, 1, cases, rules, bounds)


def _experiment(
    track: str,
    cells: tuple,
    seeds: int,
    cases: tuple,
    rules: tuple,
    bounds: tuple[str, ...] = BOUNDS,
) -> Experiment:
    return Experiment(track, 1, cells, seeds, bounds=bounds, cases=cases, rules=rules)


def _memory(sizes: tuple, shares: tuple, steps: int) -> tuple[Cell, ...]:
    """Networks of p = share * n, to the nearest width."""
    recipe = Adam(FIT, 1e-2, steps)
    return tuple(
        Cell(Sphere(), BalancedSigns(), MLP(width=k), n, d, recipe)
        for n, d in sizes
        for k in dict.fromkeys(round(share * n / (d + 2)) for share in shares)
    )


def _calm(sizes: tuple, widths: tuple, steps: int) -> tuple[Cell, ...]:
    recipe = Certified(0.1, steps=steps)
    return tuple(
        Cell(Sphere(), BalancedSigns(), MLP(width=k), n, d, recipe, "coarse")
        for n, d in sizes
        for k in widths
    )


def _cases(sizes: tuple, wide: tuple) -> Iterator[Family]:
    def case(family: Any, n: int, d: int) -> Family:
        return Family(Sphere(), BalancedSigns(), family, n, d)

    for n, d in sizes:
        yield from (case(LeastSquares(m), n, d) for m in (n // 2, n - 2))
        yield from (case(MinNorm(m), n, d) for m in (n + 2, 3 * n // 2))
        for m in _geometric(math.sqrt(0.4 * n * d), math.sqrt(4 * n * d), d - 1):
            yield case(ProjectedQuadratic(m, True), n, d)
    for n, d in wide:
        yield from (case(McShane(m), n, d) for m in _geometric(d / 12, 0.8 * d, d))


def _geometric(low: float, high: float, most: int) -> Iterable[int]:
    """Nine whole numbers from low to high, none above `most`, each once."""
    some = (round(low * (high / low) ** (i / 8)) for i in range(9))
    return dict.fromkeys(m for m in some if m <= most)


def _exponents(
    said: str, expected: dict[str, tuple[float, float]], **how: Any
) -> Iterator[Rule]:
    for factor, within in expected.items():
        statistic = Threshold(factor=factor, **how)
        yield Rule(f"{said}: exponent of {factor}", statistic, within)


def _rules() -> Iterator[Rule]:
    yield Rule("floors violated", Summary("violated", "sum"), (0, 0))
    linear = ("family != McShane", "family != ProjectedQuadratic")
    memory: dict[str, Any] = {"column": "train_mse", "limit": FIT}
    smooth: dict[str, Any] = {"column": "upper", "limit": SMOOTH}
    ends = {"n": (0.95, 1.05), "d": (-0.05, 0.05)}
    yield from _exponents("linear p*", ends, where=linear, **memory)
    middle = Threshold(factor="n", where=linear, what="ratio", **memory)
    yield Rule("linear p* / n, median", middle, (0.9, 1.1))
    forms = ("family = ProjectedQuadratic",)
    ends = {"n": (0.8, 1.2), "d": (0.8, 1.2)}
    yield from _exponents("quadratic p_smooth", ends, where=forms, **smooth)
    over: dict[str, Any] = {
        "over": "train_mse",
        "over_limit": FIT,
        "over_where": linear,
    }
    ends = {"d": (0.8, 1.2)}
    said = "quadratic p_smooth / linear p*"
    yield from _exponents(said, ends, where=forms, **over, **smooth)
    ends = {"n": (0.95, 1.3), "d": (0.55, 1.0)}
    where = ("family = McShane",)
    yield from _exponents("McShane p_smooth", ends, where=where, **smooth)
    adam = ("block ~ Adam(",)
    ends = {"n": (0.9, 1.1), "d": (-0.15, 0.15)}
    yield from _exponents("trained p*", ends, where=adam, fitted=True, **memory)
    fitted: dict[str, Any] = {"factor": "n", "where": adam, "fitted": True, **memory}
    yield Rule("trained p* / n, median", Threshold(what="ratio", **fitted), (0.5, 2.0))
    found = Threshold(what="count", **fitted)
    yield Rule("trained p*: groups", found, (6.0, math.inf))
    ends = {"n": (0.0, 3.0), "d": (0.0, 3.0)}
    calm = ("block ~ Certified(",)
    yield from _exponents("trained p_smooth", ends, where=calm, fitted=True, **smooth)
    found = Threshold(factor="n", where=calm, what="count", fitted=True, **smooth)
    yield Rule("trained p_smooth: groups", found, (6.0, math.inf))
