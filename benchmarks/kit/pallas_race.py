"""Is the fused step (pallas_step.py) faster than the engine's, and does it train alike?

Compiled for sm_90a beforehand (Triton 3.6, no GPU at hand): at (256, 32, 64) a tile of
64 points uses 255 registers with 4 warps, 209 with 8, spills nothing and runs its
products as HGMMA (TF32); in full float32 it needs 8 warps. Tiles of 256 spill.
"""

import time
from functools import partial
from typing import Any

import jax
import numpy as np

from benchmarks.kit.block import MAIN, measure, with_flops
from benchmarks.kit.engine import Block, Shape, block, chunk, device, losses
from benchmarks.kit.pallas_step import Plan, train
from benchmarks.kit.stage import Stage

SHAPES = (MAIN, Shape(128, 16, 16), Shape(256, 64, 32), Shape(512, 64, 64))
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


def race(stage: Stage) -> None:
    """Network-steps/s of each plan, and how far its training is from the engine's.

    difference: largest relative one of the networks' MSE after a launch, against the
    engine's in full float32; engine: the engine's own best rate at that shape
    """
    platform = device().platform
    if platform == "tpu":
        stage.save(skipped="the kernel is written for Triton: GPUs alone")
        return
    tiny = stage.smoke or platform == "cpu"
    rows: list[dict] = []
    plans = [Plan(tile=32, steps=20, interpret=True)] if tiny else PLANS
    for shape in (Shape(64, 16, 16),) if tiny else SHAPES:
        small = block(shape, 4 if tiny else CHECKED)
        exact: dict[int, np.ndarray] = {}
        for plan in plans:
            for m in (4,) if tiny else LANES:
                if not stage.has(6):
                    return
                name = f"{shape} m={m} {_spoken(plan)}"
                timed = partial(_row, stage, shape, m, plan, small, exact)
                row = stage.attempt(name, timed)
                if row is None:
                    break
                rows.append({"shape": str(shape), "m": m} | row)
                stage.save(rows=rows)


def _spoken(plan: Plan) -> str:
    kind = "highest" if plan.precision == HIGHEST else "default"
    return f"tile {plan.tile}, {plan.warps} warps, {plan.stages} stages, {kind}"


def _row(
    stage: Stage, shape: Shape, m: int, plan: Plan, small: Block, exact: dict
) -> dict[str, Any]:
    made = block(shape, m)
    advance, compiling = launches(made, plan)
    row = {"plan": _spoken(plan), "steps": plan.steps, "compile_seconds": compiling}
    row["difference"] = _difference(small, plan, exact)
    row |= with_flops(shape, m, measure(made, advance, stage.smoke) / plan.steps)
    best = stage.read("block").get("best", {}).get(str(shape), {})
    row["engine"] = best.get("network_steps_per_second")
    return row


def launches(made: Block, plan: Plan) -> tuple[Any, float]:
    """(advance(lanes, launches) -> lanes, seconds to compile) of the fused step."""

    def once(recipes: Any, data: Any, state: Any) -> Any:
        return train(plan, recipes, data, state)

    began = time.perf_counter()
    run = jax.jit(once).lower(*made[1:]).compile()
    seconds = time.perf_counter() - began

    def advance(state: Any, count: int) -> Any:
        for _ in range(count):
            state = run(made.recipes, made.data, state)
        return state

    return advance, seconds


def _difference(small: Block, plan: Plan, exact: dict[int, np.ndarray]) -> float:
    if plan.steps not in exact:
        reference, _ = chunk(small, "highest")
        exact[plan.steps] = losses(small, reference(small.lanes, plan.steps))
    found = losses(small, launches(small, plan)[0](small.lanes, 1))
    return float(np.max(np.abs(found - exact[plan.steps]) / exact[plan.steps]))
