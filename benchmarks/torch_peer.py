"""The PyTorch peers of throughput.py, run with the Python of .venv-torch: no jax."""

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from peer import BETA, EPSILON, RATE, SQUARED, Advance, Arrays, Peer, serve


def vmap(problem: Arrays) -> Peer:
    """All networks at once: functional_call, grad, vmap, and Adam on the stack."""
    import torch  # type: ignore[import-not-found]  # it lives in .venv-torch alone

    call, grad, over = torch.func.functional_call, torch.func.grad, torch.func.vmap
    x, y = torch.from_numpy(problem["x"]), torch.from_numpy(problem["y"])
    model = network(torch, *problem["w1"].shape[1:])
    stack = {name: v.clone() for name, v in stacked(torch, problem).items()}
    mean = {name: torch.zeros_like(v) for name, v in stack.items()}
    square = {name: torch.zeros_like(v) for name, v in stack.items()}
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

    ways = by_threads(torch, advance)
    return Peer(f"torch {torch.__version__}", ways, lambda: arrays(stack))


def bmm(problem: Arrays) -> Peer:
    """All networks at once: stacked matrix products by hand and one fused Adam."""
    import torch  # it lives in .venv-torch alone

    x, y = torch.from_numpy(problem["x"]), torch.from_numpy(problem["y"])
    first = {name: problem[name] for name in ("w1", "b1", "w2", "b2")}
    params = {name: torch.tensor(v, requires_grad=True) for name, v in first.items()}
    w1, b1, w2, b2 = params.values()
    adam = torch.optim.Adam(params.values(), lr=RATE, fused=True)

    def advance(steps: int) -> None:
        for _ in range(steps):
            adam.zero_grad()
            h = torch.relu(torch.baddbmm(b1[:, None], x, w1))
            f = torch.baddbmm(b2[:, None, None], h, w2[:, :, None])[..., 0]
            torch.mean((f - y) ** 2, dim=1).sum().backward()
            adam.step()

    def weights() -> Arrays:
        return {name: v.detach().numpy() for name, v in params.items()}

    return Peer(f"torch {torch.__version__}", by_threads(torch, advance), weights)


def loop(problem: Arrays, fused: bool = False) -> Peer:
    """One network after the other: nn.Sequential and torch.optim.Adam."""
    import torch  # it lives in .venv-torch alone

    x, y = torch.from_numpy(problem["x"]), torch.from_numpy(problem["y"])
    start = stacked(torch, problem)
    models, optimisers = [], []
    for i in range(len(x)):
        model = network(torch, *problem["w1"].shape[1:])
        model.load_state_dict({name: v[i] for name, v in start.items()})
        models.append(model)
        adam = torch.optim.Adam(model.parameters(), lr=RATE, fused=fused)
        optimisers.append(adam)

    def advance(steps: int) -> None:
        for model, optimiser, points, labels in zip(
            models, optimisers, x, y, strict=True
        ):
            for _ in range(steps):
                optimiser.zero_grad()
                loss = torch.mean((model(points).squeeze(1) - labels) ** 2)
                loss.backward()
                optimiser.step()

    def weights() -> Arrays:
        states = [model.state_dict() for model in models]
        return arrays({name: torch.stack([s[name] for s in states]) for name in start})

    return Peer(f"torch {torch.__version__}", by_threads(torch, advance), weights)


def fused(problem: Arrays) -> Peer:
    """`loop` with the fused kernel of torch.optim.Adam."""
    return loop(problem, fused=True)


def by_threads(torch: Any, advance: Advance) -> dict[str, Advance]:
    """`advance` with as many intra-op threads as there are cores, and with one."""

    def threaded(count: int) -> Advance:
        def inner(steps: int) -> None:
            torch.set_num_threads(count)
            advance(steps)

        return inner

    counts = sorted({torch.get_num_threads(), 1}, reverse=True)
    return {f"{n} threads" if n > 1 else "1 thread": threaded(n) for n in counts}


def network(torch: Any, d: int, k: int) -> Any:
    """The two-layer network, as anybody writes it."""
    nn = torch.nn
    return nn.Sequential(nn.Linear(d, k), nn.ReLU(), nn.Linear(k, 1))


def stacked(torch: Any, problem: Arrays) -> dict[str, Any]:
    """The first parameters by their names in `network`."""
    named = {
        "0.weight": problem["w1"].transpose(0, 2, 1),
        "0.bias": problem["b1"],
        "2.weight": problem["w2"][:, None],
        "2.bias": problem["b2"][:, None],
    }
    return {name: torch.tensor(np.ascontiguousarray(v)) for name, v in named.items()}


def arrays(stack: dict[str, Any]) -> Arrays:
    """`stacked`, undone."""
    w1, b1, w2, b2 = (
        stack[name].numpy() for name in ("0.weight", "0.bias", "2.weight", "2.bias")
    )
    return {"w1": w1.transpose(0, 2, 1), "b1": b1, "w2": w2[:, 0], "b2": b2[:, 0]}


PEERS: dict[str, Callable[[Arrays], Peer]] = {
    "torch.func.vmap": vmap,
    "PyTorch stacked bmm": bmm,
    "PyTorch loop": loop,
    "PyTorch fused loop": fused,
}


if __name__ == "__main__":
    serve(PEERS[sys.argv[1]], sys.argv[2:])
