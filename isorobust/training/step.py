"""One training step of one network: what a lane does, written without lanes."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from isorobust.lipschitz.network import Network
from isorobust.lipschitz.tiles import in_tiles, tile_size
from isorobust.training.loss import LOSSES

RUNNING, TARGET, BUDGET, DIVERGED = range(4)
STOPS = ("running", "target", "budget", "diverged")


class Lane(NamedTuple):
    """A network in training.

    params, moments: pytrees of the parameters and of the optimiser's state; of a recipe
        that has companions, moments = (the optimiser's, the companions)
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


def start(model: Any, recipe: Any, params: Any) -> Lane:
    """A lane before its first step."""
    zero, (flat, _) = jnp.zeros((), jnp.int32), ravel_pytree(params)
    moments: Any = recipe.optimiser().init(flat)
    if hasattr(recipe, "companions"):
        moments = moments, recipe.companions(_network(model, params))
    return Lane(params, moments, zero, zero + RUNNING)


def step(model: Any, recipe: Any, data: Data, lane: Lane) -> Lane:
    """One update, or none: a lane that has stopped, stops now, or diverges freezes.

    Loss, gradient and fit are taken at the parameters BEFORE the update, and the
    decision to stop with them; the fit is that of all points, whatever the step's loss
    is taken over. A lane diverges where its loss or its update isn't finite, or where
    updates of that size would overflow within its budget: so it keeps its last finite
    parameters. The optimiser sees all parameters as one vector: a third less to
    compile, and one array to check. Companions follow the same parameters.
    """

    chosen = recipe.points(data, lane.t) if hasattr(recipe, "points") else data.weights
    kind = LOSSES[recipe.loss]
    moments, beside = _apart(recipe, lane)

    def objective(params: Any) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
        prediction = predicted(model, params, data.x, data.weights)
        fit = kind.fit(prediction, data.y, data.weights)
        loss = kind.value(prediction, data.y, chosen)
        net = _network(model, params)
        return recipe.objective(loss, net, lane.t, *beside), (loss, fit)

    grown = jax.value_and_grad(objective, has_aux=True)
    (value, (loss, fit)), gradient = grown(lane.params)
    flat, restored = ravel_pytree(gradient)
    update, moments = recipe.optimiser().update(flat, moments)
    if beside:
        net = _network(model, lane.params)
        moments = moments, recipe.followed(*beside, net, loss, lane.t)
    kept = lane.params
    if getattr(recipe, "weight_decay", 0.0):  # static: a multiplication costs 5 %
        decay = recipe.decay(lane.t)
        kept = jax.tree.map(lambda old: old - decay * old, kept)
    moved = jax.tree.map(jnp.add, kept, restored(update))
    size = jnp.sum(jnp.abs(update)) * recipe.steps
    finite = jnp.isfinite(value + size)
    return _settled(recipe, lane, (moved, moments, lane.t + 1), fit, finite)


def predicted(model: Any, params: Any, x: Any, weights: Any) -> jax.Array:
    """f(x) [n], or [n, outputs], of points x [n, d].

    Where a layer's activations at all points would be too many to keep for the
    gradient, tiles of points pass one after the other, and once more on the way back.
    Not under batch norm, whose statistics need all points at once.
    """
    tile = tile_size(getattr(model, "chain_width", model.width))
    if model.batch_norm or len(x) <= tile:
        return jnp.asarray(model.apply({"params": params}, x, weights))
    one = jax.checkpoint(lambda part: model.apply({"params": params}, part))
    return in_tiles(one, x, tile)


def _settled(recipe: Any, lane: Lane, new: tuple, fit: Any, finite: Any) -> Lane:
    """The lane with its new (params, moments, t), or frozen, and why."""
    running = lane.status == RUNNING
    stop = recipe.stop(fit, lane.t)
    bad = ~stop & ~finite
    live = running & ~stop & ~bad
    params, moments, t = jax.tree.map(
        lambda new, old: jnp.where(live, new, old), new, lane[:3]
    )
    why = jnp.where(stop, TARGET, jnp.where(t >= recipe.steps, BUDGET, RUNNING))
    why = jnp.where(bad, DIVERGED, why)
    return Lane(params, moments, t, jnp.where(running, why, lane.status))


def _apart(recipe: Any, lane: Lane) -> tuple[Any, tuple]:
    """(the optimiser's moments, (companions,) or ())."""
    if not hasattr(recipe, "companions"):
        return lane.moments, ()
    moments, companions = lane.moments
    return moments, (companions,)


def _network(model: Any, params: Any) -> Network | None:
    """The network as a penalty sees it; None under batch norm."""
    if model.batch_norm:
        return None
    return model.network(params)
