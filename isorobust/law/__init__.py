"""The universal law of robustness, as numbers: pure numpy and scipy, never jax.

floors: of one Setting, with explicit constants; theorem: as printed, of plain numbers;
capacity: the p that a constant takes; generalisation: Rademacher bounds; isoperimetry:
c of the laws of x; followups: what later papers state, mostly up to constants;
sensitivity, tails: J and the exponents that the others are made of.
"""

from isorobust.law.floors import Floor
from isorobust.law.setting import Setting
from isorobust.law.theorem import law_ratio

__all__ = ["Floor", "Setting", "law_ratio"]
