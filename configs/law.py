"""LAW-S: does the Lipschitz constant of trained networks follow sqrt(nd/p)?

Question. Two-layer ReLU networks fit n points of the unit sphere with balanced random
signs to MSE <= .1 (epsilon = .9). The universal law of robustness says that each of
them has Lip >= ~ sqrt(nd/p). Where do networks trained plainly (`Adam`), for the
smallest path norm (`Path`) and for the smallest certified constant (`Certified`) lie
above it? A second block asks the same of handwritten digits with 15 % of the labels
flipped (sigma^2 = .51, same epsilon / sigma^2).

Prediction (written after a calibration run of the sphere blocks, before any other). No
certified upper bound lies below a floor: the law is one-sided and delta = .01. At fixed
(n, d) the bounds do not rise with the width. b > 0 in a + b sqrt(nd/p) for both
recipes, and smaller bounds under `Path` than under `Adam` where p >= 4n. No prediction
for the exponents: slow ones don't refute the law, steep ones don't confirm it.
Of `Certified` (written after trials on the grid of benchmarks/certified.py, before any
run of this one, which had 2500 steps at first, 4000 since):
smaller upper bounds than under `Path` in every cell, upper / lower <= 1.1 in the median
cell, and upper <= 1.45 epsilon sqrt(nd/p) where n <= 4d and 1.2n <= p <= 4.3n.

Found. All but one; no rule judges them, so no table counts them. No floor violated, the
least upper / floor is 1.82 (`Certified`), 411 of 420 networks fitted, the nine others
on digits. b > 0, whole intervals, in the six fits of the sphere blocks; `Path` below
`Adam` wherever p >= 4n, `Certified` below `Path` in all 34 cells where both fit, its
median cell at upper / lower = 1.002, and upper at most 1.25 epsilon sqrt(nd/p) in the
five cells meant. What failed: the bounds do rise with the width, under `Adam` in 6 of
26 steps (by up to 6.6 %) and under `Path` in 4 of 25 (1.8 %), under `Certified` never.

Command.  isorobust run --config=configs/law.py --workdir=runs/law     (`make table`)
Cost.     4 to 10 minutes on 2 CPU cores, compiling included; `:smoke` some 10 seconds;
          `:gpu` (LAW-M) needs an accelerator and `:pod` (LAW-L) hours on many.
"""

from isorobust.data import BalancedSigns, Digits, Flipped, Sphere
from isorobust.experiment import Cell, Experiment
from isorobust.models import MLP
from isorobust.training import Adam, Certified, Path

__all__ = ["cpu", "gpu", "pod", "smoke"]

# (n, d): widths; sqrt(nd/p) from 7.9 down to 1.4, p from n to 65 n
GRID = {
    (256, 32): (8, 16, 64, 128),
    (256, 64): (4, 8, 32, 128),
    (256, 128): (4, 8, 32, 128),
    (512, 32): (16, 32, 64, 256),
    (512, 64): (8, 16, 64, 256),
    (512, 128): (8, 16, 64, 256),
    (1024, 64): (16, 32, 128, 256),
    (1024, 128): (16, 32, 64, 256),
}
# LAW-M: sqrt(nd/p) from 8 down to 1.4 for d <= 128, and to 2 for d = 256
LARGE = {
    (n, d): tuple(share * n // d for share in (1, 2, 4, 16, 32))
    for n in (2048, 4096, 8192)
    for d in (64, 128, 256)
}
# LAW-L: p from n through nd at n = 10^5; a layer's activations are 40 GB at the end
POD = {(100_000, 256): tuple(share * 100_000 // 256 for share in (1, 4, 16, 64, 256))}
DIGITS = {(512, 64): (8, 32, 128)}
LEFT = (
    0.1  # the share of the noise variance that a fit may leave: 1 - epsilon / sigma^2
)
FLIPS = 0.15


def cpu() -> Experiment:
    """`make table`: 8 pairs (n, d) x 4 widths x 3 recipes x 4 seeds, and digits."""
    return Experiment(
        "LAW-S", 2, _cells(GRID, DIGITS, adam=4000, path=2500, certified=4000)
    )


def gpu() -> Experiment:
    """LAW-M, one GPU: n = 2048 to 8192, d = 64 to 256, widths to 4096 (not run)."""
    cells = _cells(LARGE, {}, adam=6000, path=4000, certified=6000)
    return Experiment("LAW-M", 1, cells)


def pod() -> Experiment:
    """LAW-L, many accelerators, hours: p = n to nd at n = 10^5, d = 256 (not run)."""
    cells = _cells(POD, {}, adam=6000, path=4000, certified=6000)
    bounds = ("random", "data", "product", "path", "certificate")
    return Experiment("LAW-L", 1, cells, bounds=bounds)


def smoke() -> Experiment:
    """The same in seconds: a test that everything runs, not a table."""
    grid, digits = {(64, 16): (4, 8)}, {(64, 64): (8,)}
    cells = _cells(grid, digits, adam=1000, path=400, certified=400)
    return Experiment("LAW-S-smoke", 1, cells, seeds=2)


def _cells(
    grid: dict, digits: dict, adam: int, path: int, certified: int
) -> tuple[Cell, ...]:
    flipped = 4 * FLIPS * (1 - FLIPS)
    blocks = [
        (Sphere(), BalancedSigns(), LEFT, grid),
        (Digits(), Flipped(FLIPS), LEFT * flipped, digits),
    ]
    return tuple(
        Cell(x, y, MLP(width=width), n, d, recipe)
        for x, y, target, sizes in blocks
        for recipe in (
            Adam(target_mse=target, learning_rate=1e-2, steps=adam),
            Path(target_mse=target, steps=path),
            Certified(target_mse=target, steps=certified),
        )
        for (n, d), widths in sizes.items()
        for width in widths
    )
