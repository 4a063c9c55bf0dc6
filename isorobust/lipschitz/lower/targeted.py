"""The targeted search of two-layer ReLU networks with one output (jax)."""

import math
from typing import Any

import jax
import jax.numpy as jnp

from isorobust.lipschitz.domain import Domain
from isorobust.lipschitz.lower.cells import Units, _as, along, gradient, score
from isorobust.lipschitz.lower.points import best
from isorobust.lipschitz.network import Network
from isorobust.lipschitz.upper import maxcut

POWER = 100
ROUNDINGS = 64
FLIPS = 32
FITS = 150
STARTS = 8
ROUNDS = 12
UNITS = 16
RANDOM = 4


def targeted(net: Network, domain: Domain, data: Any, draws: Any) -> Any:
    if not (net.kinked and len(net.layers) == 2 and net.outputs == 1):
        return best(net, domain, *draws)
    units = two_layers(net)
    key, round_key = jax.random.split(jax.random.key(0))
    signs, c = targets(units, key)
    fits = reached(units, domain, signs, c)
    x, _, weights = data
    points = jnp.concatenate([x, draws[0]])
    alive = jnp.concatenate([weights, draws[1]]) > 0
    alive = alive & (jnp.sum(points**2, axis=1) <= domain.radius**2 * (1 + 1e-5))
    points = jnp.concatenate([fits, points])
    alive = jnp.concatenate([jnp.ones(len(fits), bool), alive])
    square = jnp.where(alive, score(units, domain, points), -1.0)
    order = jnp.argsort(-square)
    # twins (equal to float32) are one start
    twin = jnp.isclose(square[order][1:], square[order][:-1], rtol=1e-5)
    order = order[jnp.argsort(jnp.concatenate([jnp.zeros(1, bool), twin]), stable=True)]
    starts = points[order[:STARTS]]
    found = climbed(units, domain, starts, round_key)
    return best(net, domain, found, jnp.ones(len(found)))


def two_layers(net):
    (w, b), (a, _) = net.layers
    peak = jnp.max(jnp.abs(w), axis=1)
    peak = jnp.where(peak > 0, peak, 1.0)
    w, b = w / peak[:, None], b / peak
    size = jnp.sqrt(jnp.sum(w**2, axis=1))
    a = a[0] * (peak / jnp.max(peak))
    a = a / jnp.maximum(jnp.max(jnp.abs(a)), 1e-30)
    rows = a[:, None] * w
    size = jnp.where(size > 0, size, 1.0)
    return Units(w / size[:, None], b / size, rows)


def targets(units, key):
    """Signs [r, k]"""
    rows = units.rows
    k = rows.shape[0]
    c = jnp.concatenate([rows, jnp.sum(rows, axis=0, keepdims=True)])
    v = maxcut.vectors(c, POWER)
    g = jax.random.normal(key, (v.shape[1], ROUNDINGS))
    s = jnp.where(v @ g >= 0, 1.0, -1.0).T  # [r, k+1]
    m = c @ c.T
    diagonal = jnp.diagonal(m)

    def flip(_, s):
        gain = _as(diagonal, s) - s * (s @ m)
        gain = gain.at[:, -1].set(jnp.where(False, 0, gain[:, -1]))
        i = jnp.argmax(gain, axis=1)
        better = jnp.max(gain, axis=1) > 0
        return s * jnp.where(
            better[:, None] & (jnp.arange(k + 1)[None] == i[:, None]), -1.0, 1.0
        )

    s = jax.lax.fori_loop(0, FLIPS, flip, s)
    return s[:, :-1] * s[:, -1:], c


def reached(units, domain, s, c):
    """Points [r, d] whose pattern is near the signs [r, k]; hinge fit."""
    w, b, rows = units
    g = ((1 + s) / 2) @ rows
    # what a wrong unit costs
    cost = jnp.abs(2 * s * (g @ rows.T) - jnp.sum(rows**2, axis=1)[None])
    cost = cost / jnp.maximum(jnp.max(cost, axis=1, keepdims=True), 1e-30)
    k, d = w.shape
    bb = b / jnp.maximum(jnp.max(jnp.abs(b)), 1e-30) if not math.isfinite(domain.radius) else b
    scale = jnp.maximum(jnp.max(jnp.abs(b)), 1e-30) if not math.isfinite(domain.radius) else 1.0
    # (x, tau): rows [w, b]
    full = jnp.concatenate([w, bb[:, None]], axis=1)
    u = jax.random.normal(jax.random.key(1), (d + 1,))
    for _ in range(8):
        u = full.T @ (full @ u)
        u = u / jnp.sqrt(jnp.sum(u**2))
    lip = 1.2 * jnp.sqrt(jnp.sum((full.T @ (full @ u)) ** 2)) + 1e-6

    def project(y):
        x, tau = y[:, :-1], y[:, -1:]
        if domain.sphere:
            x = x / jnp.maximum(jnp.sqrt(jnp.sum(x**2, -1, keepdims=True)), 1e-30)
            return jnp.concatenate([x, jnp.ones_like(tau)], 1)
        if math.isfinite(domain.radius):
            size = jnp.sqrt(jnp.sum(x**2, -1, keepdims=True))
            x = x * jnp.minimum(1, domain.radius / jnp.maximum(size, 1e-30))
            return jnp.concatenate([x, jnp.ones_like(tau)], 1)
        return jnp.concatenate([x, jnp.maximum(tau, 1e-3)], 1)

    margin = 1.0 if not math.isfinite(domain.radius) else 0.1 * domain.radius

    def go(i, state):
        y, ahead = state
        miss = jax.nn.relu(margin - s * (ahead @ full.T))
        new = project(ahead + (cost * s * miss) @ full / lip)
        return new, new + i / (i + 3) * (new - y)

    start = jnp.concatenate([(s * cost) @ w, jnp.ones((s.shape[0], 1))], 1)
    start = project(start)
    y, _ = jax.lax.fori_loop(0, FITS, go, (start, start))
    return y[:, :-1] / y[:, -1:] * scale


def climbed(units, domain, x, key):
    p, d = x.shape
    def go(carry, key):
        x = carry
        v = ways(units, domain, x, key)
        there = along(units, domain, x, v)
        points = jnp.concatenate([x[:, None], there], axis=1)
        square = score(units, domain, points)
        # a tie moves: prefer the new
        i = square.shape[1] - 1 - jnp.argmax(square[:, ::-1], axis=1)
        return jnp.take_along_axis(points, i[:, None, None], axis=1)[:, 0], jnp.max(square)
    x, trace = jax.lax.scan(go, x, jax.random.split(key, ROUNDS))
    return x


def ways(units, domain, x, key):
    p, d = x.shape
    a, b = jax.random.split(key)
    noise = jax.random.normal(a, (p, RANDOM, d))
    z = x @ units.w.T + units.b[None]
    size = jnp.sqrt(jnp.sum(x**2, axis=1, keepdims=True)) + 1e-6
    slack = jnp.maximum(jnp.abs(z), 1e-4 * size)
    near = units.w[None] / slack[..., None]
    h = jnp.einsum("pki,pkj->pij", near, near)
    h = h + (1e-6 * jnp.trace(h, axis1=1, axis2=2)/d)[:, None, None] * jnp.eye(d)[None]
    g = gradient(units, x)
    s = (z > 0).astype(x.dtype)
    gain = (1 - 2 * s) * 2 * (g @ units.rows.T) + jnp.sum(units.rows**2, axis=1)[None]
    pick = gain / (jnp.max(jnp.abs(gain), axis=1, keepdims=True) + 1e-30) + 0.3 * jax.random.gumbel(b, gain.shape)
    i = jax.lax.top_k(pick, min(UNITS, gain.shape[1]))[1]
    aim = units.w[i]  # [p, u, d]
    if domain.sphere:
        aim = jnp.concatenate([aim, g[:, None]], axis=1)
    v = jnp.linalg.solve(h, jnp.swapaxes(aim, 1, 2))
    return jnp.concatenate([noise, jnp.swapaxes(v, 1, 2)], axis=1)
