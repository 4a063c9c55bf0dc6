"""The universal law of robustness, as numbers: pure numpy and scipy, never jax."""

from isorobust.law.floors import Floor
from isorobust.law.setting import Setting
from isorobust.law.theorem import law_ratio

__all__ = ["Floor", "Setting", "law_ratio"]
