"""LipSDP-Neuron from below: the semidefinite program itself, in vectors.

A bound on the constant would let the unit directions h of R^d pass through the network
with every activation replaced by z -> s z, s in [low, high]. The relaxation lets r
directions H [d, r], |H|_F = 1, pass together, with vectors in place of the slopes: a
unit j turns its row z_j of Z = W H into

    (low + high)/2 z_j + (high - low)/2 |z_j| q_j,        |q_j| <= 1,

any point of the ball that the constraint <h - low z, high z - h> >= 0 allows. The most
that |last W H|_F^2 can be is the square of LipSDP-Neuron (Fazlyab et al. 2019), of
which this is the dual (Burer & Monteiro 2003 for the vectors); r = 1 is the formal
constant; two layers with one output: MaxCut. Any depth, any number of outputs. What is
found here is below LipSDP and bounds nothing, but its constraints' multipliers are
those at which LipSDP's matrix inequality is tight (chain.py certifies them), and its
gradient in the weights, at fixed vectors, is that of LipSDP (Danskin). For numpy and
jax alike; weights [W_1, ..., W_D], sectors per hidden layer (low [k], high [k]).
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

# columns; the optimum needs at most sqrt(2 units), and 8 found it on networks of up to
# 512 units, where 4 stayed up to a quarter below
RANK = 12
ROUNDS = 200  # 100 come within 1e-4 of LipSDP; float32 gets no better after 200
MOMENTUM = 0.9


class Vectors(NamedTuple):
    """H [d, r] of Frobenius length 1, and per hidden layer q [k, r] of unit rows.

    A padded coordinate or unit has a row that is zero, or that nothing depends on.
    """

    directions: Any
    slopes: tuple[Any, ...]


def first(weights: list[Any], rank: int = RANK) -> Vectors:
    """Random vectors; a row depends on its place alone, not on how many follow."""
    sizes = [weights[0].shape[1], *(w.shape[0] for w in weights[:-1])]
    drawn: list[Any] = []
    for i, size in enumerate(sizes):
        if isinstance(weights[0], jax.Array):
            key = jax.random.key(i, impl="threefry2x32")
            drawn.append(jax.random.normal(key, (size, rank), weights[0].dtype))
        else:
            drawn.append(np.random.default_rng(i).standard_normal((size, rank)))
    h, *q = drawn
    return Vectors(h / (h**2).sum() ** 0.5, tuple(_unit(rows) for rows in q))


def square(weights: list[Any], sectors: Any, vectors: Vectors) -> Any:
    """|last W H|_F^2, at most LipSDP^2; for |directions| other than 1, over its square.

    Homogeneous of degree 2 in the directions; its gradients at units of weight 0 are 0.
    """
    _, out = _passed(weights, sectors, vectors)
    return (out**2).sum()


def improved(weights: list[Any], sectors: Any, vectors: Vectors) -> Vectors:
    """One round of the power method: every vector to where its gradient points."""
    return _backward(weights, sectors, vectors)[0]


def optimum(
    weights: list[Any], sectors: Any, rounds: int = ROUNDS, rank: int = RANK
) -> Vectors:
    """The vectors after `rounds` rounds with momentum."""
    start = first(weights, rank)

    def go(_: int, pair: tuple[Vectors, Vectors]) -> tuple[Vectors, Vectors]:
        ahead, before = pair
        now = improved(weights, sectors, ahead)
        return jax.tree.map(lambda a, b: a + MOMENTUM * (a - b), now, before), now

    pair = (start, start)
    if isinstance(weights[0], jax.Array):
        return jax.lax.fori_loop(0, rounds, go, pair)[1]
    for i in range(rounds):
        pair = go(i, pair)
    return pair[1]


def multipliers(weights: list[Any], sectors: Any, vectors: Vectors) -> tuple[Any, ...]:
    """T [k] per hidden layer: what |q_j| <= 1 is worth, unit by unit (chain.py)."""
    return _backward(weights, sectors, vectors)[1]


def _passed(weights: list[Any], sectors: Any, vectors: Vectors) -> tuple[list, Any]:
    """([Z_1, ...], last W H)."""
    h, slopes = vectors
    seen = []
    for w, (low, high), q in zip(weights, sectors, slopes, strict=False):
        z = w @ h
        seen.append(z)
        h = (low + high)[:, None] / 2 * z + (high - low)[:, None] / 2 * _length(z) * q
    return seen, weights[-1] @ h


def _backward(
    weights: list[Any], sectors: Any, vectors: Vectors
) -> tuple[Vectors, tuple[Any, ...]]:
    """(improved vectors, multipliers), from the last layer to the first.

    With B = d(|last W H|^2 / 2) / d(a layer's output): q becomes B's rows made unit, T
    is (high - low)/2 |B| / |Z| over |last W H|^2, and B of the layer before is
    W'((low + high)/2 B + (high - low)/2 |B| Z / |Z|).
    """
    seen, out = _passed(weights, sectors, vectors)
    back, total = weights[-1].T @ out, (out**2).sum()
    slopes, prices = [], []
    for w, (low, high), z in reversed(list(zip(weights, sectors, seen, strict=False))):
        slopes.append(_unit(back))
        price = (high - low)[:, None] / 2 * _over(_length(back), _length(z))
        prices.append(_over(price[:, 0], total))
        back = w.T @ ((low + high)[:, None] / 2 * back + price * z)
    norm = (back**2).sum() ** 0.5
    directions = _over(back, norm) + (norm == 0) * vectors.directions
    return Vectors(directions, tuple(slopes[::-1])), tuple(prices[::-1])


def _length(rows: Any) -> Any:
    """Lengths [k, 1] of rows [k, r], with gradient 0 (not NaN) at a zero row."""
    xp: Any = jnp if isinstance(rows, jax.Array) else np
    total = (rows**2).sum(axis=1, keepdims=True)
    return xp.where(total > 0, xp.where(total > 0, total, 1) ** 0.5, 0)


def _over(a: Any, b: Any) -> Any:
    """a / b, and 0 where b is 0."""
    xp: Any = jnp if isinstance(b, jax.Array) else np
    return xp.where(b > 0, a / xp.where(b > 0, b, 1), 0)


def _unit(rows: Any) -> Any:
    """Rows made unit; zero rows stay."""
    return _over(rows, _length(rows))
