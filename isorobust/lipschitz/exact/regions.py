"""All open regions of a ReLU network, by linear programs (scipy, float64)."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linprog

from isorobust.lipschitz.exact.scaling import FLAT, normal
from isorobust.lipschitz.network import Network

MARGIN = 1e-9  # radius of the ball that an open region holds, at the network's scale


@dataclass(frozen=True, eq=False)
class Part:
    """A polyhedron {rows x <= bounds} on which layers up to `layer` are affine.

    on: the decided units of that layer, whose pre-activation is slope x + offset;
    point: one inside, by MARGIN
    """

    layer: int
    on: tuple[bool, ...]
    slope: np.ndarray
    offset: np.ndarray
    noise: np.ndarray
    rows: np.ndarray
    bounds: np.ndarray
    point: np.ndarray


def enumeration(net: Network, margin: float = MARGIN) -> float:
    """max |grad f| over all OPEN activation regions of R^d: the Lipschitz constant.

    Depth first over the units: a branch lives while a linear program finds a ball of
    radius `margin` (at the network's own scale, see scaling.normal) within which the
    units so far don't switch, so closed cells of measure zero don't count. Any depth,
    any number of outputs, ReLU; exponential, for tens of units. Hyperplanes parallel to
    about 1e-7 may hide a cell from the linear programs; the METHODS see it.
    """
    own = normal(net)
    if own is None:
        return float(np.linalg.norm(net.weights[0], 2)) if len(net.layers) == 1 else 0.0
    found = regions(own.net, margin)
    return own.factor * max(float(np.linalg.norm(slope, 2)) for slope, _ in found)


def regions(net: Network, margin: float) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """(derivative [K, d], a point [d] inside) of every open region."""
    d, (w, b) = net.d, net.layers[0]
    everywhere = np.zeros((0, d)), np.zeros(0)
    noise = np.linalg.norm(w, axis=1)
    todo = [Part(0, (), w, b, noise, *everywhere, np.zeros(d))]
    while todo:
        part = todo.pop()
        if part.layer == len(net.layers) - 1:
            yield part.slope, part.point
        elif len(part.on) == len(part.slope):
            todo.append(_next(net, part))
        else:
            todo += _halves(net, part, margin)


def _next(net: Network, part: Part) -> Part:
    """The same polyhedron, a layer on."""
    on = np.array(part.on, float)
    weight, bias = net.layers[part.layer + 1]
    slope = (weight * on) @ part.slope
    offset = (weight * on) @ part.offset + bias
    noise = np.abs(weight * on) @ part.noise
    kept = part.rows, part.bounds, part.point
    return Part(part.layer + 1, (), slope, offset, noise, *kept)


def _halves(net: Network, part: Part, margin: float) -> list[Part]:
    """The open parts in which the next unit is off, or on."""
    unit = len(part.on)
    slope, offset = part.slope[unit], part.offset[unit]
    size = float(np.linalg.norm(slope))
    if net.linear is not None and net.linear[part.layer][unit] > 0:
        return [_with(part, True)]
    if size <= FLAT * part.noise[unit]:  # constant: it takes the side of its offset
        return [_with(part, bool(offset > 0))]
    found, height = [], (slope @ part.point + offset) / size
    for on in (False, True):
        sign = 1.0 if on else -1.0
        rows = np.vstack([part.rows, -sign * slope / size])
        bounds = np.append(part.bounds, sign * offset / size)
        inside = sign * height > margin  # the point that is known shows it
        point = part.point if inside else centre(rows, bounds, margin)
        if point is not None:
            found.append(_with(part, on, rows, bounds, point))
    return found


def _with(part: Part, on: bool, *polyhedron: np.ndarray) -> Part:
    kept = polyhedron or (part.rows, part.bounds, part.point)
    affine = part.slope, part.offset, part.noise
    return Part(part.layer, (*part.on, on), *affine, *kept)


def centre(rows: np.ndarray, bounds: np.ndarray, margin: float) -> np.ndarray | None:
    """The centre of the largest ball (radius at most 1) in {rows x <= bounds}.

    None where the radius is at most `margin`; rows have length 1.
    """
    matrix = np.column_stack([rows, np.ones(len(rows))])
    d = rows.shape[1]
    goal = np.append(np.zeros(d), -1.0)
    limits = [(None, None)] * d + [(None, 1.0)]
    exact = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}
    found = linprog(goal, A_ub=matrix, b_ub=bounds, bounds=limits, options=exact)
    if found.status != 0:
        return None
    point = found.x[:d]
    return point if np.min(bounds - rows @ point) > margin else None
