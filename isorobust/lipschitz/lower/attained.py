"""What a witness is worth: the float64 slope there, or beside it (numpy)."""

import numpy as np

from isorobust.lipschitz import network
from isorobust.lipschitz.domain import UNIT, Domain
from isorobust.lipschitz.network import Network


def attained(
    net: Network, domain: Domain, witness: np.ndarray
) -> tuple[float, np.ndarray]:
    """(value, point or points) of a witness: a point [d], or a pair of points [2, d].

    A point: the float64 gradient length at or beside it, less its rounding; of K
    outputs the largest singular value of the derivative [K, d]; on the sphere of the
    tangential part. Of piecewise linear networks a point counts only where all units
    clear the rounding of their pre-activations (`network.margin`): its pattern is then
    that of an open region. A point that doesn't is moved by 1e-9, then 1e-6, in fixed
    directions: (0, point) where that never helps.
    A pair: |f(x) - f(x')| over their distance (sphere: the arc), rounding subtracted.
    Points are moved into the domain first.
    """
    points = np.asarray(witness, float)
    if not np.isfinite(points).all():
        return 0.0, np.zeros_like(points)
    if points.ndim == 2:
        return _quotient(net, domain, points)
    directions = np.random.Generator(np.random.Philox(key=0)).standard_normal(
        (8, len(points))
    )
    for move in [np.zeros_like(points), *(1e-9 * directions), *(1e-6 * directions)]:
        size = (1 + np.linalg.norm(points)) / np.sqrt(len(points))
        at = _placed(domain, points + size * move)
        if at is not None and network.margin(net, at) > 1:
            return _steepness(net, domain, at), at
    return 0.0, points


def _placed(domain: Domain, point: np.ndarray) -> np.ndarray | None:
    """The point moved into the domain, up to rounding; None for a sphere's centre."""
    length = np.linalg.norm(point)
    if domain.sphere and length == 0:
        return None
    if domain.sphere or length > domain.radius:
        return np.asarray(point * (domain.radius / length))
    return point


def _steepness(net: Network, domain: Domain, at: np.ndarray) -> float:
    slopes = network.jacobian(net, at)
    length = np.linalg.norm(slopes)
    if domain.sphere:
        slopes = slopes - np.outer(slopes @ at, at)
    # one output: the length of its gradient, without a decomposition
    value = np.linalg.norm(slopes, 2) if len(slopes) > 1 else np.linalg.norm(slopes)
    rounding = float(16 * sum(slopes.shape) * UNIT * length)
    rounding += network.rounding(net, at)
    return max(float(value) - rounding, 0.0)


def _quotient(
    net: Network, domain: Domain, points: np.ndarray
) -> tuple[float, np.ndarray]:
    placed = [_placed(domain, point) for point in points]
    if any(point is None for point in placed):
        return 0.0, points
    pair = np.stack([point for point in placed if point is not None])
    values, errors = network.enclosed(net, pair)
    apart = float(np.linalg.norm(pair[1] - pair[0]))
    if domain.sphere:
        apart = 2 * float(np.arctan2(apart, np.linalg.norm(pair[1] + pair[0])))
    # the ends themselves lie within rounding of where they are taken to lie
    apart = (apart + 4 * UNIT * float(np.abs(pair).sum())) * (1 + 1e-14)
    rise = float(np.linalg.norm(values[1] - values[0]) - np.linalg.norm(errors))
    return (max(rise, 0.0) / apart if apart > 0 else 0.0), pair
