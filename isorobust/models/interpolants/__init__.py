"""Families solved exactly: a data set in, the function's Lipschitz constant out.

No training and no estimate: numpy float64 over many data sets at once. A family is a
frozen dataclass of `__all__`; `solution.Solution` says what each of them gives.
"""

from isorobust.models.interpolants.cover import OneParameterCover
from isorobust.models.interpolants.grouped import Groups
from isorobust.models.interpolants.kernels import NTK, RandomFeatures
from isorobust.models.interpolants.linear import (
    LeastSquares,
    MinNorm,
    QuantisedLeastSquares,
)
from isorobust.models.interpolants.nearest import McShane
from isorobust.models.interpolants.quadratic import ProjectedQuadratic, Quadratic
from isorobust.models.interpolants.rank import RankK
from isorobust.models.interpolants.ridges import Caps
from isorobust.models.interpolants.solution import Solution

__all__ = [
    "NTK",
    "Caps",
    "Groups",
    "LeastSquares",
    "McShane",
    "MinNorm",
    "OneParameterCover",
    "ProjectedQuadratic",
    "Quadratic",
    "QuantisedLeastSquares",
    "RandomFeatures",
    "RankK",
    "Solution",
]
