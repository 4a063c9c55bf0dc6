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
SLIVER = 1e-4  # a shorter stretch between two kinks is skipped: float32 can't hold it


def random(layers: Any, activation: str, sphere: bool, data: Any, draws: Any) -> Any:
    """The fresh draw with the largest gradient (Bubeck, Li, Nagaraj 2021: 1000 draws)."""
    return _best(layers, activation, sphere, *draws)


def data(layers: Any, activation: str, sphere: bool, data: Any, draws: Any) -> Any:
    """The training point with the largest gradient (Khromov & Singh 2024)."""
    x, _, weights = data
    return _best(layers, activation, sphere, x, weights)


def sweep(layers: Any, activation: str, sphere: bool, data: Any, draws: Any) -> Any:
    """The best point on lines (sphere: great circles) through opposite-label points.

    Two-layer ReLU: exact, every stretch between two kinks of a line is looked at, its
    gradient being a running sum of the units switched on and off. Other networks:
    `SAMPLES` points a line.
    """
    x, y, weights = data
    count = min(LINES, x.shape[0])
    high = jnp.argsort(jnp.where(weights > 0, -y, jnp.inf))[:count]
    low = jnp.argsort(jnp.where(weights > 0, y, jnp.inf))[:count]
    along = _arcs(x[high], x[low]) if sphere else (x[high], x[low] - x[high])
    if activation == "relu" and len(layers) == 2:
        events = _arc_events(layers, *along) if sphere else _line_events(layers, *along)
        points = _sweep_kinks(layers, sphere, along, *events)
    else:
        points = _point(sphere, along, _spaced(sphere)).reshape(-1, x.shape[1])
    return _best(layers, activation, sphere, points, jnp.ones(len(points)))


def attained(
    layers: network.Layers, activation: str, sphere: bool, witness: np.ndarray
) -> tuple[float, np.ndarray]:
    """(value, point): the float64 gradient length at a point at or beside the witness.

    sphere: the point is put on the unit sphere and the tangential part is taken. Beside:
    a ReLU network is moved off a kink (margin below 1e-12) by 1e-9 in fixed directions,
    because at a kink the formula may give a gradient that no open region has. (0, point)
    where no such move helps.
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
        if sphere and length > 0:
            at = at / length
        if network.margin(layers, activation, at) > 1e-12:
            slope = network.gradient(layers, activation, at[None])[0]
            if sphere:
                slope = slope - (slope @ at) * at
            return float(np.linalg.norm(slope)), at
    return 0.0, point


def _best(layers: Any, activation: str, sphere: bool, points: Any, weights: Any) -> Any:
    """The point of weight > 0 where the (tangential) gradient is longest."""

    def total(x: jax.Array) -> jax.Array:
        *hidden, (weight, _) = layers
        for w, b in hidden:
            x = ACTIVATIONS[activation].jax(x @ w.T + b)
        return jnp.sum(x @ weight.T)

    length = _length(jax.grad(total)(points), points, sphere)
    return points[jnp.argmax(jnp.where(weights > 0, length, -1.0))]


def _length(gradient: jax.Array, points: jax.Array, sphere: bool) -> jax.Array:
    """Squared length [n] of gradients [n, d], or of their parts tangential at points."""
    square = jnp.sum(gradient**2, axis=-1)
    if sphere:
        square -= jnp.sum(gradient * points, axis=-1) ** 2
    return square


def _arcs(start: jax.Array, end: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Orthonormal pairs (e, f) that span the planes of the pairs [m, d]."""
    across = end - jnp.sum(start * end, axis=1, keepdims=True) * start
    length = jnp.sqrt(jnp.sum(across**2, axis=1, keepdims=True))
    return start, across / jnp.maximum(length, 1e-12)


def _point(sphere: bool, along: Any, t: jax.Array) -> jax.Array:
    """Points [m, s, d] at the parameters t [m, s] (or [s]) of the lines or circles."""
    e, f = along
    t = jnp.broadcast_to(t, (len(e), t.shape[-1]))[..., None]
    if sphere:
        return jnp.cos(t) * e[:, None] + jnp.sin(t) * f[:, None]
    return e[:, None] + t * f[:, None]


def _spaced(sphere: bool) -> jax.Array:
    ends = (0.0, 2 * jnp.pi) if sphere else (-1.0, 2.0)
    return jnp.linspace(*ends, SAMPLES, endpoint=False)


def _line_events(layers: Any, start: jax.Array, along: jax.Array) -> tuple:
    """(t, sign, on): the kinks of each unit on each line start + t along.

    t, sign [m, k]: where unit j switches and whether on (+1) or off (-1); on [m, k]: the
    units that are active before the first kink. A unit that never switches has sign 0.
    """
    (w, b), _ = layers
    z, rate = start @ w.T + b, along @ w.T
    moves = jnp.abs(rate) > 1e-12
    t = jnp.where(moves, -z / jnp.where(moves, rate, 1.0), jnp.inf)
    on = jnp.where(moves, rate < 0, z > 0)
    return t, jnp.where(moves, jnp.sign(rate), 0.0), on


def _arc_events(layers: Any, e: jax.Array, f: jax.Array) -> tuple:
    """As `_line_events` on circles cos(t) e + sin(t) f, t in [0, 2 pi): two a unit.

    z(t) = A cos(t - phase) + b is positive within +-arccos(-b / A) of the phase.
    """
    (w, b), _ = layers
    p, q = e @ w.T, f @ w.T
    size, phase = jnp.hypot(p, q), jnp.arctan2(q, p)
    crosses = size > jnp.abs(b)
    half = jnp.arccos(jnp.where(crosses, -b / jnp.where(crosses, size, 1.0), 0.0))
    t = jnp.concatenate([phase - half, phase + half], axis=1) % (2 * jnp.pi)
    both = jnp.concatenate([crosses, crosses], axis=1)
    sign = jnp.concatenate([jnp.ones_like(p), -jnp.ones_like(p)], axis=1)
    return jnp.where(both, t, jnp.inf), jnp.where(both, sign, 0.0), p + b > 0


def _sweep_kinks(
    layers: Any, sphere: bool, along: Any, t: jax.Array, sign: jax.Array, on: jax.Array
) -> jax.Array:
    """The middle [m, d] of each line's stretch with the longest gradient."""
    (w, _), (a, _) = layers
    unit = a[0][:, None] * w
    order = jnp.argsort(t, axis=1)
    t, sign = (jnp.take_along_axis(v, order, axis=1) for v in (t, sign))
    finite = jnp.isfinite(t)
    last = jnp.max(jnp.where(finite, t, -1.0), axis=1, keepdims=True)
    first = jnp.where(finite[:, :1], t[:, :1], 0.0)
    end = jnp.where(sphere, 2 * jnp.pi, last + 2.0)
    begin = jnp.where(sphere, 0.0, first - 2.0)
    edges = jnp.concatenate([begin, jnp.where(finite, t, end), end], axis=1)
    middle = (edges[:, 1:] + edges[:, :-1]) / 2
    wide = edges[:, 1:] - edges[:, :-1] > SLIVER

    def look(slope: jax.Array, best: Any, j: Any) -> Any:
        points = _point(sphere, along, middle[:, j][:, None])[:, 0]
        length = jnp.where(wide[:, j], _length(slope, points, sphere), -1.0)
        return jax.tree.map(
            lambda new, old: jnp.where(length > best[0], new, old),
            (length, middle[:, j]),
            best,
        )

    def event(j: Any, state: Any) -> Any:
        slope, best = state
        jump = sign[:, j][:, None] * unit[order[:, j] % len(unit)]
        return slope + jump, look(slope + jump, best, j + 1)

    slope = on.astype(unit.dtype) @ unit
    nowhere = (jnp.full(len(t), -1.0), middle[:, 0])
    state = (slope, look(slope, nowhere, 0))
    _, (_, where) = jax.lax.fori_loop(0, t.shape[1], event, state)
    return _point(sphere, along, where[:, None])[:, 0]
