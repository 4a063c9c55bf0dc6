"""Are the fused steps faster than the engine's, and do they train alike?

pallas_step.py keeps a network in registers, pallas_wide.py goes through wide ones in
strips. Plans were compiled for sm_90a beforehand (Triton 3.6, no GPU at hand): those
that spill much are left out.
"""

import time
from functools import partial
from typing import Any

import jax
import numpy as np

from kit import pallas_step, pallas_wide
from kit.block import MAIN, measure, with_flops
from kit.engine import Block, Shape, block, chunk, cut, device, losses
from kit.pallas_step import Plan
from kit.stage import Stage

NARROW = (MAIN, Shape(128, 16, 16), Shape(256, 64, 32), Shape(512, 64, 64))
WIDE = (Shape(512, 64, 256), Shape(1024, 128, 128), Shape(1024, 128, 256))
FEW = 4096  # weights of a hidden layer that fit into registers with their moments
LANES = (1056, 4224)  # 8 and 32 networks for each of an H100's 132 processors
CHECKED = 16  # networks whose training is compared
HIGHEST = jax.lax.Precision.HIGHEST
PLANS = (
    Plan(tile=64, warps=4),
    Plan(tile=64, warps=8),
    Plan(tile=64, warps=8, precision=HIGHEST),
    Plan(tile=32, warps=4),
    Plan(tile=32, warps=4, precision=HIGHEST),
    Plan(tile=128, warps=8),
    Plan(tile=64, warps=4, stages=1),
    Plan(tile=64, warps=4, steps=400),
)
WIDE_PLANS = (
    Plan(tile=64, warps=4, stages=1),
    Plan(tile=64, warps=8, stages=1),
    Plan(tile=32, warps=8, stages=1),
    Plan(tile=32, warps=8, stages=1, precision=HIGHEST),
)


def race(stage: Stage) -> None:
    """Network-steps/s of each plan, and how far its training is from the engine's.

    difference: largest relative one of the networks' MSE after a launch, against the
    engine's in full float32; engine_difference: of the engine at its usual precision
    engine: the engine's own best rate at that shape
    """
    platform = device().platform
    if platform == "tpu":
        stage.save(skipped="the kernel is written for Triton: GPUs alone")
        return
    tiny = stage.smoke or platform == "cpu"
    rows: list[dict] = []
    for shape, plans, m in _TINY if tiny else _races():
        made = block(shape, m)
        ends: dict[tuple, np.ndarray] = {}
        for plan in plans:
            if not stage.has(6):
                return
            timed = partial(_row, stage, shape, made, plan, ends)
            row = stage.attempt(f"{shape} m={m} {_spoken(plan)}", timed)
            if row:
                rows.append({"shape": str(shape), "m": m} | row)
                stage.save(rows=rows)


def _races() -> list[tuple]:
    """(shape, plans, lanes): every shape's first plans come first."""
    both = [(shape, PLANS) for shape in NARROW] + [
        (shape, WIDE_PLANS) for shape in WIDE
    ]
    first = [(shape, plans[:3], LANES[0]) for shape, plans in both]
    rest = [(shape, plans[3:], LANES[0]) for shape, plans in both]
    return [(MAIN, PLANS[:2], LANES[1]), *first, *rest]


_DRY = Plan(tile=32, steps=20, interpret=True)
_TINY = [(Shape(64, 16, 16), [_DRY], 4), (Shape(64, 64, 128), [_DRY], 4)]


def _spoken(plan: Plan) -> str:
    kind = "highest" if plan.precision == HIGHEST else "default"
    return f"tile {plan.tile}, {plan.warps} warps, {plan.stages} stages, {kind}"


def _row(
    stage: Stage, shape: Shape, made: Block, plan: Plan, ends: dict
) -> dict[str, Any]:
    advance, compiling = launches(made, plan)
    row = {"plan": _spoken(plan), "steps": plan.steps, "compile_seconds": compiling}
    few = cut(made, CHECKED)
    found = losses(few, jax.tree.map(lambda x: x[:CHECKED], advance(made.lanes, 1)))
    exact, usual = (_end(few, name, plan, ends) for name in ("highest", None))
    row["difference"] = float(np.max(np.abs(found - exact) / exact))
    row["engine_difference"] = float(np.max(np.abs(usual - exact) / exact))
    seconds = measure(made, advance, stage.smoke) / plan.steps
    row |= with_flops(shape, len(made.lanes.t), seconds)
    best = stage.read("block").get("best", {}).get(str(shape), {})
    row["engine"] = best.get("network_steps_per_second")
    return row


def _end(few: Block, precision: str | None, plan: Plan, ends: dict) -> np.ndarray:
    """The networks' MSE where the engine's steps of that precision take them."""
    key = (precision, plan.steps)
    if key not in ends:
        advance, _ = chunk(few, precision)
        ends[key] = losses(few, advance(few.lanes, plan.steps))
    return ends[key]


def launches(made: Block, plan: Plan) -> tuple[Any, float]:
    """(advance(lanes, launches) -> lanes, seconds to compile) of the fused step."""

    weights = made.lanes.params["weight_0"][0].size
    kernel = pallas_step if weights <= FEW else pallas_wide

    def once(recipes: Any, data: Any, state: Any) -> Any:
        return kernel.train(plan, recipes, data, state)

    began = time.perf_counter()
    run = jax.jit(once).lower(*made[1:]).compile()
    seconds = time.perf_counter() - began

    def advance(state: Any, count: int) -> Any:
        for _ in range(count):
            state = run(made.recipes, made.data, state)
        return state

    return advance, seconds
