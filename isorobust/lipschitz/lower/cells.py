"""The best cell on lines and great circles of a two-layer ReLU network (jax).

f = a'relu(W x + b): its gradient is constant between two kinks of a line and changes by
+- a_i w_i at the kink of unit i, so all cells of a line cost as much as a few of its
points. Nothing here is a bound: the points found are evaluated afterwards.
"""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from isorobust.lipschitz.domain import Domain

SLIVER = 2e-6  # cells narrower than this, relative to the coordinates, are skipped
INSIDE = 0.02  # how far from its ends a point stays in a stretch, relative to it


class Units(NamedTuple):
    """w [k, d], b [k] and rows [k, d] of a_i w_i; zero rows for padding."""

    w: jax.Array
    b: jax.Array
    rows: jax.Array


class _Best(NamedTuple):
    """Per line [p, l]: the best cell's squared length, ends, and (g.e, g.f) there."""

    value: jax.Array
    low: jax.Array
    high: jax.Array
    g_e: jax.Array
    g_f: jax.Array


def gradient(units: Units, x: jax.Array) -> jax.Array:
    """Gradients at points x [..., d]."""
    on = (x @ units.w.T + _as(units.b, x) > 0).astype(x.dtype)
    return on @ units.rows


def score(units: Units, domain: Domain, x: jax.Array) -> jax.Array:
    """Squared length [...] of gradients at x [..., d]; sphere: of the tangential part."""
    g = gradient(units, x)
    square = jnp.sum(g**2, axis=-1)
    return square - jnp.sum(g * x, axis=-1) ** 2 if domain.sphere else square


def along(units: Units, domain: Domain, x: jax.Array, v: jax.Array) -> jax.Array:
    """The best points [p, l, d] on the lines (circles) through x [p, d] along v [p, l, d].

    Within the domain; on a sphere v is made tangential.
    """
    e = x[:, None]
    if domain.sphere:
        v = v - jnp.sum(v * e, axis=-1, keepdims=True) * e
    size = jnp.sqrt(jnp.sum(v**2, axis=-1, keepdims=True))
    f = v / jnp.maximum(size, 1e-30)
    if domain.sphere:
        t = _on_circles(units, e, f)[..., None]
        point = jnp.cos(t) * e + jnp.sin(t) * f
        return point / jnp.sqrt(jnp.sum(point**2, axis=-1, keepdims=True))
    return e + _on_lines(units, domain.radius, e, f)[..., None] * f


def _on_lines(units: Units, radius: float, e: jax.Array, f: jax.Array) -> jax.Array:
    """t [p, l]: the middle of the best cell of each line e + t f, |f| = 1."""
    z = e @ units.w.T + _as(units.b, e)
    rate = f @ units.w.T
    size = jnp.sqrt(jnp.sum(units.w**2, axis=1))
    moves = jnp.abs(rate) > 1e-6 * _as(size, rate)
    t = jnp.where(moves, -z / jnp.where(moves, rate, 1.0), jnp.inf)
    furthest = jnp.max(jnp.where(moves, jnp.abs(t), 0.0), axis=-1)
    ends = -1.25 * furthest - 1, 1.25 * furthest + 1
    if math.isfinite(radius):
        along, square = jnp.sum(e * f, axis=-1), jnp.sum(e**2, axis=-1)
        half = jnp.sqrt(jnp.maximum(along**2 - square + radius**2, 0.0))
        ends = jnp.maximum(ends[0], -along - half), jnp.minimum(ends[1], half - along)
    start = jnp.where(moves, rate < 0, z > 0).astype(e.dtype) @ units.rows
    turn = jnp.where(moves, jnp.sign(rate), 0.0)
    size = jnp.sqrt(jnp.sum(e**2, axis=-1))
    best = _walk(units, start, t, turn, jnp.arange(t.shape[-1]), ends, size, None)
    return (best.low + best.high) / 2


def _on_circles(units: Units, e: jax.Array, f: jax.Array) -> jax.Array:
    """Angles [p, l] of the best points of the circles cos(t) e + sin(t) f.

    A unit is r cos(t - phi) + b: it rises at phi - arccos(-b / r), falls at phi + ...
    Where g.x vanishes inside a cell, all of g is tangential; else its best end is taken.
    """
    p, q = e @ units.w.T, f @ units.w.T
    p, b = jnp.broadcast_to(p, q.shape), _as(units.b, q)
    r = jnp.sqrt(p**2 + q**2)
    crosses = r > jnp.abs(b) * (1 + 1e-6)
    half = jnp.arccos(jnp.clip(-b / jnp.where(crosses, r, 1.0), -1, 1))
    phi, turns = jnp.arctan2(q, p), 2 * jnp.pi
    t = jnp.concatenate([phi - half, phi + half], axis=-1) % turns
    crosses = jnp.concatenate([crosses, crosses], axis=-1)
    t = jnp.where(crosses, t, jnp.inf)
    sign = jnp.concatenate([jnp.ones_like(p), -jnp.ones_like(p)], axis=-1)
    start = jnp.broadcast_to(gradient(units, e), f.shape)
    ends = jnp.zeros(f.shape[:-1]), jnp.full(f.shape[:-1], turns)
    unit = jnp.tile(jnp.arange(p.shape[-1]), 2)
    best = _walk(
        units, start, t, jnp.where(crosses, sign, 0), unit, ends, jnp.ones(()), (e, f)
    )
    inside = INSIDE * (best.high - best.low)
    low, high = best.low + inside, best.high - inside
    # g.x = g_e cos t + g_f sin t is zero at `zero` and every half turn further
    zero = (jnp.arctan2(best.g_f, best.g_e) + jnp.pi / 2) % jnp.pi
    zero = zero + jnp.pi * jnp.ceil((low - zero) / jnp.pi)
    nearer = jnp.abs(_height(best, low)) <= jnp.abs(_height(best, high))
    return jnp.where(zero <= high, zero, jnp.where(nearer, low, high))


def _height(best: _Best, t: jax.Array) -> jax.Array:
    return best.g_e * jnp.cos(t) + best.g_f * jnp.sin(t)


def _walk(
    units: Units,
    start: jax.Array,
    t: jax.Array,
    turn: jax.Array,
    unit: jax.Array,
    ends: tuple[jax.Array, jax.Array],
    size: jax.Array,
    plane: Any,
) -> _Best:
    """The best cell of each line, from kink to kink.

    start [p, l, d]: the gradient before the first kink; t, turn [p, l, kinks]: where
    and which way (1, -1, 0) unit [kinks] switches; size: of coordinates on the line
    """
    order = jnp.argsort(t, axis=-1)
    t, turn = (jnp.take_along_axis(v, order, axis=-1) for v in (t, turn))
    last = jnp.full(t.shape[:-1], jnp.inf)
    kinks = tuple(jnp.moveaxis(v, -1, 0) for v in (t, turn, unit[order]))

    def look(best: _Best, g: jax.Array, low: jax.Array, high: jax.Array) -> _Best:
        low, high = jnp.clip(low, *ends), jnp.clip(high, *ends)
        square, g_e, g_f = jnp.sum(g**2, axis=-1), last, last
        if plane is not None:
            g_e, g_f = (jnp.sum(g * way, axis=-1) for way in plane)
            at = [g_e * jnp.cos(s) + g_f * jnp.sin(s) for s in (low, high)]
            least = jnp.minimum(at[0] ** 2, at[1] ** 2)
            square = square - jnp.where(at[0] * at[1] < 0, 0.0, least)
        wide = high - low > SLIVER * (jnp.abs(low) + jnp.abs(high) + size)
        better = wide & (square > best.value)
        new = _Best(square, low, high, g_e, g_f)
        return jax.tree.map(lambda a, b: jnp.where(better, a, b), new, best)

    def go(state: Any, kink: Any) -> tuple[Any, None]:
        best, g, low = state
        t, turn, unit = kink
        best = look(best, g, low, t)
        return (best, g + turn[..., None] * units.rows[unit], t), None

    zero = jnp.zeros(t.shape[:-1], t.dtype)
    first = _Best(zero - 1, zero, zero, zero, zero)
    (best, g, low), _ = jax.lax.scan(go, (first, start, ends[0]), kinks)
    return look(best, g, low, last)


def _as(vector: jax.Array, like: jax.Array) -> jax.Array:
    """A vector [k] with as many leading axes of length 1 as `like` has."""
    return vector.reshape((1,) * (like.ndim - 1) + (-1,))
