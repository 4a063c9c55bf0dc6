"""Cells as cones over their corners: the double description, cut after cut.

A polyhedron {x} in R^r is the cone {(x, 1) s : s > 0} in R^(r + 1), the sum of its
extreme rays; corners of the cell are rays with a last entry > 0, directions to infinity
those with 0. A hyperplane keeps the rays on its side and adds one between every two
adjacent rays that it separates (Fukuda & Prodon 1996: adjacent where no third ray lies
on all the hyperplanes that both lie on). No linear program, no general position.
"""

from dataclasses import dataclass

import numpy as np

PAIRS = 1 << 22  # of rays that are compared at a time
FAR = 1e-15  # a corner further away than its inverse counts as a direction
ZERO = 1e-11  # a ray (of length 1) nearer to a hyperplane than this lies on it


@dataclass(frozen=True, eq=False)
class Cone:
    """rays [m, r + 1] of length 1; touches [m, h]: the hyperplanes that a ray is on."""

    rays: np.ndarray
    touches: np.ndarray

    @property
    def point(self) -> np.ndarray:
        """A point [r] inside the cell."""
        far = self.rays[:, -1] <= FAR
        corners = self.rays[~far, :-1] / self.rays[~far, -1:]
        middle = np.mean(corners, axis=0)
        # along the rays, so far that the cell is as wide as its corners are away
        return middle + (1 + np.abs(corners).max()) * np.sum(
            self.rays[far, :-1], axis=0
        )


def orthant(w: np.ndarray, b: np.ndarray, on: np.ndarray) -> Cone:
    """{x : w x + b >= 0 where on, else <= 0} of r independent units w [r, r]."""
    r = len(b)
    inverse = np.linalg.inv(w)
    directions = (inverse * np.where(on > 0, 1.0, -1.0)).T
    corner = np.append(-inverse @ b, 1.0)
    rays = np.vstack([np.column_stack([directions, np.zeros(r)]), corner])
    # ray i is on all units but i, and at infinity (the last); the corner is not
    touches = ~np.eye(r + 1, dtype=bool)
    return Cone(_unit(rays), touches)


def heights(cone: Cone, slope: np.ndarray, offset: np.ndarray) -> np.ndarray:
    """slope x + offset [k] on the rays: [m, k], 0 where a ray lies on the hyperplane.

    Relative to the length of (slope, offset). On it is what is nearer than ZERO times
    the two terms: a plane may be far from all corners, and directions to infinity
    still are on a side of it.
    """
    planes = np.column_stack([slope, offset])
    size = np.linalg.norm(planes, axis=1)
    planes = planes / np.where(size > 0, size, 1.0)[:, None]
    z = cone.rays @ planes.T
    out = np.linalg.norm(cone.rays[:, :-1], axis=1)
    terms = np.outer(out, np.linalg.norm(planes[:, :-1], axis=1))
    terms = terms + np.abs(np.outer(cone.rays[:, -1], planes[:, -1]))
    return np.where(np.abs(z) <= ZERO * terms, 0.0, z)


def cut(cone: Cone, z: np.ndarray) -> tuple[Cone, Cone]:
    """(below, above) the hyperplane on which the rays have the heights z [m]."""
    touches = np.column_stack([cone.touches, z == 0])
    high, low = np.flatnonzero(z > 0), np.flatnonzero(z < 0)
    i, j = _adjacent(cone, high, low)
    between = _unit(z[i, None] * cone.rays[j] - z[j, None] * cone.rays[i])
    shared = np.column_stack([cone.touches[i] & cone.touches[j], np.ones(len(i), bool)])
    sides = []
    for kept in (z <= 0, z >= 0):
        rays = np.vstack([cone.rays[kept], between])
        sides.append(Cone(rays, np.vstack([touches[kept], shared])))
    return sides[0], sides[1]


def _adjacent(
    cone: Cone, high: np.ndarray, low: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The pairs of a high and a low ray that span a face of dimension two."""
    touches = cone.touches.astype(np.float32)
    common = touches[high] @ touches[low].T
    a, b = np.nonzero(common >= cone.rays.shape[1] - 2)
    i, j = high[a], low[b]
    edge = np.zeros(len(i), bool)
    step = max(1, PAIRS // len(touches))
    for start in range(0, len(i), step):
        some = slice(start, start + step)
        both = touches[i[some]] * touches[j[some]]
        holds = both @ touches.T >= np.sum(both, axis=1)[:, None]
        edge[some] = np.sum(holds, axis=1) == 2
    return i[edge], j[edge]


def _unit(rays: np.ndarray) -> np.ndarray:
    return rays / np.linalg.norm(rays, axis=1, keepdims=True)
