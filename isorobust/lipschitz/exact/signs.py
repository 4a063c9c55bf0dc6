"""Two-layer networks of many inputs: branch and bound over the units' signs."""

import heapq
import itertools
from dataclasses import dataclass

import numpy as np

from isorobust.lipschitz.domain import UNIT
from isorobust.lipschitz.exact.arrangement import Arrangement, arrangement
from isorobust.lipschitz.exact.regions import MARGIN, centre
from isorobust.lipschitz.exact.relaxed import certified, drawn, power
from isorobust.lipschitz.network import Network

LEAST = 6  # inputs: with fewer, cones are faster (tree.py)
FEW = 8  # open units whose patterns are all looked at
ROUNDED, TRIED = 32, 8  # patterns made at the root, and looked for
FIRST, ROUNDS = 60, 12  # of the power method: at the root, from a parent's vectors
AWAY = 0.25  # how much a sign that the point so far contradicts counts


@dataclass(frozen=True, eq=False)
class Signs:
    """The patterns with some signs fixed: on [k] 0 or 1, or OPEN (-1).

    vectors [k + 1, r]: of the MaxCut relaxation, zero where a sign is fixed
    """

    on: np.ndarray
    vectors: np.ndarray
    bound: float


OPEN = -1


def signs(
    net: Network, budget: int, radius: float = np.inf
) -> tuple[float, np.ndarray] | None:
    """(upper, point): the largest gradient of a two-layer network with one output.

    Of d >= LEAST inputs. The best pattern that the root's relaxation rounds to is often
    reached: then all that follows proves that there is no better one.

    Best first. The MaxCut certificate of upper/maxcut.py bounds a node; a linear
    program looks for a point with its signs once there are more of them than inputs
    (fewer hyperplanes meet if in general position, and all their signs occur; where
    they don't, the bound still is one). upper is the gradient at the point, or the
    largest bound left when `budget` nodes were split.
    """
    if len(net.layers) != 2 or net.outputs > 1 or net.d < LEAST or radius < np.inf:
        return None
    planes = arrangement(net)
    k, count = len(planes.n), itertools.count()
    root = _bounded(planes, np.full(k, OPEN), None, np.inf)
    heap = [(-root.bound, next(count), root)]
    best, point = _rounded(planes, root.vectors) or (0.0, np.ones(net.d))
    for _ in range(budget):
        if not heap or -heap[0][0] <= best * (1 + 1e-12):
            break
        node = heapq.heappop(heap)[2]
        at, size = None, 0.0
        if np.sum(node.on != OPEN) > min(net.d, k - 1):
            at = _reached(planes, node.on)
            if at is None:
                continue
            size = _length(planes, (planes.n @ at + planes.t > 0).astype(float))
        if at is not None and size > best:
            best, point = size, at
        if not np.any(node.on == OPEN):
            continue
        unit = _undecided(planes, node, at)
        for sign in (0, 1):
            on = node.on.copy()
            on[unit] = sign
            child = _bounded(planes, on, node.vectors, node.bound)
            if child.bound > best:
                heapq.heappush(heap, (-child.bound, next(count), child))
    return max(best, -heap[0][0] if heap else 0.0), point


def _rounded(
    planes: Arrangement, vectors: np.ndarray
) -> tuple[float, np.ndarray] | None:
    """(gradient, point) of a long pattern near the root's vectors that is reached.

    Rounded along the last vector and along random ones; then the sign whose flip makes
    the gradient longest is flipped, as long as one does.
    """
    rows, k = planes.g * planes.n, len(planes.n)
    rng = np.random.Generator(np.random.Philox(key=1))
    turned = rng.standard_normal((ROUNDED - 1, vectors.shape[1]))
    along = np.vstack([vectors[-1], turned]) @ vectors.T
    on = ((along[:, :-1] > 0) == (along[:, -1:] > 0)).astype(float)
    square, every = np.sum(rows**2, axis=1), np.arange(ROUNDED)
    for _ in range(2 * k):
        slope = planes.base[0] + on @ rows
        gain = 2 * (1 - 2 * on) * (slope @ rows.T) + square
        unit = np.argmax(gain, axis=1)
        better = gain[every, unit] > 1e-12 * square.max()
        on[every[better], unit[better]] = 1 - on[every[better], unit[better]]
    size = np.linalg.norm(planes.base[0] + on @ rows, axis=1)
    for i in np.argsort(-size)[:TRIED]:
        at = _reached(planes, on[i])
        if at is not None:
            return float(size[i]), at
    return None


def _reached(planes: Arrangement, on: np.ndarray) -> np.ndarray | None:
    """A point well inside the fixed signs, None if there is none."""
    fixed = on != OPEN
    side = np.where(on[fixed] == 1, 1.0, -1.0)
    return centre(-side[:, None] * planes.n[fixed], side * planes.t[fixed], MARGIN)


def _length(planes: Arrangement, on: np.ndarray) -> float:
    return float(np.linalg.norm(planes.derivatives(on)[0]))


def _undecided(planes: Arrangement, node: Signs, at: np.ndarray | None) -> int:
    """The open unit whose sign says most: long, and turned from the last vector."""
    along = node.vectors[:-1] @ node.vectors[-1]
    weight = 1 - along**2
    if at is not None:
        weight = weight + AWAY * ((along > 0) != (planes.n @ at + planes.t > 0))
    score = (weight + 1e-6) * np.abs(planes.g[:, 0])
    return int(np.argmax(np.where(node.on == OPEN, score, -1.0)))


def _bounded(
    planes: Arrangement, on: np.ndarray, start: np.ndarray | None, above: float
) -> Signs:
    """The node of these signs; from above by `above`, its parent's bound."""
    rows = planes.g * planes.n
    base, open_ = planes.base[0] + (on == 1) @ rows, on == OPEN
    few = int(np.sum(open_)) <= FEW
    c = np.vstack([rows * open_[:, None], 2 * base + open_ @ rows])
    if start is None:
        v = power(c, drawn(len(c)), FIRST)
    else:
        v = power(c, start * np.append(open_, True)[:, None], ROUNDS)
    if few:
        patterns = np.array(
            list(itertools.product((0.0, 1.0), repeat=int(np.sum(open_))))
        )
        ends = base + patterns @ rows[open_]
        size = np.linalg.norm(base) + np.sum(np.abs(rows))
        value = np.linalg.norm(ends, axis=1).max() + 4 * len(rows) * UNIT * size
    else:
        value = certified(c, v)
    return Signs(on, v, min(above, float(value)))
