"""The bound of a branch: cheap, from above, and tight where few units are open."""

import itertools
import math

import numpy as np

from isorobust.lipschitz.domain import RD, UNIT, slopes
from isorobust.lipschitz.network import Network
from isorobust.lipschitz.upper import chain, liplt, path, product, spectral_norm

SEARCHED = 10  # rounds of the chain's search for a branch's multipliers
FEW = 9  # open units whose patterns are all looked at
ROUNDS = 30  # of the power method otherwise
MOMENTUM = 0.9


def relaxed(net: Network, enough: float = 0.0) -> float:
    """From above: the formal constant, MaxCut's bound, or the least of chain and more.

    Two layers and one output: max over all patterns of the open units if they are few,
    else the MaxCut certificate after a few rounds. net.linear: the units known to be
    on. A bound of at most `enough` is not improved.
    """
    if any(w.size == 0 for w in net.weights):
        return 0.0
    if len(net.layers) > 2 or net.outputs > 1:
        value = min(bound(net) for bound in (path, liplt, product))
        if value <= enough:
            return value
        multipliers = chain.search(net, slopes(net), SEARCHED)
        return min(value, chain.certified(net, RD, multipliers))
    (w, _), (a, _) = net.layers
    on = np.zeros(len(w)) if net.linear is None else np.asarray(net.linear[0])
    rows = a[0][:, None] * w
    base, rows = on @ rows, rows[on == 0]
    if len(rows) <= FEW:
        patterns = np.array(list(itertools.product((0.0, 1.0), repeat=len(rows))))
        all_ = base + patterns.reshape(2 ** len(rows), len(rows)) @ rows
        size = np.linalg.norm(base) + np.sum(np.abs(rows))
        return float(np.linalg.norm(all_, axis=1).max() + 4 * len(w) * UNIT * size)
    return _cut(np.vstack([rows, 2 * base + rows.sum(axis=0)]))


def _cut(c: np.ndarray) -> float:
    """max_s |C's| / 2 from above, for C [m, d], s in {+-1}^m: MaxCut's certificate.

    sqrt(sum y lambda_max(C' Y^-1 C)) / 2, y by the power method of upper/maxcut.py.
    """
    c = c[np.any(c != 0, axis=1)]
    rng = np.random.Generator(np.random.Philox(key=0))
    v = ahead = _unit(rng.standard_normal((len(c), math.isqrt(2 * len(c)) + 1)))
    for _ in range(ROUNDS):
        new = _unit(c @ (c.T @ ahead))
        ahead, v = new + MOMENTUM * (new - v), new
    y = np.linalg.norm(c @ (c.T @ v), axis=1)
    y = np.maximum(y, 1e-9 * y.max())
    norm = spectral_norm(c / np.sqrt(y)[:, None])
    return float(np.sqrt(np.sum(y)) * norm / 2 * (1 + 8 * len(y) * UNIT))


def _unit(rows: np.ndarray) -> np.ndarray:
    square = np.einsum("ir,ir->i", rows, rows)
    return rows / np.sqrt(np.where(square > 0, square, 1.0))[:, None]
