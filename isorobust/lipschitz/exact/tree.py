"""Branch and bound over the units of a ReLU network of any depth, layer by layer."""

import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import qr

from isorobust.lipschitz import network
from isorobust.lipschitz.exact.cells import Cell, halves, opened, whole
from isorobust.lipschitz.exact.cones import heights, orthant
from isorobust.lipschitz.exact.relaxed import relaxed
from isorobust.lipschitz.exact.scaling import FLAT
from isorobust.lipschitz.network import Network

OPEN = -1  # a unit that isn't decided


@dataclass(frozen=True, eq=False)
class Node:
    """The cells on which the layers before `layer` are affine and decided.

    signs [k]: of that layer's units, 0 off, 1 on, OPEN; its pre-activation is
    slope x + offset, each the sum of terms of the size `noise`.
    cell: what the decided units leave; it has no cone as long as only units of
    `first`, the independent units that open the first layer, are decided: all their
    signs occur.
    bound: on the derivatives of all these cells
    """

    bound: float
    layer: int
    signs: np.ndarray
    slope: np.ndarray
    offset: np.ndarray
    noise: np.ndarray
    cell: Cell


Bound = Callable[[Network], float]


def tree(
    net: Network, budget: int, radius: float = np.inf, bound: Bound = relaxed
) -> tuple[float, np.ndarray]:
    """(upper, point): the largest derivative by branch and bound, best node first.

    radius: of the ball, or inf. bound(net): from above, of a network whose `linear`
    units are the ones known to be on (those known to be off are gone). At most `budget`
    nodes are split; upper is the derivative at the point where the search ended before,
    and the largest bound left otherwise.
    """
    first, count = _independent(net), itertools.count()
    best, point = _drawn(net, radius)
    (w, b), k = net.layers[0], len(net.layers[0][1])
    noise = np.linalg.norm(np.column_stack([w, b]), axis=1)
    root = Node(np.inf, 0, np.full(k, OPEN), w, b, noise, whole(net.d))
    heap = [(-np.inf, next(count), root)]
    for _ in range(budget):
        if not heap or -heap[0][0] <= best * (1 + 1e-12):
            break
        node = heapq.heappop(heap)[2]
        for child in _children(net, node, first, radius):
            child = _settled(net, child)
            leaf, at = child.layer == len(net.layers) - 1, child.cell.point
            if at is not None:
                known = np.linalg.norm(child.slope, 2) if leaf else _size(net, at)
                if known > best:
                    best, point = float(known), at
            if not leaf:
                value = min(child.bound, bound(remaining(net, child)))
                if value > best:
                    own = replace(child, bound=value)
                    heapq.heappush(heap, (-value, next(count), own))
    return max(best, -heap[0][0] if heap else 0.0), point


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


def _drawn(net: Network, radius: float) -> tuple[float, np.ndarray]:
    """The best of a few random points, to start from."""
    rng = np.random.Generator(np.random.Philox(key=0))
    scale = 4.0 ** rng.uniform(-1, 4, (200, 1))
    points = scale * rng.standard_normal((200, net.d))
    length = np.linalg.norm(points, axis=1, keepdims=True)
    points = points * np.minimum(1.0, radius * rng.uniform(0, 1, (200, 1)) / length)
    sizes = [_size(net, x) for x in points]
    return max(sizes), points[int(np.argmax(sizes))]


def _size(net: Network, x: np.ndarray) -> float:
    return float(np.linalg.norm(network.jacobian(net, x), 2))


def _children(net: Network, node: Node, first: np.ndarray, radius: float) -> list[Node]:
    """The node with one more unit decided: an open one that its hyperplane cuts."""
    opening = node.cell.cone is None
    if opening:
        unit = next(unit for unit in first if node.signs[unit] == OPEN)
    else:
        open_ = np.flatnonzero(node.signs == OPEN)
        after = np.linalg.norm(net.weights[node.layer + 1][:, open_], axis=0)
        size = np.linalg.norm(node.slope[open_], axis=1) * after
        unit = open_[np.argmax(size)]
    plane = np.append(node.slope[unit], node.offset[unit])
    parts = (None, None) if opening else halves(node.cell, plane, radius)
    found = []
    for sign, part in enumerate(parts):
        signs = node.signs.copy()
        signs[unit] = sign
        if opening:
            (w, b), full = net.layers[0], np.all(signs[first] != OPEN)
            cone = orthant(w[first], b[first], signs[first]) if full else None
            part = opened(node.cell, plane * (2 * sign - 1), cone, radius)
        if part is not None:
            found.append(replace(node, signs=signs, cell=part))
    return found


def _settled(net: Network, node: Node) -> Node:
    """The node with all units decided that its cone decides.

    A unit whose hyperplane doesn't cut the cone is on or off throughout; once a whole
    layer is, the next one is affine on the cell.
    """
    cone = node.cell.cone
    while cone is not None and node.layer < len(net.layers) - 1:
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
            return replace(node, signs=signs)
        weight, bias = net.layers[node.layer + 1]
        on = weight * signs
        noise = np.abs(on) @ node.noise + np.abs(bias)
        affine = on @ node.slope, on @ node.offset + bias, noise
        k = np.full(len(bias), OPEN)
        node = Node(node.bound, node.layer + 1, k, *affine, node.cell)
    return node
