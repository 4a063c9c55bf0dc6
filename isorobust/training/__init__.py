"""The science of fitting ONE network: loss, step, recipes."""

from isorobust.training.recipes import Adam, Path

__all__ = ["Adam", "Path"]
