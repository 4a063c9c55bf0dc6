"""Activations: one entry each, as training, bounds and float64 checks need them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy.special import ndtr


@dataclass(frozen=True)
class Activation:
    """phi with phi(0) = 0.

    jax, numpy: phi on arrays; slope: phi' in numpy (at a kink: the left value)
    low, high: phi'(z) lies within [low, high] for all z
    homogeneous: phi(t z) = t phi(z) for t > 0
    """

    jax: Callable[[Any], jax.Array]
    numpy: Callable[[np.ndarray], np.ndarray]
    slope: Callable[[np.ndarray], np.ndarray]
    low: float
    high: float
    homogeneous: bool = False


def _normal_density(z: np.ndarray) -> np.ndarray:
    return np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)


# phi' = Phi(z) + z density(z) of gelu peaks at z = sqrt 2, and phi'(-z) = 1 - phi'(z)
_GELU_PEAK = float(ndtr(np.sqrt(2.0)) + np.sqrt(2.0) * _normal_density(np.sqrt(2.0)))

ACTIVATIONS = {
    "relu": Activation(
        jax=jax.nn.relu,
        numpy=lambda z: np.maximum(z, 0.0),
        slope=lambda z: (z > 0).astype(z.dtype),
        low=0.0,
        high=1.0,
        homogeneous=True,
    ),
    "tanh": Activation(
        jax=jnp.tanh,
        numpy=np.tanh,
        slope=lambda z: 1 - np.tanh(z) ** 2,
        low=0.0,
        high=1.0,
    ),
    "gelu": Activation(
        jax=lambda z: jax.nn.gelu(z, approximate=False),
        numpy=lambda z: z * ndtr(z),
        slope=lambda z: ndtr(z) + z * _normal_density(z),
        low=1 - _GELU_PEAK - 1e-15,
        high=_GELU_PEAK + 1e-15,
    ),
}
