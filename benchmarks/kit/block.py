"""Which m? Network-steps/s over the lanes of a block, and over all lanes in flight."""

import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import jax

from kit.engine import (
    Block,
    Shape,
    block,
    chunk,
    copied,
    present_block,
    running,
)
from kit.stage import Stage, say
from kit.timing import per_call, per_step

MAIN = Shape(256, 32, 64)
SHAPES = (
    MAIN,
    Shape(512, 64, 256),
    Shape(128, 16, 16),
    Shape(1024, 128, 128),
    Shape(1024, 128, 256),
    Shape(256, 128, 16),
    Shape(256, 64, 32),
    Shape(512, 64, 64),
)
# rounds by importance: programs take seconds to compile, products being tuned in them
ROUNDS: tuple[tuple[tuple[Shape, ...], tuple[int, ...]], ...] = (
    (SHAPES[:1], (1, 16, 64, 128, 256, 512, 1024, 4096)),
    (SHAPES[1:], (64, 256, 1024, 4096)),
    (SHAPES[:1], (2, 4, 8, 32, 2048)),
    (SHAPES[1:], (1, 4, 16, 128, 512, 2048)),
)
TINY = (Shape(64, 8, 8), Shape(64, 16, 16))
ENOUGH = 0.9  # of the best rate: the smallest m that gives so much is the one to take


def main_shape(stage: Stage) -> Shape:
    """The shape that most questions are asked at."""
    return TINY[0] if stage.smoke else MAIN


def tune(stage: Stage) -> None:
    """Network-steps/s for m = 1 .. 4096 at eight shapes."""
    stage.save(present_block=present_block())
    rows: list[dict] = []
    for shapes, sizes in ((TINY, (1, 4)),) if stage.smoke else ROUNDS:
        for shape in shapes:
            if not stage.has(10):
                return
            say(f"block: {shape}, {stage.left():.0f} s left")
            for m, made, advance, seconds in _compiled(stage, shape, sizes):
                row = stage.attempt(
                    f"{shape} m={m}", partial(measure, made, advance, stage.smoke)
                )
                if row:
                    about = {"shape": str(shape), "m": m, "compile_seconds": seconds}
                    rows.append(about | with_flops(shape, m, row))
                    stage.save(rows=rows, best=best(rows))


def _compiled(stage: Stage, shape: Shape, sizes: tuple[int, ...]) -> list[tuple]:
    """[(m, block, advance, seconds)], compiled side by side, by falling importance."""

    def one(m: int) -> tuple | None:
        def make() -> tuple:
            made = block(shape, m)
            return m, made, *chunk(made)

        return stage.attempt(f"{shape} m={m}: compiling", make)

    block(shape, 1)  # the engine's own small programs, once
    cores = len(os.sched_getaffinity(0))
    with ThreadPoolExecutor(min(cores, len(sizes))) as pool:
        return [found for found in pool.map(one, sizes) if found]


def measure(made: Block, advance: Any, quick: bool = False) -> float:
    """Seconds a step of the whole block."""
    rounds, least = (2, 0.02) if quick else (3, 0.1)
    seconds = per_step(lambda steps: advance(made.lanes, steps), least, rounds)
    if not running(advance(made.lanes, 1)):
        raise RuntimeError("a lane stopped, and its steps are free")
    return seconds


def with_flops(shape: Shape, lanes: int, seconds: float) -> dict[str, float]:
    """A row's numbers from the seconds a step of that many lanes."""
    rate = lanes / seconds
    return {
        "seconds_per_step": seconds,
        "network_steps_per_second": rate,
        "flop_per_second": rate * shape.flops,
        "least_bytes_per_second": rate * shape.least_bytes,
    }


def best(rows: list[dict]) -> dict[str, dict]:
    """{shape: fastest m and its rate; the smallest m within ENOUGH of it}."""
    found: dict[str, dict] = {}
    for shape in dict.fromkeys(row["shape"] for row in rows):
        mine = [row for row in rows if row["shape"] == shape]
        top = max(mine, key=lambda row: row["network_steps_per_second"])
        rate = top["network_steps_per_second"]
        enough = [
            r["m"] for r in mine if r["network_steps_per_second"] >= ENOUGH * rate
        ]
        found[shape] = {
            "m": top["m"],
            "network_steps_per_second": rate,
            "smallest_good_m": min(enough),
        }
    return found


def best_m(stage: Stage, shape: Shape) -> int:
    """The m that the stage `block` found for the shape; a guess where it didn't."""
    found = stage.read("block").get("best", {}).get(str(shape), {})
    return found.get("m", 4 if stage.smoke else 1024)


def in_flight(stage: Stage) -> None:
    """Network-steps/s with more and more lanes on the device, up to its memory.

    "one program": all lanes in one; "programs": blocks of the best m in turn
    """
    shape = main_shape(stage)
    m = best_m(stage, shape)
    rows: list[dict] = []
    totals = (8, 16) if stage.smoke else tuple(2**i for i in range(12, 21))
    for way in ("blocks", "one program"):
        for total in totals:
            if not stage.has(8):
                break
            size = m if way == "blocks" else total
            if total < size:
                continue
            call = partial(_flying, shape, size, total // size, stage.smoke)
            seconds = stage.attempt(f"{way}, {total} lanes", call)
            if seconds is None:
                break  # the memory's end, most likely
            stats = jax.devices()[0].memory_stats() or {}
            row: dict[str, Any] = {"way": way, "m": size, "lanes": total}
            row |= with_flops(shape, total, seconds)
            rows.append(row | {"peak_bytes": stats.get("peak_bytes_in_use")})
            stage.save(shape=str(shape), rows=rows)


def _flying(shape: Shape, m: int, blocks: int, quick: bool) -> float:
    """Seconds a step of all blocks, dispatched one after the other without waiting."""
    first = block(shape, m)
    advance, _ = chunk(first)
    made = [first, *(copied(first) for _ in range(blocks - 1))]
    steps = 2 if quick else 5

    def turn() -> list:
        return [advance(one.lanes, steps, one) for one in made]

    return per_call(turn, 0.02 if quick else 0.1, 3) / steps
