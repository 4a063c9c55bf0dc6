"""A network as the float64 bounds see it: a chain ((W, b), ...) and an activation name.

W is [out, in], b is [out]; the last layer is linear with one output. numpy only.
"""

import numpy as np

from isorobust.activations import ACTIVATIONS

Layers = tuple[tuple[np.ndarray, np.ndarray], ...]


def value(layers: Layers, activation: str, x: np.ndarray) -> np.ndarray:
    """f(x) [n] at the points x [n, d]."""
    *hidden, (weight, bias) = layers
    for w, b in hidden:
        x = ACTIVATIONS[activation].numpy(x @ w.T + b)
    return (x @ weight.T + bias)[:, 0]


def gradient(layers: Layers, activation: str, x: np.ndarray) -> np.ndarray:
    """The gradient of f [n, d] at the points x [n, d]; at a kink, of the closed side."""
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

    min over hidden units of |w.h + b| / (|w| |h| + |b|), units of zero weight aside; inf
    for smooth activations. At a margin of rounding size, the gradient of `x` may belong
    to a pattern that no open region has.
    """
    if activation != "relu":
        return np.inf
    least, h = np.inf, x
    for w, b in layers[:-1]:
        z = w @ h + b
        size = np.linalg.norm(w, axis=1) * np.linalg.norm(h) + np.abs(b)
        alive = np.any(w != 0, axis=1) & (size > 0)
        if alive.any():
            least = min(least, float(np.min(np.abs(z[alive]) / size[alive])))
        h = np.maximum(z, 0.0)
    return least


def balanced(layers: Layers, activation: str) -> Layers:
    """The same function with hidden units rescaled: |(w_j, b_j)| = |outgoing column|.

    Only for homogeneous activations (others come back as they are); one pass from the
    first hidden layer to the last. Units whose product is zero become zero.
    """
    if not ACTIVATIONS[activation].homogeneous:
        return layers
    chain = [(w.copy(), b.copy()) for w, b in layers]
    for i in range(len(chain) - 1):
        (w, b), (after, c) = chain[i], chain[i + 1]
        into = np.linalg.norm(np.column_stack([w, b]), axis=1)
        out = np.linalg.norm(after, axis=0)
        alive = (into > 0) & (out > 0)
        if i + 2 < len(chain):  # a bias may carry what a dead input doesn't
            alive |= (np.linalg.norm(w, axis=1) == 0) & (b > 0) & (out > 0)
        safe = np.where(alive, into, 1.0)
        scale = np.where(alive, np.sqrt(np.where(alive, out, 1.0) / safe), 0.0)
        inverse = np.where(alive, 1 / np.where(alive, scale, 1.0), 0.0)
        chain[i] = (w * scale[:, None], b * scale)
        chain[i + 1] = (after * inverse, c)
    return tuple(chain)
