"""Where x and y come from: a pure function of the trial's identity, drawn by numpy."""

from isorobust.data.dataset import Dataset, draw
from isorobust.data.distributions import Gaussian, Mixture, Sphere
from isorobust.data.images import CIFAR10, MNIST, CIFAR10Classes, MNISTClasses
from isorobust.data.real import NPZ, DigitClasses, Digits
from isorobust.data.targets import BalancedSigns, Classes, Flipped, IIDSigns, Teacher

__all__ = [
    "CIFAR10",
    "MNIST",
    "NPZ",
    "BalancedSigns",
    "CIFAR10Classes",
    "Classes",
    "Dataset",
    "DigitClasses",
    "Digits",
    "Flipped",
    "Gaussian",
    "IIDSigns",
    "MNISTClasses",
    "Mixture",
    "Sphere",
    "Teacher",
    "draw",
]
