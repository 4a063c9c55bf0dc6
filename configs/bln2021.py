"""BLN-2021: is the largest random gradient of trained networks a + b sqrt(n/k)?

Question. Figure 2 of Bubeck, Li, Nagaraj (COLT 2021): two-layer ReLU networks of k
neurons with batch norm fit random signs at n points of N(0, I/d) by Adam to MSE <= .02;
the largest |grad f| at 1000 fresh points (`lower_random`) grows like sqrt(n/k) over
their 906 points: y = 3.38 + 1.40 sqrt(n/k), R^2 = .878 (results/published.py). Do ours
lie beside them? The paper states neither initialisation, rate, batch nor what batch
norm does at evaluation. Here: rate 1e-3, all points a step, the statistics of the
training set frozen; everything is run twice, with torch's initialisation and with rows
of length 1 (the default, which a block does not name), to show what that moves.

Prediction (before any run, and the grid with it: n/d from 2 to 8, n/k from 1 to 64,
p >= 4n). With torch's initialisation: the median of y over their line in [.9, 1.8]; a
slope b whose 95 % interval excludes 0; 16 triples or more. From an earlier trial with
other triples (4.46 + 1.84 sqrt(n/k), R^2 .81): b in [1, 2.2], a in [2.5, 5.5],
R^2 >= .75, and y / sqrt(n/k) >= 1.3 everywhere. Rules that fail stay.
`:gpu` is their figure 3 (n = 10^4, MSE <= .1): y grows like d^.5 for k = 10 n / d
(.5 +- .1 for d >= 600) and at most like d^.2 for k = n. It was not run: at k = n a lane
holds gigabytes, and a GPU's micro-block of 128 lanes won't fit.

Command.  isorobust run --config=configs/bln2021.py --workdir=runs/bln2021
Cost.     1 to 2 minutes on 2 CPU cores, compiling included; `:smoke` some 10 seconds;
          `:full` (their ranges of n, d, k) was not run.
"""

import math

from isorobust.data import Gaussian, IIDSigns
from isorobust.experiment import Cell, Experiment
from isorobust.models import MLP
from isorobust.results.rules import Exponent, Rule, Slope, Summary
from isorobust.training import Adam

__all__ = ["cpu", "full", "gpu", "smoke"]

# (n, d): k; p = k(d + 2) + 1 >= 4 n, so that all can memorise; n/k = 1, 2, 4, ..., 64
GRID = {
    (256, 64): (256, 128, 64, 32, 16),
    (512, 128): (512, 128, 32, 16),
    (512, 256): (256, 64, 16, 8),
    (1024, 128): (512, 128, 32),
    (1024, 256): (256, 64, 32, 16),
    (2048, 256): (512, 128, 32),
}
TORCH = ("block ~ torch init",)
BOUNDS = ("random", "data", "sweep", "product", "path", "liplt")
INF = math.inf
X, Y = "sqrt_n_over_k", "lower_random"


def cpu() -> Experiment:
    """23 triples (n, d, k) fixed beforehand x 2 initialisations x 4 seeds."""
    cells = _cells(GRID, ("torch", "unit"))
    return Experiment("BLN-2021", 1, cells, bounds=BOUNDS, rules=_rules(TORCH))


def full() -> Experiment:
    """Their ranges: n to 2000, d from 50 to n, k from 10 to n, where p >= 2n."""
    widths = (10, 15, 20, 30, 50, 70, 100, 150, 200, 300, 500, 700, 1000, 1500, 2000)
    grid = {
        (n, d): tuple(k for k in widths if k <= n and k * (d + 2) + 1 >= 2 * n)
        for n in (100, 200, 300, 400, 500, 700, 1000, 2000)
        for d in (50, 100, 200, 500, 1000)
        if d <= n
    }
    cells = _cells(grid, ("torch",))
    return Experiment("BLN-2021-full", 1, cells, bounds=BOUNDS, rules=_rules(TORCH))


def gpu() -> Experiment:
    """Figure 3: k = 10 n / d and k = n against d, at n = 10^4."""
    n = 10_000
    grid = {
        (n, d): (10 * n // d, n)
        for d in (20, 100, 300, 600, 1000, 1500, 2000, 3000, 4000)
    }
    few, many = ("d >= 600", f"width < {n}"), ("d >= 600", f"width = {n}")
    rules = (
        Rule("k = 10 n / d: d^.5", Exponent(Y, "d", where=few), (0.4, 0.6)),
        Rule("k = n: hardly grows", Exponent(Y, "d", where=many), (-INF, 0.2)),
    )
    cells, bounds = _cells(grid, ("torch",), target=0.1), ("random", "product", "liplt")
    return Experiment("BLN-2021-3", 1, cells, 2, bounds=bounds, rules=rules)


def smoke() -> Experiment:
    """The same in seconds: a test that everything runs, not a table."""
    cells = _cells({(64, 16): (64, 16), (64, 32): (32, 8)}, ("torch",))
    first = _rules(TORCH)[:1]
    return Experiment("BLN-2021-smoke", 1, cells, 2, bounds=BOUNDS, rules=first)


def _rules(where: tuple[str, ...]) -> tuple[Rule, ...]:
    reached = (*where, "reached = true")
    over = Summary("random_over_published", where=reached)
    least = Summary(f"{Y} / {X}", "least", reached)
    count = Summary("random_over_published", "count", reached)
    return (
        Rule("the median lies beside the published line", over, (0.9, 1.8)),
        Rule("y rises with sqrt(n/k)", Slope(Y, X, where), (1e-9, INF), "interval"),
        Rule("16 triples of 4 seeds or more fit", count, (64, INF)),
        Rule("slope b of y = a + b sqrt(n/k)", Slope(Y, X, where), (1, 2.2)),
        Rule("intercept a", Slope(Y, X, where, "a"), (2.5, 5.5)),
        Rule("R^2 of that line", Slope(Y, X, where, "r2"), (0.75, 1)),
        Rule("y >= 1.3 sqrt(n/k) everywhere", least, (1.3, INF)),
    )


def _cells(
    grid: dict, schemes: tuple[str, ...], target: float = 0.02
) -> tuple[Cell, ...]:
    recipe = Adam(target_mse=target, learning_rate=1e-3, steps=8000)
    return tuple(
        Cell(Gaussian(), IIDSigns(), model, n, d, recipe, "coarse")
        for scheme in schemes
        for (n, d), widths in grid.items()
        for k in widths
        for model in [MLP(width=k, batch_norm=True, init_scheme=scheme)]
    )
