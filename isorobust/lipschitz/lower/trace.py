"""Rays through the regions of a ReLU network of any depth (jax)."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from isorobust.lipschitz.domain import Domain
from isorobust.lipschitz.lower.cells import (
    chosen,
    kept,
    nothing,
    placed,
    wide,
)
from isorobust.lipschitz.lower.directions import aimed
from isorobust.lipschitz.lower.points import best, foremost, moved, unit
from isorobust.lipschitz.network import Network

STARTS = 6
ROUNDS = 16
UNITS = 6  # units that a round aims at, from each place
NOISE = 2  # random directions, and directions to other places, a round
REGIONS = 24  # that a ray goes through
FULL = 2 * jnp.pi


class _Chain(NamedTuple):
    """Layers ((w, b), ...) scaled to weights of size 1, linear: per hidden layer."""

    layers: Any
    linear: Any


def trace(net: Network, domain: Domain, data: Any, draws: Any) -> Any:
    """Moves from region to region along rays, from the best data points and draws.

    Along a ray (sphere: half a great circle) the network is piecewise linear (in cos
    and sin), so its next kink is known in closed form and `REGIONS` regions are crossed
    exactly. From each place rays go both ways along the directions that cross one
    unit's kink and, as measured by their distances, the least of the others', at random
    and to other places; the best region of all is moved to. ReLU; two-layer networks
    with one output are `targeted`'s, there the best of the data comes back.
    """
    x, _, weights = data
    if not net.kinked or (len(net.layers) == 2 and net.outputs == 1):
        return best(net, domain, x, weights)
    points = moved(domain, jnp.concatenate([x, draws[0]]))
    alive = jnp.concatenate([weights, draws[1]])
    start = foremost(net, domain, points, alive, STARTS)
    chain = _scaled(net)
    key, outputs_key = jax.random.split(jax.random.key(0))
    u = unit(jax.random.normal(outputs_key, (len(start), net.outputs), x.dtype))

    def go(state: tuple[Any, Any], key: jax.Array) -> tuple[tuple[Any, Any], None]:
        x, u = state
        u = _turned(chain, domain, x, u)
        v = _ways(chain, x, key)
        there = _along(chain, domain, x, jnp.concatenate([v, -v], axis=1), u)
        seen = jnp.concatenate([x[:, None], there], axis=1)
        which = jnp.argmax(_score(chain, domain, seen, u[:, None]), axis=1)
        x = jnp.take_along_axis(seen, which[:, None, None], axis=1)[:, 0]
        return (x, u), None

    (found, u), _ = jax.lax.scan(go, (start, u), jax.random.split(key, ROUNDS))
    u = _turned(chain, domain, found, u)
    return found[jnp.argmax(_score(chain, domain, found, u))]


def _scaled(net: Network) -> _Chain:
    """ReLU passes positive factors on: every layer by its largest weight."""
    layers, total = [], jnp.ones(())
    for w, b in net.layers:
        largest = jnp.max(jnp.abs(w))
        largest = jnp.where(largest > 0, largest, 1.0)
        total = total * largest
        layers.append((w / largest, b / total))
    return _Chain(tuple(layers), net.linear or (None,) * (len(layers) - 1))


def _pattern(chain: _Chain, x: jax.Array) -> tuple[list[jax.Array], list[jax.Array]]:
    """Per hidden layer (on, z), each [..., k], at points x [..., d]."""
    on, found = [], []
    for (w, b), linear in zip(chain.layers[:-1], chain.linear, strict=True):
        z = x @ w.T + wide(b, x)
        s = (z > 0).astype(z.dtype)
        on.append(s if linear is None else jnp.maximum(s, wide(linear, z)))
        found.append(z)
        x = on[-1] * z
    return on, found


def _passed(chain: _Chain, on: list[jax.Array], h: jax.Array, bias: bool) -> list:
    """Pre-activations [..., k] of all layers, the last too, under the pattern `on`."""
    found = []
    for i, (w, b) in enumerate(chain.layers):
        h = h if i == 0 else on[i - 1] * h
        h = h @ w.T + (wide(b, h) if bias else 0.0)
        found.append(h)
    return found


def _back(chain: _Chain, on: list[jax.Array], u: jax.Array) -> jax.Array:
    """Gradients [..., d] of u'f, u [..., K], under the pattern `on`."""
    g = u @ chain.layers[-1][0]
    for (w, _), s in zip(chain.layers[-2::-1], on[::-1], strict=True):
        g = (g * s) @ w
    return g


def _score(chain: _Chain, domain: Domain, x: jax.Array, u: jax.Array) -> jax.Array:
    """Squared length [...] of the gradient of u'f at x; sphere: its tangential part."""
    g = _back(chain, _pattern(chain, x)[0], u)
    square = jnp.sum(g**2, axis=-1)
    return square - jnp.sum(g * x, axis=-1) ** 2 if domain.sphere else square


def _turned(chain: _Chain, domain: Domain, x: jax.Array, u: jax.Array) -> jax.Array:
    """Output directions u [p, K] nearer to the largest singular vector at x [p, d]."""
    if u.shape[1] == 1:
        return u
    on, _ = _pattern(chain, x)

    def turn(_: int, u: jax.Array) -> jax.Array:
        g = _back(chain, on, u)
        if domain.sphere:
            g = g - jnp.sum(g * x, axis=1, keepdims=True) * x
        return unit(_passed(chain, on, unit(g), bias=False)[-1])

    return jax.lax.fori_loop(0, 4, turn, u)


def _ways(chain: _Chain, x: jax.Array, key: jax.Array) -> jax.Array:
    """Directions [p, l, d] from x [p, d], along which to look."""
    noise_key, pick_key, pair_key = jax.random.split(key, 3)
    (p, d), on_z = x.shape, _pattern(chain, x)
    rows, slack = [], []
    local = jnp.broadcast_to(jnp.eye(d, dtype=x.dtype), (p, d, d))
    for i, (w, _) in enumerate(chain.layers[:-1]):
        local = jnp.einsum("kj,pjd->pkd", w, local)
        rows.append(local)
        slack.append(jnp.abs(on_z[1][i]))
        local = local * on_z[0][i][..., None]
    row, gap = jnp.concatenate(rows, axis=1), jnp.concatenate(slack, axis=1)
    v = aimed(row, gap, jax.random.gumbel(pick_key, gap.shape, x.dtype), x, UNITS)
    noise = jax.random.normal(noise_key, (p, NOISE, d), x.dtype)
    others = x[jax.random.randint(pair_key, (p, NOISE), 0, p)] - x[:, None]
    return jnp.concatenate([v, noise, others], axis=1)


def _along(
    chain: _Chain, domain: Domain, x: jax.Array, v: jax.Array, u: jax.Array
) -> jax.Array:
    """The best points [p, l, d] on the rays from x [p, d] along v [p, l, d]."""
    e, f, limit = placed(domain, x, v)
    on, _ = _pattern(chain, jnp.broadcast_to(e, f.shape))
    u = jnp.broadcast_to(u[:, None], (*f.shape[:-1], u.shape[-1]))
    zero = jnp.zeros(f.shape[:-1], x.dtype)
    size = jnp.sqrt(jnp.sum(e**2, axis=-1)) + zero
    ahead = jnp.full_like(zero, FULL / 2) if domain.sphere else limit

    def go(state: Any, _: Any) -> tuple[Any, None]:
        found, on, t = state
        hit = _kinks(chain, domain, on, e, f, t)
        soonest = jnp.concatenate(hit, axis=-1)
        end = jnp.minimum(jnp.min(soonest, axis=-1), ahead)
        which = jnp.argmin(soonest, axis=-1)[..., None]
        # an open end: as far again as the ray has come
        far = jnp.where(jnp.isinf(end), 1.25 * t + size + 1e-3, end)
        g = _back(chain, on, u)
        found = kept(found, g, (e, f) if domain.sphere else None, t, far, size)
        first, flipped = 0, []
        for s in on:
            here = jnp.arange(s.shape[-1]).reshape((1,) * (s.ndim - 1) + (-1,)) + first
            flipped.append(jnp.where(here == which, 1 - s, s))
            first += s.shape[-1]
        return (found, flipped, end), None

    state = (nothing(zero), on, zero)
    (found, _, _), _ = jax.lax.scan(go, state, None, length=REGIONS)
    return chosen(domain, found, e, f)


def _kinks(
    chain: _Chain, domain: Domain, on: list, e: jax.Array, f: jax.Array, t: jax.Array
) -> list[jax.Array]:
    """Per hidden layer, when after t [p, l] each unit leaves its side: [p, l, k].

    Only a unit that moves towards its kink leaves, so one that has just crossed stays.
    """
    e = jnp.broadcast_to(e, f.shape)
    at, rate = _passed(chain, on, e, True)[:-1], _passed(chain, on, f, False)[:-1]
    t, hits = t[..., None], []
    p = _passed(chain, on, e, False)[:-1] if domain.sphere else at
    for i, s in enumerate(on):
        way = 1 - 2 * s  # a unit that is on leaves by falling
        if domain.sphere:
            b, r = at[i] - p[i], jnp.sqrt(p[i] ** 2 + rate[i] ** 2)
            crosses = r > jnp.abs(b)
            half = jnp.arccos(jnp.clip(-b / jnp.where(crosses, r, 1.0), -1, 1))
            root = jnp.arctan2(rate[i], p[i]) - way * half
            hit = t + jnp.maximum((root - t + 1e-5) % FULL - 1e-5, 0.0)
        else:
            crosses = rate[i] * way > 1e-12
            hit = jnp.maximum(-at[i] / jnp.where(crosses, rate[i], 1.0), t)
        if chain.linear[i] is not None:
            crosses = crosses & (wide(chain.linear[i], s) == 0)
        hits.append(jnp.where(crosses, hit, jnp.inf))
    return hits
