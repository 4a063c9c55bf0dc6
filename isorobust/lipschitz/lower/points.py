"""Points to look at: fresh draws, the training set; and which of them is best (jax)."""

from typing import Any

import jax
import jax.numpy as jnp

from isorobust.activations import ACTIVATIONS
from isorobust.lipschitz.domain import Domain
from isorobust.lipschitz.network import Network


def random(net: Network, domain: Domain, data: Any, draws: Any) -> Any:
    """The fresh draw of the largest gradient (Bubeck, Li, Nagaraj 2021: of 1000)."""
    return best(net, domain, *draws)


def data(net: Network, domain: Domain, data: Any, draws: Any) -> Any:
    """The training point with the largest gradient (Khromov & Singh 2024)."""
    x, _, weights = data
    return best(net, domain, x, weights)


def best(net: Network, domain: Domain, points: Any, weights: Any) -> Any:
    """The point of the domain, of weight > 0, where the gradient counts most."""
    length = squared_length(gradients(net, points), points, domain)
    inside = jnp.sum(points**2, axis=1) <= domain.radius**2 * (1 + 1e-5)
    return points[jnp.argmax(jnp.where((weights > 0) & inside, length, -1.0))]


def gradients(net: Network, points: Any) -> jax.Array:
    """The gradients [n, d] at points [n, d]; of K outputs, of their sum."""

    def total(x: jax.Array) -> jax.Array:
        *hidden, (weight, _) = net.layers
        for i, (w, b) in enumerate(hidden):
            z = x @ w.T + b[None]
            x = ACTIVATIONS[net.activation].jax(z)
            if net.linear is not None:
                x = jnp.where(net.linear[i][None] > 0, z, x)
        return jnp.sum(x @ weight.T)

    return jax.grad(total)(points)


def squared_length(gradient: jax.Array, points: jax.Array, domain: Domain) -> jax.Array:
    """Squared length [n] of gradients [n, d]; sphere: of their tangential parts."""
    square = jnp.sum(gradient**2, axis=-1)
    if domain.sphere:
        square -= jnp.sum(gradient * points, axis=-1) ** 2
    return square
