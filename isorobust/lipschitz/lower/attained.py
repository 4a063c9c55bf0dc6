"""What a witness is worth: the float64 gradient there, or beside it (numpy)."""

import numpy as np

from isorobust.lipschitz import network
from isorobust.lipschitz.domain import Domain
from isorobust.lipschitz.network import Network


def attained(
    net: Network, domain: Domain, witness: np.ndarray
) -> tuple[float, np.ndarray]:
    """(value, point): the float64 gradient length at a point at or beside the witness.

    Of K outputs: the largest singular value of the derivative [K, d].
    The point is moved into the domain first; on the sphere the tangential part counts.
    Beside: a ReLU network is moved off a kink (margin below 1e-12) by 1e-9 in fixed
    directions, because at a kink the formula may give a gradient that no open region
    has. (0, point) where no such move helps.
    """
    point = np.asarray(witness, float)
    if not np.isfinite(point).all():
        return 0.0, np.zeros_like(point)
    directions = np.random.Generator(np.random.Philox(key=0)).standard_normal(
        (8, len(point))
    )
    for move in [np.zeros_like(point), *directions]:
        at = point + 1e-9 * (1 + np.linalg.norm(point)) * move / np.sqrt(len(point))
        length = np.linalg.norm(at)
        if domain.sphere and length == 0:
            continue  # the centre is no point of the sphere
        if domain.sphere or length > domain.radius:
            at = at * (domain.radius / length)
        if network.margin(net, at) > 1e-12:
            slopes = network.jacobian(net, at)
            if domain.sphere:
                slopes = np.stack([slope - (slope @ at) * at for slope in slopes])
            # one output: the length of its gradient, without a decomposition
            return float(np.linalg.norm(slopes, 2 if len(slopes) > 1 else None)), at
    return 0.0, point
