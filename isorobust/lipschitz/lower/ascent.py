"""Gradient ascent on the gradient's length, for smooth activations (jax)."""

from typing import Any

import jax
import jax.numpy as jnp

from isorobust.lipschitz.domain import Domain
from isorobust.lipschitz.lower.points import (
    best,
    foremost,
    gradients,
    moved,
    squared_length,
    unit,
)
from isorobust.lipschitz.network import Network

STARTS = 8
STEPS = 100
FIRST, LAST = 0.1, 1e-4  # lengths of steps, relative to the points' size


def ascent(net: Network, domain: Domain, data: Any, draws: Any) -> Any:
    """Normalised steps along grad |grad f|^2 from the best data points and draws.

    Steps shrink geometrically and end in the domain; sphere: the tangential part is
    what grows. For ReLU that gradient is zero: the best of the data comes back.
    """
    x, _, weights = data
    if net.kinked:
        return best(net, domain, x, weights)
    points = moved(domain, jnp.concatenate([x, draws[0]]))
    start = foremost(net, domain, points, jnp.concatenate([weights, draws[1]]), STARTS)
    alive = jnp.concatenate([weights, draws[1]])[:, None] > 0
    size = jnp.sqrt(jnp.max(jnp.where(alive, points, 0.0) ** 2) + 1e-12)
    size = size * jnp.sqrt(jnp.asarray(points.shape[1], x.dtype))

    def total(x: jax.Array) -> jax.Array:
        return jnp.sum(jnp.log(squared_length(gradients(net, x), x, domain) + 1e-30))

    def go(state: tuple[Any, Any], step: Any) -> tuple[tuple[Any, Any], None]:
        x, top = state
        x = moved(domain, x + step * size * unit(jax.grad(total)(x)))
        top = best(net, domain, jnp.concatenate([x, top[None]]), jnp.ones(len(x) + 1))
        return (x, top), None

    steps = jnp.geomspace(FIRST, LAST, STEPS)
    return jax.lax.scan(go, (start, start[0]), steps)[0][1]
