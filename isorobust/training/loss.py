"""Losses, fits and penalties of one network, as functions of arrays.

A prediction is f(x) [n], with labels y [n] in [-1, 1], or f(x) [n, K] with class
numbers y [n]; weights [n] are 1, or 0 for points that don't count.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp


def mse(prediction: Any, y: Any, weights: Any) -> jax.Array:
    """Mean squared error over the points of weight 1 [label^2]."""
    return _mean((prediction - y) ** 2, weights)


def cross_entropy(prediction: Any, y: Any, weights: Any) -> jax.Array:
    """Mean cross-entropy of the labels under logits, in nats.

    One output: log(1 + exp(f)) - (1 + y) f / 2, which is log(1 + exp(-y f)) for y = +-1
    and takes (1 + y) / 2 for the probability of +1 between. K: -log softmax(f)_y.
    """
    if prediction.ndim == 1:
        return _mean(jax.nn.softplus(prediction) - (1 + y) / 2 * prediction, weights)
    chosen = jnp.sum(jnp.where(_one_hot(prediction, y), prediction, 0.0), axis=1)
    return _mean(jax.nn.logsumexp(prediction, axis=1) - chosen, weights)


def clipped_mse(prediction: Any, y: Any, weights: Any) -> jax.Array:
    """The MSE of f clipped to [-1, 1], for logits: how far they are beyond is free.

    Clipping is 1-Lipschitz, so the law speaks of the clipped network, and a point on
    the wrong side costs >= 1: the share of errors is at most this. K outputs: the mean
    of (1 - m)^2, m = f_y - max of the others clipped to [-1, 1]; two outputs are the
    one output f_1 - f_0.
    """
    if prediction.ndim == 1:
        return mse(jnp.clip(prediction, -1.0, 1.0), y, weights)
    own = _one_hot(prediction, y)
    others = jnp.max(jnp.where(own, -jnp.inf, prediction), axis=1)
    margin = jnp.sum(jnp.where(own, prediction, 0.0), axis=1) - others
    return _mean((1 - jnp.clip(margin, -1.0, 1.0)) ** 2, weights)


@dataclass(frozen=True)
class Loss:
    """What a recipe minimises (value), and the fit that its target is about."""

    value: Callable[[Any, Any, Any], jax.Array]
    fit: Callable[[Any, Any, Any], jax.Array]


LOSSES = {"mse": Loss(mse, mse), "cross_entropy": Loss(cross_entropy, clipped_mse)}


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


def _mean(values: Any, weights: Any) -> jax.Array:
    return jnp.sum(weights * values) / jnp.sum(weights)


def _one_hot(prediction: Any, y: Any) -> jax.Array:
    """[n, K]: where the class is the label's."""
    return jnp.arange(prediction.shape[1])[None] == jnp.asarray(y)[:, None]
