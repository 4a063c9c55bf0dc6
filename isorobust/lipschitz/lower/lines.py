"""Lines and great circles to look along (jax)."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from isorobust.lipschitz.domain import Domain
from isorobust.lipschitz.lower.points import best
from isorobust.lipschitz.network import Network

LINES = 64  # opposite-label pairs that a sweep looks along
SAMPLES = 32  # points on a line where its kinks aren't known in closed form


def sweep(net: Network, domain: Domain, data: Any, draws: Any) -> Any:
    """The best point on lines (sphere: great circles) through opposite-label points.

    Two-layer ReLU: exact, the middle of every stretch between two kinks of a line is
    looked at. Other networks: `SAMPLES` points a line.
    """
    x, y, weights = data
    count = min(LINES, x.shape[0])
    high = jnp.argsort(jnp.where(weights > 0, -y, jnp.inf))[:count]
    low = jnp.argsort(jnp.where(weights > 0, y, jnp.inf))[:count]
    # padded points come last: the first one stands in for them
    high = jnp.where(weights[high] > 0, high, high[0])
    low = jnp.where(weights[low] > 0, low, low[0])
    kinked = net.kinked and len(net.layers) == 2
    sphere = domain.sphere

    def along(pair: tuple[jax.Array, jax.Array]) -> jax.Array:
        start, end = pair
        start, direction = _circle(start, end) if sphere else (start, end - start)
        if kinked:
            kinks = _circle_kinks if sphere else _line_kinks
            (w, b), _ = net.layers
            t = _middles(kinks(w, b, start, direction))
        else:
            t = jnp.asarray(_spaced(sphere), x.dtype)
        points = _point(sphere, start, direction, t)
        return best(net, domain, points, jnp.ones(len(points)))

    points = jax.lax.map(along, (x[high], x[low]))
    return best(net, domain, points, jnp.ones(count))


def _circle(start: jax.Array, end: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Orthonormal (e, f) that span the plane of two unit vectors [d]; e = start."""
    across = end - (start @ end) * start
    return start, across / jnp.maximum(jnp.sqrt(across @ across), 1e-12)


def _point(sphere: bool, e: jax.Array, f: jax.Array, t: jax.Array) -> jax.Array:
    """Points [s, d] at the parameters t [s] of a line e + t f, or of a circle.

    The circle cos(a) e + sin(a) f is run through by t = tan(a / 2): its kinks are then
    roots of quadratics.
    """
    t, e, f = t[:, None], e[None], f[None]
    return ((1 - t**2) * e + 2 * t * f) / (1 + t**2) if sphere else e + t * f


def _spaced(sphere: bool) -> np.ndarray:
    if sphere:
        return np.tan(np.linspace(-1.5, 1.5, SAMPLES))
    return np.linspace(-1.0, 2.0, SAMPLES)


def _line_kinks(w: jax.Array, b: jax.Array, e: jax.Array, f: jax.Array) -> jax.Array:
    """Where each unit w.(e + t f) + b switches: t [k], inf where it never does."""
    z, rate = w @ e + b, w @ f
    moves = jnp.abs(rate) > 1e-12
    return jnp.where(moves, -z / jnp.where(moves, rate, 1.0), jnp.inf)


def _circle_kinks(w: jax.Array, b: jax.Array, e: jax.Array, f: jax.Array) -> jax.Array:
    """As `_line_kinks` on a circle: t [2 k], two a unit or none.

    (1 + t^2) z(t) = (b - p) t^2 + 2 q t + (b + p) with p = w.e, q = w.f.
    """
    p, q = w @ e, w @ f
    lead = b - p
    square = q**2 - lead * (b + p)
    crosses = (square > 0) & (jnp.abs(lead) > 1e-12)
    root = jnp.sqrt(jnp.where(crosses, square, 1.0))
    scale = jnp.where(crosses, lead, 1.0)
    t = jnp.concatenate([(root - q) / scale, (-root - q) / scale])
    return jnp.where(jnp.concatenate([crosses, crosses]), t, jnp.inf)


def _middles(kinks: jax.Array) -> jax.Array:
    """A point inside every stretch between kinks [k], and beyond the ends: [k + 1]."""
    t = jnp.sort(kinks)
    finite = jnp.isfinite(t)
    first = jnp.where(finite[0], t[0], 0.0)
    last = jnp.max(jnp.where(finite, t, first))
    t = jnp.where(finite, t, last + 2.0)
    edges = jnp.concatenate([first[None] - 2.0, t, last[None] + 2.0])
    return (edges[1:] + edges[:-1]) / 2
