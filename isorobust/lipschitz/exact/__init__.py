"""Exact constants of small ReLU networks, on R^d or a ball (numpy, scipy, float64).

A ReLU network is linear on each cell of a partition of R^d into polyhedra, so its
constant is the largest derivative of a cell with an interior (a cell without one, like
the point 0 of a bias-free network, doesn't count). Two roads to it that share no code:
`enumeration` finds the cells by linear programs; `exact` takes the first of the METHODS
that applies:

    method(net, budget, radius) -> None, or (upper, a point of the best cell)

on the network that scaling.normal makes. What float64 can't tell apart: cells thinner
than 1e-9 of the network's own length count as having no interior.
"""

from isorobust.lipschitz.exact.answer import BUDGET as BUDGET
from isorobust.lipschitz.exact.answer import METHODS as METHODS
from isorobust.lipschitz.exact.answer import Exact, exact
from isorobust.lipschitz.exact.regions import enumeration

__all__ = ["Exact", "enumeration", "exact"]
