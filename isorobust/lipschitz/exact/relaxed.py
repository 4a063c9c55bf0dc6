"""The bound of a branch: cheap, from above, and tight where few units are open."""

import itertools
import math

import numpy as np

from isorobust.lipschitz.domain import UNIT
from isorobust.lipschitz.network import Network
from isorobust.lipschitz.upper import liplt, path, product, spectral_norm

FEW = 9  # open units whose patterns are all looked at
ROUNDS = 30  # of the power method otherwise
MOMENTUM = 0.9


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
    c = np.vstack([rows, 2 * base + rows.sum(axis=0)])
    return certified(c, power(c, drawn(len(c)), ROUNDS))


def certified(c: np.ndarray, v: np.ndarray) -> float:
    """max_s |C's| / 2 from above, for C [m, d], s in {+-1}^m: MaxCut's certificate.

    sqrt(sum y lambda_max(C' Y^-1 C)) / 2, with the y that belongs to unit rows V [m, r]
    (upper/maxcut.py); rows of C that are zero don't count.
    """
    y = np.linalg.norm(c @ (c.T @ v), axis=1)
    y = np.where(np.any(c != 0, axis=1), np.maximum(y, 1e-9 * y.max()), 0.0)
    norm = spectral_norm(c / np.sqrt(np.where(y > 0, y, 1.0))[:, None])
    return float(np.sqrt(np.sum(y)) * norm / 2 * (1 + 8 * len(y) * UNIT))


def drawn(m: int) -> np.ndarray:
    """Vectors [m, r] to start from; r suffices for the optimum (Barvinok-Pataki)."""
    rng = np.random.Generator(np.random.Philox(key=0))
    return rng.standard_normal((m, math.isqrt(2 * m) + 1))


def power(c: np.ndarray, v: np.ndarray, rounds: int) -> np.ndarray:
    """Unit rows after some rounds of upper/maxcut.py's power method, from v."""
    v = ahead = _unit(v)
    for _ in range(rounds):
        new = _unit(c @ (c.T @ ahead))
        ahead, v = new + MOMENTUM * (new - v), new
    return v


def _unit(rows: np.ndarray) -> np.ndarray:
    square = np.einsum("ir,ir->i", rows, rows)
    return rows / np.sqrt(np.where(square > 0, square, 1.0))[:, None]
