"""Recipes: how one network is fitted, and when it stops.

A recipe is a frozen dataclass and a pytree: its numbers are traced (one compiled
program serves all values, a value per lane), its texts are static, and so is the
weight decay, so that who has none doesn't pay for it. Each gives

    loss -> a name of loss.LOSSES: what is minimised, and the fit its target is about
    optimiser() -> an optax transform of the parameters as one vector [p]
    objective(loss, net, t) -> what step t descends (net: None under batch norm)
    stop(fit, t) -> whether the target is reached at the current parameters
    whole_budget: whether it always runs all its steps

and may give

    weight_decay, decay(t) -> whether, and which share of all parameters step t takes
    points(data, t) -> the weights [n] of the points that the loss of step t is over
    companions(net), followed(companions, net, loss, t) -> a pytree that a lane keeps
        beside its parameters: the first, and the one after step t, whose net and loss
        these are; `objective` takes it as its fourth argument
"""

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
import optax

from isorobust.door import Above, AtLeast, Between, later
from isorobust.training.batches import batch_weights
from isorobust.training.loss import path_norm

__all__ = ["SGD", "Adam", "Path"]

Target = Annotated[float, Above(0)]
Rate = Annotated[float, Above(0)]
Steps = Annotated[int, AtLeast(1)]
Share = Annotated[float, Between(0, 1)]
Kind = Literal["mse", "cross_entropy"]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Adam:
    """Full-batch Adam; freezes at the first parameters that fit to the target.

    target_mse: of the MSE; under cross-entropy of the MSE of f clipped to [-1, 1],
        which bounds the share of errors and is what the law speaks of (clipped_mse).
    learning_rate: 3e-2 is the soonest at the target near p ~ n, where larger ones and
        cosines fail more often (benchmarks/time_to_fit.py).
    steps: budget of updates. A lane that runs out of it has stop = "budget".
    weight_decay: decoupled (AdamW: Loshchilov & Hutter 2019); at 0 it is Adam, to the
        bit. Every value compiles a program of its own.
    final: the share of the learning rate that is left when the budget is spent; the
        rate falls along a cosine, and 1 keeps it constant.
    """

    target_mse: Target = 0.1
    learning_rate: Rate = 3e-2
    steps: Steps = 4000
    weight_decay: Annotated[float, AtLeast(0)] = later(0.0, static=True)
    final: Share = later(1.0)
    loss: Kind = later("mse", static=True)

    whole_budget = False

    def optimiser(self) -> optax.GradientTransformation:
        """optax.adam with learning_rate * cosine."""
        return optax.adam(self._rate)

    def objective(self, loss: jax.Array, net: Any, t: jax.Array) -> jax.Array:
        """The loss itself."""
        return loss

    def stop(self, fit: jax.Array, t: jax.Array) -> jax.Array:
        """Whether the target is reached."""
        return fit <= self.target_mse

    def decay(self, t: jax.Array) -> jax.Array:
        """The rate of step t times weight_decay."""
        return self._rate(t) * self.weight_decay

    def check(self) -> str | None:
        """What is wrong with the fields taken together."""
        return _too_much_decay(self.learning_rate, self.weight_decay)

    def _rate(self, t: jax.Array) -> jax.Array:
        return self.learning_rate * cosine(t / self.steps, self.final)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class SGD:
    """Minibatch SGD with momentum; freezes as Adam does, and shares its fields.

    batch: points of a step, drawn anew without replacement; 0 or >= n takes all.
    momentum: heavy ball (v <- momentum v + gradient); weight_decay: decoupled (SGDW).
    The fit of ALL points is looked at every step, which a step of batch 32 pays with
    the price of a full one: the target is met at the first parameters that meet it, and
    batches of any size share a program. Batch norm keeps the statistics of all points.
    """

    target_mse: Target = 0.1
    learning_rate: Rate = 0.1
    steps: Steps = 10000
    batch: Annotated[int, AtLeast(0)] = 32
    momentum: Share = 0.9
    weight_decay: Annotated[float, AtLeast(0)] = field(
        default=0.0, metadata={"static": True}
    )
    final: Share = 1.0
    loss: Kind = field(default="mse", metadata={"static": True})

    whole_budget = False

    def optimiser(self) -> optax.GradientTransformation:
        """optax.sgd with learning_rate * cosine."""
        return optax.sgd(self._rate, momentum=self.momentum)

    def objective(self, loss: jax.Array, net: Any, t: jax.Array) -> jax.Array:
        """The loss of the batch."""
        return loss

    def points(self, data: Any, t: jax.Array) -> jax.Array:
        """The batch of step t."""
        return batch_weights(data, self.batch, t)

    def stop(self, fit: jax.Array, t: jax.Array) -> jax.Array:
        """Whether the target is reached."""
        return fit <= self.target_mse

    def decay(self, t: jax.Array) -> jax.Array:
        """The rate of step t times weight_decay."""
        return self._rate(t) * self.weight_decay

    def check(self) -> str | None:
        """What is wrong with the fields taken together."""
        return _too_much_decay(self.learning_rate, self.weight_decay)

    def _rate(self, t: jax.Array) -> jax.Array:
        return self.learning_rate * cosine(t / self.steps, self.final)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Path:
    """The smallest path norm at a fixed fit (trainer P; after Shmalo 2026).

    The first `warm` share of the steps minimises the MSE; then the loss is
    hinge * relu(MSE - slack * target) + penalty * path norm. Adam with a cosine rate;
    runs its whole budget.
    """

    target_mse: Target = 0.1
    learning_rate: Rate = 1e-2
    steps: Steps = 2500
    warm: Share = 0.25
    hinge: Annotated[float, Above(0)] = 20.0
    slack: Share = 0.95
    penalty: Annotated[float, AtLeast(0)] = 3e-3

    loss = "mse"
    whole_budget = True

    def optimiser(self) -> optax.GradientTransformation:
        """optax.adam with learning_rate * (1 + cos(pi t / steps)) / 2."""

        def rate(t: jax.Array) -> jax.Array:
            return self.learning_rate * 0.5 * (1 + jnp.cos(jnp.pi * t / self.steps))

        return optax.adam(rate)

    def objective(self, loss: jax.Array, net: Any, t: jax.Array) -> jax.Array:
        """MSE while warming up, then the hinge and the path norm."""
        excess = jnp.maximum(loss - self.slack * self.target_mse, 0.0)
        late = self.hinge * excess + self.penalty * path_norm(net.layers)
        return jnp.where(t < self.warm * self.steps, loss, late)

    def stop(self, fit: jax.Array, t: jax.Array) -> jax.Array:
        """Never: the whole budget is run."""
        return jnp.zeros((), bool)

    def objection(self, cell: Any) -> str | None:
        """What is wrong with a cell of this recipe."""
        if getattr(cell.model, "batch_norm", False):
            return "recipe = Path: needs a model without batch norm (its path norm)"
        return None


def traced(recipe: Any) -> Any:
    """The recipe with its numbers as 32-bit scalars, which vmap can stack."""
    return jax.tree.map(
        lambda value: np.int32(value) if isinstance(value, int) else np.float32(value),
        recipe,
    )


def cosine(share: jax.Array, final: Any) -> jax.Array:
    """1 at the start of the budget, `final` at its end, half a cosine in between."""
    return final + (1 - final) * 0.5 * (1 + jnp.cos(jnp.pi * share))


def _too_much_decay(learning_rate: float, weight_decay: float) -> str | None:
    if learning_rate * weight_decay > 1:
        taken = f"{learning_rate * weight_decay:g}"
        return f"learning_rate * weight_decay = {taken}: must be <= 1"
    return None
