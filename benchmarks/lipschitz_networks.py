"""The networks of lipschitz_speed.py: random ones, and some that interpolate noise."""

import itertools
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from isorobust.lipschitz.network import Network


def two_layers(count: int, d: int, width: int, n: int) -> list[Network]:
    """Every other one random, every other trained on n points."""
    rng = np.random.default_rng(0)
    fitted = trained(rng, count // 2, d, width, n)
    return [net for own in fitted for net in (random(rng, d, width, 1), own)]


def random(rng: np.random.Generator, *sizes: int) -> Network:
    """Gaussian weights of variance 1 / fan-in, biases N(0, 1/4)."""
    layers = []
    for p, q in itertools.pairwise(sizes):
        w = rng.standard_normal((q, p)) / np.sqrt(p)
        layers.append((np.float32(w), np.float32(rng.standard_normal(q) / 2)))
    return Network(tuple((w.astype(float), b.astype(float)) for w, b in layers))


def trained(
    rng: np.random.Generator, count: int, d: int, width: int, n: int
) -> list[Network]:
    """Two-layer networks that interpolate random signs on the sphere (Adam, 1e-2)."""
    x = rng.standard_normal((count, n, d))
    x /= np.linalg.norm(x, axis=-1, keepdims=True)
    y = rng.permuted(np.tile([-1.0, 1.0], (count, n // 2)), axis=1)
    starts = [random(rng, d, width, 1) for _ in range(count)]
    adam = optax.adam(optax.cosine_decay_schedule(1e-2, 4000))

    def loss(layers: Any, x: jax.Array, y: jax.Array) -> jax.Array:
        (w, b), (a, c) = layers
        return jnp.mean((jax.nn.relu(x @ w.T + b) @ a[0] + c - y) ** 2)

    def fit(problem: Any) -> Any:
        layers, x, y = problem

        def step(_: int, carry: Any) -> Any:
            layers, state = carry
            update, state = adam.update(jax.grad(loss)(layers, x, y), state)
            return optax.apply_updates(layers, update), state

        layers, _ = jax.lax.fori_loop(0, 4000, step, (layers, adam.init(layers)))
        return layers, loss(layers, x, y)

    stack = jax.tree.map(
        lambda *v: np.float32(np.stack(v)), *(n.layers for n in starts)
    )
    layers, left = jax.jit(lambda p: jax.lax.map(fit, p))(
        (stack, np.float32(x), np.float32(y))
    )
    assert float(np.max(left)) < 1e-6, "a network doesn't interpolate"
    (w, b), (a, c) = jax.tree.map(lambda v: np.asarray(v, float), layers)
    return [Network(((w[i], b[i]), (a[i], c[i]))) for i in range(count)]


def save(nets: list[Network], path: Path) -> str:
    """The networks as lipschitz_peer.py reads them."""
    arrays = {}
    for i in range(len(nets[0].layers)):
        arrays[f"weight_{i}"] = np.stack([net.layers[i][0] for net in nets])
        arrays[f"bias_{i}"] = np.stack([net.layers[i][1] for net in nets])
    np.savez(path, allow_pickle=False, **arrays)
    return str(path)
