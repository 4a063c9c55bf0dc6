"""Upper bounds: certified over-estimates of the Lipschitz constant of ONE network.

Each function of `__all__` has the signature

    bound(net, domain) -> float        numpy, float64, rounding covered by a margin

and bounds the Euclidean constant (into R or R^K) on R^d, or on a ball, hence on every
subset of it: for the sphere, that of the unit ball, which bounds the geodesic one.
"""

from isorobust.lipschitz.norms import spectral_norm as spectral_norm
from isorobust.lipschitz.upper.closed import eclipse, interval, liplt, path, product

__all__ = ["eclipse", "interval", "liplt", "path", "product"]
