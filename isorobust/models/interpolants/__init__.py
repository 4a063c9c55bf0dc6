"""Families solved exactly: a data set in, the function's Lipschitz constant out.

No training and no estimate: numpy float64 over many data sets at once. A family is a
frozen dataclass of `__all__`; `solution.Solution` says what each of them gives.
"""

from isorobust.models.interpolants.grouped import Groups
from isorobust.models.interpolants.linear import MinNorm
from isorobust.models.interpolants.nearest import McShane
from isorobust.models.interpolants.ridges import Caps
from isorobust.models.interpolants.solution import Solution

__all__ = ["Caps", "Groups", "McShane", "MinNorm", "Solution"]
