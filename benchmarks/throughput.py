"""DOCSTRING"""

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from importlib.metadata import version
from pathlib import Path
from subprocess import PIPE
from typing import Annotated, Any

import numpy as np
from torch_peer import RATE, Peer, serve  # type: ignore[import-not-found]  # a script

from isorobust.data import BalancedSigns, Sphere
from isorobust.data.dataset import draw
from isorobust.door import AtLeast, BadInput, nearest, parse, validate
from isorobust.engine import lanes
from isorobust.engine.ladder import cut_tree, pad_tree, rung
from isorobust.engine.pages import _padded_data, _traced, initial
from isorobust.engine.plan import flops_per_step
from isorobust.experiment import Cell, Trial
from isorobust.models import MLP
from isorobust.training import Adam
from isorobust.training.step import BUDGET, RUNNING

TORCH = "torch==2.13.0"
TORCH_VENV = Path(__file__).resolve().parent.parent / ".venv-torch"
# the peers, and what torch_peer.py calls those that live there
PEERS = {
    "isorobust": None,
    "torch.func.vmap": "vmap",
    "PyTorch loop": "loop",
    "PyTorch fused loop": "fused",
    "flax loop": None,
}
AGREE = 1e-3  # relative difference that the peers' training MSE may have


@dataclass(frozen=True)
class Race:
    """What is raced: so many networks of (n, d, width), timed so many times."""

    networks: Annotated[int, AtLeast(1)] = 64
    n: Annotated[int, AtLeast(1)] = 256
    d: Annotated[int, AtLeast(1)] = 32
    width: Annotated[int, AtLeast(1)] = 64
    rounds: Annotated[int, AtLeast(1)] = 5

    def trials(self) -> list[Trial]:
        """The networks; their recipe never stops."""
        recipe = Adam(target_mse=1e-30, learning_rate=RATE, steps=10**9)
        model = MLP(width=self.width)
        cell = Cell(Sphere(), BalancedSigns(), model, self.n, self.d, recipe)
        return [Trial(cell, seed) for seed in range(self.networks)]

    def problem(self) -> dict[str, np.ndarray]:
        """Data and first parameters, as torch_peer.serve describes them."""
        sets = [draw(trial) for trial in self.trials()]
        xy = {"x": np.stack([s.x for s in sets]), "y": np.stack([s.y for s in sets])}
        return xy | weights(lanes.stack(initial(trial) for trial in self.trials()))


def weights(params: Any) -> dict[str, np.ndarray]:
    """The stacked parameters of the MLP as torch_peer.serve describes them."""
    params = {layer: dict(params[layer]) for layer in ("dense_0", "dense_1")}
    return {
        "w1": np.asarray(params["dense_0"]["kernel"]),
        "b1": np.asarray(params["dense_0"]["bias"]),
        "w2": np.asarray(params["dense_1"]["kernel"])[..., 0],
        "b2": np.asarray(params["dense_1"]["bias"])[..., 0],
    }


@dataclass
class Block:
    """A micro-block of the engine: its lanes, and what they are trained on."""

    recipes: Any
    data: Any
    lanes: Any


def block(trials: list[Trial], own: lanes.Programs) -> Block:
    """The micro-block of up to block_size() trials, as engine/pages.py makes it."""
    size, shape = lanes.block_size(), rung(trials[0].cell)
    filled = [*trials, *[trials[-1]] * (size - len(trials))]
    like = (
        trials[0]
        .cell.model.padded(shape.width)
        .initial(np.random.default_rng(), shape.d)
    )
    params = lanes.stack([pad_tree(initial(trial), like) for trial in filled])
    data = lanes.stack([_padded_data(shape, draw(trial)) for trial in filled])
    recipes = lanes.stack([_traced(trial.cell.recipe) for trial in filled])
    status = np.where(np.arange(size) < len(trials), RUNNING, BUDGET).astype(np.int32)
    return Block(
        recipes, data, own(lanes.Start(), recipes, params)._replace(status=status)
    )


def engine(race: Race) -> Peer:
    """This suite: a device a core, a thread a device, micro-blocks on each."""
    trials, size = race.trials(), lanes.block_size()
    model = trials[0].cell.model.padded(rung(trials[0].cell).width)
    programs = [lanes.Programs(device) for device in lanes.devices()]
    starts = range(0, len(trials), size)
    owners = [programs[i % len(programs)] for i in range(len(starts))]
    blocks = [
        block(trials[first : first + size], own)
        for first, own in zip(starts, owners, strict=True)
    ]
    pool = ThreadPoolExecutor(len(programs))

    def work(own: lanes.Programs, steps: int) -> None:
        for mine in (
            b for b, owner in zip(blocks, owners, strict=True) if owner is own
        ):
            chunk = lanes.Chunk(model)
            mine.lanes = own(
                chunk, mine.recipes, mine.data, mine.lanes, np.int32(steps)
            )
            if np.asarray(mine.lanes.status)[0] != RUNNING:  # waits for the chunk
                raise RuntimeError("a lane stopped, so its steps are free")

    def advance(steps: int) -> None:
        list(pool.map(lambda own: work(own, steps), programs))

    def final() -> dict[str, np.ndarray]:
        rows = [(b, i) for b in blocks for i in range(size)][: len(trials)]
        params = [lanes.unstack(b.lanes.params, i) for b, i in rows]
        return weights(lanes.stack(cut_tree(p, initial(trials[0])) for p in params))

    made = f"isorobust {version('isorobust')}, jax {version('jax')}"
    return Peer(made, {"": advance}, final, lambda: lanes.roof(programs))


def flax_loop(problem: dict[str, np.ndarray]) -> Peer:
    """A jitted train step on flax's TrainState, network after network."""
    import flax.linen as nn
    import jax
    import jax.numpy as jnp
    import optax
    from flax.training.train_state import TrainState

    class Net(nn.Module):
        width: int

        @nn.compact
        def __call__(self, x: jax.Array) -> jax.Array:
            h = nn.relu(nn.Dense(self.width, name="dense_0")(x))
            return nn.Dense(1, name="dense_1")(h)[:, 0]

    def train_step(state: TrainState, x: jax.Array, y: jax.Array) -> TrainState:
        def loss(params: Any) -> jax.Array:
            return jnp.mean((state.apply_fn({"params": params}, x) - y) ** 2)

        return state.apply_gradients(grads=jax.grad(loss)(state.params))

    step = jax.jit(train_step, donate_argnums=0)
    net, adam = Net(problem["w1"].shape[2]), optax.adam(RATE)
    sets = jax.device_put(list(zip(problem["x"], problem["y"], strict=True)))

    def fresh(i: int) -> TrainState:
        one = {name: problem[name][i] for name in ("w1", "b1", "w2", "b2")}
        params = {
            "dense_0": {"kernel": one["w1"], "bias": one["b1"]},
            "dense_1": {"kernel": one["w2"][:, None], "bias": one["b2"][None]},
        }
        return TrainState.create(
            apply_fn=net.apply, params=jax.device_put(params), tx=adam
        )

    states = [fresh(i) for i in range(len(sets))]

    def advance(steps: int) -> None:
        for i, (x, y) in enumerate(sets):
            for _ in range(steps):
                states[i] = step(states[i], x, y)
        jax.block_until_ready(states)

    made = f"flax {version('flax')}, jax {version('jax')}"
    stacked = lambda: weights(lanes.stack([state.params for state in states]))  # noqa: E731
    return Peer(made, {"": advance}, stacked)


def torch_python() -> str | None:
    """The Python of .venv-torch, made if there is none; None where torch won't install."""
    python = str(TORCH_VENV / "bin" / "python")
    has = (
        f"import numpy, torch; assert torch.__version__.split('+')[0] == {TORCH!r}[7:]"
    )
    if (
        Path(python).exists()
        and not subprocess.run([python, "-c", has], capture_output=True).returncode
    ):
        return python
    say(f"installing {TORCH} in {TORCH_VENV}, once")
    pip = [python, "-m", "pip", "install", "-q", TORCH, "numpy"]
    try:
        for call in ([sys.executable, "-m", "venv", str(TORCH_VENV)], pip):
            subprocess.run(call, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        say(f"{TORCH} could not be installed for this Python; its peers are left out")
        return None
    return python


def launch(name: str, race: Race, problem: str, python: str | None) -> subprocess.Popen:
    """The process of a peer; it answers on its standard output."""
    call = [sys.executable, __file__, f"--worker={name}", f"--problem={problem}"]
    call += [f"--{f.name}={getattr(race, f.name)}" for f in fields(race)]
    if PEERS[name]:
        sibling = str(Path(__file__).with_name("torch_peer.py"))
        call = [str(python), sibling, str(PEERS[name]), problem]
    env = dict(os.environ)
    if name != "isorobust":
        env.pop("JAX_NUM_CPU_DEVICES", None)  # a flax user has one device
    return subprocess.Popen(call, stdin=PIPE, stdout=PIPE, text=True, env=env)


def read(name: str, process: subprocess.Popen) -> dict:
    """The next line of a peer."""
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise RuntimeError(f"{name}: its process ended with {process.wait()}")
    return json.loads(line)


def compete(race: Race, names: list[str]) -> dict[str, dict]:
    """{peer: its `ready` line, with "rates" and "roofs", one a round}."""
    python = torch_python() if any(PEERS[name] for name in names) else None
    names = [name for name in names if python or not PEERS[name]]
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        problem = f"{folder}/problem.npz"
        np.savez(problem, **race.problem())
        peers, found = {}, {}
        for name in names:  # one after the other: compiling is timed
            say(f"{name}: compiling and warming up")
            peers[name] = stack.enter_context(launch(name, race, problem, python))
            stack.callback(peers[name].kill)
            found[name] = read(name, peers[name]) | {"rounds": []}
        same(found)
        for i in range(race.rounds):
            say(f"round {i + 1} of {race.rounds}")
            for name, process in peers.items():
                process.stdin.write("round\n")
                process.stdin.flush()
                found[name]["rounds"].append(read(name, process))
    return found


def same(found: dict[str, dict]) -> None:
    """Raises RuntimeError unless all peers train alike."""
    fits = {name: row["mse"] for name, row in found.items()}
    if max(fits.values()) > (1 + AGREE) * min(fits.values()):
        raise RuntimeError(f"the peers train differently: MSE {fits}")


def fastest(row: dict) -> tuple[str, list[float]]:
    """(how, network-steps/s of each round) of a peer's fastest way."""
    rates = {
        how: [r["rates"][how] for r in row["rounds"]]
        for how in row["rounds"][0]["rates"]
    }
    return max(rates.items(), key=lambda item: statistics.median(item[1]))


def render(race: Race, found: dict[str, dict]) -> str:
    """The table in Markdown, and the line of the roof."""
    rates = {name: fastest(row) for name, row in found.items()}
    middle = {name: statistics.median(rate) for name, (_, rate) in rates.items()}
    lines = ["| peer | version | compile s | network-steps/s | isorobust / peer |"]
    lines += ["| --- | --- | ---: | ---: | ---: |"]
    for name, (how, rate) in rates.items():
        times = (
            f"{middle['isorobust'] / middle[name]:.2f}" if "isorobust" in found else "-"
        )
        made = ", ".join(filter(None, (found[name]["version"], how)))
        speed = f"{middle[name]:,.0f} [{min(rate):,.0f}, {max(rate):,.0f}]"
        lines += [
            f"| {name} | {made} | {found[name]['compile_seconds']:.2f} | {speed} | {times} |"
        ]
    if "isorobust" in found:
        roof = statistics.median(r["roof"] for r in found["isorobust"]["rounds"])
        flops = flops_per_step(race.trials()[0].cell) * middle["isorobust"]
        lines += [
            "",
            f"isorobust: {flops / 1e9:.0f} GFLOP/s of matrix products, {flops / roof:.0%} of "
            f"the {roof / 1e9:.0f} that a large float32 product reaches on all devices",
        ]
    return "\n".join(lines)


def options(words: list[str]) -> tuple[Race, list[str], argparse.Namespace]:
    """(the race, the peers' names, the rest). Raises BadInput."""
    # no usage text: a mistake is said in one line
    parser = argparse.ArgumentParser(
        usage=argparse.SUPPRESS, description=__doc__, allow_abbrev=False
    )
    for field in fields(Race):
        parser.add_argument(f"--{field.name}", default=str(field.default))
    parser.add_argument("--only", action="append", help=", ".join(PEERS))
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    parser.add_argument("--problem", help=argparse.SUPPRESS)
    args = parser.parse_args(words)
    sizes = {f.name: parse(getattr(args, f.name), f.type, f.name) for f in fields(Race)}
    validate(Race(**sizes), "")
    asked = [name.strip() for some in args.only or PEERS for name in some.split(",")]
    for name in asked:
        if name not in PEERS:
            raise BadInput(f"only={name}: no such peer; {nearest(name, PEERS)}")
    return Race(**sizes), [name for name in PEERS if name in asked], args


def say(line: str) -> None:
    """Tells whoever waits; standard output has the answer alone."""
    print(f"throughput: {line}", file=sys.stderr, flush=True)


def main() -> None:
    """The command line."""
    try:
        race, names, args = options(sys.argv[1:])
        if args.worker == "isorobust":
            return serve(lambda problem: engine(race), args.problem)
        if args.worker:
            return serve(flax_loop, args.problem)
        found = compete(race, names)
    except BadInput as error:
        say(f"--{error}")
        sys.exit(2)
    except RuntimeError as error:
        say(str(error))
        sys.exit(1)
    medians = {name: statistics.median(fastest(row)[1]) for name, row in found.items()}
    print(json.dumps(medians) if args.json else render(race, found))


if __name__ == "__main__":
    main()
