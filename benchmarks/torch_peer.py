"""The PyTorch peers of throughput.py, their environment, and how any peer is talked to.

throughput.py starts this file with the Python of .venv-torch, where there is no jax;
so only numpy and the standard library are imported above.
"""

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

VERSION = "2.13.0"
VENV = Path(__file__).resolve().parent.parent / ".venv-torch"
CHECK = 20  # steps after which all peers have to have the same training MSE
SECONDS = 1.0  # of a round
RATE, BETA, SQUARED, EPSILON = 1e-3, 0.9, 0.999, 1e-8  # Adam's, the same for all peers

Advance = Callable[[int], None]
Arrays = dict[str, Any]


class Peer(NamedTuple):
    """A peer that is ready to train.

    version: of what does the work
    ways: {how: advance}; advance(steps) makes that many steps of every network, and
        returns when they are done. The fastest way is the one that counts.
    weights: the parameters as numpy arrays, as in the problem
    roof: FLOP/s that the machine reaches at most, where the peer can tell
    """

    version: str
    ways: dict[str, Advance]
    weights: Callable[[], Arrays]
    roof: Callable[[], float] | None = None


def serve(make: Callable[[Arrays], Peer], path: str) -> None:
    """Prints what `make` made as a line of JSON, then a line per line read.

    path: an .npz with x [N, n, d], y [N, n] and the first parameters w1 [N, d, k],
        b1 [N, k], w2 [N, k], b2 [N] of N networks.
    """
    with np.load(path) as file:
        problem = dict(file)
    networks = len(problem["x"])
    peer = make(problem)
    first = next(iter(peer.ways.values()))
    compile_seconds = seconds(first, 1)
    first(CHECK - 1)
    fit = mse(problem | peer.weights())
    steps = {how: calibrate(advance) for how, advance in peer.ways.items()}
    tell(version=peer.version, compile_seconds=compile_seconds, mse=fit)
    for _ in sys.stdin:
        rates = {
            how: networks * steps[how] / seconds(advance, steps[how])
            for how, advance in peer.ways.items()
        }
        tell(rates=rates, roof=peer.roof() if peer.roof else None)


def seconds(advance: Advance, steps: int) -> float:
    """How long advance(steps) takes."""
    began = time.perf_counter()
    advance(steps)
    return time.perf_counter() - began


def calibrate(advance: Advance) -> int:
    """How many steps take about SECONDS; warms up on the way."""
    steps = 1
    while (took := seconds(advance, steps)) < SECONDS / 4:
        steps *= 2
    return max(1, round(steps * SECONDS / took))


def mse(arrays: Arrays) -> float:
    """Mean over the networks of the training MSE."""
    hidden = np.maximum(arrays["x"] @ arrays["w1"] + arrays["b1"][:, None], 0)
    f = np.einsum("Nnk,Nk->Nn", hidden, arrays["w2"]) + arrays["b2"][:, None]
    return float(np.mean((f - arrays["y"]) ** 2))


def tell(**line: Any) -> None:
    """One line of JSON to whoever started this process."""
    print(json.dumps(line), flush=True)


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

    return Peer(f"torch {torch.__version__}", {"": advance}, lambda: arrays(stack))


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

    counts = sorted({torch.get_num_threads(), 1}, reverse=True)
    ways = {f"torch threads: {n}": threaded(torch, n, advance) for n in counts}
    return Peer(f"torch {torch.__version__}", ways, weights)


def fused(problem: Arrays) -> Peer:
    """`loop` with the fused kernel of torch.optim.Adam."""
    return loop(problem, fused=True)


def threaded(torch: Any, count: int, advance: Advance) -> Advance:
    """`advance` with that many intra-op threads."""

    def inner(steps: int) -> None:
        torch.set_num_threads(count)
        advance(steps)

    return inner


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
    "PyTorch loop": loop,
    "PyTorch fused loop": fused,
}


def python() -> str | None:
    """The Python of .venv-torch, made where there is none; None where that fails."""
    found = str(VENV / "bin" / "python")
    has = f"import numpy, torch; assert torch.__version__.startswith('{VERSION}')"
    pip = [found, "-m", "pip", "install", "-q", f"torch=={VERSION}", "numpy"]
    with contextlib.suppress(OSError, subprocess.CalledProcessError):
        subprocess.run([found, "-c", has], check=True, capture_output=True)
        return found
    say(f"installing torch=={VERSION} in {VENV}, once")
    try:
        for call in ([sys.executable, "-m", "venv", str(VENV)], pip):
            subprocess.run(call, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        say(f"torch=={VERSION} could not be installed; its peers are left out")
        return None
    return found


def launch(call: list[str]) -> subprocess.Popen:
    """The process of a peer, which will `serve`."""
    env = dict(os.environ)
    env.pop("JAX_NUM_CPU_DEVICES", None)  # jax as a user of flax finds it
    pipe = subprocess.PIPE
    return subprocess.Popen(call, stdin=pipe, stdout=pipe, text=True, env=env)


def ask(peer: subprocess.Popen) -> None:
    """Asks for a round."""
    assert peer.stdin is not None
    peer.stdin.write("round\n")
    peer.stdin.flush()


def hear(name: str, peer: subprocess.Popen) -> dict:
    """A peer's next line. Raises RuntimeError if its process has ended."""
    assert peer.stdout is not None
    line = peer.stdout.readline()
    if not line:
        raise RuntimeError(f"{name}: its process ended with {peer.wait()}")
    return json.loads(line)


def say(line: str) -> None:
    """Tells whoever waits; standard output has the answer alone."""
    print(f"throughput: {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    serve(PEERS[sys.argv[1]], sys.argv[2])
