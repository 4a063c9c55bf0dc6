"""What is left of R^r, or of a ball in it, as units are decided: is there a cell?"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls

from isorobust.lipschitz.exact.cones import Cone, cut, heights
from isorobust.lipschitz.exact.regions import MARGIN, centre

RAYS = 300  # a cone with more of them is cut no further: linear programs go on


@dataclass(frozen=True, eq=False)
class Cell:
    """{x [r] : planes (x, 1) >= 0}, planes [h, r + 1] with normals of length 1.

    cone: a cone around it, the cell itself as long as it has few rays; None before.
    point: one inside, if there is a cone
    """

    planes: np.ndarray
    cone: Cone | None = None
    point: np.ndarray | None = None


def whole(r: int) -> Cell:
    """All of R^r."""
    return Cell(np.zeros((0, r + 1)))


def opened(
    cell: Cell, plane: np.ndarray, cone: Cone | None, radius: float
) -> Cell | None:
    """The part of a cell above a plane, whose cone is known (or isn't of interest)."""
    point = None if cone is None else cone.point
    planes = np.vstack([cell.planes, plane / np.linalg.norm(plane[:-1])])
    return _inside(Cell(planes, cone, point), radius)


def halves(
    cell: Cell, plane: np.ndarray, radius: float
) -> tuple[Cell | None, Cell | None]:
    """The parts of a cell with a cone below and above a plane, None where empty."""
    assert cell.cone is not None
    if len(cell.cone.rays) <= RAYS:
        z = heights(cell.cone, plane[None, :-1], plane[None, -1])[:, 0]
        below, above = cut(cell.cone, z)
        return (
            opened(cell, -plane, below, radius),
            opened(cell, plane, above, radius),
        )
    found = []
    for side in (-plane, plane):
        planes = np.vstack([cell.planes, side / np.linalg.norm(side[:-1])])
        point = centre(-planes[:, :-1], planes[:, -1], MARGIN)
        part = Cell(planes, cell.cone, point)
        found.append(None if point is None else _inside(part, radius))
    return found[0], found[1]


def _inside(cell: Cell, radius: float) -> Cell | None:
    """The cell with its point in the ball, None if it lies outside of it.

    The nearest point of the cell to 0 by non-negative least squares (Lawson & Hanson's
    least distance programming). Weights u >= 0 of the planes G x >= h prove that |x| >=
    u.h / |G'u|: only by such a proof is a cell outside.
    """
    if not np.isfinite(radius) or len(cell.planes) == 0:
        return cell
    g, h = cell.planes[:, :-1], -cell.planes[:, -1] / radius
    try:
        u = nnls(np.vstack([g.T, h]), np.append(np.zeros(g.shape[1]), 1.0))[0]
    except RuntimeError:  # it didn't end: nothing is proven
        return cell
    pull = g.T @ u
    if u @ h > np.linalg.norm(pull) * (1 + 1e-9) + 1e-15 * np.sum(np.abs(u * h)):
        return None
    if cell.point is None or np.linalg.norm(cell.point) <= radius:
        return cell
    nearest = radius * pull / (1 - u @ h) if u @ h < 1 else np.zeros(g.shape[1])
    shares = 0.5 ** np.arange(40)[:, None]
    between = nearest + shares * (cell.point - nearest)
    within = np.linalg.norm(between, axis=1) <= radius
    point = between[np.argmax(within)] if within.any() else nearest
    return Cell(cell.planes, cell.cone, point)
