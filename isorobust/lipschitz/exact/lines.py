"""Networks that are functions of one number: every kink of a line, sorted."""

import numpy as np

from isorobust.lipschitz import network
from isorobust.lipschitz.network import Network

THIN = 1e-12  # stretches shorter than this, relatively, aren't any


def traced(
    net: Network, budget: int, radius: float = np.inf
) -> tuple[float, np.ndarray] | None:
    """Exact where d = 1, and where d = 2 and there are no biases; any depth.

    d = 1: the slopes between all kinks. Without biases f(t x) = t f(x), so in d = 2 the
    two lines (+-1, t) meet every cone but those without interior.
    """
    if np.isfinite(radius):
        return None
    plain = not any(b.any() for _, b in net.layers[:-1])
    if net.d == 1:
        starts, direction = [np.zeros(1)], np.ones(1)
    elif net.d == 2 and plain:
        starts, direction = [np.array([1.0, 0]), np.array([-1.0, 0])], np.eye(2)[1]
    else:
        return None
    best, point = 0.0, np.zeros(net.d)
    for start in starts:
        for t in middles(kinks(net, start, direction)):
            at = start + t * direction
            size = float(np.linalg.norm(network.jacobian(net, at), 2))
            if size > best:
                best, point = size, at
    return best, point


def kinks(net: Network, start: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """The t, sorted, where units on the line start + t direction switch.

    Layer by layer: between the kinks so far the next layer is affine in t, with the
    slopes rate [m, k] and the values z at t = 0 of its m stretches.
    """
    (w, b), *_ = net.layers
    t = np.zeros(0)
    rate, z = (w @ direction)[None], (w @ start + b)[None]
    for i, (weight, bias) in enumerate(net.layers[1:]):
        edges = np.concatenate([[-np.inf], t, [np.inf]])
        turns = np.abs(rate) > 1e-14 * np.abs(rate).max()
        if net.linear is not None:
            turns &= (np.asarray(net.linear[i]) == 0)[None]
        roots = np.where(turns, -z / np.where(turns, rate, 1.0), np.inf)
        inside = (roots > edges[:-1, None]) & (roots < edges[1:, None])
        new = np.sort(np.concatenate([t, roots[inside & np.isfinite(roots)]]))
        apart = np.diff(new, prepend=-np.inf) > THIN * (1 + np.abs(new))
        new = new[apart]
        parent = np.searchsorted(t, middles(new))
        rate, z, t = rate[parent], z[parent], new
        on = network.slope(net, i, rate * middles(t)[:, None] + z)
        rate, z = (on * rate) @ weight.T, (on * z) @ weight.T + bias
    return t


def middles(t: np.ndarray) -> np.ndarray:
    """A number in every stretch between the kinks t [m], and beyond: [m + 1]."""
    if len(t) == 0:
        return np.zeros(1)
    away = 1 + np.abs(t).max()
    edges = np.concatenate([[t[0] - away], t, [t[-1] + away]])
    return (edges[1:] + edges[:-1]) / 2
