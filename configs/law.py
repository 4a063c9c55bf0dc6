"""draft"""
from isorobust.data import BalancedSigns, Digits, Flipped, Sphere
from isorobust.experiment import Cell, Experiment
from isorobust.models import MLP
from isorobust.training import Adam, Path

__all__ = ["cpu", "smoke"]

def cpu():
    return smoke()

def smoke():
    cells = tuple(
        Cell(Sphere(), BalancedSigns(), MLP(width=k), 64, 16, recipe)
        for recipe in (Adam(steps=300, learning_rate=1e-2), Path(steps=300))
        for k in (8, 16, 32)
    )
    return Experiment("LAW-S-smoke", 1, cells, seeds=2)
