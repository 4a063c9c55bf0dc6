"""Lower bounds: where to look for a large gradient of ONE network (jax, float32).

Each function of `__all__` has the signature

    bound(net, domain, data, draws) -> witness [d], or a pair of points [2, d]

data = (x [n, d], y [n], weights [n]), draws = (points [m, d], weights [m]); domain: R^d
or a ball, where the gradient counts, or the sphere, where its tangential part does.
The value of the bound is the gradient's length AT the witness (the slope between its
points), evaluated in float64 by `attained`: it holds however the witness was found.
"""

from isorobust.lipschitz.lower.ascent import ascent
from isorobust.lipschitz.lower.attained import attained as attained
from isorobust.lipschitz.lower.lines import sweep
from isorobust.lipschitz.lower.pairs import pairs
from isorobust.lipschitz.lower.points import data, random
from isorobust.lipschitz.lower.targeted import targeted
from isorobust.lipschitz.lower.trace import trace

__all__ = ["ascent", "data", "pairs", "random", "sweep", "targeted", "trace"]
