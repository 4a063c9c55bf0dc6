"""Spectral norms from above (numpy, float64)."""

import math

import numpy as np

UNIT = np.finfo(float).eps


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
