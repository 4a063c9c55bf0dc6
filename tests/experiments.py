"""Small experiments that several tests train, seconds each."""

from isorobust.data import (
    BalancedSigns,
    Classes,
    DigitClasses,
    Digits,
    Flipped,
    Gaussian,
    IIDSigns,
    Mixture,
    Sphere,
    Teacher,
)
from isorobust.experiment import Cell, Experiment
from isorobust.models import MLP
from isorobust.training import SGD, Adam, Certified, Path

__all__ = ["broad", "slow", "tiny"]


def tiny() -> Experiment:
    """4 cells x 5 seeds on one rung, three pages: some early, some late to stop."""
    cells = tuple(
        Cell(Sphere(), BalancedSigns(), MLP(width=k), n, 8, Adam(target, 1e-2, 1500))
        for n, k, target in ((40, 6, 0.3), (48, 8, 0.1), (33, 7, 0.05), (64, 5, 0.02))
    )
    bounds = ("random", "sweep", "product", "liplt", "certificate", "branched")
    return Experiment("TINY", 1, cells, seeds=5, bounds=bounds)


def slow() -> Experiment:
    """Two programs that train for some ten core-seconds: time to be interrupted."""
    cells = tuple(
        Cell(Sphere(), BalancedSigns(), MLP(width=k), 256, 32, Path(0.1, steps=steps))
        for k, steps in ((16, 150_000), (32, 75_000))
    )
    return Experiment("SLOW", 1, cells, seeds=6, bounds=("random", "product"))


def broad() -> Experiment:
    """One cell of every distribution, target, activation, depth, norm and recipe."""
    adam, path = Adam(0.2, 1e-2, 300), Path(0.2, steps=300)
    entropy = Adam(0.2, 3e-2, 300, loss="cross_entropy")
    signs = BalancedSigns()
    cells = (
        Cell(Sphere(), signs, MLP(width=8), 40, 8, path),
        Cell(Gaussian(), signs, MLP(width=8), 40, 8, path),  # the same program
        Cell(Gaussian(), IIDSigns(), MLP(width=8, activation="tanh"), 40, 8, adam),
        Cell(Mixture(3), signs, MLP(width=8, activation="gelu"), 40, 8, path),
        Cell(Sphere(), Teacher(0.5), MLP(width=8, depth=3), 40, 8, adam),
        Cell(Sphere(), signs, MLP(width=8, batch_norm=True), 40, 8, adam),
        Cell(Gaussian(), signs, MLP(8, 4, "tanh", True, "torch"), 40, 8, adam),
        Cell(Digits(), Flipped(0.1), MLP(width=8), 40, 64, adam),
        Cell(Sphere(), signs, MLP(width=8), 40, 8, SGD(0.2, steps=300)),
        Cell(Sphere(), signs, MLP(width=8, depth=3), 40, 8, Certified(0.2, steps=300)),
        Cell(Sphere(), signs, MLP(width=8), 40, 8, entropy),
        Cell(DigitClasses((0, 1, 2)), Classes(), MLP(8, outputs=3), 256, 64, entropy),
    )
    return Experiment("BROAD", 1, cells, seeds=2)
