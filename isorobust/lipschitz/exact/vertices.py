"""Two-layer ReLU networks in general position: every cell, found at a corner."""

import itertools
import math
from collections.abc import Iterator

import numpy as np

from isorobust.lipschitz.exact.arrangement import Arrangement, arrangement, lengths
from isorobust.lipschitz.network import Network

DEGENERATE = 1e-9  # a corner nearer to a further hyperplane, relatively, is on it
BATCH = 1 << 16  # gradients at a time

Corners = list[tuple[np.ndarray, np.ndarray]]


def vertices(
    net: Network, budget: int, radius: float = np.inf
) -> tuple[float, np.ndarray] | None:
    """Two-layer networks in general position: all cells, found at their corners.

    Every cell touches a vertex x = -N_I^-1 t_I, I a d-subset of the hyperplanes, which
    span R^d (scaling.normal sees to it): at each of them the units off I are given by
    their sign at x and those on I take all 2^d values. Without biases the corners are
    the two directions of every line that d - 1 hyperplanes share. None where a vertex
    is (nearly) on a further hyperplane or at infinity, and where C(k, d) 2^d gradients
    are more than 1000 `budget`.
    """
    if len(net.layers) != 2 or np.isfinite(radius):
        return None
    planes = arrangement(net)
    plain = not planes.t.any()
    k, chosen = len(planes.n), net.d - plain
    if k < net.d or chosen == 0 or math.comb(k, chosen) << chosen > 1000 * budget:
        return None
    signs = np.array(list(itertools.product((0.0, 1.0), repeat=chosen)))
    best, point = -1.0, np.zeros(net.d)
    for subsets in _subsets(k, chosen, max(1, BATCH // len(signs))):
        corners = _rays(planes, subsets) if plain else _points(planes, subsets)
        if corners is None:
            return None
        for corner, z in corners:
            value, (s, c) = _around(planes, subsets, signs, z)
            if value > best:
                cell = subsets[s], signs[c], corner[s], z[s]
                best, point = value, _inside(planes, *cell)
    return best, point


def _subsets(k: int, size: int, batch: int) -> Iterator[np.ndarray]:
    """All subsets [s, size] of range(k), s at most `batch` at a time."""
    every = itertools.combinations(range(k), size)
    while some := list(itertools.islice(every, batch)):
        yield np.array(some)


def _points(planes: Arrangement, subsets: np.ndarray) -> Corners | None:
    """[(x [s, d], z [s, k])]: vertices, and the units there; None: degenerate."""
    matrices = planes.n[subsets]
    if np.min(np.linalg.svd(matrices, compute_uv=False)) < DEGENERATE:
        return None
    x = np.linalg.solve(matrices, -planes.t[subsets][..., None])[..., 0]
    return _clear(planes, subsets, x, 1 + np.linalg.norm(x, axis=1))


def _rays(planes: Arrangement, subsets: np.ndarray) -> Corners | None:
    """Both directions of the lines that d - 1 hyperplanes through 0 share."""
    _, size, right = np.linalg.svd(planes.n[subsets])
    if np.min(size) < DEGENERATE:
        return None
    found = _clear(planes, subsets, right[:, -1], np.ones(len(subsets)))
    return None if found is None else [*found, (-found[0][0], -found[0][1])]


def _clear(
    planes: Arrangement, subsets: np.ndarray, x: np.ndarray, size: np.ndarray
) -> Corners | None:
    z = x @ planes.n.T + planes.t
    np.put_along_axis(z, subsets, np.inf, axis=1)
    if np.min(np.abs(z) / (size[:, None] + np.abs(planes.t))) < DEGENERATE:
        return None
    np.put_along_axis(z, subsets, 0.0, axis=1)
    return [(x, z)]


def _around(
    planes: Arrangement, subsets: np.ndarray, signs: np.ndarray, z: np.ndarray
) -> tuple[float, tuple[int, int]]:
    """The best derivative of the cells around corners: its size, (corner, signs)."""
    off = planes.derivatives((z > 0).astype(float))
    jumps = np.einsum("siK,sid->siKd", planes.g[subsets], planes.n[subsets])
    cells = off[:, None] + np.einsum("ci,siKd->scKd", signs, jumps)
    size = lengths(cells)
    where = np.unravel_index(int(size.argmax()), size.shape)
    return float(size[where]), (int(where[0]), int(where[1]))


def _inside(
    planes: Arrangement,
    chosen: np.ndarray,
    signs: np.ndarray,
    corner: np.ndarray,
    z: np.ndarray,
) -> np.ndarray:
    """A point [d] in the cell that lies on the sides `signs` of the chosen planes."""
    move = np.linalg.lstsq(planes.n[chosen], 2 * signs - 1)[0]
    rate = planes.n @ move
    rate[chosen] = 0.0
    moves = rate != 0
    reach = np.min(np.abs(z[moves] / rate[moves]), initial=2.0)
    return np.asarray(corner + reach / 2 * move)
