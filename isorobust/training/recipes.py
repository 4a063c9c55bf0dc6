"""Recipes: how one network is fitted, and when it stops.

A recipe is a frozen dataclass and a pytree: its numbers are traced (one compiled
program serves all values, a value per lane), its other fields are static. Each gives

    optimiser() -> an optax transform
    objective(mse, layers, t) -> the loss of step t (layers: None under batch norm)
    stop(mse, t) -> whether the target is reached at the current parameters
"""

from dataclasses import dataclass
from typing import Annotated, Any

import jax
import jax.numpy as jnp
import optax

from isorobust.door import Above, AtLeast, Between
from isorobust.training.loss import path_norm

__all__ = ["Adam", "Path"]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Adam:
    """Full-batch Adam on the MSE; freezes at the first parameters with MSE <= target.

    steps: budget of updates. A lane that runs out of it has stop = "budget".
    """

    target_mse: Annotated[float, Above(0)] = 0.1
    learning_rate: Annotated[float, Above(0)] = 3e-3
    steps: Annotated[int, AtLeast(1)] = 4000

    def optimiser(self) -> optax.GradientTransformation:
        """optax.adam with a constant rate."""
        return optax.adam(self.learning_rate)

    def objective(self, mse: jax.Array, layers: Any, t: jax.Array) -> jax.Array:
        """The MSE itself."""
        return mse

    def stop(self, mse: jax.Array, t: jax.Array) -> jax.Array:
        """Whether the target is reached."""
        return mse <= self.target_mse


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Path:
    """The smallest path norm at a fixed fit (trainer P; after Shmalo 2026).

    The first `warm` share of the steps minimises the MSE; then the loss is
    hinge * relu(MSE - slack * target) + penalty * path norm. Adam with a cosine rate;
    runs its whole budget.
    """

    target_mse: Annotated[float, Above(0)] = 0.1
    learning_rate: Annotated[float, Above(0)] = 1e-2
    steps: Annotated[int, AtLeast(1)] = 2500
    warm: Annotated[float, Between(0, 1)] = 0.25
    hinge: Annotated[float, Above(0)] = 20.0
    slack: Annotated[float, Between(0, 1)] = 0.95
    penalty: Annotated[float, AtLeast(0)] = 3e-3

    def optimiser(self) -> optax.GradientTransformation:
        """optax.adam with learning_rate * (1 + cos(pi t / steps)) / 2."""

        def rate(t: jax.Array) -> jax.Array:
            return self.learning_rate * 0.5 * (1 + jnp.cos(jnp.pi * t / self.steps))

        return optax.adam(rate)

    def objective(self, mse: jax.Array, layers: Any, t: jax.Array) -> jax.Array:
        """MSE while warming up, then the hinge and the path norm."""
        excess = jnp.maximum(mse - self.slack * self.target_mse, 0.0)
        late = self.hinge * excess + self.penalty * path_norm(layers)
        return jnp.where(t < self.warm * self.steps, mse, late)

    def stop(self, mse: jax.Array, t: jax.Array) -> jax.Array:
        """Never: the whole budget is run."""
        return jnp.zeros((), bool)

    def objection(self, cell: Any) -> str | None:
        """What is wrong with a cell of this recipe."""
        if getattr(cell.model, "batch_norm", False):
            return "recipe = Path: needs a model without batch norm (its path norm)"
        return None
