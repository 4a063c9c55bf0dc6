"""A network as the float64 bounds see it: a chain ((W, b), ...) and an activation name.

W is [out, in], b is [out]; the last layer is linear. One output is a function f(x) [n];
K outputs are a map into R^K, f(x) [n, K]. numpy only.
"""

import numpy as np

from isorobust.activations import ACTIVATIONS

Layers = tuple[tuple[np.ndarray, np.ndarray], ...]


def value(layers: Layers, activation: str, x: np.ndarray) -> np.ndarray:
    """f(x) [n] (or [n, K] of K > 1 outputs) at the points x [n, d]."""
    *hidden, (weight, bias) = layers
    for w, b in hidden:
        x = ACTIVATIONS[activation].numpy(x @ w.T + b)
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


def jacobian(layers: Layers, activation: str, point: np.ndarray) -> np.ndarray:
    """The derivative of f [K, d] at a point [d], a row an output; as `gradient`."""
    *hidden, (weight, bias) = layers
    outputs = [(weight[k : k + 1], bias[k : k + 1]) for k in range(len(weight))]
    rows = [gradient((*hidden, out), activation, point[None]) for out in outputs]
    return np.concatenate(rows)


def gradient(layers: Layers, activation: str, x: np.ndarray) -> np.ndarray:
    """The gradient of f [n, d] at the points x [n, d]; at a kink, of the left side.

    Of the first output where there are several: see `jacobian`.
    """
    *hidden, (weight, _) = layers
    slopes = []
    for w, b in hidden:
        z = x @ w.T + b
        slopes.append(ACTIVATIONS[activation].slope(z))
        x = ACTIVATIONS[activation].numpy(z)
    back = np.broadcast_to(weight[0], slopes[-1].shape)
    for (w, _), slope in zip(reversed(hidden), reversed(slopes), strict=True):
        back = (back * slope) @ w
    return back


def margin(layers: Layers, activation: str, x: np.ndarray) -> float:
    """How far the point x [d] is from a kink, relative to its units' size.

    min over hidden units of |w.h + b| / (|w| |h| + |b|), units of zero weight aside (0
    for 0 / 0, which is a kink); inf for smooth activations. At a margin of rounding
    size, the gradient at `x` may belong to a pattern that no open region has.
    """
    if activation != "relu":
        return np.inf
    least, h = np.inf, x
    for w, b in layers[:-1]:
        z = w @ h + b
        size = np.linalg.norm(w, axis=1) * np.linalg.norm(h) + np.abs(b)
        relative = np.abs(z) / np.where(size > 0, size, 1.0)
        alive = np.any(w != 0, axis=1)
        least = min(least, float(np.min(relative, where=alive, initial=np.inf)))
        h = np.maximum(z, 0.0)
    return least


def balanced(layers: Layers, activation: str, biases: bool = True) -> Layers:
    """The same function with hidden units rescaled: |(w_j, b_j)| = |outgoing column|.

    Only for homogeneous activations (others come back as they are); one pass from the
    first hidden layer to the last. A unit with nothing coming in or going out becomes
    zero. biases = False: |w_j| instead, for bounds that don't see biases (a unit whose
    output is constant becomes zero too, so only the gradient is kept).
    """
    if not ACTIVATIONS[activation].homogeneous:
        return layers
    chain = list(layers)
    for i in range(len(chain) - 1):
        (w, b), (after, c) = chain[i], chain[i + 1]
        into = np.linalg.norm(np.column_stack([w, b]) if biases else w, axis=1)
        out = np.linalg.norm(after, axis=0)
        alive = (into > 0) & (out > 0)
        ratio = np.where(alive, out, 1.0) / np.where(alive, into, 1.0)
        chain[i] = (w * (alive * np.sqrt(ratio))[:, None], b * (alive * np.sqrt(ratio)))
        chain[i + 1] = (after * (alive / np.sqrt(ratio)), c)
    return tuple(chain)
