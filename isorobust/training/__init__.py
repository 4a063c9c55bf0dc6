"""The science of fitting ONE network: loss, step, recipes."""

from isorobust.training.adversarial import Adversarial
from isorobust.training.certified import Certified
from isorobust.training.recipes import SGD, Adam, Path

__all__ = ["SGD", "Adam", "Adversarial", "Certified", "Path"]
