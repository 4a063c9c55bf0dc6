"""The targeted search of two-layer ReLU networks with one output (jax)."""

import math
from typing import Any

import jax
import jax.numpy as jnp

from isorobust.lipschitz.domain import Domain
from isorobust.lipschitz.lower.cells import Units, along, gradient, score
from isorobust.lipschitz.lower.directions import aimed
from isorobust.lipschitz.lower.points import best, moved, unit
from isorobust.lipschitz.network import Network
from isorobust.lipschitz.upper import maxcut

POWER = 100  # rounds of the semidefinite program's power method
ROUNDINGS = 64
FLIPS = 48
FITS = 150  # steps of the fit of points to patterns
SMALL = 1024  # k d up to which STARTS[0] and so on hold, beyond it STARTS[1]
STARTS = (24, 8)
ROUNDS = (20, 12)
UNITS = 16  # units that a round aims at, from each place
NOISE = (16, 4)  # random directions a round


def targeted(net: Network, domain: Domain, data: Any, draws: Any) -> Any:
    """Patterns first, then points that have them, then lines through the best points.

    The patterns: random roundings of the semidefinite program behind LipSDP
    (upper/maxcut.py), improved by single flips. The points: a hinge fit to a pattern,
    its units weighted by what their flip would cost. The lines (sphere: great circles):
    all their cells are looked at; directions cross the kink of one unit that promises
    most and, as measured by the distances, the least of the others'. Elsewhere than
    two layers, one output and ReLU: the best of the data.
    """
    x, _, weights = data
    if not (net.kinked and len(net.layers) == 2 and net.outputs == 1):
        return best(net, domain, x, weights)
    units, sign_key, round_key = _units(net), *jax.random.split(jax.random.key(0))
    small = int(units.w.size > SMALL)
    fits = _fitted(units, domain, _patterns(units, sign_key))
    seen = jnp.concatenate([fits, moved(domain, x), moved(domain, draws[0])])
    alive = jnp.concatenate([jnp.ones(len(fits)), weights, draws[1]])
    merit = jnp.where(alive > 0, score(units, domain, seen), -1.0)
    start = _distinct(seen, merit, STARTS[small])

    def go(x: jax.Array, key: jax.Array) -> tuple[jax.Array, None]:
        there = along(units, domain, x, _ways(units, domain, x, key))
        found = jnp.concatenate([there, x[:, None]], axis=1)
        which = jnp.argmax(score(units, domain, found), axis=1)  # a tie moves
        return jnp.take_along_axis(found, which[:, None, None], axis=1)[:, 0], None

    found, _ = jax.lax.scan(go, start, jax.random.split(round_key, ROUNDS[small]))
    return found[jnp.argmax(score(units, domain, found))]


def _units(net: Network) -> Units:
    """Kinks scaled to |w_i| = 1, gradients up to a factor of all."""
    (w, b), (a, _) = net.layers
    peak = jnp.max(jnp.abs(w), axis=1)
    alive = peak > 0
    peak = jnp.where(alive, peak, 1.0)
    w = w / peak[:, None]
    size = jnp.where(alive, jnp.sqrt(jnp.sum(w**2, axis=1)), 1.0)
    a = a[0] * (peak / jnp.max(peak)) * alive
    a = a / jnp.maximum(jnp.max(jnp.abs(a)), 1e-30)
    rows, steady = a[:, None] * w, jnp.zeros_like(w[0])
    if net.linear is not None:
        carried = (net.linear[0] > 0)[:, None]
        steady = jnp.sum(jnp.where(carried, rows, 0.0), axis=0)
        rows = jnp.where(carried, 0.0, rows)
        w = jnp.where(carried, 0.0, w)
    return Units(w / size[:, None], b / (peak * size), rows, steady)


def _patterns(units: Units, key: jax.Array) -> jax.Array:
    """Signs [r, k] of nearly the largest gradients, reachable or not.

    grad f = (sum_i s_i rows_i + last) / 2 with last = sum_i rows_i + 2 steady, so
    |grad f|^2 is a quadratic form of (s, 1); flips that raise it are made one by one.
    """
    rows = units.rows
    last = jnp.sum(rows, axis=0) + 2 * units.steady
    c = jnp.concatenate([rows, last[None]])
    v = maxcut.vectors(c, POWER)
    g = jax.random.normal(key, (ROUNDINGS, v.shape[1]), v.dtype)
    gram = c @ c.T
    own = jnp.diagonal(gram)[None]

    def flip(_: int, s: jax.Array) -> jax.Array:
        gain = own - s * (s @ gram)
        which = jnp.argmax(gain, axis=1)[:, None]
        worth = jnp.max(gain, axis=1, keepdims=True) > 0
        here = jnp.arange(s.shape[1])[None] == which
        return jnp.where(worth & here, -s, s)

    signs = jax.lax.fori_loop(0, FLIPS, flip, jnp.where(g @ v.T >= 0, 1.0, -1.0))
    return signs[:, :-1] * signs[:, -1:]


def _fitted(units: Units, domain: Domain, s: jax.Array) -> jax.Array:
    """Points [r, d] of the domain whose patterns are near the signs s [r, k].

    min sum_i cost_i relu(margin - s_i (w_i.x + tau b_i))^2 over (x, tau), by FISTA; on
    R^d x / tau is the point, tau >= 1e-3 (far points have nearly cones for cells), on
    balls and spheres tau = 1 and x is projected. cost_i: of a wrong unit i.
    """
    bounded = math.isfinite(domain.radius)
    gain = jnp.sum(units.rows**2, axis=1)[None]
    slope = ((1 + s) / 2) @ units.rows + units.steady[None]
    cost = jnp.abs(2 * s * (slope @ units.rows.T) - gain)
    cost = cost / jnp.maximum(jnp.max(cost, axis=1, keepdims=True), 1e-30)
    reach = jnp.maximum(jnp.max(jnp.abs(units.b)), 1e-30)
    reach = jnp.asarray(domain.radius) if bounded else reach
    kinks = jnp.concatenate([units.w, (units.b / reach)[:, None]], axis=1)
    steps = jax.lax.fori_loop(
        0, 12, lambda _, u: unit(kinks.T @ (kinks @ u)), jnp.ones(kinks.shape[1])
    )
    rate = 1 / (1.3 * jnp.sum((kinks @ steps) ** 2) + 1e-6)
    margin = 0.1 if bounded else 1.0

    def project(at: jax.Array) -> jax.Array:
        x, tau = at[:, :-1], at[:, -1:]
        if not bounded:
            return jnp.concatenate([x, jnp.maximum(tau, 1e-3)], axis=1)
        size = jnp.sqrt(jnp.sum(x**2, axis=1, keepdims=True))
        size = size if domain.sphere else jnp.maximum(size, 1.0)
        return jnp.concatenate([x / jnp.maximum(size, 1e-30), tau], axis=1)

    def go(i: Any, state: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        at, ahead = state
        miss = jax.nn.relu(margin - s * (ahead @ kinks.T))
        pull = (cost * s * miss) @ kinks * rate
        pull = pull.at[:, -1].set(0.0) if bounded else pull
        new = project(ahead + pull)
        ahead = new + i / (i + 3) * (new - at)
        return new, ahead

    first = jnp.concatenate([(s * cost) @ units.w, jnp.ones_like(s[:, :1])], axis=1)
    first = project(first)
    found = jax.lax.fori_loop(0, FITS, go, (first, first))[0]
    return reach * found[:, :-1] / found[:, -1:]


def _distinct(points: jax.Array, merit: jax.Array, count: int) -> jax.Array:
    """The best `count` points, of those of equal merit (the same cell) one first."""
    order = jnp.argsort(-merit)
    ranked = merit[order]
    twin = ranked[1:] > ranked[:-1] - 1e-5 * jnp.abs(ranked[:-1])
    twin = jnp.concatenate([jnp.zeros(1, bool), twin])
    return points[order[jnp.argsort(twin, stable=True)[: min(count, len(points))]]]


def _ways(units: Units, domain: Domain, x: jax.Array, key: jax.Array) -> jax.Array:
    """Directions [p, l, d] from x [p, d], along which to look."""
    noise_key, pick_key = jax.random.split(key)
    noise = jax.random.normal(
        noise_key, (len(x), NOISE[units.w.size > SMALL], x.shape[1]), x.dtype
    )
    z, g = x @ units.w.T + units.b[None], gradient(units, x)
    gain = jnp.where(z > 0, -2.0, 2.0) * (g @ units.rows.T)
    gain = gain + jnp.sum(units.rows**2, axis=1)[None]
    gain = gain / jnp.maximum(jnp.max(jnp.abs(gain), axis=1, keepdims=True), 1e-30)
    wish = gain + 0.3 * jax.random.gumbel(pick_key, gain.shape, x.dtype)
    row, gap = jnp.broadcast_to(units.w[None], (len(x), *units.w.shape)), jnp.abs(z)
    if domain.sphere:  # also at the gradient, as if it were a far unit's
        row = jnp.concatenate([row, unit(g)[:, None]], axis=1)
        gap = jnp.pad(gap, ((0, 0), (0, 1)), constant_values=1e3)
        wish = jnp.pad(wish, ((0, 0), (0, 1)), constant_values=jnp.inf)
    return jnp.concatenate([noise, aimed(row, gap, wish, x, UNITS)], axis=1)
