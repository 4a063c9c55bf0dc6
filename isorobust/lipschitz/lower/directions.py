"""Directions from a point across the kinks around it (jax)."""

import jax
import jax.numpy as jnp


def aimed(
    row: jax.Array, gap: jax.Array, preference: jax.Array, x: jax.Array, count: int
) -> jax.Array:
    """Directions [p, count, d] across the kinks of the units preferred most.

    row [p, k, d], gap [p, k]: units' local gradients and how far from 0 they are. With
    the metric H = sum row row' / gap^2 (of Dikin's ellipsoid) H^-1 row_i changes unit i
    the most at the least cost to the others.
    """
    size = jnp.sqrt(jnp.sum(row**2, axis=-1))
    span = jnp.sqrt(jnp.sum(x**2, axis=-1, keepdims=True)) + 1e-6
    gap = jnp.maximum(gap, 1e-4 * span * size)
    near = row / jnp.where(gap > 0, gap, 1.0)[..., None]
    h = jnp.einsum("pki,pkj->pij", near, near)
    d = x.shape[-1]
    ridge = 1e-6 * jnp.trace(h, axis1=1, axis2=2) / d + 1e-30
    h = h + ridge[:, None, None] * jnp.eye(d, dtype=x.dtype)[None]
    preference = jnp.where(size > 0, preference, -jnp.inf)
    aims = jax.lax.top_k(preference, min(count, row.shape[1]))[1]
    picked = jnp.take_along_axis(near, aims[..., None], axis=1)
    return jnp.swapaxes(solved(h, jnp.swapaxes(picked, 1, 2)), 1, 2)


def solved(h: jax.Array, b: jax.Array) -> jax.Array:
    """h^-1 b [p, d, r] of positive definite h [p, d, d], by Gauss and Jordan.

    Not jnp.linalg.solve: on a CPU that calls LAPACK from a thread of XLA's pool and
    waits there for other threads of it, so two programs at once stand still for ever
    (jaxlib 0.10.2; no program that devices run side by side may call LAPACK).
    """

    def eliminate(j: jax.Array, m: jax.Array) -> jax.Array:
        row = jax.lax.dynamic_index_in_dim(m, j, 1)
        row = row / jax.lax.dynamic_index_in_dim(row, j, 2)
        column = jax.lax.dynamic_index_in_dim(m, j, 2)
        there = (jnp.arange(m.shape[1]) == j)[None, :, None]
        return jnp.where(there, row, m - column * row)

    m = jnp.concatenate([h, b], axis=2)
    return jax.lax.fori_loop(0, h.shape[1], eliminate, m)[:, :, h.shape[1] :]
