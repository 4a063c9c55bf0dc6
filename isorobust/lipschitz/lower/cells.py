"""Stretches of lines and great circles on which the gradient is constant (jax).

For two-layer ReLU networks f = a'relu(W x + b) all of a line's: the gradient changes by
+- a_i w_i at the kink of unit i, so all cells cost as much as a few of its points.
Nothing here is a bound: the points found are evaluated afterwards.
"""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from isorobust.lipschitz.domain import Domain
from isorobust.lipschitz.lower.points import unit

SLIVER = 2e-6  # stretches narrower than this, relative to the coordinates, are skipped
INSIDE = 0.02  # how far from its ends a point stays in a stretch, relative to it


class Units(NamedTuple):
    """w [k, d], b [k], rows [k, d] of a_i w_i (zero: padding); steady [d]: what units
    without activation add to the gradient.
    """

    w: jax.Array
    b: jax.Array
    rows: jax.Array
    steady: jax.Array


class Best(NamedTuple):
    """Per line [p, l]: the best stretch: squared length, ends, (g.e, g.f) there."""

    value: jax.Array
    low: jax.Array
    high: jax.Array
    g_e: jax.Array
    g_f: jax.Array


def along(units: Units, domain: Domain, x: jax.Array, v: jax.Array) -> jax.Array:
    """The best points [p, l, d] on lines (sphere: great circles) through x [p, d] along
    v [p, l, d].
    """
    e, f, _ = placed(domain, x, v)
    look = _circles if domain.sphere else _lines
    return chosen(domain, look(units, domain, e, f), e, f)


def gradient(units: Units, x: jax.Array) -> jax.Array:
    """Gradients at points x [..., d]."""
    on = (x @ units.w.T + wide(units.b, x) > 0).astype(x.dtype)
    return on @ units.rows + wide(units.steady, x)


def score(units: Units, domain: Domain, x: jax.Array) -> jax.Array:
    """Squared length [...] of gradients at x [..., d]; sphere: of tangential parts."""
    g = gradient(units, x)
    square = jnp.sum(g**2, axis=-1)
    return square - jnp.sum(g * x, axis=-1) ** 2 if domain.sphere else square


def placed(
    domain: Domain, x: jax.Array, v: jax.Array
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """(e [p, 1, d], f [p, l, d], limit [p, l]): e + t f of length |f| = 1, which leaves
    the ball at t = limit; sphere: f is tangential.
    """
    e = x[:, None]
    if domain.sphere:
        v = v - jnp.sum(v * e, axis=-1, keepdims=True) * e
    f = unit(v)
    if not math.isfinite(domain.radius):
        return e, f, jnp.full(f.shape[:-1], jnp.inf, x.dtype)
    lean, square = jnp.sum(e * f, axis=-1), jnp.sum(e**2, axis=-1)
    half = jnp.sqrt(jnp.maximum(lean**2 - square + domain.radius**2, 0.0))
    return e, f, half - lean


def nothing(like: jax.Array) -> Best:
    """No stretch yet, for zeros [p, l]."""
    return Best(like - 1, like, like, like, like)


def kept(
    best: Best, g: jax.Array, plane: Any, low: jax.Array, high: jax.Array, size: Any
) -> Best:
    """`best`, or the stretch [low, high] of the gradient g [p, l, d] if it is better.

    plane: (e, f) of circles, where the tangential part counts: all of g if g.x vanishes
    on the stretch, else that at an end. size: of the coordinates there
    """
    square, g_e, g_f = jnp.sum(g**2, axis=-1), best.g_e, best.g_f
    if plane is not None:
        g_e, g_f = (jnp.sum(g * way, axis=-1) for way in plane)
        ends = [g_e * jnp.cos(t) + g_f * jnp.sin(t) for t in (low, high)]
        least = jnp.minimum(ends[0] ** 2, ends[1] ** 2)
        square = square - jnp.where(ends[0] * ends[1] < 0, 0.0, least)
    broad = high - low > SLIVER * (jnp.abs(low) + jnp.abs(high) + size)
    better = broad & (square > best.value)
    new = Best(square, low, high, g_e, g_f)
    return Best(*(jnp.where(better, a, b) for a, b in zip(new, best, strict=True)))


def chosen(domain: Domain, best: Best, e: jax.Array, f: jax.Array) -> jax.Array:
    """A point [p, l, d] inside the best stretch: the middle; sphere: g.x is least."""
    if not domain.sphere:
        return e + ((best.low + best.high) / 2)[..., None] * f
    inside = INSIDE * (best.high - best.low)
    low, high = best.low + inside, best.high - inside
    # g.x = g_e cos t + g_f sin t is zero at `zero` and every half turn further
    zero = (jnp.arctan2(best.g_f, best.g_e) + jnp.pi / 2) % jnp.pi
    zero = zero + jnp.pi * jnp.ceil((low - zero) / jnp.pi)
    ends = [best.g_e * jnp.cos(t) + best.g_f * jnp.sin(t) for t in (low, high)]
    nearer = jnp.abs(ends[0]) <= jnp.abs(ends[1])
    t = jnp.where(zero <= high, zero, jnp.where(nearer, low, high))[..., None]
    return unit(jnp.cos(t) * e + jnp.sin(t) * f)


def wide(vector: jax.Array, like: jax.Array) -> jax.Array:
    """A vector [k] with as many leading axes of length 1 as `like` has."""
    return vector.reshape((1,) * (like.ndim - 1) + (-1,))


def _lines(units: Units, domain: Domain, e: jax.Array, f: jax.Array) -> Best:
    z, rate = e @ units.w.T + wide(units.b, e), f @ units.w.T
    moves = jnp.abs(rate) > 1e-6 * wide(jnp.sqrt(jnp.sum(units.w**2, axis=1)), rate)
    t = jnp.where(moves, -z / jnp.where(moves, rate, 1.0), jnp.inf)
    far = 1 + 1.25 * jnp.max(jnp.where(moves, jnp.abs(t), 0.0), axis=-1)
    ends = -far, far
    if math.isfinite(domain.radius):
        out, back = placed(domain, e[:, 0], f)[2], placed(domain, e[:, 0], -f)[2]
        ends = jnp.maximum(-back, -far), jnp.minimum(out, far)
    first = jnp.where(moves, rate < 0, z > 0).astype(e.dtype) @ units.rows
    first = first + wide(units.steady, first)
    turn = jnp.where(moves, jnp.sign(rate), 0.0)
    size = jnp.sqrt(jnp.sum(e**2, axis=-1))
    return _walk(units, first, t, turn, jnp.arange(t.shape[-1]), ends, size, None)


def _circles(units: Units, domain: Domain, e: jax.Array, f: jax.Array) -> Best:
    """A unit r cos(t - phi) + b rises at phi - arccos(-b / r), falls at phi + ..."""
    p, q = e @ units.w.T, f @ units.w.T
    p, b = jnp.broadcast_to(p, q.shape), wide(units.b, q)
    r = jnp.sqrt(p**2 + q**2)
    crosses = r > jnp.abs(b) * (1 + 1e-6)
    half = jnp.arccos(jnp.clip(-b / jnp.where(crosses, r, 1.0), -1, 1))
    phi, turns = jnp.arctan2(q, p), 2 * jnp.pi
    t = jnp.concatenate([phi - half, phi + half], axis=-1) % turns
    turn = jnp.concatenate([jnp.ones_like(p), -jnp.ones_like(p)], axis=-1)
    crosses = jnp.concatenate([crosses, crosses], axis=-1)
    t, turn = jnp.where(crosses, t, jnp.inf), jnp.where(crosses, turn, 0.0)
    first = jnp.broadcast_to(gradient(units, e), f.shape)
    zero = jnp.zeros(f.shape[:-1], e.dtype)
    which = jnp.tile(jnp.arange(p.shape[-1]), 2)
    return _walk(units, first, t, turn, which, (zero, zero + turns), 1.0, (e, f))


def _walk(
    units: Units,
    g: jax.Array,
    t: jax.Array,
    turn: jax.Array,
    which: jax.Array,
    ends: tuple[jax.Array, jax.Array],
    size: Any,
    plane: Any,
) -> Best:
    """The best stretch of each line, from kink to kink.

    g [p, l, d]: the gradient before the first kink; t, turn [p, l, kinks]: where and
    which way (1, -1, 0: never) unit which [kinks] switches
    """
    order = jnp.argsort(t, axis=-1)
    t, turn = (jnp.take_along_axis(v, order, axis=-1) for v in (t, turn))
    kinks = tuple(jnp.moveaxis(v, -1, 0) for v in (t, turn, which[order]))

    def look(best: Best, g: jax.Array, low: jax.Array, high: jax.Array) -> Best:
        low, high = jnp.clip(low, *ends), jnp.clip(high, *ends)
        return kept(best, g, plane, low, high, size)

    def go(state: Any, kink: Any) -> tuple[Any, None]:
        best, g, low = state
        t, turn, which = kink
        best = look(best, g, low, t)
        return (best, g + turn[..., None] * units.rows[which], t), None

    state = nothing(jnp.zeros_like(ends[0])), g, ends[0]
    (best, g, low), _ = jax.lax.scan(go, state, kinks)
    return look(best, g, low, ends[1])
