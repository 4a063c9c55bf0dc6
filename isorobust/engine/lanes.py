"""Lanes and devices: the only file that maps over networks or names a device.

A micro-block of m lanes is one vmapped program on one device; m is a constant of the
backend, because the width of a vmap changes bits. Devices share nothing: each runs its
own single-device executables, fed by a thread of its own.
"""

import contextlib
import os
import threading
import time
from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from isorobust.door import BadInput
from isorobust.engine.ladder import Rung
from isorobust.lipschitz import lower, upper
from isorobust.lipschitz.domain import Domain
from isorobust.lipschitz.network import Network
from isorobust.lipschitz.tiles import AT_ONCE
from isorobust.training.step import RUNNING, Data, Lane, start, step

BLOCK = {"cpu": 4, "gpu": 128, "tpu": 128}  # only "cpu" was measured: BUILD_NOTES.md
FULL = 4 * AT_ONCE  # of a block: 1 GB
# blocks in flight: a second one trains while the first is harvested or compiled for
FLIGHT = {"cpu": 1, "gpu": 2, "tpu": 2}
DTYPE = np.float32
MOST = 16  # CPU devices a core: each costs threads


def devices(count: int | None = None) -> list[jax.Device]:
    """The devices to use: `count` or all; on a CPU one a core that this process has.

    The number of CPU devices is fixed when jax first touches its backend: where a
    program did so before, what it made is used. Raises BadInput if `count` is too many.
    """
    if count and count > MOST * _cores():
        raise BadInput(f"--devices={count}: must be at most {MOST} a core")
    cores = count or int(os.environ.get("JAX_NUM_CPU_DEVICES", 0)) or _cores()
    with contextlib.suppress(RuntimeError):  # the backend exists: keep it
        jax.config.update("jax_num_cpu_devices", cores)
    found = jax.devices()
    if count and count > len(found):
        raise BadInput(f"--devices={count}: this process has {len(found)} devices")
    return found[:count] if count else found


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def block_size(shape: Rung | None = None) -> int:
    """m, the lanes of a micro-block on this backend, or of one of the rung.

    Fewer where lanes are large: FULL activations of a layer keep any device busy, and
    128 times the most that a lane keeps (tiles.AT_ONCE) fit on none.
    """
    lanes = BLOCK[devices()[0].platform]
    if shape is None:
        return lanes
    return max(1, min(lanes, FULL // min(shape.n * shape.width, AT_ONCE)))


def flight() -> int:
    """How many micro-blocks a device of this backend keeps in flight."""
    return FLIGHT[devices()[0].platform]


def out_of_memory(error: Exception) -> bool:
    """Whether a device ran out of memory."""
    kind = isinstance(error, jax.errors.JaxRuntimeError)
    return kind and "RESOURCE_EXHAUSTED" in str(error)


def device_bytes(executable: Any) -> int:
    """Arguments, results and scratch memory of a compiled program."""
    found = executable.memory_analysis()
    if found is None:  # the backend doesn't tell
        return 0
    return int(
        found.argument_size_in_bytes
        + found.output_size_in_bytes
        + found.temp_size_in_bytes
        - found.alias_size_in_bytes
    )


@dataclass(frozen=True)
class Chunk:
    """Program: up to `steps` (traced) training steps of a micro-block.

    Ends early when no lane runs any more, or when lanes that have stopped have stood
    idle for `patience` (traced) lane-steps, so that they can be refilled. Neither
    changes a bit: a stopped lane is frozen, so the result doesn't depend on how
    training is cut into chunks. Lanes at t = 0 get their optimiser's state here.
    """

    model: Any

    def __call__(
        self, recipes: Any, data: Data, lanes: Lane, steps: Any, patience: Any
    ) -> Lane:
        """The lanes after at most `steps` steps."""
        one = jax.vmap(lambda r, x, lane: step(self.model, r, x, lane))

        def more(state: tuple[Any, Any, Lane]) -> jax.Array:
            i, idle, lanes = state
            running = jnp.any(lanes.status == RUNNING)
            return (i < steps) & (idle < patience) & running

        def go(state: tuple[Any, Any, Lane]) -> tuple[Any, Any, Lane]:
            i, idle, lanes = state
            stopped = jnp.sum(lanes.status != RUNNING, dtype=jnp.int32)
            return i + 1, idle + stopped, one(recipes, data, lanes)

        zero = jnp.zeros((), jnp.int32)
        lanes = jax.vmap(lambda r, lane: _begun(self.model, r, lane))(recipes, lanes)
        return jax.lax.while_loop(more, go, (zero, zero, lanes))[2]


def _begun(model: Any, recipe: Any, lane: Lane) -> Lane:
    """The lane; one at t = 0 with the optimiser's first state."""
    fresh = start(model, recipe, lane.params).moments
    moments = jax.tree.map(
        lambda first, has: jnp.where(lane.t == 0, first, has), fresh, lane.moments
    )
    return lane._replace(moments=moments)


def blank(model: Any, recipe: Any, params: Any) -> Lane:
    """A lane of numpy zeros at t = 0; `Chunk` gives it its optimiser's state."""
    shapes = jax.eval_shape(partial(start, model), recipe, params)
    return jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), shapes)


@dataclass(frozen=True)
class Lower:
    """Program: the witnesses [m, d] of the named lower bounds, for a micro-block.

    Returns {name: {domain: [m, d]}}, domains by the names they have as texts; matrix
    products at the backend's highest precision.
    """

    names: tuple[str, ...]
    domains: tuple[Domain, ...]

    def __call__(self, nets: Network, data: Data, draws: Any) -> dict:
        """The witnesses of every named bound and domain."""

        def one(net: Network, data: Data, draws: Any) -> dict:
            return {
                name: {
                    str(domain): getattr(lower, name)(net, domain, data, draws)
                    for domain in self.domains
                }
                for name in self.names
            }

        with jax.default_matmul_precision("highest"):
            return jax.vmap(one)(nets, data, draws)


@dataclass(frozen=True)
class Search:
    """Program: the multipliers of the named upper bounds, for a micro-block.

    sectors: per domain and hidden layer (low [m, k], high [m, k]). Returns {name:
    {domain: multipliers}}; what they certify is for the host to say, in float64.
    """

    names: tuple[str, ...]

    def __call__(self, nets: Network, sectors: dict) -> dict:
        """The multipliers of every named bound and domain."""

        def one(net: Network, sectors: dict) -> dict:
            return {
                name: {
                    domain: upper.SEARCHES[name](net, there)
                    for domain, there in sectors.items()
                }
                for name in self.names
            }

        with jax.default_matmul_precision("highest"):
            return jax.vmap(one)(nets, sectors)


@dataclass
class Programs:
    """The compiled executables of one device, made when first asked for.

    compile_seconds, compiled: what making them cost, and how many there are. Threads of
    one device share it: none compiles what another is compiling. jitted: shared by the
    devices of a run, so that a function is traced and lowered once for all of them
    """

    device: jax.Device
    jitted: dict = field(default_factory=dict)
    compile_seconds: float = 0.0
    _made: dict = field(default_factory=dict)
    _lock: Any = field(default_factory=threading.Lock)

    @property
    def compiled(self) -> int:
        """How many executables were made."""
        return len(self._made)

    def __call__(self, function: Any, *arguments: Any) -> Any:
        """function(*arguments) on this device; numpy leaves are moved there."""
        arguments = self.put(arguments)
        return self.executable(function, *arguments)(*arguments)

    def put(self, tree: Any) -> Any:
        """The arrays of a pytree on this device."""
        return jax.device_put(tree, self.device)

    def executable(self, function: Any, *arguments: Any) -> Any:
        """The compiled function for arguments of these shapes."""
        leaves, tree = jax.tree.flatten(arguments)
        key = (function, tree, tuple((leaf.shape, leaf.dtype) for leaf in leaves))
        with self._lock:
            waiting = self._made.setdefault(key, Future())
            mine = not (waiting.running() or waiting.done())
            if mine:
                waiting.set_running_or_notify_cancel()
        if mine:
            began = time.perf_counter()
            try:
                jitted = self.jitted.setdefault(function, jax.jit(function))
                waiting.set_result(jitted.lower(*arguments).compile())
            except BaseException as error:
                with self._lock:  # whoever asks later tries again
                    del self._made[key]
                waiting.set_exception(error)
            self.compile_seconds += time.perf_counter() - began
        return waiting.result()


def programs(count: int | None = None) -> list[Programs]:
    """The executables of every device, to be made; count as for `devices`."""
    jitted: dict = {}
    return [Programs(device, jitted) for device in devices(count)]


def stack(trees: Iterable[Any]) -> Any:
    """One pytree with a leading axis of lanes from pytrees of the same structure."""
    return jax.tree.map(lambda *leaves: np.stack(leaves), *trees)


def unstack(tree: Any, lane: int) -> Any:
    """The numpy pytree of one lane, in memory of its own."""
    return jax.tree.map(lambda leaf: np.array(np.asarray(leaf)[lane]), tree)


def roof(programs: list[Programs], size: int = 2048) -> float:
    """FLOP/s of float32 products [size, size] on all devices at once; best of 5."""
    matrix = np.random.default_rng(0).standard_normal((size, size)).astype(DTYPE)
    placed = [jax.device_put(matrix, own.device) for own in programs]
    best = np.inf
    for _ in range(6):  # the first compiles
        began = time.perf_counter()
        jax.block_until_ready([_square(matrix) for matrix in placed])
        best = min(best, time.perf_counter() - began)
    return len(placed) * 2 * size**3 / best


@jax.jit
def _square(matrix: jax.Array) -> jax.Array:
    return matrix @ matrix
