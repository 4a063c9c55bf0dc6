"""Points in tiles, where a layer's activations would be too many at once (jax)."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

AT_ONCE = 2**26  # activations of a layer of one network: 256 MB


def tile_size(units: int) -> int:
    """How many points have at most AT_ONCE activations in a layer of so many units."""
    return max(1, AT_ONCE // units)


def in_tiles(function: Callable[[Any], Any], points: Any, tile: int) -> jax.Array:
    """function(points [n, d]) [n, ...], `tile` points after the other."""
    count = -(-len(points) // tile)
    padded = jnp.pad(points, ((0, count * tile - len(points)), (0, 0)))
    found = jax.lax.map(function, padded.reshape(count, tile, -1))
    return jnp.asarray(found.reshape(count * tile, *found.shape[2:])[: len(points)])
