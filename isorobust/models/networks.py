"""Networks as flax modules.

The contract that the engine and the bounds rely on, for ONE network:

    init(rng, d) -> params          at the exact shape, drawn by numpy
    apply({"params": params}, x, weights) -> f(x) [n], or [n, outputs]
    network(params, x, weights) -> the chain that the bounds see; batch norm folded in
    num_params(d), folded_params(d) -> p as trained, p of the folded class
    flops_per_step(n, d) -> operations of the matrix products of one training step
    padded(width) -> the module of a wider rung; `pads`: whether zero units stay zero

and, where the chain has ties, fixed entries or layers wider than `width`,

    parameters(params, x) -> ([p] of the folded class, how many entries of the chain one
        fills at most), or None where all entries are free
    chain_width -> units of its widest hidden layer
"""

import itertools
import math
from typing import Annotated, Any, Literal

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from isorobust.activations import ACTIVATIONS
from isorobust.door import Above, AtLeast, later
from isorobust.lipschitz.network import Layers, Network

__all__ = ["MLP"]

EPSILON = 1e-5  # added to a batch variance, as torch and flax do


class MLP(nn.Module):
    """A fully connected network with biases.

    f(x) = W_D phi(W_{D-1} ... phi(W_1 x + b_1) ...) + b_D, D = depth linear layers, all
    hidden layers `width` wide; depth = 2 is the two-layer network of the law.

    init: "unit" draws W_1 ~ N(0, 1/d) so that its rows have length ~ 1, later layers
        ~ N(0, 1/width), biases 0; "torch" draws everything uniformly within
        +-1/sqrt(fan in), as torch.nn.Linear does. init_scale: all of it times this.
    batch_norm: normalise every hidden pre-activation over the training set, then scale
        and shift (Bubeck, Li, Nagaraj 2021, section 5); at evaluation the statistics
        are those of the final parameters and are folded into the weights.
    outputs: 1, or the number of classes: f(x) [n, outputs] are then their logits, and
        the Lipschitz constant is that of R^d -> R^outputs, both Euclidean.
    skips: from the second hidden layer on h -> h + phi(W h + b) (He et al. 2016).
    """

    width: Annotated[int, AtLeast(1)] = 64
    depth: Annotated[int, AtLeast(2)] = 2
    activation: Literal["relu", "tanh", "gelu"] = "relu"
    batch_norm: bool = False
    init_scheme: Literal["unit", "torch"] = "unit"
    outputs: Annotated[int, AtLeast(1)] = later(1)
    init_scale: Annotated[float, Above(0)] = later(1.0)
    skips: bool = later(False)

    pads = True  # phi(0) = 0: a unit with w = b = a = 0 has zero gradient

    @nn.compact
    def __call__(self, x: jax.Array, weights: jax.Array | None = None) -> jax.Array:
        """f at the points x [n, d]: [n], or [n, outputs] of more than one.

        weights [n]: 0 marks a padded point.

        Inside, activations are [units, points]: both products of a step then run
        without a transposition, which makes narrow networks up to 2.6 times as fast.
        """
        h = x.T
        for i, (fan_in, fan_out) in enumerate(self._sizes(x.shape[1])):
            # drawn by `initial`: here only shapes matter
            zeros = nn.initializers.zeros
            weight = self.param(f"weight_{i}", zeros, (fan_out, fan_in))
            bias = self.param(f"bias_{i}", zeros, (fan_out,))
            z = weight @ h + bias[:, None]
            if i == self.depth - 1:
                break
            if self.batch_norm:
                # flax's own gives padded points a say in the statistics
                scale = self.param(f"scale_{i}", zeros, (fan_out,))
                shift = self.param(f"shift_{i}", zeros, (fan_out,))
                mean, variance = _moments(z, weights)
                factor = scale[:, None] / jnp.sqrt(variance + EPSILON)
                z = (z - mean) * factor + shift[:, None]
            new = ACTIVATIONS[self.activation].jax(z)
            h = h + new if self.skips and i > 0 else new
        return z[0] if self.outputs == 1 else z.T

    def initial(self, rng: np.random.Generator, d: int) -> dict:
        """Parameters at the exact shape (float32 numpy), in the layout of `apply`."""
        params: dict[str, np.ndarray] = {}
        for i, (fan_in, fan_out) in enumerate(self._sizes(d)):
            if self.init_scheme == "torch":
                limit = 1 / math.sqrt(fan_in)
                weight = rng.uniform(-limit, limit, (fan_out, fan_in))
                bias = rng.uniform(-limit, limit, fan_out)
            else:
                weight = rng.standard_normal((fan_out, fan_in)) / math.sqrt(fan_in)
                bias = np.zeros(fan_out)
            params[f"weight_{i}"] = (self.init_scale * weight).astype(np.float32)
            params[f"bias_{i}"] = (self.init_scale * bias).astype(np.float32)
            if self.batch_norm and i < self.depth - 1:
                params[f"scale_{i}"] = np.ones(fan_out, np.float32)
                params[f"shift_{i}"] = np.zeros(fan_out, np.float32)
        return params

    def layers(self, params: dict, x: Any = None, weights: Any = None) -> Layers:
        """((W, b), ...) of the layers, W [out, in], batch norm folded in.

        Works on numpy and on jax arrays alike; with batch norm on numpy ones: x [n, d]
        is the training set whose statistics are frozen, and (W, b) are the folded ones.
        """
        chain, h = [], None if x is None else x.T
        for i in range(self.depth):
            weight, bias = params[f"weight_{i}"], params[f"bias_{i}"]
            if self.batch_norm and i < self.depth - 1:
                moments = _moments(weight @ h + bias[:, None], weights)
                mean, variance = (moment[:, 0] for moment in moments)
                factor = params[f"scale_{i}"] / (variance + EPSILON) ** 0.5
                weight = weight * factor[:, None]
                bias = (bias - mean) * factor + params[f"shift_{i}"]
                new = ACTIVATIONS[self.activation].numpy(weight @ h + bias[:, None])
                h = h + new if self.skips and i > 0 else new
            chain.append((weight, bias))
        return tuple(chain)

    def network(self, params: dict, x: Any = None, weights: Any = None) -> Network:
        """The chain of `layers`; with skips, units without activation carry h along."""
        layers = self.layers(params, x, weights)
        if not self.skips:
            return Network(layers, self.activation)
        xp: Any = jnp if isinstance(layers[0][0], jax.Array) else np
        first, *middle, (last, bias) = layers
        chain, k = [first], len(first[0])
        linear, summed = [np.zeros(k)], np.eye(k)  # h = summed @ the units of a layer
        for w, b in middle:
            chain.append((xp.concatenate([w @ summed, summed]), xp.pad(b, (0, k))))
            linear.append(np.repeat([0.0, 1.0], k))
            summed = np.tile(np.eye(k), 2)
        chain.append((last @ summed, bias))
        return Network(tuple(chain), self.activation, tuple(linear))

    def parameters(self, params: dict, x: Any = None) -> tuple[np.ndarray, int] | None:
        """([p] of the folded class, 1), for skips forbid rescaling; else None."""
        if not self.skips:
            return None
        layers = self.layers(params, x)
        return np.concatenate([np.ravel(a) for layer in layers for a in layer]), 1

    @property
    def chain_width(self) -> int:
        """Units of the chain's widest hidden layer."""
        return 2 * self.width if self.skips else self.width

    def _sizes(self, d: int) -> list[tuple[int, int]]:
        """(fan in, fan out) of every layer."""
        hidden = [self.width] * (self.depth - 1)
        return list(itertools.pairwise([d, *hidden, self.outputs]))

    def num_params(self, d: int) -> int:
        """Trainable reals of the network as it is trained."""
        norms = 2 * self.width * (self.depth - 1) if self.batch_norm else 0
        return self.folded_params(d) + norms

    def folded_params(self, d: int) -> int:
        """p of the class the frozen network lies in: k(d + 2) + 1 for two layers."""
        k = self.width
        hidden = k * (d + 1) + (self.depth - 2) * k * (k + 1)
        return hidden + self.outputs * (k + 1)

    def flops_per_step(self, n: int, d: int) -> float:
        """Floating-point operations of the matrix products of one full-batch step.

        2 n a b for a layer of a inputs and b outputs forward, twice that backward, less
        the gradient with respect to x, which nobody needs.
        """
        (first, *rest) = (2.0 * n * a * b for a, b in self._sizes(d))
        return 2 * first + 3 * sum(rest)

    def check(self) -> str | None:
        """What is wrong with the fields taken together."""
        if self.skips and self.depth < 3:
            return "skips: need a second hidden layer, depth >= 3"
        return None

    def objection(self, cell: Any) -> str | None:
        """What is wrong with a cell of this model."""
        if self.outputs > 1 and not getattr(cell.target, "classes", False):
            kind = type(cell.target).__name__
            return f"model.outputs = {self.outputs}: {kind} has one real label a point"
        return None

    def padded(self, width: int) -> "MLP":
        """The module of a rung whose hidden layers are `width` wide."""
        return self.clone(width=width)


def _moments(z: Any, weights: Any) -> tuple[Any, Any]:
    """Mean and (biased) variance [k, 1] of z [k, n] over the points, weighted."""
    if weights is None:
        return z.mean(1, keepdims=True), z.var(1, keepdims=True)
    share = (weights / weights.sum())[None]
    mean = (share * z).sum(1, keepdims=True)
    return mean, (share * (z - mean) ** 2).sum(1, keepdims=True)
