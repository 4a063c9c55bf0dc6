"""Points to look at: fresh draws, the training set; and which of them is best (jax)."""

import math
from typing import Any

import jax
import jax.numpy as jnp

from isorobust.activations import ACTIVATIONS
from isorobust.lipschitz.domain import Domain
from isorobust.lipschitz.network import Network
from isorobust.lipschitz.tiles import in_tiles, tile_size


def random(net: Network, domain: Domain, data: Any, draws: Any) -> Any:
    """The fresh draw of the largest gradient (Bubeck, Li, Nagaraj 2021: of 1000)."""
    return best(net, domain, *draws)


def data(net: Network, domain: Domain, data: Any, draws: Any) -> Any:
    """The training point with the largest gradient (Khromov & Singh 2024)."""
    x, _, weights = data
    return best(net, domain, x, weights)


def best(net: Network, domain: Domain, points: Any, weights: Any) -> Any:
    """The point of the domain, of weight > 0, where the gradient counts most."""
    return points[jnp.argmax(_merit(net, domain, points, weights))]


def foremost(
    net: Network, domain: Domain, points: Any, weights: Any, count: int
) -> Any:
    """The best `count` points (all, if fewer), best first."""
    merit = _merit(net, domain, points, weights)
    return points[jax.lax.top_k(merit, min(count, len(points)))[1]]


def _merit(net: Network, domain: Domain, points: Any, weights: Any) -> jax.Array:
    length = squared_length(gradients(net, points), points, domain)
    inside = jnp.sum(points**2, axis=1) <= domain.radius**2 * (1 + 1e-5)
    return jnp.where((weights > 0) & inside, length, -1.0)


def outputs(net: Network, x: Any) -> jax.Array:
    """f(x) [n, K] at points x [n, d]."""
    *hidden, (weight, bias) = net.layers
    for i, (w, b) in enumerate(hidden):
        z = x @ w.T + b[None]
        x = ACTIVATIONS[net.activation].jax(z)
        if net.linear is not None:
            x = jnp.where(net.linear[i][None] > 0, z, x)
    return x @ weight.T + bias[None]


def gradients(net: Network, points: Any) -> jax.Array:
    """The gradients [n, d] at points [n, d]; of K outputs, that of u'f for u near the
    derivative's first left singular vector (power steps from two starts).

    In tiles of points where a layer's activations would be too many at once.
    """
    tile = tile_size(max(len(w) for w in net.weights))
    if len(points) <= tile:
        return _gradients(net, points)
    return in_tiles(lambda part: _gradients(net, part), points, tile)


def _gradients(net: Network, points: Any) -> jax.Array:
    total, back = jax.vjp(lambda x: outputs(net, x), points)
    if total.shape[1] == 1:
        return back(jnp.ones_like(total))[0]
    keys = jax.random.split(jax.random.key(0), 2)
    found = [_steepest(net, points, back, total, key) for key in keys]
    longer = jnp.sum(found[0] ** 2, axis=1) > jnp.sum(found[1] ** 2, axis=1)
    return jnp.where(longer[:, None], found[0], found[1])


def _steepest(net: Network, points: Any, back: Any, like: Any, key: Any) -> jax.Array:
    def power(_: int, u: jax.Array) -> jax.Array:
        g = unit(back(u)[0])
        return unit(jax.jvp(lambda x: outputs(net, x), (points,), (g,))[1])

    start = unit(jax.random.normal(key, like.shape, like.dtype))
    return jnp.asarray(back(jax.lax.fori_loop(0, 4, power, start))[0])


def moved(domain: Domain, points: Any) -> Any:
    """Points [n, d] moved into the domain along their rays."""
    if domain.sphere:
        return unit(points)
    if not math.isfinite(domain.radius):
        return points
    size = jnp.sqrt(jnp.sum(points**2, axis=-1, keepdims=True))
    return points * jnp.minimum(1.0, domain.radius / jnp.maximum(size, 1e-30))


def unit(v: jax.Array) -> jax.Array:
    """Vectors [..., d] made unit; zero stays."""
    v = v / jnp.maximum(jnp.max(jnp.abs(v), axis=-1, keepdims=True), 1e-30)
    return v / jnp.maximum(jnp.sqrt(jnp.sum(v**2, axis=-1, keepdims=True)), 1e-30)


def squared_length(gradient: jax.Array, points: jax.Array, domain: Domain) -> jax.Array:
    """Squared length [n] of gradients [n, d], up to one factor for all of them (so that
    squares don't overflow); sphere: of their tangential parts.
    """
    gradient = gradient / jnp.maximum(jnp.max(jnp.abs(gradient)), 1e-30)
    square = jnp.sum(gradient**2, axis=-1)
    if domain.sphere:
        square -= jnp.sum(gradient * points, axis=-1) ** 2
    return square
