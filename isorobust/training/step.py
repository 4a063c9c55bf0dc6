"""One training step of one network: what a lane does, written without lanes."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from isorobust.training.loss import mse

RUNNING, TARGET, BUDGET, DIVERGED = range(4)
STOPS = ("running", "target", "budget", "diverged")


class Lane(NamedTuple):
    """A network in training.

    params, moments: pytrees of the parameters and of the optimiser's state
    t: updates made so far; status: RUNNING or why it stopped
    """

    params: Any
    moments: Any
    t: jax.Array
    status: jax.Array


class Data(NamedTuple):
    """A training set: x [n, d], y [n], weights [n] (0 marks a padded point)."""

    x: jax.Array | np.ndarray
    y: jax.Array | np.ndarray
    weights: jax.Array | np.ndarray


def start(recipe: Any, params: Any) -> Lane:
    """A lane before its first step."""
    zero = jnp.zeros((), jnp.int32)
    return Lane(params, _optimiser(recipe).init(params), zero, zero + RUNNING)


def _optimiser(recipe: Any) -> optax.GradientTransformation:
    """The recipe's, on all parameters as one vector: a third less to compile."""
    return optax.flatten(recipe.optimiser())


def step(model: Any, recipe: Any, data: Data, lane: Lane) -> Lane:
    """One update, or none: a lane that has stopped, stops now, or isn't finite freezes.

    Loss and gradient are taken at the parameters BEFORE the update, and the decision to
    stop with them, so that a diverged lane keeps its last finite parameters.
    """

    def objective(params: Any) -> tuple[jax.Array, jax.Array]:
        fit = mse(model.apply({"params": params}, data.x, data.weights), *data[1:])
        layers = None if model.batch_norm else model.layers(params)
        return recipe.objective(fit, layers, lane.t), fit

    (loss, fit), gradient = jax.value_and_grad(objective, has_aux=True)(lane.params)
    running = lane.status == RUNNING
    stop = recipe.stop(fit, lane.t)
    size = sum(jnp.sum(jnp.abs(leaf)) for leaf in jax.tree.leaves(gradient))
    bad = ~jnp.isfinite(loss + size)
    live = running & ~stop & ~bad

    updates, moments = _optimiser(recipe).update(gradient, lane.moments, lane.params)
    moved = (optax.apply_updates(lane.params, updates), moments, lane.t + 1)
    params, moments, t = jax.tree.map(
        lambda new, old: jnp.where(live, new, old), moved, lane[:3]
    )
    why = jnp.where(stop, TARGET, jnp.where(t >= recipe.steps, BUDGET, RUNNING))
    why = jnp.where(bad, DIVERGED, why)
    return Lane(params, moments, t, jnp.where(running, why, lane.status))
