"""Where x and y come from: a pure function of the trial's identity, drawn by numpy."""

from isorobust.data.dataset import Dataset, draw
from isorobust.data.distributions import Gaussian, Mixture, Sphere
from isorobust.data.real import NPZ, Digits
from isorobust.data.targets import BalancedSigns, Flipped, IIDSigns, Teacher

__all__ = [
    "NPZ",
    "BalancedSigns",
    "Dataset",
    "Digits",
    "Flipped",
    "Gaussian",
    "IIDSigns",
    "Mixture",
    "Sphere",
    "Teacher",
    "draw",
]
