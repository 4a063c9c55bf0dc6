"""The bound of a branch: cheap, from above, and tight where few units are open."""

import itertools

import numpy as np

from isorobust.lipschitz.domain import UNIT
from isorobust.lipschitz.network import Network
from isorobust.lipschitz.upper import maxcut
from isorobust.lipschitz.upper.closed import liplt, path, product
from isorobust.lipschitz.upper.norms import spectral_norm

FEW = 9  # open units whose patterns are all looked at
ROUNDS = 30  # of the power method otherwise


def relaxed(net: Network) -> float:
    """From above: the formal constant, MaxCut's bound or the least of closed forms.

    Two layers and one output: max over all patterns of the open units if they are few,
    else the MaxCut certificate after a few rounds. net.linear: the units known to be
    on.
    """
    if any(w.size == 0 for w in net.weights):
        return 0.0
    if len(net.layers) > 2 or net.outputs > 1:
        return min(bound(net) for bound in (path, liplt, product))
    (w, _), (a, _) = net.layers
    on = np.zeros(len(w)) if net.linear is None else np.asarray(net.linear[0])
    rows = a[0][:, None] * w
    base, rows = on @ rows, rows[on == 0]
    if len(rows) <= FEW:
        patterns = np.array(list(itertools.product((0.0, 1.0), repeat=len(rows))))
        all_ = base + patterns.reshape(-1, len(rows)) @ rows
        size = np.linalg.norm(base) + np.sum(np.abs(rows))
        return float(np.linalg.norm(all_, axis=1).max() + 4 * len(w) * UNIT * size)
    return _cut(maxcut.factor(w, a[0], on, np.ones(len(w))))


def _cut(c: np.ndarray) -> float:
    """sqrt(sum y lambda_max(C' Y^-1 C)) / 2 of C [k + 1, d], y by the power method."""
    c = c[np.any(c != 0, axis=1)]
    start = np.random.Generator(np.random.Philox(key=0))
    v = ahead = _unit(start.standard_normal((len(c), maxcut.rank(len(c)))))
    for _ in range(ROUNDS):
        new = _unit(c @ (c.T @ ahead))
        ahead, v = new + maxcut.MOMENTUM * (new - v), new
    y = np.linalg.norm(c @ (c.T @ v), axis=1)
    y = np.maximum(y, 1e-9 * y.max())
    norm = spectral_norm(c / np.sqrt(y)[:, None])
    return float(np.sqrt(np.sum(y)) * norm / 2 * (1 + 4 * len(y) * UNIT))


def _unit(rows: np.ndarray) -> np.ndarray:
    size = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(size > 0, size, 1.0)
