"""Contenders of time_to_fit.py that are no recipes: they lost (see there).

Each gives begin(params) -> Lane and advance(model, data, lane) -> Lane, as a recipe's
start and step do, for ONE network.
"""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax.flatten_util import ravel_pytree

from isorobust.activations import ACTIVATIONS
from isorobust.training.loss import mse
from isorobust.training.step import BUDGET, RUNNING, TARGET, Data, Lane


@dataclass(frozen=True)
class LevenbergMarquardt:
    """Damped Gauss-Newton in its dual: the step is -J'(J J' + mu I)^-1 (f - y).

    J J' [n, n] is a sum over layers of products of Gram matrices, so J [n, p] is never
    formed. mu falls by 3 where the quadratic model predicts well (gain > 3/4) and rises
    by 4 where it doesn't (gain < 1/4); a step that raises the MSE isn't made.
    """

    target_mse: float
    steps: int = 150
    damping: float = 10.0

    def begin(self, model: Any, params: Any) -> Lane:
        """A lane before its first step."""
        zero = jnp.zeros((), jnp.int32)
        return Lane(params, jnp.asarray(self.damping, jnp.float32), zero, zero)

    def advance(self, model: Any, data: Data, lane: Lane) -> Lane:
        """One step, accepted or not."""

        def predicted(params: Any) -> jax.Array:
            return model.apply({"params": params}, data.x, data.weights)

        f, pull = jax.vjp(predicted, lane.params)
        kernel = tangent_kernel(model.layers(lane.params), model.activation, data.x)
        mu, left = lane.moments, f - data.y
        factor = jax.scipy.linalg.cho_factor(kernel + mu * jnp.eye(len(f)))
        dual = jax.scipy.linalg.cho_solve(factor, left)
        moved = jax.tree.map(jnp.subtract, lane.params, pull(dual)[0])
        fit, found = jnp.mean(left**2), mse(predicted(moved), *data[1:])
        gain = (fit - found) / (fit - jnp.mean((mu * dual) ** 2))
        change = jnp.where(gain > 0.75, 1 / 3, jnp.where(gain > 0.25, 1.0, 4.0))
        return settled(self, lane, fit, found < fit, moved, mu * change)


def tangent_kernel(layers: Any, activation: str, x: Any) -> jax.Array:
    """J J' [n, n] with J the Jacobian of f(x) [n] in all weights and biases."""
    phi, h = ACTIVATIONS[activation].jax, x.T
    inputs, slopes = [], []
    for w, b in layers:
        inputs.append(h)
        z = w @ h + b[:, None]
        h, slope = jax.jvp(phi, (z,), (jnp.ones_like(z),))
        slopes.append(slope)
    back, kernel = jnp.ones((1, len(x))), jnp.zeros((len(x), len(x)))
    for i in reversed(range(len(layers))):
        kernel = kernel + (inputs[i].T @ inputs[i] + 1) * (back.T @ back)
        if i:
            back = (layers[i][0].T @ back) * slopes[i - 1]
    return kernel


@dataclass(frozen=True)
class LBFGS:
    """optax.lbfgs, memory 10, with its zoom line search; a step is an iteration."""

    target_mse: float
    steps: int = 1000

    def begin(self, model: Any, params: Any) -> Lane:
        """A lane before its first step."""
        zero = jnp.zeros((), jnp.int32)
        return Lane(params, optax.lbfgs().init(ravel_pytree(params)[0]), zero, zero)

    def advance(self, model: Any, data: Data, lane: Lane) -> Lane:
        """One iteration: several losses and gradients."""
        flat, restored = ravel_pytree(lane.params)

        def loss(flat: jax.Array) -> jax.Array:
            return mse(model.apply({"params": restored(flat)}, data.x), *data[1:])

        fit, gradient = jax.value_and_grad(loss)(flat)
        update, state = optax.lbfgs().update(
            gradient, lane.moments, flat, value=fit, grad=gradient, value_fn=loss
        )
        moved = restored(flat + update)
        return settled(self, lane, fit, jnp.isfinite(update).all(), moved, state)


def settled(
    rules: Any, lane: Lane, fit: Any, better: Any, moved: Any, state: Any
) -> Lane:
    """The lane after a step: frozen at its target or budget; moved where better."""
    stop, live = fit <= rules.target_mse, lane.status == RUNNING
    go = live & ~stop
    params = jax.tree.map(
        lambda new, old: jnp.where(go & better, new, old), moved, lane.params
    )
    moments = jax.tree.map(
        lambda new, old: jnp.where(go, new, old), state, lane.moments
    )
    t = lane.t + go
    why = jnp.where(stop, TARGET, jnp.where(t >= rules.steps, BUDGET, RUNNING))
    return Lane(params, moments, t, jnp.where(live, why, lane.status))
