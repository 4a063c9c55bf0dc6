"""How many networks a second are bracketed: witnesses on the device, uppers here."""

import time
from functools import partial
from typing import Any

import jax
import numpy as np

from isorobust.data.dataset import TEST_POINTS
from isorobust.lipschitz import lower, upper
from isorobust.lipschitz.network import Network
from kit.block import MAIN, TINY
from kit.engine import Shape, block, device, lower_program
from kit.stage import Stage
from kit.timing import per_call

SHAPES = (MAIN, Shape(256, 64, 256), Shape(1024, 256, 256))
LANES = (4, 32, 128, 512)
WATCHED = 8  # networks whose upper bounds are timed


def bounds(stage: Stage) -> None:
    """Networks/s of the program of lower bounds over lanes, and of each upper bound."""
    device_rows: list[dict] = []
    host_rows: list[dict] = []
    for shape in TINY[:1] if stage.smoke else SHAPES:
        made = block(shape, 16)
        host_rows += (
            stage.attempt(f"uppers {shape}", partial(_uppers, shape, made)) or []
        )
        stage.save(upper=host_rows)
        for m in (4,) if stage.smoke else LANES:
            if not stage.has(8):
                break
            timed = partial(_lowers, shape, m, stage.smoke)
            found = stage.attempt(f"lowers {shape}, m={m}", timed)
            if found is None:
                break
            device_rows.append({"shape": str(shape), "m": m} | found)
            stage.save(lower=device_rows)


def _lowers(shape: Shape, m: int, quick: bool) -> dict[str, float]:
    """All lower bounds, ball and sphere, of m networks at once."""

    made = block(shape, m)
    p, data = made.lanes.params, made.data
    nets = Network(tuple((p[f"weight_{i}"], p[f"bias_{i}"]) for i in range(2)))
    draws = jax.random.normal(jax.random.key(0), (m, TEST_POINTS, shape.d))
    draws = draws / np.sqrt(shape.d)
    arguments = jax.device_put(
        (nets, data, (draws, np.ones((m, TEST_POINTS), np.float32))), device()
    )
    began = time.perf_counter()
    program = lower_program(tuple(lower.__all__))
    run = jax.jit(program).lower(*arguments).compile()
    compiling = time.perf_counter() - began
    seconds = per_call(lambda: run(*arguments), 0.02 if quick else 0.1, 3)
    return {"compile_seconds": compiling, "networks_per_second": m / seconds}


def _uppers(shape: Shape, made: Any) -> list[dict]:
    """Each certified bound of one network at a time, on one core of the host."""
    params = {k: np.asarray(v, float) for k, v in made.lanes.params.items()}
    rows = []
    for name in upper.__all__:
        call = getattr(upper, name)
        began = time.perf_counter()
        for i in range(WATCHED):
            layers = made.model.layers({k: v[i] for k, v in params.items()})
            call(Network(layers))
        seconds = (time.perf_counter() - began) / WATCHED
        about = {"shape": str(shape), "bound": name}
        rows.append(about | {"networks_per_second": 1 / seconds})
    return rows
