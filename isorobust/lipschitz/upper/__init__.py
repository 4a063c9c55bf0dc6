"""Upper bounds: certified over-estimates of the Lipschitz constant of ONE network.

Each function of `__all__` has the signature

    bound(net, domain) -> float        numpy, float64, rounding covered by a margin

and bounds the Euclidean constant (into R or R^K) on R^d, or on a ball, hence on every
subset of it: for the sphere, that of the unit ball, which bounds the geodesic one.

Those of `SEARCHES` minimise over multipliers, which may be looked for on a device:

    search(net, sectors) -> multipliers          jax, float32; sectors: domain.slopes
    bound(net, domain, multipliers) -> float     holds for any; None: searched here
"""

from isorobust.lipschitz.upper.branched import branched
from isorobust.lipschitz.upper.certificate import certificate, search
from isorobust.lipschitz.upper.closed import liplt, path, product
from isorobust.lipschitz.upper.norms import spectral_norm as spectral_norm

__all__ = ["branched", "certificate", "liplt", "path", "product"]

# name of a bound -> what finds its multipliers
SEARCHES = {"certificate": search}
