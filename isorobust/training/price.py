"""The price of a constant at a fixed fit: a multiplier that nobody has to choose."""

from typing import Any

import jax
import jax.numpy as jnp

BAND = 0.03  # of the target: where the fit is so far off, the price moves at its pace
LEAST, FIRST, MOST = 1e-6, 5e-3, 10.0  # prices


def first() -> jax.Array:
    """The logarithm of the first price, in units of the MSE."""
    return jnp.log(jnp.float32(FIRST))


def room(loss: Any, target: Any, slack: Any) -> jax.Array:
    """How much better than slack * target the fit is, in bands: -2 to 1."""
    return jnp.clip((slack * target - loss) / (BAND * target), -2.0, 1.0)


def moved(log_price: Any, room: Any, pace: Any) -> jax.Array:
    """The log price after a step: the integral part of the rule."""
    low, high = jnp.log(jnp.float32(LEAST)), jnp.log(jnp.float32(MOST))
    return jnp.clip(log_price + pace * room, low, high)


def charged(log_price: Any, room: Any) -> jax.Array:
    """The price that a step pays: the proportional part added; no gradient."""
    return jax.lax.stop_gradient(jnp.exp(log_price + room))
