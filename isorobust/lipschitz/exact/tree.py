"""Branch and bound over the units of a ReLU network of any depth, layer by layer."""

import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import qr

from isorobust.lipschitz import network
from isorobust.lipschitz.exact.cones import Cone, cut, heights, orthant
from isorobust.lipschitz.exact.relaxed import relaxed
from isorobust.lipschitz.network import Network

RAYS = 3000  # a cell with more of them is left alone: its bound stays
FLAT = 1e-13  # a row that is this small against what it is a sum of is zero
OPEN = -1  # a unit that isn't decided


@dataclass(frozen=True, eq=False)
class Node:
    """The cells on which the layers before `layer` are affine and decided.

    signs [k]: of that layer's units, 0 off, 1 on, OPEN; its pre-activation is
    slope x + offset, each the sum of terms of the size `noise`.
    cone: what the decided units leave of R^d; None as long as only units of `first`,
    the independent units that open the first layer, are decided: all their signs occur.
    bound: on the derivatives of all these cells
    """

    bound: float
    layer: int
    signs: np.ndarray
    slope: np.ndarray
    offset: np.ndarray
    noise: np.ndarray
    cone: Cone | None


Bound = Callable[[Network], float]


def tree(net: Network, budget: int, bound: Bound = relaxed) -> tuple[float, np.ndarray]:
    """(upper, point): the largest derivative by branch and bound, best node first.

    bound(net): from above, of a network whose `linear` units are the ones known to be
    on (those known to be off are gone). At most `budget` nodes are split; upper is the
    derivative at the point where the search ended before, and the largest bound left
    otherwise.
    """
    first, count = _independent(net), itertools.count()
    best, point = _drawn(net)
    (w, b), k = net.layers[0], len(net.layers[0][1])
    noise = np.linalg.norm(np.column_stack([w, b]), axis=1)
    root = Node(np.inf, 0, np.full(k, OPEN), w, b, noise, None)
    stuck, heap = 0.0, [(-np.inf, next(count), root)]
    for _ in range(budget):
        if not heap or -heap[0][0] <= best * (1 + 1e-12):
            break
        node = heapq.heappop(heap)[2]
        if node.cone is not None and len(node.cone.rays) > RAYS:
            stuck = max(stuck, node.bound)
            continue
        for child in _children(net, node, first):
            child, at = _settled(net, child)
            size = _size(net, at)
            if size > best:
                best, point = size, at
            if child.layer < len(net.layers) - 1:
                value = min(child.bound, bound(remaining(net, child)))
                if value > best:
                    own = replace(child, bound=value)
                    heapq.heappush(heap, (-value, next(count), own))
    left = max(stuck, -heap[0][0] if heap else 0.0)
    return max(best, left), point


def remaining(net: Network, node: Node) -> Network:
    """What is left to bound: the layers from the node's on, as a network of its own."""
    alive = node.signs != 0
    (after, c), *rest = net.layers[node.layer + 1 :]
    layers = (node.slope[alive], node.offset[alive]), (after[:, alive], c), *rest
    known = (node.signs[alive] == 1).astype(float)
    if net.linear is None:
        later = [np.zeros(len(b)) for _, b in layers[1:-1]]
    else:
        known = np.maximum(known, net.linear[node.layer][alive])
        later = list(net.linear[node.layer + 1 :])
    return Network(tuple(layers), net.activation, (known, *later))


def _independent(net: Network) -> np.ndarray:
    """r units of the first layer whose rows span R^r, large ones first."""
    (w, _), (after, _) = net.layers[:2]
    weighted = w * np.linalg.norm(after, axis=0)[:, None]
    return np.asarray(qr(weighted.T, mode="r", pivoting=True)[1][: net.d])


def _drawn(net: Network) -> tuple[float, np.ndarray]:
    """The best of a few random points, to start from."""
    rng = np.random.Generator(np.random.Philox(key=0))
    scale = 4.0 ** rng.uniform(-1, 4, (200, 1))
    points = scale * rng.standard_normal((200, net.d))
    sizes = [_size(net, x) for x in points]
    return max(sizes), points[int(np.argmax(sizes))]


def _size(net: Network, x: np.ndarray) -> float:
    """The derivative's size at a point, 0 beside a kink."""
    if network.margin(net, x) <= 1e-12:
        return 0.0
    return float(np.linalg.norm(network.jacobian(net, x), 2))


def _children(net: Network, node: Node, first: np.ndarray) -> list[Node]:
    """The node with one more unit decided: an open one that its hyperplane cuts."""
    found = []
    if node.cone is None:
        unit = next(unit for unit in first if node.signs[unit] == OPEN)
        (w, b), _ = net.layers[:2]
        for sign in (0, 1):
            signs = node.signs.copy()
            signs[unit] = sign
            whole = np.all(signs[first] != OPEN)
            cone = orthant(w[first], b[first], signs[first]) if whole else None
            found.append(replace(node, signs=signs, cone=cone))
        return found
    open_ = np.flatnonzero(node.signs == OPEN)
    after = np.linalg.norm(net.weights[node.layer + 1][:, open_], axis=0)
    unit = open_[np.argmax(np.linalg.norm(node.slope[open_], axis=1) * after)]
    z = heights(node.cone, node.slope[unit, None], node.offset[unit, None])[:, 0]
    for sign, cone in enumerate(cut(node.cone, z)):
        signs = node.signs.copy()
        signs[unit] = sign
        found.append(replace(node, signs=signs, cone=cone))
    return found


def _settled(net: Network, node: Node) -> tuple[Node, np.ndarray]:
    """The node with all units decided that its cell decides, and a point of the cell.

    A unit whose hyperplane doesn't cut the cell is on or off throughout; once a whole
    layer is, the next one is affine on the cell.
    """
    cone = node.cone
    if cone is None:
        return node, np.full(net.d, np.nan)
    while node.layer < len(net.layers) - 1:
        z = heights(cone, node.slope, node.offset)
        size = np.linalg.norm(np.column_stack([node.slope, node.offset]), axis=1)
        z[:, size <= FLAT * node.noise] = 0.0
        signs = node.signs.copy()
        below, above = np.all(z <= 0, axis=0), np.all(z >= 0, axis=0)
        signs[(signs == OPEN) & below] = 0
        signs[(signs == OPEN) & above] = 1
        if net.linear is not None:
            signs[net.linear[node.layer] > 0] = 1
        if np.any(signs == OPEN):
            return replace(node, signs=signs), cone.point
        weight, bias = net.layers[node.layer + 1]
        on = weight * signs
        noise = np.abs(on) @ node.noise + np.abs(bias)
        affine = on @ node.slope, on @ node.offset + bias, noise
        k = np.full(len(bias), OPEN)
        node = Node(node.bound, node.layer + 1, k, *affine, cone)
    return node, cone.point
