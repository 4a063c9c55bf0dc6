"""The same step in PyTorch, where there is one: torch.func.vmap, and a plain loop."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from kit.stage import Stage, say

RATE, BETA, SQUARED, EPSILON = 1e-3, 0.9, 0.999, 1e-8
LANES = (64, 1024, 4096)


def torch_race(stage: Stage) -> None:
    """Network-steps/s of (256, 32, 64) networks on torch's device; no jax in here."""
    try:
        import torch  # type: ignore[import-not-found]  # a machine may have it
    except ImportError:
        stage.save(skipped="torch is not installed")
        return
    place = "cuda" if torch.cuda.is_available() else "cpu"
    n, d, k = (64, 8, 8) if stage.smoke else (256, 32, 64)
    stage.save(version=torch.__version__, device=place, shape=f"{n}x{d}x{k}")
    rows: list[dict] = []
    sizes = (4,) if stage.smoke else LANES
    runs = [("torch.func.vmap", _vmap, m) for m in sizes]
    runs.append(("PyTorch loop", _loop, 4 if stage.smoke else 16))
    for precision in ("highest", "high"):  # "high" may use TF32
        torch.set_float32_matmul_precision(precision)
        for way, make, m in runs:
            if not stage.has(3):
                break
            say(f"torch: {way}, {precision}, {m}")
            timed = partial(_timed, torch, make, m, (n, d, k), place)
            seconds = stage.attempt(f"{way} {precision} {m}", timed)
            if seconds:
                row = {"way": way, "precision": precision, "m": m}
                rows.append(row | {"network_steps_per_second": m / seconds})
                stage.save(rows=rows)


def _timed(torch: Any, make: Callable, m: int, sizes: tuple, place: str) -> float:
    """Seconds a step of all m networks: the median of three rounds."""
    rng = np.random.default_rng(0)
    advance = make(torch, rng, m, sizes, place)

    def wall(steps: int) -> float:
        began = time.perf_counter()
        advance(steps)
        if place == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter() - began

    wall(3)
    steps = 1
    while (took := wall(steps)) < 0.1:
        steps *= 2
    steps = max(1, round(steps * 0.3 / took))
    return sorted(wall(steps) / steps for _ in range(3))[1]


def _network(torch: Any, d: int, k: int) -> Any:
    nn = torch.nn
    return nn.Sequential(nn.Linear(d, k), nn.ReLU(), nn.Linear(k, 1))


def _data(torch: Any, rng: Any, shape: tuple, place: str) -> tuple[Any, Any]:
    """(x [m, n, d], y [m, n] of signs)."""
    x = rng.standard_normal(shape).astype(np.float32)
    y = np.sign(rng.standard_normal(shape[:2])).astype(np.float32)
    return torch.tensor(x, device=place), torch.tensor(y, device=place)


def _vmap(torch: Any, rng: Any, m: int, sizes: tuple, place: str) -> Callable:
    """All networks at once: functional_call, grad, vmap, and Adam on the stack."""
    n, d, k = sizes
    call, grad, over = torch.func.functional_call, torch.func.grad, torch.func.vmap
    model = _network(torch, d, k).to(place)
    models = [_network(torch, d, k).to(place) for _ in range(min(m, 16))]
    stack, _ = torch.func.stack_module_state([models[i % 16] for i in range(m)])
    stack = {name: v.detach().clone() for name, v in stack.items()}
    mean = {name: torch.zeros_like(v) for name, v in stack.items()}
    square = {name: torch.zeros_like(v) for name, v in stack.items()}
    x, y = _data(torch, rng, (m, n, d), place)
    done = 0

    def loss(params: Any, x: Any, y: Any) -> Any:
        return torch.mean((call(model, params, (x,)).squeeze(1) - y) ** 2)

    gradients = over(grad(loss))

    def advance(steps: int) -> None:
        nonlocal done
        for t in range(done + 1, done + steps + 1):
            size, root = RATE / (1 - BETA**t), (1 - SQUARED**t) ** 0.5
            for name, g in gradients(stack, x, y).items():
                mean[name].lerp_(g, 1 - BETA)
                square[name].mul_(SQUARED).addcmul_(g, g, value=1 - SQUARED)
                below = square[name].sqrt().div_(root).add_(EPSILON)
                stack[name].addcdiv_(mean[name], below, value=-size)
        done += steps

    return advance


def _loop(torch: Any, rng: Any, m: int, sizes: tuple, place: str) -> Callable:
    """One network after the other: nn.Sequential, torch.optim.Adam, no CUDA graph."""
    n, d, k = sizes
    x, y = _data(torch, rng, (m, n, d), place)
    models = [_network(torch, d, k).to(place) for _ in range(m)]
    adams = [torch.optim.Adam(model.parameters(), lr=RATE) for model in models]

    def advance(steps: int) -> None:
        for model, adam, points, labels in zip(models, adams, x, y, strict=True):
            for _ in range(steps):
                adam.zero_grad()
                loss = torch.mean((model(points).squeeze(1) - labels) ** 2)
                loss.backward()
                adam.step()

    return advance
