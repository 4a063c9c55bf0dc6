"""What the machine is, and how fast it can be: products, copies, launches."""

import importlib.metadata
import os
import platform
import shutil
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kit.engine import Shape, device, present_block
from kit.stage import Stage
from kit.timing import per_call, per_step

PACKAGES = ("jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "numpy", "scipy")
KINDS: dict[str, tuple[Any, str | None]] = {
    "f32 highest": (jnp.float32, "highest"),
    "f32 default": (jnp.float32, None),  # TF32 on NVIDIA GPUs, bf16 passes on TPUs
    "bf16": (jnp.bfloat16, None),
}


def fingerprint(stage: Stage) -> None:
    """Versions, device, memory, driver, flags, host."""
    one = device()
    found = {name: _version(name) for name in (*PACKAGES, "isorobust")}
    stage.save(
        versions=found | {"python": platform.python_version()},
        device_kind=one.device_kind,
        platform=one.platform,
        devices=len(jax.devices()),
        memory=one.memory_stats(),
        xla_flags=os.environ.get("XLA_FLAGS", ""),
        host=platform.platform(),
        host_cpu=_cpu(),
        host_cores=len(os.sched_getaffinity(0)),
        present_block=present_block(),
        nvidia_smi=_nvidia(),
        commit=_commit(),
    )


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((x.partition(":")[2].strip() for x in lines if "model name" in x), "")


def _nvidia() -> str | None:
    """Name, driver, memory and clocks, read only; None without nvidia-smi."""
    asked = "name,driver_version,memory.total,clocks.sm,clocks.mem,power.limit"
    return _output("nvidia-smi", f"--query-gpu={asked}", "--format=csv")


def _commit() -> str | None:
    return _output("git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD")


def _output(*words: str) -> str | None:
    if not shutil.which(words[0]):
        return None
    done = subprocess.run(words, capture_output=True, text=True, timeout=20)
    return done.stdout.strip() or None


def roofs(stage: Stage) -> None:
    """FLOP/s of products, bytes/s of copies, seconds of a launch and a loop's turn."""
    sizes = (256,) if stage.smoke else (2048, 4096, 8192)
    shapes = [Shape(64, 8, 8)] if stage.smoke else _SHAPES
    budget = 0.02 if stage.smoke else 0.1
    time = partial(per_call, least=budget, rounds=3 if stage.smoke else 5)
    stage.save(copy_bytes_per_second=_copies(stage, time))
    products: list[dict] = []
    for kind in KINDS:
        for size in sizes:
            if not stage.has(2):
                break
            rate = stage.attempt(f"{kind} {size}", partial(_product, kind, size, time))
            products.append({"kind": kind, "size": size, "flop_per_second": rate})
            best = {kind: _best(products, kind) for kind in KINDS}
            stage.save(products=products, best=best)
    turns = stage.attempt("turns", _turns)
    stage.save(seconds_per_turn=turns)
    batched: list[dict] = []
    for shape in shapes:
        for kind in KINDS:
            if not stage.has(2):
                break
            m = 4 if stage.smoke else 1024
            rate = stage.attempt(
                f"batched {kind} {shape}", partial(_batched, kind, shape, m, time)
            )
            row = {"kind": kind, "shape": str(shape), "m": m}
            batched.append(row | {"flop_per_second": rate})
            stage.save(batched=batched)


_SHAPES = [Shape(256, 32, 64), Shape(128, 16, 16), Shape(1024, 128, 128)]
Timer = Callable[[Callable[[], Any]], float]


def _best(products: list[dict], kind: str) -> float | None:
    rates = [r["flop_per_second"] for r in products if r["kind"] == kind]
    return max((rate for rate in rates if rate), default=None)


def _random(shape: tuple[int, ...], dtype: Any = jnp.float32) -> jax.Array:
    return jax.random.normal(jax.random.key(sum(shape)), shape, dtype)


def _copies(stage: Stage, time: Timer) -> dict[str, float | None]:
    """{bytes of the array: bytes/s read and written} of y = x + 1."""
    sizes = (2**20, 2**22) if stage.smoke else (2**24, 2**28, 2**31)
    found: dict[str, float | None] = {}
    for size in sizes:

        def rate(size: int = size) -> float:
            x = _random((size // 4096, 1024))
            move = jax.jit(lambda x: x + 1)
            return 2 * size / time(lambda: move(x))

        found[str(size)] = stage.attempt(f"copy {size}", rate)
    return found


def _product(kind: str, size: int, time: Timer) -> float:
    dtype, precision = KINDS[kind]
    a, b = _random((size, size), dtype), _random((size, size), dtype)
    with jax.default_matmul_precision(precision):
        multiply = jax.jit(lambda a, b: a @ b).lower(a, b).compile()
    return 2 * size**3 / time(lambda: multiply(a, b))


def _batched(kind: str, shape: Shape, m: int, time: Timer) -> float:
    """The two products of a step alone, [k, d] x [d, n] and [k, n] x [n, d]."""
    dtype, precision = KINDS[kind]
    w = _random((m, shape.width, shape.d), dtype)
    x = _random((m, shape.n, shape.d), dtype)

    def both(w: jax.Array, x: jax.Array) -> jax.Array:
        h = jnp.einsum("mkd,mnd->mkn", w, x)
        return jnp.einsum("mkn,mnd->mkd", h, x)

    with jax.default_matmul_precision(precision):
        run = jax.jit(both).lower(w, x).compile()
    return 4.0 * m * shape.n * shape.d * shape.width / time(lambda: run(w, x))


def _turns() -> dict[str, float]:
    """Seconds a turn of a loop with next to nothing in it, and of a launch.

    "while": the number of turns is an argument; "scan": it is a constant
    """
    x = _random((1024,))

    @jax.jit
    def turn(x: jax.Array, steps: Any) -> jax.Array:
        return jax.lax.fori_loop(0, steps, lambda _, x: jnp.flip(x) * 0.5, x)

    @jax.jit
    def fixed(x: jax.Array) -> jax.Array:
        return jax.lax.scan(lambda x, _: (jnp.flip(x) * 0.5, None), x, length=1000)[0]

    launch = jax.jit(lambda x: x + 1)
    return {
        "while": per_step(lambda steps: turn(x, np.int32(steps)), rounds=3),
        "scan": per_call(lambda: fixed(x), rounds=3) / 1000,
        "launch": per_call(lambda: launch(x), rounds=3),
    }
