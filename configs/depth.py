"""DEPTH: do more layers of the same number of parameters make a smoother fit?

Question. The law counts parameters and not layers, but for a logarithm; Bubeck & Sellke
leave open whether depth helps (a factor sqrt(1/D) would be possible in their bound).
ReLU networks of D = 2, 3 and 4 layers, their widths chosen so that p is the same to
3 %, fit balanced random signs on the sphere to MSE <= .1 by `Adam` and, for the
smallest certified constant, by `Certified`. Does L fall with D at fixed n, d, p?

Prediction (before any run of this config; UNIVERSALITY's plain three-layer networks lie
twice as high as its two-layer ones). No floor is violated. No sqrt(1/D): the exponent
of D in the attained bound, at fixed sqrt(nd/p), is above -.25 for both recipes. Plain
training gets rougher with depth: between .5 and 2.5. Trained for smoothness, depth
hardly matters: between -.25 and .5. Brackets are wider for deeper networks: upper/lower
<= 1.05 in the median at D = 2, <= 2.5 at D = 4.

Found. 5 of 7. Plain training gets rougher as D^1.39 [1.12, 1.67]; trained for it, L
doesn't change with depth, D^.07 [-.32, .47], an interval of 3 pairs (n, d) that doesn't
exclude sqrt(1/D) (exponent -.5 it does, -.25 it doesn't). Brackets: 1.15 at two layers,
for `branched`, which closes them elsewhere, wasn't asked for here; 1.10 at four.

Command.  isorobust run --config=configs/depth.py --workdir=runs/depth
Cost.     3 minutes on 2 CPU cores, compiling included; `:smoke` some 10 seconds.
"""

from collections.abc import Iterator

from isorobust.data import BalancedSigns, Sphere
from isorobust.experiment import Cell, Experiment
from isorobust.models import MLP
from isorobust.results.rules import Exponent, Rule, Summary
from isorobust.training import Adam, Certified

__all__ = ["cpu", "gpu", "smoke"]

# (n, d): {depth: width}, each with p = that of the two-layer network to 3 %
GRID = {
    (256, 32): {2: 64, 3: 32, 4: 25},
    (512, 32): {2: 128, 3: 51, 4: 39},
    (512, 64): {2: 128, 3: 64, 4: 50},
}
LARGE = {
    (4096, 64): {2: 1024, 3: 230, 4: 170},
    (4096, 128): {2: 1024, 3: 306, 4: 232},
    (8192, 128): {2: 2048, 3: 454, 4: 338},
}
BOUNDS = ("data", "sweep", "trace", "product", "path", "liplt", "eclipse",
          "certificate")  # fmt: skip


def cpu() -> Experiment:
    """3 shapes x 3 depths x 2 recipes x 3 seeds."""
    return _experiment("DEPTH", GRID, 4000)


def gpu() -> Experiment:
    """The same at n = 4096 and 8192 (not run)."""
    return _experiment("DEPTH-gpu", LARGE, 8000)


def smoke() -> Experiment:
    """The same in seconds: a test that everything runs, not a table."""
    return _experiment("DEPTH-smoke", {(64, 16): {2: 16, 4: 9}}, 500)


def _experiment(track: str, grid: dict, steps: int) -> Experiment:
    recipes = (
        Adam(target_mse=0.1, learning_rate=1e-2, steps=steps),
        Certified(target_mse=0.1, steps=steps),
    )
    cells = tuple(
        Cell(Sphere(), BalancedSigns(), MLP(width=width, depth=depth), n, d, recipe)
        for recipe in recipes
        for (n, d), widths in grid.items()
        for depth, width in widths.items()
    )
    return Experiment(track, 1, cells, 3, bounds=BOUNDS, rules=tuple(_rules()))


def _rules() -> Iterator[Rule]:
    yield Rule("floors violated", Summary("violated", "sum"), (0, 0))
    for recipe, within in (("Adam", (0.5, 2.5)), ("Certified", (-0.25, 0.5))):
        where = (f"recipe ~ {recipe}",)
        grown = Exponent("lower", "depth", ("depth", "law_ratio"), where)
        yield Rule(f"{recipe}: exponent of depth", grown, within)
        yield Rule(f"{recipe}: no sqrt(1/D)", grown, (-0.25, 9.0), "interval")
    for depth, most in ((2, 1.05), (4, 2.5)):
        there = ("reached = true", f"depth = {depth}")
        width = Summary("upper_over_lower", "median", there)
        yield Rule(f"upper / lower at {depth} layers", width, (1.0, most))
