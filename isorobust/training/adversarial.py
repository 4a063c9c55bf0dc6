"""Training against one's steepest points: an adversarial gradient penalty."""

from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from isorobust.door import Above
from isorobust.lipschitz.domain import Domain
from isorobust.lipschitz.lower.points import gradients, moved, unit
from isorobust.lipschitz.network import Network
from isorobust.training import price
from isorobust.training.recipes import Rate, Share, Steps, Target, cosine

POOL = 32  # points a lane keeps
STRIDES = 0.01, 1.0  # of the radius: how far a point may be moved in a step
BLURS = 0.03, 3.0  # widths of a smoothed gate, in spreads of its unit's inputs
RESTART = 32  # steps after which the point of the least slope starts anew
SHARPNESS = 8  # of the soft maximum: the mean of |grad f|^(2 SHARPNESS)
TINY = 1e-30


class Companions(NamedTuple):
    """What a lane keeps beside its parameters.

    points: [POOL, d], near which the network is steepest
    log_price: of the price of log L in units of the MSE
    """

    points: jax.Array
    log_price: jax.Array


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Adversarial:
    """The smallest gradients on an ascent pool at a fixed fit (trainer G), any depth.

    The first `warm` share of the steps minimises the MSE; then the loss is

        MSE + price * log L,  L = (mean_j |grad f(x_j)|^16)^(1/16)

    over a pool of points x_j in the ball |x| <= radius. Every step tries one step of
    gradient ascent on |grad f(x_j)|, of a length drawn anew and with noise, and takes
    it unless the slope falls. Where f is piecewise linear that slope has no gradient:
    the ascent sees gates blurred by a sigmoid of a width drawn anew, the comparison and
    L the true ones. Every few steps the point of the least slope starts anew in the
    span of the first layer's rows, beyond which f does not vary.

    L is a lower estimate: nothing is certified while training, and a peak that the pool
    misses (more of them under three ReLU layers than two) is not paid for; the records'
    bounds say what was left. The price is the multiplier of `Certified`, by the same
    rule. Adam with a cosine rate; runs its whole budget.

    radius: of the data (1 on the unit sphere); of the ball where the pool looks
    """

    target_mse: Target = 0.1
    learning_rate: Rate = 1e-2
    steps: Steps = 4000
    warm: Share = 0.1
    slack: Share = 0.98
    pace: Annotated[float, Above(0)] = 0.01
    radius: Annotated[float, Above(0)] = 1.0

    loss = "mse"
    whole_budget = True

    def optimiser(self) -> optax.GradientTransformation:
        """optax.adam with learning_rate * (1 + cos(pi t / steps)) / 2."""
        return optax.adam(lambda t: self.learning_rate * cosine(t / self.steps, 0.0))

    def companions(self, net: Network) -> Companions:
        """Points drawn in the span of the first layer's rows, and the first price."""
        return Companions(self._drawn(net, jnp.int32(0)), price.first())

    def followed(
        self, companions: Companions, net: Network, loss: jax.Array, t: jax.Array
    ) -> Companions:
        """One ascent step of every point; the price moves where the fit counts."""
        points = companions.points
        key = jax.random.fold_in(jax.random.key(1, impl="threefry2x32"), t)
        drawn = jax.random.uniform(key, (3, POOL, 1))
        stride, blur = (
            low * (high / low) ** share
            for (low, high), share in zip((STRIDES, BLURS), drawn[:2], strict=True)
        )
        fresh = self._drawn(net, t)
        uphill = unit(jax.grad(lambda x: _blurred(net, x, blur))(points))
        way = unit(uphill + drawn[2] * fresh / self.radius)
        tried = self._inside(points + self.radius * stride * way)
        before, after = _squares(net, points), _squares(net, tried)
        points = jnp.where((after >= before)[:, None], tried, points)
        worst = jnp.arange(POOL) == jnp.argmin(jnp.maximum(before, after))
        anew = (t % RESTART == RESTART - 1) & worst
        points = jnp.where(anew[:, None], fresh, points)
        room = jnp.where(self._warming(t), 0.0, self._room(loss))
        return Companions(points, price.moved(companions.log_price, room, self.pace))

    def objective(
        self, loss: jax.Array, net: Network, t: jax.Array, companions: Companions
    ) -> jax.Array:
        """MSE while warming up, then MSE + price * log L."""
        paid = price.charged(companions.log_price, self._room(loss))
        steep = SHARPNESS * jnp.log(_squares(net, companions.points) + TINY)
        log_l = (jax.nn.logsumexp(steep) - jnp.log(POOL)) / (2 * SHARPNESS)
        return jnp.where(self._warming(t), loss, loss + paid * log_l)

    def stop(self, fit: jax.Array, t: jax.Array) -> jax.Array:
        """Never: the whole budget is run."""
        return jnp.zeros((), bool)

    def objection(self, cell: Any) -> str | None:
        """What is wrong with a cell of this recipe."""
        if getattr(cell.model, "batch_norm", False):
            return "recipe = Adversarial: needs a model without batch norm"
        if getattr(cell.model, "outputs", 1) > 1:
            return "recipe = Adversarial: needs a model with one output (it fits MSE)"
        return None

    def _drawn(self, net: Network, t: jax.Array) -> jax.Array:
        """[POOL, d]: random sums of the first layer's rows, of length radius.

        A row's numbers depend on its place alone, not on how many rows follow.
        """
        weight = jnp.asarray(net.weights[0])
        key = jax.random.fold_in(jax.random.key(0, impl="threefry2x32"), t)
        mixed = jax.random.normal(key, (len(weight), POOL), weight.dtype)
        return self.radius * unit(mixed.T @ weight)

    def _inside(self, points: jax.Array) -> jax.Array:
        return self.radius * jnp.asarray(moved(Domain(1.0), points / self.radius))

    def _room(self, loss: jax.Array) -> jax.Array:
        return price.room(loss, self.target_mse, self.slack)

    def _warming(self, t: jax.Array) -> jax.Array:
        return t < self.warm * self.steps


def _squares(net: Network, points: jax.Array) -> jax.Array:
    """|grad f|^2 [m] at points [m, d]; its own gradient is 0 where it is 0."""
    return jnp.sum(gradients(net, points) ** 2, axis=1)


def _blurred(net: Network, points: jax.Array, blur: jax.Array) -> jax.Array:
    """sum_j log |g_j|, g the gradient; of a kinked f that with blurred gates.

    A gate is sigmoid(z / (blur s)), s the unit's root mean square z over the pool.
    """
    if not net.kinked:
        return jnp.sum(jnp.log(_squares(net, points) + TINY))
    *hidden, (last, _) = net.layers
    h, gates = points, []
    for w, b in hidden:
        z = h @ w.T + b[None]
        spread = jax.lax.stop_gradient(jnp.sqrt(jnp.mean(z**2, axis=0) + 1e-12))
        gates.append(jax.nn.sigmoid(z / (blur * spread[None])))
        h = jax.nn.relu(z)  # what is kinked is ReLU
    back = jnp.broadcast_to(last, (len(points), last.shape[1]))
    for (w, _), gate in zip(reversed(hidden), reversed(gates), strict=True):
        back = (back * gate) @ w
    return jnp.sum(jnp.log(jnp.sum(back**2, axis=1) + TINY))
