"""Smooth activations of random feature maps, their derivatives, normal moments."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import expit

__all__ = ["ACTIVATIONS", "Activation", "Moments", "Name"]

Name = Literal["square", "cos", "tanh", "softplus"]
Curve = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Activation:
    """phi, phi' (slope) and phi'' (bend), elementwise, any shape."""

    value: Curve
    slope: Curve
    bend: Curve

    def moments(self) -> "Moments":
        """Normal moments by Gauss-Hermite quadrature of 128 nodes (1e-12 here)."""
        nodes, weights = np.polynomial.hermite_e.hermegauss(128)
        weights = weights / weights.sum()
        value, slope, bend = self.value(nodes), self.slope(nodes), self.bend(nodes)
        linear, curved = float(weights @ slope), float(weights @ bend)
        slope_variance = float(weights @ slope**2) - linear**2
        mean = float(weights @ value)
        return Moments(
            linear=linear if abs(linear) > 1e-12 else 0.0,
            curved=curved,
            rest=float(weights @ value**2) - mean**2 - linear**2,
            slope=slope_variance,
            bend=float(weights @ bend**2),
        )


@dataclass(frozen=True)
class Moments:
    """Means over g ~ N(0, 1).

    linear: E phi'(g) = E g phi(g), phi's linear part; 0 for even phi
    curved: E phi''(g)
    rest: Var phi(g) - linear^2, what is neither constant nor linear
    slope: Var phi'(g); bend: E phi''(g)^2
    """

    linear: float
    curved: float
    rest: float
    slope: float
    bend: float


ACTIVATIONS = {
    "square": Activation(lambda t: t**2 / 2, lambda t: t, np.ones_like),
    "cos": Activation(np.cos, lambda t: -np.sin(t), lambda t: -np.cos(t)),
    "tanh": Activation(
        np.tanh,
        lambda t: 1 - np.tanh(t) ** 2,
        lambda t: -2 * np.tanh(t) * (1 - np.tanh(t) ** 2),
    ),
    "softplus": Activation(
        lambda t: np.logaddexp(0, t), expit, lambda t: expit(t) * expit(-t)
    ),
}
