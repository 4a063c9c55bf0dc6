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
    turns: where phi' has its extrema; between them it is monotone
    curvature: |phi''| is at most this (off the kinks)
    dip: where phi is least, if it isn't monotone
    homogeneous: phi(t z) = t phi(z) for t > 0
    """

    jax: Callable[[Any], jax.Array]
    numpy: Callable[[np.ndarray], np.ndarray]
    slope: Callable[[np.ndarray], np.ndarray]
    low: float
    high: float
    turns: tuple[float, ...] = ()
    curvature: float = 0.0
    dip: float | None = None
    homogeneous: bool = False

    def slopes(self, lo: np.ndarray, hi: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(least, largest) phi' on the intervals [lo, hi], rounding covered."""
        ends = [self.slope(lo), self.slope(hi)]
        inside = [np.clip(turn, lo, hi) for turn in self.turns]
        seen = np.stack([*ends, *(self.slope(z) for z in inside)])
        margin = 0.0 if self.homogeneous else 1e-14
        least, largest = seen.min(axis=0) - margin, seen.max(axis=0) + margin
        return np.maximum(least, self.low), np.minimum(largest, self.high)

    def values(self, lo: np.ndarray, hi: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(least, largest) phi on the intervals [lo, hi], up to rounding."""
        inside = lo if self.dip is None else np.clip(self.dip, lo, hi)
        seen = np.stack([self.numpy(lo), self.numpy(hi), self.numpy(inside)])
        return seen.min(axis=0), seen.max(axis=0)


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
        turns=(0.0,),
        curvature=0.7699,  # 4 / 3^1.5, at tanh = 1 / 3^.5
    ),
    "gelu": Activation(
        jax=lambda z: jax.nn.gelu(z, approximate=False),
        numpy=lambda z: z * ndtr(z),
        slope=lambda z: ndtr(z) + z * _normal_density(z),
        low=1 - _GELU_PEAK - 1e-15,
        high=_GELU_PEAK + 1e-15,
        turns=(-float(np.sqrt(2.0)), float(np.sqrt(2.0))),
        curvature=0.7979,  # 2 density(0)
        dip=-0.7517915246935645,  # the root of phi'
    ),
}
