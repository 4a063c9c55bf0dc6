"""Slopes between points of the training set (jax)."""

from typing import Any

import jax
import jax.numpy as jnp

from isorobust.lipschitz.domain import Domain
from isorobust.lipschitz.lower.points import moved, outputs
from isorobust.lipschitz.network import Network


def pairs(net: Network, domain: Domain, data: Any, draws: Any) -> Any:
    """The two training points [2, d] of the largest |f(x) - f(x')| / |x - x'|.

    Sphere: over the arc between them. Attained between two points, hence at some point
    of the segment (arc) too.
    """
    x, _, weights = data
    x, alive = moved(domain, x), weights > 0
    f = outputs(net, x)
    f = f / jnp.maximum(jnp.max(jnp.abs(f)), 1e-30)
    nothing = 1e-6 * jnp.maximum(jnp.max(jnp.sum(x**2, axis=1)), 1e-30)

    def row(point: Any) -> tuple[jax.Array, jax.Array]:
        at, value, here = point
        rise = jnp.sqrt(jnp.sum((f - value[None]) ** 2, axis=1))
        square = jnp.sum((x - at[None]) ** 2, axis=1)
        apart = jnp.sqrt(square)
        if domain.sphere:
            sums = jnp.sqrt(jnp.sum((x + at[None]) ** 2, axis=1))
            apart = 2 * jnp.arctan2(apart, sums)
        slope = jnp.where(alive & here & (square > nothing), rise / apart, -1.0)
        return jnp.max(slope), jnp.argmax(slope)

    steepest, partner = jax.lax.map(row, (x, f, alive))
    first = jnp.argmax(steepest)
    return jnp.stack([x[first], x[partner[first]]])
