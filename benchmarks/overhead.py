"""The engine costs 1.7 % over a bare loop, states 1.0 %; SIGTERM takes half a second.

| what | seconds |
| --- | ---: |
| bare loop of chunks, 3 rounds | 10.74 [10.67, 10.85] |
| queue, refilling, data, pages | 10.93 [10.89, 11.01]: +1.7 % |
| the same with states written (the suite as it is) | 11.04 [10.94, 11.30]: +1.0 % |
| a second start to its first finished network, imports (1.2) included | 1.26 |
| the same with an empty compile cache | 1.54 |
| SIGTERM to the exit, 4 times | .31 to .57 |
| kill -9: time since the last state, 4 kills 2 to 3 s after a state | 2.0 to 3.1 |

States come every 3 s here (one takes 40 ms, and they may take 1.5 % of the time), so
that a kill loses 3.5 s of work at most. 2 cores of an AMD EPYC, jax 0.10.2, 2026-11-24.

Question. What do queue, refilling, pages and states cost over a bare jitted loop? How
soon does a second start finish its first network, how soon does SIGTERM leave a whole
folder behind, and how much work does a kill lose?

64 two-layer networks (256, 32, 64), a fixed number of steps each; the bare loop is the
same micro-blocks, trained one after the other on each device by one call each. Medians
of interleaved rounds on the same machine.

Command.  python benchmarks/overhead.py [--rounds=5]
Cost.     Some three minutes.
"""

import argparse
import contextlib
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np

from isorobust import pipeline
from isorobust.data import BalancedSigns, Sphere
from isorobust.engine import lanes
from isorobust.engine.block import FOREVER, Block, Form, Pace, fresh
from isorobust.engine.cache import Cache
from isorobust.engine.harvest import Harvest
from isorobust.engine.plan import plan
from isorobust.engine.store import opened
from isorobust.experiment import Cell, Experiment
from isorobust.models import MLP
from isorobust.training import Path as Recipe

NETWORKS, STEPS = 64, 20_000


def fixed() -> Experiment:
    """The networks; their recipe runs its whole budget."""
    recipe = Recipe(0.1, steps=STEPS)
    cell = Cell(Sphere(), BalancedSigns(), MLP(width=64), 256, 32, recipe)
    return Experiment("OVERHEAD", 1, (cell,), seeds=NETWORKS, bounds=("product",))


def endless() -> Experiment:
    """As `fixed`, but longer than anybody waits."""
    cell = fixed().cells[0]
    recipe = Recipe(0.1, steps=10_000_000)
    cells = (Cell(cell.distribution, cell.target, cell.model, 256, 32, recipe),)
    return Experiment("ENDLESS", 1, cells, seeds=8, bounds=("product",))


def bare(programs: list[lanes.Programs]) -> float:
    """Seconds of the bare loop, data drawn and placed before the clock starts."""
    (group,) = plan(fixed()).groups
    form, size = Form.of(group.rung, group.trials[0]), lanes.block_size()
    blocks: list[Block] = []
    for first in range(0, NETWORKS, size):
        block = Block(form, programs[len(blocks) % len(programs)], Pace())
        block.fill([fresh(form, t) for t in group.trials[first : first + size]])
        blocks.append(block)
        block.place()

    def work(own: lanes.Programs) -> None:
        for block in blocks:
            if block.programs is own:
                model, *arguments = block.place()
                numbers = np.int32(STEPS + 1), np.int32(FOREVER)
                done = own(lanes.Chunk(model), *arguments, *numbers)
                assert np.all(np.asarray(done.t) == STEPS)

    began = time.perf_counter()
    with ThreadPoolExecutor(len(programs)) as pool:
        list(pool.map(work, programs))
    return time.perf_counter() - began


def whole(programs: list[lanes.Programs]) -> float:
    """Seconds of the suite's training stage: data, queue, pages and states included."""
    with tempfile.TemporaryDirectory() as folder:
        the_plan = plan(fixed())
        with opened(Path(folder) / "run", pipeline.identity_of(the_plan)) as store:
            began = time.perf_counter()
            pipeline._train(the_plan, store, programs, threading.Event())
            return time.perf_counter() - began


def stateless(programs: list[lanes.Programs]) -> float:
    """As `whole`, but no state is written while it trains."""
    save = Harvest.save
    Harvest.save = lambda self, at_once=False: None  # type: ignore[method-assign]
    try:
        return whole(programs)
    finally:
        Harvest.save = save  # type: ignore[method-assign]


@contextlib.contextmanager
def running(name: str, folder: Path, cache: Path) -> Iterator[subprocess.Popen]:
    """A run of this file's experiment in a process of its own."""
    words = ["-m", "isorobust", "run", f"--config={__file__}:{name}"]
    env = os.environ | {"JAX_COMPILATION_CACHE_DIR": str(cache)}
    process = subprocess.Popen(
        [sys.executable, *words, f"--workdir={folder}"],
        env=env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def until(found: Callable[[], object], seconds: float = 60.0) -> float:
    """Seconds until it is true. Raises TimeoutError after so many."""
    began = time.perf_counter()
    while not found():
        if time.perf_counter() - began > seconds:
            raise TimeoutError
        time.sleep(0.005)
    return time.perf_counter() - began


def second_start(cache: Path) -> dict[str, float]:
    """Seconds from the command to the first finished network, imports taken off."""
    code = "import isorobust.pipeline, isorobust.data, isorobust.models"
    imports = statistics.median(
        timed(lambda: subprocess.run([sys.executable, "-c", code], check=True))
        for _ in range(3)
    )
    code = (
        "import sys, isorobust.engine.train as train, os\n"
        "train.Crew.keep = lambda self, group, seats: os._exit(0) if seats else None\n"
        "from isorobust.cli.main import main; main()"
    )
    found = []
    env = os.environ | {"JAX_COMPILATION_CACHE_DIR": str(cache)}
    for _ in range(4):  # the first fills the cache
        with tempfile.TemporaryDirectory() as folder:
            words = ["run", f"--config={__file__}:early", f"--workdir={folder}/run"]
            call = [sys.executable, "-c", code, *words]
            found.append(timed(partial(subprocess.run, call, env=env, check=True)))
    return {
        "imports": imports,
        "first": found[0],
        "second": statistics.median(found[1:]),
    }


def early() -> Experiment:
    """Networks that stop soon."""
    cell = fixed().cells[0]
    recipe = Recipe(0.1, steps=500)
    cells = (Cell(cell.distribution, cell.target, cell.model, 256, 32, recipe),)
    return Experiment("EARLY", 1, cells, seeds=4, bounds=("product",))


def timed(call: Callable[[], object]) -> float:
    """Seconds that a call takes."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def stops(cache: Path) -> dict[str, list[float]]:
    """Seconds from SIGTERM to the exit; seconds of work that a kill -9 lost."""
    exits, lost = [], []
    for i in range(4):
        with tempfile.TemporaryDirectory() as top:
            folder = Path(top) / "run"
            with running("endless", folder, cache) as process:
                until(partial(saved_since, folder, 0.0))
                time.sleep(3 + 0.37 * i)
                began = time.perf_counter()
                process.send_signal(signal.SIGTERM)
                assert process.wait(60) == 75
                exits.append(time.perf_counter() - began)
            with running("endless", folder, cache) as process:
                before = state_time(folder)
                until(partial(saved_since, folder, before))
                time.sleep(2 + 0.37 * i)
                process.kill()
                lost.append(time.time() - state_time(folder))
    return {"sigterm_to_exit": exits, "lost_by_a_kill": lost}


def saved_since(folder: Path, moment: float) -> bool:
    """Whether a state was written after the moment."""
    return bool(list(folder.glob("state/0*/0.json"))) and state_time(folder) > moment


def state_time(folder: Path) -> float:
    """When the newest state was written."""
    while True:
        with contextlib.suppress(OSError, ValueError):  # one replaces the other
            return max(f.stat().st_mtime for f in folder.glob("state/0*/0.json"))


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as cache:
        answer: dict[str, object] = {"second_start": second_start(Path(cache))}
        answer["stops"] = stops(Path(cache))
    Cache.open()
    programs = lanes.programs()
    ways = {"bare": bare, "stateless": stateless, "whole": whole}
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for i in range(args.rounds + 1):
        for name, way in ways.items():
            took = way(programs)
            if i:  # the first compiles
                seconds[name].append(took)
    middle = {name: statistics.median(each) for name, each in seconds.items()}
    answer["seconds"] = seconds
    answer["orchestration"] = middle["stateless"] / middle["bare"] - 1
    answer["states"] = middle["whole"] / middle["stateless"] - 1
    print(json.dumps(answer, indent=1))


__all__ = ["early", "endless", "fixed"]  # the experiments: a run loads them from here

if __name__ == "__main__":
    main()
