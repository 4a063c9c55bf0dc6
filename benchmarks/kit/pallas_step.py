"""Many training steps of a two-layer ReLU network in one kernel (Pallas, Triton).

A candidate, raced by the kit and used by nothing else. One program instance is one
network: W [k, d], b, a [k], the output bias, and both of Adam's moments stay on chip
for `steps` steps, the points are read in tiles, and no activation is ever written to
the device's memory. Stopping is that of isorobust/training/step.py, with the recipe
`Adam`: the loss and the gradient are those before the update.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental import pallas as pl

from isorobust.training.step import BUDGET, DIVERGED, RUNNING, TARGET, Data, Lane

BETA, SQUARED, EPSILON = 0.9, 0.999, 1e-8  # optax.adam's
LEAST = 16  # rows and columns of a product, at least; all sizes are powers of two


@dataclass(frozen=True)
class Plan:
    """How the kernel is built; nothing of it may change more than rounding.

    steps: of one launch; tile: points read at a time (None: all)
    precision: of the products, a jax.lax.Precision or a preset's name
    warps, stages: Triton's; interpret: run by jax on any backend, to test it
    """

    steps: int = 100
    tile: int | None = 64
    precision: Any = None
    warps: int = 4
    stages: int = 2
    interpret: bool = False


class Told(NamedTuple):
    """What a network's recipe and data say, all scalars; total: sum of the weights."""

    rate: Any
    final: Any
    decay: Any
    target: Any
    total: Any
    budget: Any


class Weights(NamedTuple):
    """The parameters of m networks, or one of their moments."""

    w: Any  # [m, k, d]
    b: Any  # [m, k]
    a: Any  # [m, k]
    c: Any  # [m, 1]


def objection(n: int, d: int, width: int, tile: int | None) -> str | None:
    """Why the kernel can't have this shape; None where it can."""
    sizes = {"d": d, "width": width, "tile": min(tile or n, n)}
    for name, size in sizes.items():
        if size < LEAST or size & (size - 1):
            return f"{name} = {size}: must be a power of two >= {LEAST}"
    return (
        None if n % sizes["tile"] == 0 else f"n = {n}: must be a multiple of the tile"
    )


def train(plan: Plan, recipe: Any, data: Data, lanes: Lane) -> Lane:
    """The lanes after at most plan.steps steps: as Chunk's, to rounding.

    recipe: `Adam` with a leading axis of lanes, as data and lanes have.
    """
    n, d = data.x.shape[1:]
    complaint = objection(n, d, lanes.params["bias_0"].shape[1], plan.tile)
    if complaint:
        raise ValueError(complaint)
    rows = inputs(recipe, data, lanes)
    outputs = [*rows[STATE:], *rows[STATE - 2 : STATE]]
    out = pl.pallas_call(
        partial(_kernel, plan, n),
        out_shape=[jax.ShapeDtypeStruct(x.shape, x.dtype) for x in outputs],
        grid=(len(lanes.t),),
        in_specs=[spec(x) for x in rows],
        out_specs=[spec(x) for x in outputs],
        interpret=plan.interpret,
        **compiler(plan),
    )(*rows)
    return outcome(lanes, out[:-2], *out[-2:])


def inputs(recipe: Any, data: Data, lanes: Lane) -> list[Any]:
    """What a kernel reads, with a leading axis of lanes, each at least [m, 1].

    x, y, weights; the fields of Told; BETA ** t, SQUARED ** t; t, status (the last
    before STATE); parameters, means and squares, four arrays each.
    """
    if recipe.loss != "mse":
        raise ValueError(f"loss = {recipe.loss}: the kernels know the MSE alone")
    width, adam = lanes.params["bias_0"].shape[1], lanes.moments[0]
    power = lanes.t.astype(jnp.float32)
    even = jnp.ones_like(recipe.learning_rate)
    found = [
        *data,
        recipe.learning_rate,
        recipe.final,
        recipe.weight_decay * even,  # a static field, one number for all lanes
        recipe.target_mse,
        data.weights.sum(1),
        recipe.steps,
        BETA**power,
        SQUARED**power,
        lanes.t,
        lanes.status,
        *_weights(lanes.params),
        *_unravel(adam.mu, width),
        *_unravel(adam.nu, width),
    ]
    return [x.reshape(len(power), 1) if x.ndim == 1 else x for x in found]


STATE = 13  # the first of `inputs` that is an array of the state


def outcome(lanes: Lane, state: Any, t: Any, status: Any) -> Lane:
    """The lanes from what a kernel wrote: the state, t [m, 1], status [m, 1]."""
    params, mean, square = (Weights(*state[i : i + 4]) for i in (0, 4, 8))
    adam, *others = lanes.moments
    t = t[:, 0]
    moments = adam._replace(count=t, mu=_ravel(mean), nu=_ravel(square))
    others = [x._replace(count=t) if "count" in x._fields else x for x in others]
    return Lane(_params(params), (moments, *others), t, status[:, 0])


def _weights(params: dict) -> Weights:
    w, a = params["weight_0"], params["weight_1"][:, 0]
    return Weights(w, params["bias_0"], a, params["bias_1"])


def _params(weights: Weights) -> dict:
    w, b, a, c = weights
    return {"weight_0": w, "bias_0": b, "weight_1": a[:, None], "bias_1": c}


def _unravel(flat: jax.Array, k: int) -> Weights:
    """A moment as the optimiser keeps it, one vector in the order of the names."""
    m, size = flat.shape
    d = (size - 1) // k - 2
    b, c, w, a = jnp.split(flat, np.cumsum([k, 1, k * d]), axis=1)
    return Weights(w.reshape(m, k, d), b, a, c)


def _ravel(weights: Weights) -> jax.Array:
    w, b, a, c = weights
    return jnp.concatenate([b, c, w.reshape(len(w), -1), a], axis=1)


def spec(x: Any) -> pl.BlockSpec:
    """The part of x [m, ...] that belongs to a program instance."""
    shape = x.shape[1:]
    return pl.BlockSpec((None, *shape), lambda i: (i,) + (0,) * len(shape))


def compiler(plan: Plan) -> dict:
    """pallas_call's choice of Triton; nothing where jax interprets the kernel."""
    if plan.interpret:
        return {}
    from jax.experimental.pallas import triton

    params = triton.CompilerParams(num_warps=plan.warps, num_stages=plan.stages)
    return {"compiler_params": params}


def _kernel(plan: Plan, n: int, *refs: Any) -> None:
    """plan.steps steps of one network; refs: inputs of `_call`, then its outputs."""
    x, y, weights, *rest = refs
    told = Told(*(ref[0] for ref in rest[:6]))
    counts = tuple(ref[0] for ref in rest[6:10])
    state = tuple(ref[0] if ref.shape == (1,) else ref[...] for ref in rest[10:22])
    tile = min(plan.tile or n, n)

    def points(i: Any) -> tuple:
        part = pl.ds(i * tile, tile)
        return x[part, :], y[part], weights[part]

    def go(_: Any, carry: tuple) -> tuple:
        state, counts = carry
        grads, fit = _gradient(plan, points, n // tile, told.total, state[:4])
        return _step(told, grads, fit, state, counts)

    state, counts = jax.lax.fori_loop(0, plan.steps, go, (state, counts))
    for ref, value in zip(rest[22:], [*state, *counts[2:]], strict=True):
        if ref.shape == (1,):
            ref[0] = value
        else:
            ref[...] = value


def _gradient(
    plan: Plan, points: Any, tiles: int, total: Any, params: tuple
) -> tuple[tuple, Any]:
    """(gradient, MSE) of one network over all points, tile after tile."""
    w, b, a, c = params
    dot = partial(jnp.dot, precision=plan.precision, preferred_element_type=jnp.float32)

    def add(i: Any, carry: tuple) -> tuple:
        dw, db, da, dc, fit = carry
        x, y, weights = points(i)
        z = dot(w, x.T) + b[:, None]
        h = jnp.maximum(z, 0.0)
        error = jnp.sum(h * a[:, None], axis=0) + c - y
        pull = weights * error / total
        slope = 2.0 * pull
        back = jnp.where(z > 0, a[:, None] * slope[None], 0.0)
        return (
            dw + dot(back, x),
            db + jnp.sum(back, axis=1),
            da + jnp.sum(h * slope[None], axis=1),
            dc + jnp.sum(slope),
            fit + jnp.sum(pull * error),
        )

    zeros = (jnp.zeros_like(w), jnp.zeros_like(b), jnp.zeros_like(a))
    nought = jnp.zeros((), jnp.float32)
    *gradient, fit = jax.lax.fori_loop(0, tiles, add, (*zeros, nought, nought))
    return tuple(gradient), fit


def _step(told: Told, grads: tuple, fit: Any, state: tuple, counts: tuple) -> tuple:
    """(state, counts) after one update, or none.

    state: parameters, means, squares, four arrays each
    counts: BETA ** t, SQUARED ** t, t, status
    """
    pace, size, new = rates(told, counts), fit, []
    for i, gradient in enumerate(grads):
        updated, length = moved(pace, state[i], state[i + 4], state[i + 8], gradient)
        new.append(updated)
        size += length
    live, counts = stopped(told, fit, size, counts)
    flat = [one[i] for i in range(3) for one in new]
    after = tuple(jnp.where(live, a, b) for a, b in zip(flat, state, strict=True))
    return after, counts


class Rates(NamedTuple):
    """Of one step: what decay keeps; the update is by * mean / (root * sqrt + eps)."""

    keep: Any
    by: Any
    root: Any


def rates(told: Told, counts: tuple) -> Rates:
    """The step's; the learning rate falls along a cosine to told.final."""
    one, two, t, _ = counts
    share = t.astype(jnp.float32) / told.budget.astype(jnp.float32)
    cosine = 0.5 * (1.0 + jnp.cos(np.float32(np.pi) * share))
    rate = told.rate * (told.final + (1.0 - told.final) * cosine)
    root = 1.0 / jnp.sqrt(1.0 - two * SQUARED)
    return Rates(1.0 - rate * told.decay, rate / (1.0 - one * BETA), root)


def moved(pace: Rates, p: Any, m: Any, v: Any, gradient: Any) -> tuple[tuple, Any]:
    """((parameters, mean, square) after Adam's update, sum of its absolute values)."""
    mean = BETA * m + (1.0 - BETA) * gradient
    square = SQUARED * v + (1.0 - SQUARED) * gradient * gradient
    update = pace.by * mean / (jnp.sqrt(square) * pace.root + EPSILON)
    return (pace.keep * p - update, mean, square), jnp.sum(jnp.abs(update))


def stopped(told: Told, fit: Any, size: Any, counts: tuple) -> tuple[Any, tuple]:
    """(whether the update counts, the counts after it); size: finite or not."""
    one, two, t, status = counts
    finite = jnp.abs(size) < jnp.inf  # False for NaN, too
    running, stop = status == RUNNING, fit <= told.target
    live = running & ~stop & finite
    t = t + live.astype(jnp.int32)
    # not Python's ints: Triton's lowering gives those the type of the condition
    go_on, met, spent, lost = map(np.int32, (RUNNING, TARGET, BUDGET, DIVERGED))
    why = jnp.where(finite, jnp.where(t >= told.budget, spent, go_on), lost)
    why = jnp.where(stop, met, why)
    status = jnp.where(running, why, status)
    return live, (one * BETA, two * SQUARED, t, status)
