"""The jax peers of throughput.py: what a user of jax, flax or TurbaNet would write.

Nothing of isorobust is imported: TurbaNet's Python has none. Points are rows here, as
everybody has them.
"""

import contextlib
import sys
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from peer import CHUNK, RATE, Arrays, Peer, cores, serve

NAMES = ("w1", "b1", "w2", "b2")


def plain(problem: Arrays) -> Peer:
    """jit(vmap(scan)) on jax's default device: one on a CPU, whatever its cores."""
    program, (state, x, y) = jax.jit(jax.vmap(scan)), beginning(problem)

    def advance(steps: int) -> None:
        nonlocal state
        for _ in range(steps // CHUNK):
            state = program(state, x, y)
        jax.block_until_ready(state)

    return Peer(made(), {"": advance}, lambda: weights(state[0]), CHUNK)


def mapped(problem: Arrays) -> Peer:
    """pmap(vmap(scan)) over a device a core, each with its share of the networks."""
    networks = len(problem["x"])
    with contextlib.suppress(RuntimeError):  # the backend exists: take its devices
        jax.config.update("jax_num_cpu_devices", len(cores()))
    most = len(jax.devices())
    count = max(k for k in range(1, most + 1) if networks % k == 0)

    def split(leaf: jax.Array) -> jax.Array:
        return leaf.reshape(count, networks // count, *leaf.shape[1:])

    def join(leaf: jax.Array) -> np.ndarray:
        return np.asarray(leaf).reshape(networks, *leaf.shape[2:])

    program = jax.pmap(jax.vmap(scan))
    state, x, y = jax.tree.map(split, beginning(problem))

    def advance(steps: int) -> None:
        nonlocal state
        for _ in range(steps // CHUNK):
            state = program(state, x, y)
        jax.block_until_ready(state)

    def final() -> Arrays:
        return weights(jax.tree.map(join, state[0]))

    return Peer(f"{made()}, {count} devices", {"": advance}, final, CHUNK)


def stepped(problem: Arrays) -> Peer:
    """The public recipe: jit(vmap(step)), called from Python step after step."""
    program, (state, x, y) = jax.jit(jax.vmap(step)), beginning(problem)

    def advance(steps: int) -> None:
        nonlocal state
        for _ in range(steps):
            state = program(state, x, y)
        jax.block_until_ready(state)

    return Peer(made(), {"": advance}, lambda: weights(state[0]))


def beginning(problem: Arrays) -> tuple[Any, jax.Array, jax.Array]:
    """((params, moments), x, y) of all networks, stacked."""
    params = {name: jnp.asarray(problem[name]) for name in NAMES}
    state = params, jax.vmap(optax.adam(RATE).init)(params)
    return state, jnp.asarray(problem["x"]), jnp.asarray(problem["y"])


def step(state: Any, x: jax.Array, y: jax.Array) -> Any:
    """One step of Adam of one network."""
    params, moments = state

    def loss(params: Any) -> jax.Array:
        h = jax.nn.relu(x @ params["w1"] + params["b1"])
        return jnp.mean((h @ params["w2"] + params["b2"] - y) ** 2)

    gradient = jax.grad(loss)(params)
    updates, moments = optax.adam(RATE).update(gradient, moments, params)
    return optax.apply_updates(params, updates), moments


def scan(state: Any, x: jax.Array, y: jax.Array) -> Any:
    """CHUNK steps of one network."""
    return jax.lax.scan(lambda s, _: (step(s, x, y), None), state, length=CHUNK)[0]


def weights(params: Any) -> Arrays:
    """The parameters as numpy arrays."""
    return {name: np.asarray(params[name]) for name in NAMES}


def made() -> str:
    """The version of what does the work."""
    return f"jax {version('jax')}"


def flax_loop(problem: Arrays) -> Peer:
    """A jitted train step on flax's TrainState, network after network."""
    from flax.training.train_state import TrainState

    def train_step(state: TrainState, x: jax.Array, y: jax.Array) -> TrainState:
        def loss(params: Any) -> jax.Array:
            return jnp.mean((state.apply_fn({"params": params}, x) - y) ** 2)

        return state.apply_gradients(grads=jax.grad(loss)(state.params))

    train = jax.jit(train_step, donate_argnums=0)
    net, adam = network(problem["w1"].shape[2]), optax.adam(RATE)
    sets = jax.device_put(list(zip(problem["x"], problem["y"][..., None], strict=True)))
    each = [{name: problem[name][[i]] for name in NAMES} for i in range(len(sets))]
    firsts = [jax.tree.map(lambda v: v[0], flax_params(one)) for one in each]
    states = [
        TrainState.create(apply_fn=net.apply, params=first, tx=adam) for first in firsts
    ]

    def advance(steps: int) -> None:
        for i, (x, y) in enumerate(sets):
            for _ in range(steps):
                states[i] = train(states[i], x, y)
        jax.block_until_ready(states)

    def final() -> Arrays:
        trained = [state.params for state in states]
        return flax_weights(jax.tree.map(lambda *v: np.stack(v), *trained))

    return Peer(f"flax {version('flax')}, {made()}", {"": advance}, final)


def turbanet(problem: Arrays) -> Peer:
    """TurbaNet's swarm, trained as its own page says: swarm.train(x, y, mse)."""
    import turbanet as tn  # type: ignore[import-not-found]  # in .venv-turbanet alone

    x, y = jnp.asarray(problem["x"]), jnp.asarray(problem["y"])[..., None]
    net, adam = network(problem["w1"].shape[2]), optax.adam(RATE)
    swarm = tn.TurbaTrainState.swarm(net, adam, len(x), x[0])
    swarm = swarm.replace(params=flax_params(problem))

    def advance(steps: int) -> None:
        nonlocal swarm
        for _ in range(steps):
            swarm, _, _ = swarm.train(x, y, tn.mse)
        jax.block_until_ready(swarm.params)

    about = f"turbanet {version('turbanet')}, {made()}, "
    about += f"Python {sys.version_info[0]}.{sys.version_info[1]}"
    return Peer(about, {"": advance}, lambda: flax_weights(swarm.params))


def network(width: int) -> Any:
    """The two-layer network as flax's users write it."""
    import flax.linen as nn

    class Net(nn.Module):
        @nn.compact
        def __call__(self, x: jax.Array) -> jax.Array:
            h = nn.relu(nn.Dense(width)(x))
            return nn.Dense(1)(h)

    return Net()


def flax_params(problem: Arrays) -> Any:
    """The first parameters of all networks, stacked, by their names in `network`."""
    one = {name: jnp.asarray(problem[name]) for name in NAMES}
    return {
        "Dense_0": {"kernel": one["w1"], "bias": one["b1"]},
        "Dense_1": {"kernel": one["w2"][..., None], "bias": one["b2"][:, None]},
    }


def flax_weights(params: Any) -> Arrays:
    """`flax_params`, undone."""
    one, two = jax.tree.map(np.asarray, (params["Dense_0"], params["Dense_1"]))
    last = {"w2": two["kernel"][..., 0], "b2": two["bias"][..., 0]}
    return {"w1": one["kernel"], "b1": one["bias"], **last}


PEERS: dict[str, Callable[[Arrays], Peer]] = {
    "jit(vmap(scan))": plain,
    "pmap(vmap(scan))": mapped,
    "jit(vmap(step)) from Python": stepped,
    "flax loop": flax_loop,
    "TurbaNet": turbanet,
}

if __name__ == "__main__":
    serve(PEERS[sys.argv[1]], sys.argv[2:])
