"""One training step of one network: what a lane does, written without lanes."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from isorobust.lipschitz.network import Network
from isorobust.training.loss import LOSSES

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
    zero, (flat, _) = jnp.zeros((), jnp.int32), ravel_pytree(params)
    return Lane(params, recipe.optimiser().init(flat), zero, zero + RUNNING)


def step(model: Any, recipe: Any, data: Data, lane: Lane) -> Lane:
    """One update, or none: a lane that has stopped, stops now, or diverges freezes.

    Loss, gradient and fit are taken at the parameters BEFORE the update, and the
    decision to stop with them; the fit is that of all points, whatever the step's loss
    is taken over. A lane diverges where its loss or its update isn't finite, or where
    updates of that size would overflow within its budget: so it keeps its last finite
    parameters. The optimiser sees all parameters as one vector: a third less to
    compile, and one array to check.
    """

    chosen = recipe.points(data, lane.t) if hasattr(recipe, "points") else data.weights
    kind = LOSSES[recipe.loss]

    def objective(params: Any) -> tuple[jax.Array, jax.Array]:
        prediction = model.apply({"params": params}, data.x, data.weights)
        fit = kind.fit(prediction, data.y, data.weights)
        loss = kind.value(prediction, data.y, chosen)
        net = None
        if not model.batch_norm:
            net = Network(model.layers(params), model.activation)
        return recipe.objective(loss, net, lane.t), fit

    (loss, fit), gradient = jax.value_and_grad(objective, has_aux=True)(lane.params)
    flat, restored = ravel_pytree(gradient)
    update, moments = recipe.optimiser().update(flat, lane.moments)
    kept = lane.params
    if getattr(recipe, "weight_decay", 0.0):  # static: a multiplication costs 5 %
        decay = recipe.decay(lane.t)
        kept = jax.tree.map(lambda old: old - decay * old, kept)
    moved = jax.tree.map(jnp.add, kept, restored(update))

    running = lane.status == RUNNING
    stop = recipe.stop(fit, lane.t)
    size = jnp.sum(jnp.abs(update)) * recipe.steps
    bad = ~stop & ~jnp.isfinite(loss + size)
    live = running & ~stop & ~bad
    params, moments, t = jax.tree.map(
        lambda new, old: jnp.where(live, new, old),
        (moved, moments, lane.t + 1),
        lane[:3],
    )
    why = jnp.where(stop, TARGET, jnp.where(t >= recipe.steps, BUDGET, RUNNING))
    why = jnp.where(bad, DIVERGED, why)
    return Lane(params, moments, t, jnp.where(running, why, lane.status))
