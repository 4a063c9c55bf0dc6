"""Two-layer networks with one output: LipSDP-Neuron as the MaxCut problem it is.

f = a'phi(W x + b) with phi'(z_i) in [low_i, high_i]: grad f = (C's)/2 for an s in
[-1, 1]^(k+1) with s_k = 1, where C [k + 1, d] has the rows (high_i - low_i) a_i w_i and,
last, sum_i (low_i + high_i) a_i w_i. So the formal constant (all patterns, reachable or not) is
max_{s in {+-1}} |C's| / 2, and for every y > 0

    |C's|^2 <= (sum y) lambda_max(C' Y^-1 C).

The least of the right side is LipSDP-Neuron (Fazlyab et al. 2019; Wang et al. 2022);
any y gives a certificate.
"""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

MOMENTUM = 0.9


def factor(w: Any, a: Any, low: Any, high: Any) -> Any:
    """C [k + 1, d] of w [k, d], a [k], low, high [k]; numpy or jax."""
    rows = a[:, None] * w
    last = ((low + high)[:, None] * rows).sum(axis=0)
    both = [(high - low)[:, None] * rows, last[None]]
    return (jnp if isinstance(rows, jax.Array) else np).concatenate(both)


def vectors(c: jax.Array, rounds: int) -> jax.Array:
    """Unit rows V [k + 1, r] near the SDP's optimum: max <C C', V V'> (one network).

    The power method V <- rows of C C' U made unit, U = V + momentum (V - V_before); in
    float32 100 rounds come within 3e-4 of the optimum, 200 within 7e-6. Rows of C that
    are zero (dead or padded units) stay zero in V.
    """
    k = c.shape[0]
    c = c / jnp.maximum(jnp.max(jnp.abs(c)), 1e-30)
    start = jax.random.normal(jax.random.key(0), (k, rank(k)), c.dtype)
    first = _unit(start * (jnp.sum(c**2, axis=1) > 0)[:, None])

    def go(_: int, pair: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        ahead, v = pair
        new = _unit(c @ (c.T @ ahead))
        return new + MOMENTUM * (new - v), new

    return jax.lax.fori_loop(0, rounds, go, (first, first))[1]


def duals(c: jax.Array, v: jax.Array) -> jax.Array:
    """The multipliers y [k + 1] that belong to V: |rows of C C'V|, up to a factor."""
    c = c / jnp.maximum(jnp.max(jnp.abs(c)), 1e-30)
    return jnp.sqrt(jnp.sum((c @ (c.T @ v)) ** 2, axis=1))


def rank(k: int) -> int:
    """Columns of V that suffice for the optimum of k unit vectors (Barvinok-Pataki)."""
    return math.isqrt(2 * k) + 1


def _unit(rows: jax.Array) -> jax.Array:
    """Rows made unit; zero rows stay."""
    square = jnp.sum(rows**2, axis=1, keepdims=True)
    return jnp.where(square > 0, rows / jnp.sqrt(jnp.where(square > 0, square, 1)), 0)
