"""isorobust as the benchmarks run it: many networks of one rung on every device.

The one place of the benchmarks that uses the engine's inner programs.
"""

import dataclasses
import statistics
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from typing import Any

import numpy as np
from peer import RATE, Arrays, Peer, calibrate, cores, seconds, serve

from isorobust.account.provenance import host_cpu
from isorobust.data import BalancedSigns, Sphere
from isorobust.data.dataset import draw
from isorobust.engine import lanes
from isorobust.engine.block import FOREVER, Block, Form, Pace, fresh, initial
from isorobust.engine.ladder import cut_tree, rung
from isorobust.engine.plan import flops_per_step
from isorobust.experiment import Cell, Trial
from isorobust.models import MLP
from isorobust.training import Adam
from isorobust.training.step import RUNNING

NAME = "isorobust"
NEVER: dict[str, Any] = {
    "target_mse": 1e-30,
    "steps": 10**9,
}  # of a recipe that doesn't stop


def trials(networks: int, n: int, d: int, width: int, depth: int = 2) -> list[Trial]:
    """Networks of one shape; their recipe never stops."""
    recipe = Adam(learning_rate=RATE, **NEVER)
    model = MLP(width=width, depth=depth)
    cell = Cell(Sphere(), BalancedSigns(), model, n, d, recipe)
    return [Trial(cell, seed) for seed in range(networks)]


def busy(cell: Cell) -> list[Trial]:
    """Two micro-blocks a device of a cell, with a recipe that never stops."""
    recipe = dataclasses.replace(cell.recipe, **NEVER)
    count = 2 * lanes.block_size() * len(lanes.devices())
    endless = dataclasses.replace(cell, recipe=recipe)
    return [Trial(endless, seed) for seed in range(count)]


def rung_of(trial: Trial) -> str:
    """The rung's name, as records have it."""
    return str(rung(trial.cell))


class Fleet:
    """Endless trials of one rung in training: a thread a device, micro-blocks on each.

    programs: of the devices; flops: floating-point operations of a network-step
    """

    def __init__(self, networks: list[Trial]) -> None:
        self.networks, self.flops = networks, flops_per_step(networks[0].cell)
        self.programs = lanes.programs()
        self._pool = ThreadPoolExecutor(len(self.programs))
        form, size = Form.of(rung(networks[0].cell), networks[0]), lanes.block_size()
        self._blocks = []
        for first in range(0, len(networks), size):
            block = Block(form, self.programs[0], Pace())
            block.fill([fresh(form, trial) for trial in networks[first : first + size]])
            self._blocks.append(list(block.place()[1:]))  # recipes, data, lanes
        self._chunk = lanes.Chunk(form.model)

    def advance(self, steps: int) -> None:
        """Makes that many steps of every network."""
        left = iter(self._blocks)
        list(self._pool.map(lambda own: self._work(own, left, steps), self.programs))

    def _work(self, own: lanes.Programs, left: Iterator, steps: int) -> None:
        for part in left:  # the threads share `left`, so that none waits for another
            part[2] = own(self._chunk, *part, np.int32(steps), np.int32(FOREVER))
            if np.asarray(part[2].status)[0] != RUNNING:  # waits for the chunk
                raise RuntimeError("isorobust: a lane stopped, and its steps are free")

    def params(self) -> list[Any]:
        """The parameters of every network, at its exact shape."""
        size = lanes.block_size()
        found = [
            lanes.unstack(part[2].params, i)
            for part in self._blocks
            for i in range(size)
        ]
        like = initial(self.networks[0])
        return [cut_tree(params, like) for params in found[: len(self.networks)]]

    def roof(self) -> float:
        """FLOP/s of a large matrix product on all devices."""
        return lanes.roof(self.programs)

    def best(self, rounds: int = 5, about: float = 0.1) -> float:
        """Network-steps/s of the fastest of so many rounds of `about` seconds."""
        self.advance(1)  # compiles
        steps = calibrate(self.advance, about=about)
        took = min(seconds(self.advance, steps) for _ in range(rounds))
        return len(self.networks) * steps / took


def interleaved(
    fleets: list[Fleet], rounds: int, about: float
) -> tuple[list[list[float]], list[float]]:
    """(network-steps/s of every fleet in every round of `about` seconds, roofs)."""
    for fleet in fleets:
        fleet.advance(1)  # compiles
    steps = [calibrate(fleet.advance, about=about) for fleet in fleets]
    rates: list[list[float]] = [[] for _ in fleets]
    roofs = []
    for _ in range(rounds):
        roofs.append(fleets[0].roof())
        for fleet, count, found in zip(fleets, steps, rates, strict=True):
            work = len(fleet.networks) * count
            found.append(work / seconds(fleet.advance, count))
    return rates, roofs


def row(value: object, flops: float, rates: list[float], roofs: list[float]) -> str:
    """A line of a table: network-steps/s, GFLOP/s, share of the roof.

    flops: floating-point operations of a network-step
    """
    middle, shares = statistics.median(rates), zip(rates, roofs, strict=True)
    share = statistics.median(flops * rate / roof for rate, roof in shares)
    speed = f"{middle:,.0f} [{min(rates):,.0f}, {max(rates):,.0f}]"
    return f"| {value} | {speed} | {flops * middle / 1e9:.0f} | {share:.0%} |"


def head(name: str) -> list[str]:
    """The first lines of a table of `row`s."""
    made = "network-steps/s, median [min, max] | GFLOP/s | share of roof |"
    return [f"| {name} | {made}", "| --- | ---: | ---: | ---: |"]


def made() -> str:
    """The version of what does the work."""
    return f"isorobust {version('isorobust')}, jax {version('jax')}"


def machine() -> str:
    """What ran it all: the line under every table."""
    return f"{host_cpu()}, cores used: {len(cores())}, Python {sys.version.split()[0]}"


def problem(networks: list[Trial]) -> Arrays:
    """Data and first parameters, as peer.serve describes them."""
    sets = [draw(trial) for trial in networks]
    xy = {"x": np.stack([s.x for s in sets]), "y": np.stack([s.y for s in sets])}
    return xy | weights([initial(trial) for trial in networks])


def weights(params: list[Any]) -> Arrays:
    """Parameters of two-layer networks, as peer.serve describes them."""
    stack = lanes.stack(params)
    return {
        "w1": stack["weight_0"].swapaxes(-1, -2),
        "b1": stack["bias_0"],
        "w2": stack["weight_1"][..., 0, :],
        "b2": stack["bias_1"][..., 0],
    }


def peer(problem: Arrays) -> Peer:
    """This suite on the networks of a problem that `problem` made."""
    networks, n, d = problem["x"].shape
    fleet = Fleet(trials(networks, n, d, problem["w1"].shape[2]))
    return Peer(
        f"{made()}, {len(fleet.programs)} devices",
        {"": fleet.advance},
        lambda: weights(fleet.params()),
        roof=fleet.roof,
    )


if __name__ == "__main__":
    serve(peer, sys.argv[2:])
