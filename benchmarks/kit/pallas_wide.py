"""The fused step for wide networks: units in strips, state in the L2 cache.

As pallas_step.py, where the parameters and moments of a network don't fit into the
registers of one program instance: they stay in the device's memory (an H100's 50 MB of
L2 hold those of all instances in flight), and the hidden layer is gone through strip by
strip, twice a step: for the predictions, and again for the gradient, so that no
activation is ever written. Half as many products more, a tenth of the traffic.
"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax.experimental import pallas as pl

from isorobust.training.step import Data, Lane
from kit.pallas_step import (
    STATE,
    Plan,
    Told,
    compiler,
    inputs,
    moved,
    objection,
    outcome,
    rates,
    spec,
    stopped,
)

STRIP = 64  # units looked at together
WRITTEN = STATE - 2  # the first of `inputs` that is written, in place


def train(plan: Plan, recipe: Any, data: Data, lanes: Lane) -> Lane:
    """The lanes after at most plan.steps steps, as pallas_step.train."""
    (m, n, d), width = data.x.shape, lanes.params["bias_0"].shape[1]
    complaint = objection(n, d, min(width, STRIP), plan.tile)
    if complaint or width % min(width, STRIP):
        raise ValueError(complaint or f"width = {width}: no multiple of {STRIP}")
    rows = inputs(recipe, data, lanes)
    shapes = [jax.ShapeDtypeStruct(x.shape, x.dtype) for x in rows[WRITTEN:]]
    for shape in ((m, n), (m, width, d), (m, width), (m, width)):  # in passing
        shapes.append(jax.ShapeDtypeStruct(shape, jnp.float32))
    out = pl.pallas_call(
        partial(_kernel, plan),
        out_shape=shapes,
        grid=(m,),
        in_specs=[spec(x) for x in rows],
        out_specs=[spec(x) for x in shapes],
        input_output_aliases={i: i - WRITTEN for i in range(WRITTEN, len(rows))},
        interpret=plan.interpret,
        **compiler(plan),
    )(*rows)
    return outcome(lanes, out[2:14], *out[:2])


def _kernel(plan: Plan, *refs: Any) -> None:
    """plan.steps steps of one network; refs: `inputs`, then what `train` names."""
    x, y, weights, *rest = refs[:WRITTEN]
    told = Told(*(ref[0] for ref in rest[:6]))
    t, status, *state = refs[WRITTEN + 14 : WRITTEN + 28]
    slopes, *grads = refs[WRITTEN + 28 :]
    wait = _barrier(plan)

    def go(_: Any, counts: tuple) -> tuple:
        fit, last = _predict(plan, told, (x, y, weights), state, slopes)
        wait()  # what one thread wrote, another reads
        _descend(plan, x, state, slopes, grads)
        wait()
        pace = rates(told, counts)
        size = fit + _update(pace, state, grads, last, None)
        live, counts = stopped(told, fit, size, counts)
        _update(pace, state, grads, last, live)
        wait()
        return counts

    counts = (rest[6][0], rest[7][0], t[0], status[0])
    _, _, t[0], status[0] = jax.lax.fori_loop(0, plan.steps, go, counts)


def _barrier(plan: Plan) -> Any:
    if plan.interpret:
        return lambda: None
    from jax.experimental.pallas import triton

    return triton.debug_barrier


def _hidden(plan: Plan, state: list, units: Any, points: Any) -> Any:
    """Pre-activations [strip, tile]."""
    z = jnp.dot(state[0][units, :], points.T, precision=plan.precision)
    return z + state[1][units][:, None]


def _predict(
    plan: Plan, told: Told, data: tuple, state: list, slopes: Any
) -> tuple[Any, Any]:
    """(MSE, gradient of the output's bias); slopes [n] is written."""
    x, y, weights = data
    n, width = len(y), len(state[1])
    tile, strip = min(plan.tile or n, n), min(width, STRIP)

    def one(i: Any, carry: tuple) -> tuple:
        part = pl.ds(i * tile, tile)
        points = x[part, :]

        def add(j: Any, f: Any) -> Any:
            units = pl.ds(j * strip, strip)
            h = jnp.maximum(_hidden(plan, state, units, points), 0.0)
            return f + jnp.sum(h * state[2][units][:, None], axis=0)

        f = jax.lax.fori_loop(0, width // strip, add, jnp.zeros(tile, jnp.float32))
        error = f + state[3][0] - y[part]
        pull = weights[part] * error / told.total
        slopes[part] = 2.0 * pull
        return carry[0] + jnp.sum(pull * error), carry[1] + jnp.sum(2.0 * pull)

    nought = jnp.zeros((), jnp.float32)
    return jax.lax.fori_loop(0, n // tile, one, (nought, nought))


def _descend(plan: Plan, x: Any, state: list, slopes: Any, grads: list) -> None:
    """Writes the gradients of weights, biases and output weights."""
    (n, d), width = x.shape, len(state[1])
    tile, strip = min(plan.tile or n, n), min(width, STRIP)

    def one(j: Any, nothing: Any) -> Any:
        units = pl.ds(j * strip, strip)
        a = state[2][units]

        def add(i: Any, carry: tuple) -> tuple:
            part = pl.ds(i * tile, tile)
            points, slope = x[part, :], slopes[part]
            z = _hidden(plan, state, units, points)
            back = jnp.where(z > 0, a[:, None] * slope[None], 0.0)
            return (
                carry[0] + jnp.dot(back, points, precision=plan.precision),
                carry[1] + jnp.sum(back, axis=1),
                carry[2] + jnp.sum(jnp.maximum(z, 0.0) * slope[None], axis=1),
            )

        line = jnp.zeros(strip, jnp.float32)
        start = (jnp.zeros((strip, d), jnp.float32), line, line)
        dw, db, da = jax.lax.fori_loop(0, n // tile, add, start)
        grads[0][units, :], grads[1][units], grads[2][units] = dw, db, da
        return nothing

    jax.lax.fori_loop(0, width // strip, one, 0)


def _update(pace: Any, state: list, grads: list, last: Any, live: Any) -> Any:
    """The sum of the update's absolute values; live: None, or whether to write it."""
    width = len(state[1])
    strip = min(width, STRIP)

    def shift(refs: list, at: Any, gradient: Any) -> Any:
        p, m, v = old = [ref[at] for ref in refs]
        new, length = moved(pace, p, m, v, gradient)
        if live is not None:
            for ref, a, b in zip(refs, new, old, strict=True):
                ref[at] = jnp.where(live, a, b)
        return length

    def one(j: Any, size: Any) -> Any:
        units = pl.ds(j * strip, strip)
        ats: list[Any] = [(units, slice(None)), units, units]
        for i, at in enumerate(ats):
            size += shift(state[i::4], at, grads[i][at])
        return size

    size = shift(state[3::4], 0, last)
    return jax.lax.fori_loop(0, width // strip, one, size)
