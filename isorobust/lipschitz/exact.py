"""Exact constants of small ReLU networks, by enumeration (numpy and scipy, float64)."""

import numpy as np
from scipy.optimize import linprog

from isorobust.lipschitz.network import Layers, Network

__all__ = ["enumeration"]


def enumeration(net: Network, margin: float = 1e-9) -> float:
    """max |grad f| over all OPEN activation regions of R^d: the Lipschitz constant.

    Depth first over the units: a branch lives while a linear program finds a point
    whose pre-activations clear zero by `margin` (relative to the units' size), so
    closed cells of measure zero don't count. Any depth, ReLU; exponential, for tens of
    units.
    """
    return _deepen(net.layers, np.eye(net.d), np.zeros(net.d), [], [], margin)


def _deepen(
    layers: Layers,
    slope: np.ndarray,
    offset: np.ndarray,
    rows: list,
    bounds: list,
    margin: float,
) -> float:
    """The best gradient within {rows x <= bounds}, where h = slope x + offset."""
    (weight, bias), *rest = layers
    if not rest:
        return float(np.linalg.norm(weight[0] @ slope))
    return _switch(
        0, [], weight @ slope, weight @ offset + bias, tuple(rest), rows, bounds, margin
    )


def _switch(
    unit: int,
    pattern: list,
    slope: np.ndarray,
    offset: np.ndarray,
    rest: Layers,
    rows: list,
    bounds: list,
    margin: float,
) -> float:
    """Decides unit after unit of a layer whose pre-activation is slope x + offset."""
    if unit == len(slope):
        open_ = np.array(pattern, float)
        return _deepen(
            rest, open_[:, None] * slope, open_ * offset, rows, bounds, margin
        )
    size = float(np.linalg.norm(slope[unit]))
    best = 0.0
    for on in (0, 1):
        more_rows, more_bounds = rows, bounds
        if size <= margin:  # constant on the region: it takes the side of its offset
            if (offset[unit] > 0) != bool(on):
                continue
        else:
            sign = 1.0 if on else -1.0
            more_rows = [*rows, -sign * slope[unit] / size]
            more_bounds = [*bounds, sign * offset[unit] / size]
            if not _has_interior(more_rows, more_bounds, margin):
                continue
        below = _switch(
            unit + 1,
            [*pattern, on],
            slope,
            offset,
            rest,
            more_rows,
            more_bounds,
            margin,
        )
        best = max(best, below)
    return best


def _has_interior(rows: list, bounds: list, margin: float) -> bool:
    """Whether {rows x <= bounds}, rows of length 1, holds a ball of radius > margin."""
    matrix = np.column_stack([np.array(rows), np.ones(len(rows))])
    d = matrix.shape[1] - 1
    goal = np.zeros(d + 1)
    goal[-1] = -1.0
    limits = [(None, None)] * d + [(None, 1.0)]
    found = linprog(goal, A_ub=matrix, b_ub=np.array(bounds), bounds=limits)
    return bool(found.status == 0 and found.x[-1] > margin)
