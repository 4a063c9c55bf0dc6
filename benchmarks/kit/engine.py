"""The suite's own engine, as the kit drives it: the only file that knows its calls."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from isorobust.data import BalancedSigns, Sphere
from isorobust.engine import block as engine_block
from isorobust.engine import ladder, lanes, plan
from isorobust.experiment import Cell, Trial
from isorobust.lipschitz.domain import RD, SPHERE
from isorobust.models import MLP
from isorobust.training import Adam
from isorobust.training import step as training

SEEDS = 16  # distinct networks of a block; more lanes repeat them
NEVER = Adam(target_mse=1e-30, learning_rate=1e-3, steps=10**9)
PATIENCE = np.int32(engine_block.FOREVER)


@dataclass(frozen=True)
class Shape:
    """n points in d dimensions, `width` hidden units, two layers."""

    n: int
    d: int
    width: int

    def __str__(self) -> str:
        return f"{self.n}x{self.d}x{self.width}"

    @property
    def cell(self) -> Cell:
        """The networks that are timed: their recipe never stops."""
        model = MLP(width=self.width)
        return Cell(Sphere(), BalancedSigns(), model, self.n, self.d, NEVER)

    @property
    def flops(self) -> float:
        """Floating-point operations of the matrix products of a network-step."""
        return plan.flops_per_step(self.cell)

    @property
    def least_bytes(self) -> float:
        """Bytes a network-step moves at least, if nothing stays on chip between steps.

        Parameters and both moments read and written, data read, activations [width, n]
        written forward and read backward once.
        """
        params = self.cell.model.num_params(self.d)
        return 4.0 * (6 * params + self.n * (self.d + 2) + 2 * self.n * self.width)


class Block(NamedTuple):
    """m lanes on the device, before a step."""

    model: Any
    recipes: Any
    data: Any
    lanes: Any


def device() -> Any:
    """The one accelerator that the kit measures."""
    return lanes.devices()[0]


def present_block() -> int:
    """The m that the engine uses here."""
    return lanes.block_size()


def block(shape: Shape, m: int) -> Block:
    """m lanes of the shape: SEEDS networks, cut or repeated on the device."""
    trials = tuple(Trial(shape.cell, seed) for seed in range(SEEDS))
    model, *parts = _prepared(ladder.rung(shape.cell), trials)
    repeats = -(-m // SEEDS)

    @jax.jit
    def grow(tree: Any) -> Any:
        return jax.tree.map(
            lambda leaf: jnp.tile(leaf, (repeats,) + (1,) * (leaf.ndim - 1))[:m], tree
        )

    return Block(model, *grow(jax.device_put(tuple(parts), device())))


def _prepared(rung: Any, trials: tuple[Trial, ...]) -> Any:
    """(model, recipes, data, lanes) of the trials."""
    form = engine_block.Form.of(rung, trials[0])
    programs = lanes.Programs(device())
    seats = engine_block.Block(form, programs, engine_block.Pace())
    seats.size = len(trials)  # of this block alone: m is a constant of the backend
    seats.fill([engine_block.fresh(form, trial) for trial in trials])
    return seats.place()


def copied(made: Block) -> Block:
    """The block in memory of its own."""
    parts = jax.tree.map(lambda leaf: leaf + 0, tuple(made[1:]))
    return Block(made.model, *parts)


def cut(made: Block, few: int) -> Block:
    """The first lanes of the block."""
    parts = jax.tree.map(lambda leaf: leaf[:few], tuple(made[1:]))
    return Block(made.model, *parts)


def one_step(made: Block) -> Callable[[Any, Any, Any], Any]:
    """(recipes, data, lanes) -> lanes after one step: what a chunk repeats."""
    return jax.vmap(lambda r, x, lane: training.step(made.model, r, x, lane))


def single_step(made: Block) -> Callable[[Any, Any, Any], Any]:
    """The same for one lane: (recipe, data, lane) -> lane."""
    return lambda r, x, lane: training.step(made.model, r, x, lane)


def chunk(made: Block, precision: str | None = None) -> tuple[Any, float]:
    """(advance(lanes, steps) -> lanes, seconds to compile) of the engine's program.

    advance(lanes, steps, other) takes recipes and data of another block of that shape.
    """
    program = lanes.Chunk(made.model)
    began = time.perf_counter()
    arguments = (made.recipes, made.data, made.lanes, np.int32(1), PATIENCE)
    with jax.default_matmul_precision(precision):
        made_program = jax.jit(program).lower(*arguments).compile()
    seconds = time.perf_counter() - began

    def advance(state: Any, steps: int, of: Block = made) -> Any:
        return made_program(of.recipes, of.data, state, np.int32(steps), PATIENCE)

    return advance, seconds


def running(state: Any) -> bool:
    """Whether every lane still trains: a stopped one's steps would be free."""
    return bool(np.all(np.asarray(state.status) == training.RUNNING))


def losses(made: Block, state: Any) -> np.ndarray:
    """Training MSE [m] of the lanes' parameters, in float64 on the host."""
    p = jax.tree.map(lambda leaf: np.asarray(leaf, float), state.params)
    x, y = np.asarray(made.data.x, float), np.asarray(made.data.y, float)
    weights = np.asarray(made.data.weights, float)
    z = np.einsum("mkd,mnd->mkn", p["weight_0"], x) + p["bias_0"][..., None]
    f = np.einsum("mk,mkn->mn", p["weight_1"][:, 0], np.maximum(z, 0)) + p["bias_1"]
    return (weights * (f - y) ** 2).sum(1) / weights.sum(1)


def lower_program(names: tuple[str, ...]) -> Any:
    """The program that looks for witnesses: (nets, data, draws) -> {name: ...}."""
    return lanes.Lower(names, (RD, SPHERE))
