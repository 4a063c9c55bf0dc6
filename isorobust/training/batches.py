"""Minibatches: which points a step sees, drawn on the device from the data alone."""

from typing import Any

import jax
import jax.numpy as jnp

WORD = 32  # bits of a random number


def batch_weights(data: Any, size: Any, t: Any) -> jax.Array:
    """Weights [n]: 1 for `size` points of weight 1, drawn anew for step t; else 0.

    Without replacement; all points for size = 0 or size >= n. The key is made of the
    data and t, so the draw depends on the trial alone: padding, lanes and chunks have
    no say (a point's bits depend on its place, not on how many follow), and recipes
    and widths that share a data set see the same batches.
    """
    key = jax.random.key(_fingerprint(data.x), impl="threefry2x32")
    score = jax.random.bits(jax.random.fold_in(key, t), data.weights.shape)
    score = jnp.where(data.weights > 0, score, jnp.uint32(2**WORD - 1))
    count = jnp.where(size > 0, jnp.minimum(size, len(score)), len(score))
    return jnp.where(score <= _smallest(score, count), data.weights, 0.0)


def _smallest(score: jax.Array, count: jax.Array) -> jax.Array:
    """The count-th smallest of whole numbers [n], bit by bit: faster than a sort."""

    def bit(i: jax.Array, found: jax.Array) -> jax.Array:
        raised = found | (jnp.uint32(1) << (WORD - 1 - i).astype(jnp.uint32))
        return jnp.where(jnp.sum(score < raised) < count, raised, found)

    return jax.lax.fori_loop(0, WORD, bit, jnp.uint32(0))


def _fingerprint(x: Any) -> jax.Array:
    """A whole number that tells data sets apart: sum of (2 i + 1) bits(x_ij), mod 2^32.

    Padding adds nothing to it, for the bits of 0.0 are 0.
    """
    bits = jax.lax.bitcast_convert_type(jnp.asarray(x), jnp.uint32)
    odd = 2 * jnp.arange(len(bits), dtype=jnp.uint32) + 1
    return jnp.sum(odd[:, None] * bits, dtype=jnp.uint32)
