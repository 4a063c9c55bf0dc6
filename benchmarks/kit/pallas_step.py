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
    width = lanes.params["bias_0"].shape[1]
    told = objection(n, d, width, plan.tile)
    if told:
        raise ValueError(told)
    adam, *empty = lanes.moments
    state = (_weights(lanes.params), _unravel(adam.mu, width), _unravel(adam.nu, width))
    found, t, status = _call(plan, recipe, data, state, lanes.t, lanes.status)
    params, mean, square = (Weights(*found[i : i + 4]) for i in (0, 4, 8))
    moments = adam._replace(count=t, mu=_ravel(mean), nu=_ravel(square))
    return Lane(_params(params), (moments, *empty), t, status)


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


def _call(plan: Plan, recipe: Any, data: Data, state: Any, t: Any, status: Any) -> Any:
    """The launch: one program instance a network."""
    leaves = jax.tree.leaves(state)
    power = t.astype(jnp.float32)
    floats = (recipe.learning_rate, recipe.target_mse, data.weights.sum(1))
    scalars = [*floats, BETA**power, SQUARED**power]
    numbers = [recipe.steps, t, status]
    inputs = [*data, *scalars, *numbers, *leaves]
    rows = [x.reshape(len(t), 1) if x.ndim == 1 else x for x in inputs]
    outputs = [*rows[-len(leaves) :], *rows[9:11]]
    out = pl.pallas_call(
        partial(_kernel, plan, data.x.shape[1]),
        out_shape=[jax.ShapeDtypeStruct(x.shape, x.dtype) for x in outputs],
        grid=(len(t),),
        in_specs=[_spec(x) for x in rows],
        out_specs=[_spec(x) for x in outputs],
        interpret=plan.interpret,
        **_compiler(plan),
    )(*rows)
    return out[:-2], out[-2][:, 0], out[-1][:, 0]


def _spec(x: Any) -> pl.BlockSpec:
    """The part of x [m, ...] that belongs to a program instance."""
    shape = x.shape[1:]
    return pl.BlockSpec((None, *shape), lambda i: (i,) + (0,) * len(shape))


def _compiler(plan: Plan) -> dict:
    """pallas_call's choice of Triton; nothing where jax interprets the kernel."""
    if plan.interpret:
        return {}
    from jax.experimental.pallas import triton

    params = triton.CompilerParams(num_warps=plan.warps, num_stages=plan.stages)
    return {"compiler_params": params}


def _kernel(plan: Plan, n: int, *refs: Any) -> None:
    """plan.steps steps of one network; refs: inputs of `_call`, then its outputs."""
    x, y, weights, rate, target, total, one, two, budget, t, status, *rest = refs
    state = [ref[0] if ref.shape == (1,) else ref[...] for ref in rest[:12]]
    tile = min(plan.tile or n, n)
    scales = (rate[0], target[0], total[0], budget[0])

    def points(i: Any) -> tuple:
        part = pl.ds(i * tile, tile)
        return x[part, :], y[part], weights[part]

    def go(_: Any, carry: tuple) -> tuple:
        gradient = partial(_gradient, plan, points, n // tile, total[0])
        return _step(gradient, scales, *carry)

    carry = (tuple(state), one[0], two[0], t[0], status[0])
    end, _, _, *last = jax.lax.fori_loop(0, plan.steps, go, carry)
    for ref, value in zip(rest[12:], [*end, *last], strict=True):
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


def _step(
    gradient: Any, scales: tuple, state: tuple, one: Any, two: Any, t: Any, status: Any
) -> tuple:
    """One update, or none; one, two: BETA ** t and SQUARED ** t."""
    rate, target, _, budget = scales
    params, mean, square = state[:4], state[4:8], state[8:]
    grads, fit = gradient(params)
    size = sum(jnp.sum(jnp.abs(g)) for g in grads)
    finite = jnp.abs(fit + size) < jnp.inf  # False for NaN, too
    running = status == RUNNING
    stop = fit <= target
    live = running & ~stop & finite

    one, two = one * BETA, two * SQUARED
    by, root = rate / (1.0 - one), 1.0 / jnp.sqrt(1.0 - two)
    moved: list[Any] = [], [], []  # type: ignore[assignment]
    for p, m, v, g in zip(params, mean, square, grads, strict=True):
        m_new = BETA * m + (1.0 - BETA) * g
        v_new = SQUARED * v + (1.0 - SQUARED) * g * g
        p_new = p - by * m_new / (jnp.sqrt(v_new) * root + EPSILON)
        for into, new, old in zip(moved, (p_new, m_new, v_new), (p, m, v), strict=True):
            into.append(jnp.where(live, new, old))
    t = t + live.astype(jnp.int32)
    # not Python's ints: Triton's lowering gives those the type of the condition
    go_on, target_met, spent, lost = map(np.int32, (RUNNING, TARGET, BUDGET, DIVERGED))
    why = jnp.where(stop, target_met, jnp.where(t >= budget, spent, go_on))
    why = jnp.where(finite, why, lost)
    status = jnp.where(running, why, status)
    return (*moved[0], *moved[1], *moved[2]), one, two, t, status
