"""Upper bounds: certified over-estimates of the Lipschitz constant of ONE network.

Each function of `__all__` has the signature

    bound(net, domain) -> float        numpy, float64, rounding covered by a margin

and bounds the Euclidean constant (into R or R^K) on R^d, or on a ball, hence on every
subset of it: for the sphere, that of the unit ball, which bounds the geodesic one.

A bound with a search of its own, which may run on a device, stands in SEARCHES:

    search(net, sectors) -> multipliers          jax, float32, of one network
    bound(net, domain, multipliers) -> float     as above; None: searches by itself

One that comes with a point where the gradient is large stands in WITNESSED:

    witnessed(net, domain) -> (bound, point [d] or None)

sectors = per hidden layer (low [k], high [k]), see domain.slopes; multipliers = a tuple
of one array [k] a hidden layer, then scalars.
"""

from collections.abc import Callable
from typing import Any

from isorobust.lipschitz.norms import spectral_norm as spectral_norm
from isorobust.lipschitz.upper.branched import branched, witnessed
from isorobust.lipschitz.upper.certificate import certificate, search
from isorobust.lipschitz.upper.closed import eclipse, interval, liplt, path, product

__all__ = [
    "branched", "certificate", "eclipse", "interval", "liplt", "path", "product"
]  # fmt: skip

SEARCHES: dict[str, Callable[[Any, Any], Any]] = {"certificate": search}
WITNESSED: dict[str, Callable[[Any, Any], Any]] = {"branched": witnessed}
