"""What a user writes instead, and other ways to write the engine's own loop."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kit.block import best_m, main_shape, measure, with_flops
from kit.engine import (
    Block,
    block,
    chunk,
    losses,
    one_step,
    single_step,
)
from kit.stage import Stage
from kit.timing import per_step

RUNNING = 0  # a lane's status while it trains
LANES = (128, 1024)


def scanned(stage: Stage) -> None:
    """One network after the other in one program, and a jitted step from Python.

    ratio: the best of the stage `block` at that shape, over it
    """
    shape, networks = main_shape(stage), 4 if stage.smoke else 64
    ours = stage.read("block").get("best", {}).get(str(shape), {})
    rate = ours.get("network_steps_per_second")
    rows: list[dict] = []
    made = block(shape, networks)
    step = single_step(made)
    for way, make in (("scanned", _scanned), ("dispatched", _dispatched)):
        advance = stage.attempt(f"{way}: compiling", partial(make, made, step))
        if advance is None:
            continue
        rounds, least = (2, 0.02) if stage.smoke else (3, 0.5)
        seconds = stage.attempt(way, partial(per_step, advance, least, rounds))
        if seconds:
            row: dict[str, Any] = {"way": way, **with_flops(shape, networks, seconds)}
            row["ratio"] = rate * seconds / networks if rate else None
            rows.append(row)
        stage.save(shape=str(shape), networks=networks, ours=rate, rows=rows)


def _scanned(made: Block, step: Callable) -> Callable[[int], Any]:
    """jit(map over networks of a loop over steps)."""

    def train(steps: Any, recipes: Any, data: Any, state: Any) -> Any:
        def alone(one: tuple) -> Any:
            recipe, points, lane = one
            return jax.lax.fori_loop(
                0, steps, lambda _, s: step(recipe, points, s), lane
            )

        return jax.lax.map(alone, (recipes, data, state))

    run = jax.jit(train).lower(np.int32(1), *made[1:]).compile()
    return lambda steps: run(np.int32(steps), *made[1:])


def _dispatched(made: Block, step: Callable) -> Callable[[int], Any]:
    """A jitted step called from Python, network after network."""
    networks = len(made.lanes.t)
    alone = [
        jax.tree.map(lambda x, i=i: x[i], tuple(made[1:])) for i in range(networks)
    ]
    run = jax.jit(step).lower(*alone[0]).compile()

    def advance(steps: int) -> Any:
        states = []
        for recipe, data, state in alone:
            for _ in range(steps):
                state = run(recipe, data, state)
            states.append(state)
        return states

    return advance


def unrolled(stage: Stage) -> None:
    """The engine's while loop against the same with 4 or 8 steps a turn."""
    shape = main_shape(stage)
    rows: list[dict] = []
    ways = {"while: one step a turn": (1, 1)}
    more = ((8, 1), (8, 8), (4, 1), (4, 4))
    few = stage.smoke or stage.name == "graphs"
    for inner, unroll in more[:1] if few else more:
        ways[f"while: scan of {inner}, unroll {unroll}"] = (inner, unroll)
    for m in (4,) if stage.smoke else LANES:
        made = block(shape, m)
        for way, (inner, unroll) in ways.items():
            if not stage.has(4):
                break

            def one(
                made: Block = made, inner: int = inner, unroll: int = unroll
            ) -> Any:
                began = time.perf_counter()
                advance = _turns(made, inner, unroll)
                compiling = time.perf_counter() - began
                return compiling, measure(made, advance, stage.smoke) / inner

            found = stage.attempt(f"{way}, m={m}", one)
            if found:
                about = {"way": way, "m": m, "compile_seconds": found[0]}
                rows.append(about | with_flops(shape, m, found[1]))
                stage.save(shape=str(shape), rows=rows)


def _turns(made: Block, inner: int, unroll: int) -> Callable[[Any, int], Any]:
    """advance(lanes, turns): the engine's loop with `inner` steps a turn."""
    step = one_step(made)

    def train(recipes: Any, data: Any, state: Any, turns: Any) -> Any:
        def more(carry: tuple) -> Any:
            return (carry[0] < turns) & jnp.any(carry[1].status == RUNNING)

        def once(lanes: Any, _: Any) -> tuple[Any, None]:
            return step(recipes, data, lanes), None

        def go(carry: tuple) -> tuple:
            if inner == 1:
                return carry[0] + 1, step(recipes, data, carry[1])
            moved, _ = jax.lax.scan(once, carry[1], length=inner, unroll=unroll)
            return carry[0] + 1, moved

        return jax.lax.while_loop(more, go, (jnp.zeros((), jnp.int32), state))[1]

    run = jax.jit(train).lower(*made[1:], np.int32(1)).compile()
    return lambda state, turns: run(made.recipes, made.data, state, np.int32(turns))


PRECISIONS = (None, "highest", "tensorfloat32", "bfloat16", "BF16_BF16_F32_X3")


def precision(stage: Stage) -> None:
    """Speed and training loss under the backend's choices of a float32 product.

    loss_*: mean training MSE after the steps, from the same start, in float64 on the
    host; difference: largest relative one among the networks, to "highest"
    """
    shape = main_shape(stage)
    rows: list[dict] = []
    m, steps = best_m(stage, shape), 50 if stage.smoke else 500
    made, few = block(shape, m), block(shape, 16)
    ends: dict[str, np.ndarray] = {}
    for name in PRECISIONS[:2] if stage.smoke else PRECISIONS:
        if not stage.has(4):
            break

        def one(name: str | None = name) -> tuple[float, np.ndarray]:
            seconds = measure(made, chunk(made, name)[0], stage.smoke)
            return seconds, losses(few, chunk(few, name)[0](few.lanes, steps))

        found = stage.attempt(f"precision {name}", one)
        if found:
            ends[str(name)] = found[1]
            row = {"loss": float(found[1].mean())} | with_flops(shape, m, found[0])
            rows.append({"precision": name or "default"} | row)
            _compare(rows, ends)
            stage.save(shape=str(shape), m=m, steps=steps, rows=rows)


def _compare(rows: list[dict], ends: dict[str, np.ndarray]) -> None:
    if "highest" in ends:
        exact = ends["highest"]
        for row, end in zip(rows, ends.values(), strict=True):
            row["difference"] = float(np.max(np.abs(end - exact) / exact))
