"""Losses and penalties of one network, as functions of arrays."""

from typing import Any

import jax
import jax.numpy as jnp


def mse(prediction: Any, y: Any, weights: Any) -> jax.Array:
    """Mean squared error over the points of weight 1 [label^2]."""
    return jnp.sum(weights * (prediction - y) ** 2) / jnp.sum(weights)


def path_norm(layers: Any) -> jax.Array:
    """|W_D| ... |W_2| r with r_j = |(w_j, b_j)|: sum_j |a_j| r_j for two layers.

    An upper bound on the Lipschitz constant for activations of slope <= 1; the penalty
    of Shmalo (2026, arXiv:2607.07778) for two layers, carried through the others.
    """
    (first, bias), *rest = layers
    reach = safe_norm(jnp.concatenate([first, bias[:, None]], axis=1))
    for weight, _ in rest:
        reach = jnp.abs(weight) @ reach
    return jnp.sum(reach)


def safe_norm(rows: jax.Array) -> jax.Array:
    """Lengths of rows [k, d] -> [k], with gradient 0 (not NaN) at a zero row."""
    square = jnp.sum(rows**2, axis=1)
    zero = square == 0
    return jnp.where(zero, 0.0, jnp.sqrt(jnp.where(zero, 1.0, square)))
