"""LipSDP-Neuron of any depth as a vector problem, solved by a power method.

A tangent vector passes a unit with slope in [low, high] as z -> c z + r p, |p| <= |z|,
where c, r = (high +- low) / 2. Let all of them be vectors of R^q instead of numbers:

    V_0 [d, q] with |V_0| = 1, Z_i = W_i V_{i-1}, V_i = c Z_i + r |Z_i| U_i

with rows of U_i [k, q] of length <= 1 (|Z_i| the lengths of rows). For q >= sqrt(2 k),
k all hidden units, the largest |W_D V_{D-1}|^2 is the square of LipSDP-Neuron (the
low-rank form of its dual; Fazlyab et al. 2019, Wang et al. 2022): q = 1 is the formal
constant. The multipliers of that optimum are what the certificate (chain.py) needs.
Written for numpy and jax alike; weights [W_1, ..., W_D], W [out, in]; sectors, per
hidden layer (low [k], high [k]).
"""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

MOMENTUM = 0.9
ROUNDS = 200  # float32 gets no better after

# (V_0 [d, q], (U_1 [k_1, q], ..., U_{D-1})): where the largest value is looked for
Vectors = tuple[Any, tuple[Any, ...]]


def start(weights: list[Any]) -> Vectors:
    """Random vectors, the same for the same shapes."""
    sizes = [weights[0].shape[1], *(len(w) for w in weights[:-1])]
    q = math.isqrt(2 * sum(sizes[1:])) + 1
    if isinstance(weights[0], jax.Array):
        draws: list[Any] = [
            jax.random.normal(jax.random.key(i), (size, q), weights[0].dtype)
            for i, size in enumerate(sizes)
        ]
    else:
        rng = np.random.default_rng(0)
        draws = [rng.standard_normal((size, q)) for size in sizes]
    first, *units = draws
    return first / (first**2).sum() ** 0.5, tuple(_unit(u) for u in units)


def relaxation(weights: list[Any], sectors: Any, vectors: Vectors) -> Any:
    """|W_D V_{D-1}|^2 / |V_0|^2: at most LipSDP-Neuron squared, equal at the optimum.

    Differentiable. At the optimum its gradient in the weights, vectors held fixed, is
    that of LipSDP-Neuron squared (the envelope theorem): training through the
    certificate needs this and an `ascended` a step, and no eigenvalue.
    """
    _, out = _passed(weights, sectors, vectors)
    return _over((out**2).sum(), (vectors[0] ** 2).sum())


def ascended(weights: list[Any], sectors: Any, vectors: Vectors) -> Vectors:
    """One step of the power method: every vector to where its gradient points."""
    first, units, _ = _gradients(weights, sectors, vectors)
    return first, units


def optimum(weights: list[Any], sectors: Any, rounds: int = ROUNDS) -> Vectors:
    """The vectors after `rounds` steps with momentum.

    The excess of the certificate over LipSDP-Neuron: some 1e-4 after 100 rounds, 1e-5
    after 200.
    """
    first = start(weights)

    def go(_: int, pair: tuple[Vectors, Vectors]) -> tuple[Vectors, Vectors]:
        ahead, before = pair
        now = ascended(weights, sectors, ahead)
        return jax.tree.map(lambda a, b: a + MOMENTUM * (a - b), now, before), now

    pair = (first, first)
    if isinstance(weights[0], jax.Array):
        return jax.lax.fori_loop(0, rounds, go, pair)[1]
    for i in range(rounds):
        pair = go(i, pair)
    return pair[1]


def multipliers(weights: list[Any], sectors: Any, vectors: Vectors) -> tuple[Any, ...]:
    """T_i [k] per hidden layer: the optimum's price of |p| <= |z|, unit by unit."""
    return _gradients(weights, sectors, vectors)[2]


def _passed(weights: list[Any], sectors: Any, vectors: Vectors) -> tuple[list, Any]:
    """([Z_1, ...], W_D V_{D-1})."""
    v, units = vectors
    seen = []
    for w, (low, high), u in zip(weights, sectors, units, strict=False):
        z = w @ v
        seen.append(z)
        v = (high + low)[:, None] / 2 * z + (high - low)[:, None] / 2 * _length(z) * u
    return seen, weights[-1] @ v


def _gradients(
    weights: list[Any], sectors: Any, vectors: Vectors
) -> tuple[Any, tuple, tuple]:
    """(V_0, U, T): with B_i = d(|W_D V|^2 / 2) / dV_i, U_i its rows made unit.

    B_{i-1} = W_i'(c B_i + r |B_i| Z_i / |Z_i|), T_i = r |B_i| / (|Z_i| L^2).
    """
    seen, out = _passed(weights, sectors, vectors)
    square = _over((out**2).sum(), (vectors[0] ** 2).sum())
    back = weights[-1].T @ out
    units, prices = [], []
    layers = list(zip(weights, sectors, seen, strict=False))
    for w, (low, high), z in reversed(layers):
        units.append(_unit(back))
        price = (high - low)[:, None] / 2 * _over(_length(back), _length(z))
        prices.append(_over(price[:, 0], square))
        back = w.T @ ((high + low)[:, None] / 2 * back + price * z)
    norm = (back**2).sum() ** 0.5
    return _over(back, norm), tuple(units[::-1]), tuple(prices[::-1])


def _length(rows: Any) -> Any:
    """|rows| [k, 1], with gradient 0 at 0."""
    xp: Any = jnp if isinstance(rows, jax.Array) else np
    square = (rows**2).sum(axis=1, keepdims=True)
    return xp.where(square > 0, xp.where(square > 0, square, 1) ** 0.5, 0)


def _over(a: Any, b: Any) -> Any:
    """a / b, 0 where b is."""
    xp: Any = jnp if isinstance(b, jax.Array) else np
    return xp.where(b > 0, a / xp.where(b > 0, b, 1), 0)


def _unit(rows: Any) -> Any:
    return _over(rows, _length(rows))
