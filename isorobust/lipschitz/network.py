"""A network as the bounds see it: a chain of linear maps with an activation between.

W is [out, in], b is [out]; the last layer is linear. One output is a function f(x) [n];
K outputs are a map into R^K, f(x) [n, K]. The functions below are numpy, float64.
"""

from dataclasses import dataclass, field, replace
from typing import Any

import jax
import numpy as np

from isorobust.activations import ACTIVATIONS

Layers = tuple[tuple[Any, Any], ...]


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)
class Network:
    """f(x) = W_D phi(... phi(W_1 x + b_1) ...) + b_D; a pytree of its arrays.

    layers: ((W, b), ...), numpy float64 on the host, float32 on a device
    activation: a name of ACTIVATIONS
    linear: None, or per hidden layer an array [k] of 1 for units WITHOUT activation and
        0 for the others: what a skip connection carries along (models/imported.py)
    """

    layers: Layers
    activation: str = field(default="relu", metadata={"static": True})
    linear: tuple[Any, ...] | None = None

    @property
    def weights(self) -> list[Any]:
        """[W_1, ..., W_D]."""
        return [w for w, _ in self.layers]

    @property
    def d(self) -> int:
        """The input dimension."""
        return int(self.layers[0][0].shape[1])

    @property
    def outputs(self) -> int:
        """K."""
        return int(self.layers[-1][0].shape[0])

    @property
    def kinked(self) -> bool:
        """Whether f is piecewise linear."""
        return self.activation == "relu"


def passed(net: Network, i: int, z: Any) -> np.ndarray:
    """Hidden layer i's output at its pre-activations z [..., k]."""
    h = ACTIVATIONS[net.activation].numpy(z)
    return h if net.linear is None else np.where(net.linear[i] > 0, z, h)


def slope(net: Network, i: int, z: Any) -> np.ndarray:
    """phi' of hidden layer i's units at z [..., k]; at a kink, of the left side."""
    s = ACTIVATIONS[net.activation].slope(z)
    return s if net.linear is None else np.where(net.linear[i] > 0, 1.0, s)


def value(net: Network, x: np.ndarray) -> np.ndarray:
    """f(x) [n] (or [n, K] of K > 1 outputs) at the points x [n, d]."""
    *hidden, (weight, bias) = net.layers
    for i, (w, b) in enumerate(hidden):
        x = passed(net, i, x @ w.T + b)
    f = x @ weight.T + bias
    return f[:, 0] if f.shape[1] == 1 else f


def squared_error(f: np.ndarray, y: np.ndarray, loss: str) -> np.ndarray:
    """[n] errors whose mean is the fit that a recipe's target is about.

    (f - y)^2; under cross-entropy f is clipped to [-1, 1] before. f [n, K], y class
    numbers: (1 - m)^2 with m = f_y - max of the others, clipped (training/loss.py).
    """
    if f.ndim == 1:
        return ((np.clip(f, -1.0, 1.0) if loss == "cross_entropy" else f) - y) ** 2
    own = np.arange(f.shape[1]) == y[:, None]
    margin = f[own] - np.where(own, -np.inf, f).max(axis=1)
    return (1 - np.clip(margin, -1.0, 1.0)) ** 2


def jacobian(net: Network, point: np.ndarray) -> np.ndarray:
    """The derivative of f [K, d] at a point [d], a row an output; as `gradient`."""
    *hidden, (weight, bias) = net.layers
    outputs = [(weight[k : k + 1], bias[k : k + 1]) for k in range(len(weight))]
    chains = [replace(net, layers=(*hidden, out)) for out in outputs]
    return np.concatenate([gradient(chain, point[None]) for chain in chains])


def gradient(net: Network, x: np.ndarray) -> np.ndarray:
    """The gradient of f [n, d] at the points x [n, d]; at a kink, of the left side.

    Of the first output where there are several: see `jacobian`.
    """
    *hidden, (weight, _) = net.layers
    slopes = []
    for i, (w, b) in enumerate(hidden):
        z = x @ w.T + b
        slopes.append(slope(net, i, z))
        x = passed(net, i, z)
    back = np.broadcast_to(weight[0], (len(x), weight.shape[1]))
    for (w, _), s in zip(reversed(hidden), reversed(slopes), strict=True):
        back = (back * s) @ w
    return back


def margin(net: Network, x: np.ndarray) -> float:
    """How far the point x [d] is from a kink, relative to its units' size.

    min over hidden units of |w.h + b| / (|w| |h| + |b|) (0 for 0 / 0, which is a kink),
    units aside that don't move with x, as what they see is off or cancels: their slope
    doesn't matter. inf for smooth activations. At a margin of rounding size, the
    gradient at `x` may belong to a pattern that no open region has.
    """
    if not net.kinked:
        return np.inf
    least, h, rows, z = np.inf, x, net.layers[0][0], np.zeros(0)
    noise = np.linalg.norm(rows, axis=1)  # of the terms that a row is the sum of
    for i, (w, b) in enumerate(net.layers[:-1]):
        if i > 0:
            on = w * slope(net, i - 1, z)
            rows, noise = on @ rows, np.abs(on) @ noise
        z = w @ h + b
        size = np.linalg.norm(w, axis=1) * np.linalg.norm(h) + np.abs(b)
        relative = np.abs(z) / np.where(size > 0, size, 1.0)
        turns = np.linalg.norm(rows, axis=1) > 1e-13 * noise  # else rounding
        if net.linear is not None:
            turns &= net.linear[i] == 0
        least = min(least, float(np.min(relative, where=turns, initial=np.inf)))
        h = passed(net, i, z)
    return least


def balanced(net: Network, biases: bool = True) -> Network:
    """The same function with hidden units rescaled: |(w_j, b_j)| = |outgoing column|.

    Only for homogeneous activations (others come back as they are); one pass from the
    first hidden layer to the last. A unit with nothing coming in or going out becomes
    zero. biases = False: |w_j| instead, for bounds that don't see biases (a unit whose
    output is constant becomes zero too, so only the gradient is kept).
    """
    if not ACTIVATIONS[net.activation].homogeneous:
        return net
    chain = list(net.layers)
    for i in range(len(chain) - 1):
        (w, b), (after, c) = chain[i], chain[i + 1]
        into = np.linalg.norm(np.column_stack([w, b]) if biases else w, axis=1)
        out = np.linalg.norm(after, axis=0)
        alive = (into > 0) & (out > 0)
        ratio = np.where(alive, out, 1.0) / np.where(alive, into, 1.0)
        chain[i] = (w * (alive * np.sqrt(ratio))[:, None], b * (alive * np.sqrt(ratio)))
        chain[i + 1] = (after * (alive / np.sqrt(ratio)), c)
    return replace(net, layers=tuple(chain))
