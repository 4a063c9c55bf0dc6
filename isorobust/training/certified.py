"""Training through the certificate: the smallest certified constant at a fixed fit."""

from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from isorobust.door import Above
from isorobust.lipschitz.domain import slopes
from isorobust.lipschitz.network import Network
from isorobust.lipschitz.upper import primal
from isorobust.training import price
from isorobust.training.recipes import Rate, Share, Steps, Target, cosine


class Companions(NamedTuple):
    """What a lane keeps beside its parameters.

    vectors: at which LipSDP's program is nearly at its top for these parameters
    log_price: of the price of log L in units of the MSE
    """

    vectors: primal.Vectors
    log_price: jax.Array


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Certified:
    """The smallest LipSDP-Neuron bound L at a fixed fit, any depth, on R^d.

    The first `warm` share of the steps minimises the MSE; then the loss is

        MSE + price * log L.

    L is followed, not computed: its semidefinite program's vectors make one round of
    the power method a step (lipschitz/upper/primal.py), as cheap as 24 points more, and
    at fixed vectors the gradient of their value is that of L. So the network is trained
    where the bound is tight, and the two sides of its bracket nearly meet.

    Nobody chooses the price: it is the multiplier of the constraint MSE = slack *
    target, held by a proportional and integral rule. While the fit is better it grows,
    by up to a share `pace` a step; a lane that loses its fit eases off, up to twice as
    fast. Adam with a cosine rate; runs its whole budget.
    """

    target_mse: Target = 0.1
    learning_rate: Rate = 1e-2
    steps: Steps = 4000
    warm: Share = 0.1
    slack: Share = 0.98
    pace: Annotated[float, Above(0)] = 0.01

    loss = "mse"
    whole_budget = True

    def optimiser(self) -> optax.GradientTransformation:
        """optax.adam with learning_rate * (1 + cos(pi t / steps)) / 2."""
        return optax.adam(lambda t: self.learning_rate * cosine(t / self.steps, 0.0))

    def companions(self, net: Network) -> Companions:
        """Random vectors and the first price."""
        vectors = primal.first([jnp.asarray(w) for w in net.weights])
        return Companions(vectors, price.first())

    def followed(
        self, companions: Companions, net: Network, loss: jax.Array, t: jax.Array
    ) -> Companions:
        """One round of the power method; the price moves where the fit counts."""
        vectors = primal.improved(net.weights, slopes(net), companions.vectors)
        room = jnp.where(self._warming(t), 0.0, self._room(loss))
        return Companions(vectors, price.moved(companions.log_price, room, self.pace))

    def objective(
        self, loss: jax.Array, net: Network, t: jax.Array, companions: Companions
    ) -> jax.Array:
        """MSE while warming up, then MSE + price * log L."""
        paid = price.charged(companions.log_price, self._room(loss))
        square = primal.square(net.weights, slopes(net), companions.vectors)
        late = loss + paid * 0.5 * jnp.log(jnp.maximum(square, 1e-30))
        return jnp.where(self._warming(t), loss, late)

    def stop(self, fit: jax.Array, t: jax.Array) -> jax.Array:
        """Never: the whole budget is run."""
        return jnp.zeros((), bool)

    def objection(self, cell: Any) -> str | None:
        """What is wrong with a cell of this recipe."""
        if getattr(cell.model, "batch_norm", False):
            return "recipe = Certified: needs a model without batch norm"
        if getattr(cell.model, "outputs", 1) > 1:
            return "recipe = Certified: needs a model with one output (it fits the MSE)"
        return None

    def _room(self, loss: jax.Array) -> jax.Array:
        return price.room(loss, self.target_mse, self.slack)

    def _warming(self, t: jax.Array) -> jax.Array:
        return t < self.warm * self.steps
