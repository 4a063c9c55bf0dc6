"""Where x and y come from: a pure function of the trial's identity, drawn by numpy."""

from isorobust.data.controls import DiscreteCube, ProductLaplace, ScaleMixture
from isorobust.data.dataset import Dataset, draw
from isorobust.data.distributions import (
    AnisotropicGaussian,
    Cube,
    EmbeddedSphere,
    Gaussian,
    Mixture,
    Sphere,
    UnnormalisedGaussian,
)
from isorobust.data.images import CIFAR10, MNIST, CIFAR10Classes, MNISTClasses
from isorobust.data.real import NPZ, DigitClasses, Digits
from isorobust.data.targets import BalancedSigns, Classes, Flipped, IIDSigns, Teacher

__all__ = [
    "CIFAR10",
    "MNIST",
    "NPZ",
    "AnisotropicGaussian",
    "BalancedSigns",
    "CIFAR10Classes",
    "Classes",
    "Cube",
    "Dataset",
    "DigitClasses",
    "Digits",
    "DiscreteCube",
    "EmbeddedSphere",
    "Flipped",
    "Gaussian",
    "IIDSigns",
    "MNISTClasses",
    "Mixture",
    "ProductLaplace",
    "ScaleMixture",
    "Sphere",
    "Teacher",
    "UnnormalisedGaussian",
    "draw",
]
