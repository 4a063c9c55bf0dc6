"""Norms of matrices and of chains of them, from above (numpy, float64)."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

UNIT = float(np.finfo(float).eps)


def spectral_norm(matrix: np.ndarray, slack: float = 0.0) -> float:
    """sigma_1 of the matrix [a, b], from above; slack: an absolute error already in it.

    sigma_1^2 is the largest eigenvalue of the smaller Gram matrix G. Forming G errs by
    at most (a + b) u |A|_F^2 and eigvalsh by a small multiple of u |G| (Weyl); the
    margin is four times the former. The matrix is scaled by a power of two before, so
    that squares neither overflow nor vanish; inf where an entry isn't finite. Never a
    truncated power iteration, which is below the truth.
    """
    largest_entry = np.abs(matrix).max()
    if largest_entry == 0 or not np.isfinite(largest_entry):
        return float(largest_entry) + slack
    scale = 2.0 ** np.frexp(largest_entry)[1]
    small = (matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T) / scale
    gram = small @ small.T
    largest = gram[0, 0] if len(gram) == 1 else np.linalg.eigvalsh(gram)[-1]
    margin = 4 * sum(matrix.shape) * UNIT * np.trace(gram)
    root = math.sqrt(max(float(largest), 0.0) + margin)
    return float(scale) * root * (1 + 4 * UNIT) + slack


def rounding(chain: np.ndarray, size: float) -> float:
    """Frobenius error of a product of matrices; size: the product of their norms."""
    return 8 * max(chain.shape) * UNIT * size


def lengths(matrix: np.ndarray, slack: float = 0.0) -> np.ndarray:
    """The Euclidean lengths of the rows [a], from above; slack as in spectral_norm."""
    widest = np.abs(matrix).max(axis=1, keepdims=True)
    scale = 2.0 ** np.frexp(widest)[1]
    square = ((matrix / scale) ** 2).sum(axis=1)
    return scale[:, 0] * np.sqrt(square) * (1 + 2 * matrix.shape[1] * UNIT) + slack


def looped(
    weights: list[Any],
    sectors: list[tuple[Any, Any]],
    lips: list[float],
    norm: Callable[[np.ndarray, float], Any],
) -> Any:
    """LipLT's step (Fazlyab et al. 2023): the norm of x -> W_k phi(... W_1 x), above.

    phi(z) = m z + r psi(z) with m, r = (high +- low) / 2 a unit and psi 1-Lipschitz, so
    with M, R their diagonals it is at most |W_k M ... W_1| + sum_{j < k} |W_k M ... M
    W_{j+1} R| L_j, L_j (lips) the norms of the same for k = j. norm: spectral_norm, or
    lengths for each output [k] by itself.
    """
    chain, size, total = weights[-1], float(np.linalg.norm(weights[-1])), 0.0
    for j in range(len(weights) - 2, -1, -1):
        low, high = sectors[j]
        middle, radius = (high + low) / 2, (high - low) / 2 * (1 + 2 * UNIT)
        # here chain = W_k M ... W_{j+1}; its norm carries its products' rounding
        slack = rounding(chain, size)
        total = total + norm(chain * radius, slack) * lips[j]
        chain = (chain * middle) @ weights[j]
        size *= float(np.linalg.norm(weights[j]) * max(1.0, np.abs(middle).max()))
    total = norm(chain, rounding(chain, size)) + total
    return total * (1 + 8 * len(weights) * UNIT)


def shifted(value: float, power: int) -> float:
    """value 2^power, from above: inf where it overflows, 0 only for 0."""
    with np.errstate(over="ignore", under="ignore"):
        found = np.ldexp(value, power)
    # below the normal numbers it is rounded
    return float(found if value == 0 or found > 1e-300 else np.nextafter(found, 1))
