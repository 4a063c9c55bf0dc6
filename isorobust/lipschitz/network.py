"""A network as the bounds see it: a chain of linear maps with an activation between.

W is [out, in], b is [out]; the last layer is linear. One output is a function f(x) [n];
K outputs are a map into R^K, f(x) [n, K]. The functions below are numpy, float64.
"""

import math
from dataclasses import dataclass, field, replace
from typing import Any

import jax
import numpy as np

from isorobust.activations import ACTIVATIONS
from isorobust.lipschitz.norms import UNIT, lengths

TINY = 5e-324  # what an underflow loses
TILE = 2**30  # bytes of the activations of a layer that are there at once
FLAT = 1e-13  # a row this small against the terms that it is the sum of is zero

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
    found = []
    for part in _tiles(net, x):
        h = part
        for i, (w, b) in enumerate(hidden):
            h = passed(net, i, h @ w.T + b)
        found.append(h @ weight.T + bias)
    f = np.concatenate(found)
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
    return np.concatenate([_gradient(net, part) for part in _tiles(net, x)])


def _gradient(net: Network, x: np.ndarray) -> np.ndarray:
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


def _tiles(net: Network, x: np.ndarray) -> list[np.ndarray]:
    """The points in parts whose activations fit into TILE bytes; one, if they do."""
    entries = len(x) * max(len(w) for w in net.weights)
    return np.array_split(x, max(1, math.ceil(8 * entries / TILE)))


def margin(net: Network, x: np.ndarray) -> float:
    """How many times its rounding error a unit's pre-activation is, the least at x [d].

    Above 1 the computed pattern at `x` is the true one and that of an open region: no
    unit can be on the other side, whatever was carried along from earlier layers. Units
    that are constant near `x` don't count (what they see is switched off, or cancels to
    FLAT): their slope doesn't matter. inf for smooth activations.
    """
    if not net.kinked:
        return np.inf
    least, rows, z = np.inf, net.layers[0][0], np.zeros((1, 0))
    noise = np.linalg.norm(rows, axis=1)  # of the terms that a row is the sum of
    pairs = _running(net, x[None])[:-1]
    for i, ((w, _), (now, error)) in enumerate(
        zip(net.layers[:-1], pairs, strict=True)
    ):
        if i > 0:
            on = w * slope(net, i - 1, z[0])
            rows, noise = on @ rows, np.abs(on) @ noise
        z = now
        moves = np.linalg.norm(rows, axis=1) > FLAT * noise
        carried = np.zeros(len(w), bool) if net.linear is None else net.linear[i] > 0
        clear = np.abs(z[0]) / error[0]
        clear = np.where(np.isnan(clear), 0.0, clear)  # an overflow says nothing
        least = min(least, float(np.min(clear, where=moves & ~carried, initial=np.inf)))
    return least


def enclosed(net: Network, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(f [n, K], error [n, K]) at points x [n, d]: f is within `error` of the truth."""
    return _running(net, x)[-1]


def rounding(net: Network, x: np.ndarray) -> float:
    """How far the computed `jacobian` at x [d] may be off (Frobenius norm).

    The products' rounding, |W_D| S ... S |W_1| times an epsilon a term; of smooth
    activations also what the pre-activations' errors do to the slopes; of ReLU, where
    a unit that `margin` left out may be on either side, FLAT times all paths.
    """
    *pairs, _ = _running(net, x[None])
    curvature, doubt = ACTIVATIONS[net.activation].curvature, False
    back = wide = paths = np.abs(net.layers[-1][0])
    terms = 4
    for i in reversed(range(len(pairs))):
        w, (z, error) = np.abs(net.layers[i][0]), pairs[i]
        s = np.abs(slope(net, i, z[0]))
        bends = np.ones(len(w)) if net.linear is None else 1.0 - (net.linear[i] > 0)
        moved = 0.0 if net.kinked else bends * (curvature * error[0] + 8 * UNIT)
        unclear = (np.abs(z[0]) <= error[0]) & (bends > 0) & np.any(w != 0, axis=1)
        doubt |= net.kinked and bool(unclear.any())
        back, wide, paths = (back * s) @ w, (wide * (s + moved)) @ w, paths @ w
        terms += len(w) + 4
    off = terms * UNIT * wide + (wide - back) + (FLAT * paths if doubt else 0.0)
    return float(np.linalg.norm(off))


def _running(net: Network, x: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Per layer (z, error) [n, k]: pre-activations, and how far rounding may move them.

    A running error analysis (Higham 2002, 3.3): the error of W h + b is that of h times
    |W|, and a unit roundoff a term; x itself may be off by an ulp.
    """
    kind = ACTIVATIONS[net.activation]
    steepest = max(abs(kind.low), abs(kind.high))
    found, error = [], UNIT * np.abs(x)
    for i, (w, b) in enumerate(net.layers):
        z, size = x @ w.T + b, np.abs(x) @ np.abs(w).T + np.abs(b)
        unit = (w.shape[1] + 4) * UNIT
        error = (error @ np.abs(w).T + unit * size) * (1 + unit) + TINY * w.shape[1]
        found.append((z, error))
        if i == len(net.layers) - 1:
            break
        x = passed(net, i, z)
        off = (z < -error) if net.kinked else np.zeros(z.shape, bool)
        if net.linear is not None:
            off &= net.linear[i] == 0
        grown = error if net.kinked else steepest * error + 8 * UNIT * np.abs(x)
        error = np.where(off, 0.0, grown)
    return found


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
        rows = np.column_stack([w, b]) if biases else w
        alive = np.any(rows != 0, axis=1) & np.any(after != 0, axis=0)
        into = np.sqrt(np.where(alive, lengths(rows), 1.0))
        out = np.sqrt(np.where(alive, lengths(after.T), 1.0))
        chain[i] = (w * (alive * out / into)[:, None], b * (alive * out / into))
        chain[i + 1] = (after * (alive * into / out), c)
    return replace(net, layers=tuple(chain))
