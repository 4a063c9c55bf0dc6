"""LipSDP-Neuron from below: the semidefinite program itself, in vectors.

Any depth, any number of outputs. A bound on the constant would let the unit directions
h of R^d pass through the network with every activation replaced by z -> s z, s in
[low, high]. The relaxation lets r directions H [d, r], |H|_F = 1, pass together, with
vectors in place of the slopes: a unit j turns its row z_j of Z = W H into

    (low + high)/2 z_j + (high - low)/2 |z_j| q_j,        |q_j| = 1,

any point of the ball that the constraint <h - low z, high z - h> >= 0 allows. The most
that |last W H|_F^2 can be is the square of LipSDP-Neuron (Fazlyab et al. 2019), of
which this is the dual (Burer & Monteiro 2003 for the vectors); two layers with one
output: MaxCut. It is approached from below, so what is found here bounds nothing; but
its constraints' multipliers, `multipliers`, are those at which LipSDP's own matrix
inequality is tight, and its gradient with respect to the weights, at fixed vectors, is
that of LipSDP (Danskin).
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

RANK = 8  # columns; the optimum needs about sqrt(2 units), a trained network 1 or 2

Sectors = list[tuple[Any, Any]]


class Vectors(NamedTuple):
    """H [d, r] of Frobenius length 1, and per hidden layer q [k, r] of unit rows.

    A padded coordinate or unit has a row that is zero, or that nothing depends on.
    """

    directions: jax.Array
    slopes: tuple[jax.Array, ...]


def first(weights: list[Any], rank: int = RANK) -> Vectors:
    """Random vectors; a row depends on its place alone, not on how many follow."""
    sizes = [weights[0].shape[1], *(w.shape[0] for w in weights[:-1])]
    drawn = [
        jax.random.normal(jax.random.key(i, impl="threefry2x32"), (size, rank))
        for i, size in enumerate(sizes)
    ]
    h, *q = drawn
    return Vectors(h / jnp.linalg.norm(h), tuple(_unit(rows) for rows in q))


def square(weights: list[Any], sectors: Sectors, vectors: Vectors) -> jax.Array:
    """|last W H|_F^2, at most LipSDP^2; for |directions| other than 1, over its square.

    Homogeneous of degree 2 in the directions; its gradients at units of weight 0 are 0.
    """
    nudges = [0.0] * len(sectors)
    return _passed(weights, sectors, vectors, nudges)[0]


def improved(weights: list[Any], sectors: Sectors, vectors: Vectors) -> Vectors:
    """One round: every vector becomes the unit vector along its gradient.

    It never lowers `square` much, and at rest it is at its top: 20 rounds from random
    vectors come within .4 % of LipSDP, 100 within 1e-5, on networks of 2 to 4 layers.
    """
    uphill = jax.grad(square, argnums=2)(weights, sectors, vectors)
    h = uphill.directions
    size = jnp.linalg.norm(h)
    return Vectors(
        jnp.where(size > 0, h / jnp.where(size > 0, size, 1), vectors.directions),
        tuple(_unit(rows) for rows in uphill.slopes),
    )


def multipliers(weights: list[Any], sectors: Sectors, vectors: Vectors) -> list[Any]:
    """Per hidden layer [k]: the constraints' multipliers over LipSDP^2, at the optimum.

    With L^2 = `square`, G = dL^2/dh_j and G = m L^2 (high - low) |z_j| q_j there, they
    are |G| / (L^2 (high - low) |z_j|): those for which LipSDP's matrix is singular, so
    take a little less (1e-4). 0 for a unit that nothing depends on, or with low = high.
    """
    nudges = [jnp.zeros_like(q) for q in vectors.slopes]
    passing = jax.value_and_grad(_passed, argnums=3, has_aux=True)
    (top, lengths), pulls = passing(weights, sectors, vectors, nudges)
    found = []
    for (low, high), length, pull in zip(sectors, lengths, pulls, strict=True):
        spread = top * (high - low) * length[:, 0]
        alive = spread > 0
        found.append(
            jnp.where(alive, _length(pull)[:, 0] / jnp.where(alive, spread, 1.0), 0.0)
        )
    return found


def _passed(
    weights: list[Any], sectors: Sectors, vectors: Vectors, nudges: list[Any]
) -> tuple[jax.Array, list[jax.Array]]:
    """(|last W H|_F^2, the lengths |z_j| of every layer); nudges are added to H."""
    h, lengths = vectors.directions, []
    hidden = zip(weights[:-1], sectors, vectors.slopes, nudges, strict=True)
    for w, (low, high), q, nudge in hidden:
        z = w @ h
        lengths.append(_length(z))
        middle, half = (low + high)[:, None] / 2, (high - low)[:, None] / 2
        h = middle * z + half * lengths[-1] * q + nudge
    return jnp.sum((weights[-1] @ h) ** 2), lengths


def _length(rows: jax.Array) -> jax.Array:
    """Lengths [k, 1] of rows [k, r], with gradient 0 (not NaN) at a zero row."""
    total = jnp.sum(rows**2, axis=1, keepdims=True)
    zero = total == 0
    return jnp.where(zero, 0.0, jnp.sqrt(jnp.where(zero, 1.0, total)))


def _unit(rows: jax.Array) -> jax.Array:
    """Rows made unit; zero rows stay."""
    size = _length(rows)
    return rows / jnp.where(size > 0, size, 1.0)
