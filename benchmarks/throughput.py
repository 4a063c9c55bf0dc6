"""isorobust makes 10x the steps of torch.func.vmap, 25x PyTorch's, 3.3x a flax loop's.

| peer | compile s | network-steps/s, median [min, max] | isorobust / peer |
| --- | ---: | ---: | ---: |
| isorobust 0.1.0 (jax 0.10.2) | 0.77 | 116,123 [109,670, 118,630] | 1.00 |
| torch.func.vmap (torch 2.13.0+cpu) | 1.13 | 11,377 [5,856, 11,861] | 10.21 |
| PyTorch loop, 1 thread | 0.02 | 4,646 [4,246, 4,737] | 24.99 |
| PyTorch fused loop, 1 thread | 0.05 | 5,964 [5,945, 6,144] | 19.47 |
| flax loop (flax 0.12.8) | 0.30 | 35,399 [18,678, 38,336] | 3.28 |

isorobust: 255 GFLOP/s, 59 % of the 432 of a float32 matrix product. On 2 cores of an
AMD EPYC, Python 3.11, 5 interleaved rounds of a second. torch.func.vmap alone on the
machine made up to 19,000: the race's number is what it makes between the others.

Question. How many steps of full-batch Adam a second, all 64 networks taken together?
Two-layer ReLU networks with biases, (n, d, width) = (256, 32, 64), MSE, float32, each
on data of its own. Peers start at the same parameters and must reach the same MSE. Of
numbers of threads the best counts. "compile s" is the first step of all networks.

Command.  python benchmarks/throughput.py [--only=isorobust] [--json]
Cost.     A minute; the first time also that of installing torch in .venv-torch.
"""

import argparse
import contextlib
import json
import statistics
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from importlib.metadata import version
from typing import Annotated, Any

import numpy as np
import torch_peer  # type: ignore[import-not-found]  # beside this script

from isorobust.data import BalancedSigns, Sphere
from isorobust.data.dataset import draw
from isorobust.door import AtLeast, BadInput, nearest, parse, validate
from isorobust.engine import lanes
from isorobust.engine.ladder import cut_tree, rung
from isorobust.engine.pages import initial, prepare
from isorobust.engine.plan import flops_per_step
from isorobust.experiment import Cell, Trial
from isorobust.models import MLP
from isorobust.training import Adam
from isorobust.training.step import RUNNING

PEERS = ("isorobust", *torch_peer.PEERS, "flax loop")
AGREE = 1e-3  # relative difference that the peers' training MSE may have


@dataclass(frozen=True)
class Race:
    """What is raced: so many networks of (n, d, width), timed so many times."""

    networks: Annotated[int, AtLeast(1)] = 64
    n: Annotated[int, AtLeast(1)] = 256
    d: Annotated[int, AtLeast(1)] = 32
    width: Annotated[int, AtLeast(1)] = 64
    rounds: Annotated[int, AtLeast(1)] = 5

    def words(self) -> list[str]:
        """The race as command-line options."""
        return [f"--{f.name}={getattr(self, f.name)}" for f in fields(self)]

    def trials(self) -> list[Trial]:
        """The networks; their recipe never stops."""
        recipe = Adam(target_mse=1e-30, learning_rate=torch_peer.RATE, steps=10**9)
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
    return {
        "w1": np.asarray(params["weight_0"]).swapaxes(-1, -2),
        "b1": np.asarray(params["bias_0"]),
        "w2": np.asarray(params["weight_1"])[..., 0, :],
        "b2": np.asarray(params["bias_1"])[..., 0],
    }


def engine(race: Race) -> torch_peer.Peer:
    """This suite: a device a core, a thread a device, micro-blocks on each."""
    trials, size = race.trials(), lanes.block_size()
    programs = [lanes.Programs(device) for device in lanes.devices()]
    shape, starts = rung(trials[0].cell), range(0, len(trials), size)
    blocks = []
    for i in starts:
        some = tuple(trials[i : i + size])
        model, *block = prepare(shape, some, programs[0])
        blocks.append(block)
    chunk = lanes.Chunk(model)
    pool = ThreadPoolExecutor(len(programs))

    def work(own: lanes.Programs, left: Iterator, steps: int) -> None:
        for part in left:  # the threads share `left`, so that none waits for another
            part[2] = own(chunk, *part, np.int32(steps))
            if np.asarray(part[2].status)[0] != RUNNING:  # waits for the chunk
                raise RuntimeError("isorobust: a lane stopped, and its steps are free")

    def advance(steps: int) -> None:
        left = iter(blocks)
        list(pool.map(lambda own: work(own, left, steps), programs))

    def final() -> dict[str, np.ndarray]:
        found = [part[2].params for part in blocks]
        params = [lanes.unstack(some, i) for some in found for i in range(size)]
        params = params[: len(trials)]
        return weights(lanes.stack(cut_tree(p, initial(trials[0])) for p in params))

    made = f"isorobust {version('isorobust')}, jax {version('jax')}"
    return torch_peer.Peer(made, {"": advance}, final, lambda: lanes.roof(programs))


def flax_loop(problem: dict[str, np.ndarray]) -> torch_peer.Peer:
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
    net, adam = Net(problem["w1"].shape[2]), optax.adam(torch_peer.RATE)
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

    def final() -> dict[str, np.ndarray]:
        one, two = (
            lanes.stack(state.params[layer] for state in states)
            for layer in ("dense_0", "dense_1")
        )
        last = {"w2": two["kernel"][..., 0], "b2": two["bias"][..., 0]}
        return {"w1": one["kernel"], "b1": one["bias"], **last}

    return torch_peer.Peer(made, {"": advance}, final)


def compete(race: Race, names: list[str]) -> dict[str, dict]:
    """{peer: its first line, and "rounds": its other lines}, of those that can run."""
    python = None
    if any(name in torch_peer.PEERS for name in names):
        python = torch_peer.python()
    if python is None:
        names = [name for name in names if name not in torch_peer.PEERS]
    if not names:
        raise RuntimeError("none of these peers can run here")
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        problem = f"{folder}/problem.npz"
        np.savez(problem, allow_pickle=False, **race.problem())
        pipes, found = {}, {}
        for name in names:  # one after the other: compiling is timed
            torch_peer.say(f"{name}: compiling and warming up")
            call = [str(python), torch_peer.__file__, name, problem]
            if name not in torch_peer.PEERS:
                call = [sys.executable, __file__, f"--worker={name}"]
                call += [f"--problem={problem}", *race.words()]
            pipes[name] = stack.enter_context(torch_peer.launch(call))
            stack.callback(pipes[name].kill)
            found[name] = torch_peer.hear(name, pipes[name]) | {"rounds": []}
        same(found)
        for i in range(race.rounds):
            torch_peer.say(f"round {i + 1} of {race.rounds}")
            for name, pipe in pipes.items():
                torch_peer.ask(pipe)
                found[name]["rounds"].append(torch_peer.hear(name, pipe))
    return found


def same(found: dict[str, dict]) -> None:
    """Raises RuntimeError unless all peers train alike."""
    fits = {name: row["mse"] for name, row in found.items()}
    if max(fits.values()) > (1 + AGREE) * min(fits.values()):
        raise RuntimeError(f"the peers train differently: MSE {fits}")


def fastest(row: dict) -> tuple[str, list[float]]:
    """(how, network-steps/s of each round) of a peer's fastest way."""
    ways = row["rounds"][0]["rates"]
    rates = {how: [one["rates"][how] for one in row["rounds"]] for how in ways}
    return max(rates.items(), key=lambda item: statistics.median(item[1]))


def render(race: Race, found: dict[str, dict]) -> str:
    """The table in Markdown, and the line of the roof."""
    lines = ["| peer | version | compile s | network-steps/s | isorobust / peer |"]
    lines += ["| --- | --- | ---: | ---: | ---: |"]
    ours = found.get("isorobust")
    best = statistics.median(fastest(ours)[1]) if ours else None
    for name, row in found.items():
        how, rates = fastest(row)
        middle = statistics.median(rates)
        made = ", ".join(filter(None, (row["version"], how)))
        speed = f"{middle:,.0f} [{min(rates):,.0f}, {max(rates):,.0f}]"
        ratio = f"{best / middle:.2f}" if best else "-"
        compiling = f"{row['compile_seconds']:.2f}"
        lines += [f"| {name} | {made} | {compiling} | {speed} | {ratio} |"]
    if ours and best:
        roof = statistics.median(one["roof"] for one in ours["rounds"])
        flops = flops_per_step(race.trials()[0].cell) * best
        did = f"isorobust: {flops / 1e9:.0f} GFLOP/s of matrix products"
        of = f"the {roof / 1e9:.0f} of a float32 product 2048 x 2048 on all devices"
        lines += ["", f"{did}, {flops / roof:.0%} of {of}"]
    return "\n".join(lines)


def options(words: list[str]) -> tuple[Race, list[str], argparse.Namespace]:
    """(the race, the peers' names, the rest). Raises BadInput."""
    # no usage text: a mistake is said in one line
    parser = argparse.ArgumentParser(
        usage=argparse.SUPPRESS,
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
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


def main() -> None:
    """The command line."""
    try:
        race, names, args = options(sys.argv[1:])
        if args.worker == "isorobust":
            return torch_peer.serve(lambda problem: engine(race), args.problem)
        if args.worker:
            return torch_peer.serve(flax_loop, args.problem)
        found = compete(race, names)
    except BadInput as error:
        torch_peer.say(f"--{error}")
        sys.exit(2)
    except RuntimeError as error:
        torch_peer.say(str(error))
        sys.exit(1)
    medians = {name: statistics.median(fastest(row)[1]) for name, row in found.items()}
    print(json.dumps(medians) if args.json else render(race, found))


if __name__ == "__main__":
    main()
