"""The smoothest function of all that fits: a floor that knows no parameters.

benchmarks/certified.py compares networks with it. It is sharper than the floor `data`
(law/floors.py), which pairs the points, and costs a second at n = 256.
"""

import numpy as np
from scipy.optimize import minimize


def smoothest(x: np.ndarray, y: np.ndarray, target: float) -> float:
    """The least constant (chordal) of any f with MSE <= target on x [n, d], y = +-1.

    f of constant L has values f_i - f_j <= L |x_i - x_j|; of all that keep this between
    opposite labels, the least MSE. Its dual is maximised: sound wherever that stops.
    """
    up = y > 0
    apart = np.linalg.norm(x[up][:, None] - x[~up][None], axis=2)
    low, high = 0.2, 20.0
    while high / low > 1.005:
        middle = (low * high) ** 0.5
        if least_mse(apart, middle) > target:
            low = middle
        else:
            high = middle
    return low


def least_mse(apart: np.ndarray, slope: float) -> float:
    """From below: mean (f - y)^2 of f_+ = 1 - m 1, f_- = -1 + m'1 for duals m >= 0."""
    gap = np.maximum(2 - slope * apart, 0.0)

    def dual(flat: np.ndarray) -> tuple[float, np.ndarray]:
        m = flat.reshape(apart.shape)
        rows, columns = m.sum(1), m.sum(0)
        value = 0.5 * (rows @ rows + columns @ columns) - np.sum(m * gap)
        slopes = np.where(gap > 0, rows[:, None] + columns - gap, 0.0)
        return value, slopes.ravel()

    limits = [(0, None if g > 0 else 0) for g in gap.ravel()]
    start = np.zeros(apart.size)
    found = minimize(dual, start, jac=True, method="L-BFGS-B", bounds=limits)
    return -2 * found.fun / sum(apart.shape)
