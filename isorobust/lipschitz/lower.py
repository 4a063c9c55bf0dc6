"""Lower bounds: where to look for a large gradient of ONE network (jax, float32).

Each function of `__all__` has the signature

    bound(layers, activation, sphere, data, draws) -> witness [d]

data = (x [n, d], y [n], weights [n]), draws = (points [m, d], weights [m]); sphere asks
for the tangential gradient at a point of the unit sphere, else for the full gradient at
any point of R^d. The value of the bound is the gradient's length AT the witness,
evaluated in float64 by `attained`: it holds however the witness was found.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from isorobust.activations import ACTIVATIONS
from isorobust.lipschitz import network

__all__ = ["data", "random", "sweep"]

LINES = 64  # opposite-label pairs that a sweep looks along
SAMPLES = 32  # points on a line where its kinks aren't known in closed form


def random(layers: Any, activation: str, sphere: bool, data: Any, draws: Any) -> Any:
    """The fresh draw of the largest gradient (Bubeck, Li, Nagaraj 2021: of 1000)."""
    return _best(layers, activation, sphere, *draws)


def data(layers: Any, activation: str, sphere: bool, data: Any, draws: Any) -> Any:
    """The training point with the largest gradient (Khromov & Singh 2024)."""
    x, _, weights = data
    return _best(layers, activation, sphere, x, weights)


def sweep(layers: Any, activation: str, sphere: bool, data: Any, draws: Any) -> Any:
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
    kinked = activation == "relu" and len(layers) == 2

    def along(pair: tuple[jax.Array, jax.Array]) -> jax.Array:
        start, end = pair
        start, direction = _circle(start, end) if sphere else (start, end - start)
        if kinked:
            kinks = _circle_kinks if sphere else _line_kinks
            (w, b), _ = layers
            t = _middles(kinks(w, b, start, direction))
        else:
            t = jnp.asarray(_spaced(sphere), x.dtype)
        points = _point(sphere, start, direction, t)
        return _best(layers, activation, sphere, points, jnp.ones(len(points)))

    points = jax.lax.map(along, (x[high], x[low]))
    return _best(layers, activation, sphere, points, jnp.ones(count))


def attained(
    layers: network.Layers, activation: str, sphere: bool, witness: np.ndarray
) -> tuple[float, np.ndarray]:
    """(value, point): the float64 gradient length at a point at or beside the witness.

    Of K outputs: the largest singular value of the derivative [K, d].
    sphere: the point is put on the unit sphere and the tangential part is taken.
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
        if sphere and length == 0:
            continue  # the centre is no point of the sphere
        at = at / length if sphere else at
        if network.margin(layers, activation, at) > 1e-12:
            slopes = network.jacobian(layers, activation, at)
            if sphere:
                slopes = np.stack([slope - (slope @ at) * at for slope in slopes])
            # one output: the length of its gradient, without a decomposition
            return float(np.linalg.norm(slopes, 2 if len(slopes) > 1 else None)), at
    return 0.0, point


def _best(layers: Any, activation: str, sphere: bool, points: Any, weights: Any) -> Any:
    """The point of weight > 0 where the (tangential) gradient is longest."""

    def total(x: jax.Array) -> jax.Array:
        *hidden, (weight, _) = layers
        for w, b in hidden:
            x = ACTIVATIONS[activation].jax(x @ w.T + b[None])
        return jnp.sum(x @ weight.T)

    length = _length(jax.grad(total)(points), points, sphere)
    return points[jnp.argmax(jnp.where(weights > 0, length, -1.0))]


def _length(gradient: jax.Array, points: jax.Array, sphere: bool) -> jax.Array:
    """Squared length [n] of gradients [n, d], or of their tangential parts."""
    square = jnp.sum(gradient**2, axis=-1)
    if sphere:
        square -= jnp.sum(gradient * points, axis=-1) ** 2
    return square


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
